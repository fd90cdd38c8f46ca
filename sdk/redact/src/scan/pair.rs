//! Names in text: `key=value`, `key: value`, JSON, `Debug`, URL queries, headers, elements.
//!
//! Not here: which names are sensitive (`names`), where their value ends (`value`).

use super::bytes::{is_name, is_quote};
use super::ipv6::is_part;
use super::{By, Scanner};
use crate::kind::Cause;
use crate::names::Sort;

/// Where a name's separator has been found.
pub(super) struct Pair {
    /// How the value is written.
    pub(super) sort: Sort,
    /// First byte after the separator.
    pub(super) after: usize,
    /// The quote that closes the name, with the backslashes before it, if there is one.
    pub(super) quote: Option<(usize, usize)>,
}

impl Scanner<'_, '_, '_> {
    /// Judges the `:` or `=` at a place.
    #[inline(never)]
    pub(super) fn pair(&mut self, at: usize) {
        if self.time(at) {
            return;
        }
        let named = self.by == By::NameAndValue && self.is_sensitive_pair(at);
        if !named && self.byte(at) == b':' {
            self.ipv6(at);
        }
    }

    /// Whether the colon at a place is the first of a date and a time: no name, and no address.
    fn time(&mut self, at: usize) -> bool {
        const DATE: usize = b"2026-01-02T03".len();
        if !self.before(at).is_ascii_digit() || at < self.done + DATE || self.rules.names.may_be_time() {
            return false;
        }
        let start = at - DATE;
        let Some(text) = self.bytes.get(start..).and_then(|text| text.first_chunk::<19>()) else {
            return false;
        };
        let shaped = text
            .iter()
            .zip(b"0000-00-00T00:00:00")
            .all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                b'T' => matches!(byte, b'T' | b' '),
                _ => byte == shape,
            });
        if !shaped {
            return false;
        }
        let mut end = start + text.len();
        if self.byte(end) == b'.' {
            end = self.skip(end + 1, |b| b.is_ascii_digit());
        }
        if is_part(self.byte(end)) {
            return false;
        }
        self.addresses_done = self.addresses_done.max(end);
        true
    }

    /// Judges the name before the separator at a place. Whether it is sensitive.
    fn is_sensitive_pair(&mut self, at: usize) -> bool {
        let separator = self.byte(at);
        let (before, next) = (self.before(at), self.byte(at + 1));
        if (separator == b':' && (before == b':' || next == b':')) || (separator == b'=' && before == b'=') {
            return false;
        }
        if let Some(tail) = self.bytes.get(..at).and_then(|before| before.last_chunk::<3>())
            && !self.rules.names.may_end_in(*tail)
        {
            return false;
        }
        let floor = self.done;
        // The hours of a time, a line's number.
        if before.is_ascii_digit() && !self.rules.names.may_be_time() {
            let number = self.skip_back(at, floor, |b| b.is_ascii_digit());
            if number > floor && !is_name(self.byte(number - 1)) && self.byte(number - 1) != b' ' {
                return false;
            }
        }
        let mut end = at;
        // `=>`, `!=`, `:=` and blanks before the separator; `:=` has been judged at its colon.
        while end > floor && at - end < 4 && matches!(self.before(end), b' ' | b'\t') {
            end -= 1;
        }
        let mut quote = None;
        if end > floor && is_quote(self.before(end)) {
            let slashes = self.skip_back(end - 1, floor, |b| b == b'\\');
            quote = Some((slashes, end));
            end = slashes;
        }
        // `user[password]=x`, `params["token"] = x`.
        if quote.is_none() && end > floor && self.before(end) == b']' {
            end -= 1;
            if end > floor && is_quote(self.before(end)) {
                end = self.skip_back(end - 1, floor, |b| b == b'\\');
            }
        }
        let start = self.skip_back(end, floor, is_name);
        if start == end || (separator == b':' && self.slice(start.saturating_sub(2), start) == b"//") {
            return false;
        }
        let mut sort = self.name_sort(start, end);
        if sort == Sort::Harmless && quote.is_none() && self.before(start) == b' ' && start > floor {
            // `API key: …`: some names are written as two words.
            let first = self.skip_back(start - 1, floor, is_name);
            if first < start - 1 && is_second_word(self.slice(start, end)) {
                sort = self.name_sort(first, end);
            }
        }
        if sort == Sort::Harmless {
            return false;
        }
        self.pair_value(&Pair {
            sort,
            after: at + 1,
            quote,
        });
        true
    }

    /// The sort of the name that stands between two places; what is left of an escape before it is none of its own.
    fn name_sort(&self, start: usize, end: usize) -> Sort {
        let sort = self.rules.names.sort(self.slice(start, end));
        match sort {
            Sort::Harmless if self.escape_at(start) > 0 => self
                .rules
                .names
                .sort(self.slice(start + self.escape_at(start), end)),
            _ => sort,
        }
    }

    /// `<password>…</password>`; the name ends before the `>` at a place.
    #[inline(never)]
    pub(super) fn element(&mut self, at: usize) {
        let start = self.skip_back(at, self.done, is_name);
        if start == at || start == 0 || self.before(start) != b'<' {
            return;
        }
        if self.rules.names.sort(self.slice(start, at)) == Sort::Harmless {
            return;
        }
        let end = self.skip(at + 1, |b| b != b'<');
        if end > at + 1 && self.starts_with(end, b"</") {
            self.redact(Cause::Name, at + 1, end);
        }
    }
}

fn is_second_word(word: &[u8]) -> bool {
    [&b"key"[..], b"keys", b"id", b"code", b"number", b"phrase"]
        .iter()
        .any(|second| word.eq_ignore_ascii_case(second))
}
