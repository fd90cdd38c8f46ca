//! Number-like runs: cards, social security numbers, IPv4 addresses, and the dashes that begin a PEM block.

use std::net::Ipv4Addr;

use super::Scanner;
use crate::kind::{Cause, Kind, Mode};

/// Digits of a card number.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;

impl Scanner<'_, '_, '_> {
    /// Judges the first part of a number-like run; gives the place to go on at.
    #[inline(never)]
    pub(super) fn number_part(&mut self, start: usize, end: usize) -> usize {
        let mut at = start;
        if self.starts_with(at, b"-----") {
            at = self.skip(at, |b| b == b'-');
            self.pem(at);
            return self.next_part_at(at, end);
        }
        let digits = self.skip(at, |b| b.is_ascii_digit());
        let judged = digits > at
            && self.begins_number(at)
            && (self.ipv4(at, digits) || self.social_security(at, digits));
        if !judged {
            at = digits;
            while at < end && !self.byte(at).is_ascii_digit() && !self.starts_with(at, b"-----") {
                at += 1;
            }
        }
        self.next_part_at(at, end)
    }

    /// Whether the digits at a place begin a number: no word, no fraction, no longer dotted list, not what a mask has left.
    fn begins_number(&self, at: usize) -> bool {
        let before = self.before(at);
        let is_fraction = before == b'.' && at >= self.done + 2 && self.byte(at - 2).is_ascii_digit();
        self.begins_word(at) && !is_fraction && !self.is_masked(at)
    }

    /// Whether a number may end at a place.
    fn ends_number(&self, at: usize) -> bool {
        let has_fraction = self.byte(at) == b'.' && self.byte(at + 1).is_ascii_digit();
        !self.goes_on(at) && !has_fraction
    }

    fn ipv4(&mut self, start: usize, first_end: usize) -> bool {
        if self.byte(first_end) != b'.' || first_end - start > 3 || !self.is_on(Kind::Ipv4) {
            return false;
        }
        let mut octets = [0_u8; 4];
        let mut at = start;
        let mut second_end = start;
        for (idx, slot) in octets.iter_mut().enumerate() {
            let end = self.skip(at, |b| b.is_ascii_digit());
            let digits = self.slice(at, end);
            let number = digits.iter().fold(0_u32, |n, b| {
                n.saturating_mul(10).saturating_add(u32::from(b - b'0'))
            });
            let (Ok(octet), 1..=3) = (u8::try_from(number), digits.len()) else {
                return false;
            };
            *slot = octet;
            if idx == 1 {
                second_end = end;
            }
            if idx == 3 {
                at = end;
            } else if self.byte(end) == b'.' {
                at = end + 1;
            } else {
                return false;
            }
        }
        if !self.ends_number(at) {
            return false;
        }
        let address = Ipv4Addr::from(octets);
        if self.rules.keep_local_addresses && (address.is_loopback() || address.is_unspecified()) {
            self.done = at;
            return true;
        }
        if self.is_allowed(start, at) {
            return true;
        }
        match self.mode(Kind::Ipv4) {
            Mode::Partial => self.replace(Cause::Kind(Kind::Ipv4), second_end, at, &[".*.*"]),
            _ => self.redact(Cause::Kind(Kind::Ipv4), start, at),
        }
        true
    }

    /// `ddd-dd-dddd`, without the numbers that are never given out.
    fn social_security(&mut self, start: usize, first_end: usize) -> bool {
        if first_end - start != 3 || self.byte(first_end) != b'-' || !self.is_on(Kind::SocialSecurity) {
            return false;
        }
        let end = start + 11;
        let text = self.slice(start, end);
        let shaped = text.len() == 11
            && text.iter().enumerate().all(|(idx, b)| match idx {
                3 | 6 => *b == b'-',
                _ => b.is_ascii_digit(),
            });
        if !shaped
            || !self.ends_number(end)
            || self.byte(end) == b'-'
            || (self.before(start) == b'-' && start > self.done)
        {
            return false;
        }
        let (area, group, serial) = (
            self.slice(start, start + 3),
            self.slice(start + 4, start + 6),
            self.slice(start + 7, end),
        );
        if area == b"000"
            || area == b"666"
            || area.first() == Some(&b'9')
            || group == b"00"
            || serial == b"0000"
        {
            return false;
        }
        if self.is_allowed(start, end) {
            return true;
        }
        match self.mode(Kind::SocialSecurity) {
            Mode::Partial => self.replace(Cause::Kind(Kind::SocialSecurity), start, start + 7, &["***-**-"]),
            _ => self.redact(Cause::Kind(Kind::SocialSecurity), start, end),
        }
        true
    }

    /// Judges the first digits of a number-like run with blanks; gives the place to go on at.
    #[inline(never)]
    pub(super) fn card_part(&mut self, start: usize, end: usize) -> usize {
        if !self.is_on(Kind::Card) {
            return usize::MAX;
        }
        let mut at = self.skip(start, |b| b.is_ascii_digit());
        if at == start || !self.begins_number(start) || !self.card(start, at) {
            at = self.skip_to(at, end, |b| !b.is_ascii_digit());
        }
        self.next_part_at(at, end)
    }

    fn card(&mut self, start: usize, first_end: usize) -> bool {
        let mut number = Number::default();
        let mut end = first_end;
        let mut found = None;
        number.push(self.slice(start, first_end));
        if CARD.contains(&number.len) {
            found = (number.is_card() && self.ends_number(end)).then_some(end);
        } else if (3..=7).contains(&(first_end - start)) {
            // Groups, joined by up to three blanks and dashes; the longest reading wins.
            while number.len < *CARD.end() {
                let group = self.skip(end, |b| matches!(b, b' ' | b'-'));
                let group_end = self.skip(group, |b| b.is_ascii_digit());
                if !(1..=3).contains(&(group - end)) || !(3..=7).contains(&(group_end - group)) {
                    break;
                }
                number.push(self.slice(group, group_end));
                end = group_end;
                if number.is_card() && self.ends_number(end) {
                    found = Some(end);
                }
            }
        }
        let Some(end) = found else {
            return false;
        };
        if self.is_allowed(start, end) {
            return true;
        }
        match self.mode(Kind::Card) {
            Mode::Partial => {
                let last = self.last_digits(start, end);
                self.replace(
                    Cause::Kind(Kind::Card),
                    start,
                    end,
                    &["****-****-****-", last.as_str()],
                );
            }
            _ => self.redact(Cause::Kind(Kind::Card), start, end),
        }
        true
    }

    /// The last four digits of a card, which a blank or a dash may part.
    fn last_digits(&self, start: usize, end: usize) -> LastDigits {
        let mut last = [b'*'; 4];
        let digits = self.slice(start, end).iter().rev().filter(|b| b.is_ascii_digit());
        for (slot, digit) in last.iter_mut().rev().zip(digits) {
            *slot = *digit;
        }
        LastDigits(last)
    }
}

struct LastDigits([u8; 4]);

impl LastDigits {
    /// The array holds ASCII only.
    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or("****")
    }
}

/// Digits of what may be a card.
#[derive(Default)]
struct Number {
    digits: [u8; 32],
    len: usize,
}

impl Number {
    fn push(&mut self, digits: &[u8]) {
        for digit in digits {
            if let Some(slot) = self.digits.get_mut(self.len) {
                *slot = digit - b'0';
            }
            self.len += 1;
        }
    }

    /// Whether it has the length of a card, begins like one and passes the Luhn check.
    ///
    /// No card begins with 0; those that begin with 1 are airlines' alone, while times in ms, µs and ns all do. Beyond 16 digits
    /// only the ranges of the payment networks (3 to 6) are in use.
    ///
    /// Source: ISO/IEC 7812-1.
    fn is_card(&self) -> bool {
        let Some(digits) = self.digits.get(..self.len).filter(|_| CARD.contains(&self.len)) else {
            return false;
        };
        let begins = match digits.first() {
            Some(0 | 1) | None => false,
            Some(first) => self.len <= 16 || (3..=6).contains(first),
        };
        let sum: u32 = digits
            .iter()
            .rev()
            .enumerate()
            .map(|(idx, digit)| {
                let digit = u32::from(*digit);
                match (idx % 2, digit) {
                    (0, _) => digit,
                    (_, 0..=4) => 2 * digit,
                    _ => 2 * digit - 9,
                }
            })
            .sum();
        begins && sum.is_multiple_of(10)
    }
}
