//! IPv6 addresses, told from times, MAC addresses and the paths of programming languages.

use std::net::Ipv6Addr;

use super::Scanner;
use crate::kind::{Cause, Kind, Mode};

/// Longest text form: eight groups of four, or six of them and an IPv4 address.
const MAX_LEN: usize = 45;

pub(super) const fn is_part(byte: u8) -> bool {
    byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.')
}

impl Scanner<'_, '_, '_> {
    /// Judges the `:` at a place with what stands around it; a run is judged once.
    #[inline(never)]
    pub(super) fn ipv6(&mut self, at: usize) {
        if at < self.addresses_done || !is_part(self.byte(at + 1)) || !self.is_on(Kind::Ipv6) {
            return;
        }
        let start = self.skip_back(at, self.done.max(self.addresses_done), is_part);
        let end = self.skip_to(at, at + 2 * MAX_LEN, is_part);
        self.addresses_done = end;
        // What a mask has left of an address, whatever stands before it.
        if self.byte(end) == b'*' && self.slice(start, end).ends_with(b"::") {
            return;
        }
        let span = self.slice(start, end);
        // In full there are seven colons, or six before an IPv4 address; times and ports have fewer.
        if span.iter().filter(|b| **b == b':').count() < 6 && !span.windows(2).any(|two| two == b"::") {
            return;
        }
        // Paths have `::` too, but few hex digits around it; short local addresses only count if they are asked for.
        let n_digits = span.iter().filter(|b| b.is_ascii_hexdigit()).count();
        if n_digits < 4 && self.rules.keep_local_addresses {
            return;
        }
        // What a colon or a dot of the text around adds is taken off first, then a word before and a port after.
        let is_single =
            |at: usize| self.byte(at) == b':' && self.byte(at + 1) != b':' && self.before(at) != b':';
        let first = if is_single(start) { start + 1 } else { start };
        let mut last = self.skip_back(end, first, |b| b == b'.');
        if last > first && is_single(last - 1) {
            last -= 1;
        }
        let after_word = self.skip_to(first, last, |b| b != b':') + 1;
        let before_port = self.skip_back(last, first, |b| b != b':').saturating_sub(1);
        let before_dot = self.skip_to(first, last, |b| b != b'.');
        let candidates = [last, before_port, before_dot].map(|to| [(first, to), (after_word, to)]);
        for (from, to) in candidates.into_iter().flatten() {
            if from < to && self.ipv6_between(from, to) {
                // What the address was glued to may hold another.
                self.addresses_done = self.done;
                return;
            }
        }
    }

    fn ipv6_between(&mut self, start: usize, end: usize) -> bool {
        if end - start > MAX_LEN
            || !self.begins_word(start)
            || self.before(start) == b'_'
            || self.goes_on(end)
            || self.is_masked(start)
            || self.byte(end) == b'*'
        {
            return false;
        }
        let Some(text) = self.text.get(start..end) else {
            return false;
        };
        let Ok(address) = text.parse::<Ipv6Addr>() else {
            return false;
        };
        if !is_plausible(text) {
            return false;
        }
        if self.rules.keep_local_addresses && (address.is_loopback() || address.is_unspecified()) {
            self.done = end;
            return true;
        }
        if self.is_allowed(start, end) {
            return true;
        }
        match self.mode(Kind::Ipv6) {
            Mode::Partial => {
                let mut colons = text
                    .bytes()
                    .enumerate()
                    .filter(|(_, b)| *b == b':')
                    .map(|(idx, _)| idx);
                let second = colons.nth(1).unwrap_or(0);
                let kept = text.get(..second).unwrap_or_default().trim_end_matches(':').len();
                self.replace(Cause::Kind(Kind::Ipv6), start + kept, end, &["::*"]);
            }
            _ => self.redact(Cause::Kind(Kind::Ipv6), start, end),
        }
        true
    }
}

/// Whether what parses as an address is meant as one: `a::b` and `std::f64` are paths.
fn is_plausible(text: &str) -> bool {
    let n_groups = text.split(':').filter(|group| !group.is_empty()).count();
    let first = text.split(':').next().unwrap_or_default();
    match n_groups {
        0 => false,
        1 if text.starts_with("::") => text == "::1",
        1 => first.len() == 4 && first.bytes().any(|b| b.is_ascii_digit()),
        2 if text.starts_with("::") => text.bytes().any(|b| b.is_ascii_digit()),
        2 => {
            text.bytes().any(|b| b.is_ascii_digit())
                && (first.len() == 4 || (first.len() > 1 && first.bytes().any(|b| b.is_ascii_digit())))
        }
        _ => true,
    }
}
