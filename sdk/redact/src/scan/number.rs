//! Number-like runs: cards, social security numbers, IPv4 addresses, and the dashes that begin a PEM block.

use std::net::Ipv4Addr;

use super::Scanner;
use super::bytes::is_word;
use crate::kind::{Kind, Mode};
use crate::prefilter::{NUMBER_RUN, SPACED_RUN, is_number_like, is_spaced_like};

/// Digits of a card number.
const CARD: std::ops::RangeInclusive<usize> = 13..=19;

impl Scanner<'_, '_, '_> {
    /// Judges the run that has reached its fifth byte at `at`.
    pub(super) fn numbers(&mut self, at: usize) {
        let Some((mut at, end)) = self.run(at, NUMBER_RUN, self.numbers_done, is_number_like) else {
            return;
        };
        self.numbers_done = end;
        while at < end {
            if self.starts_with(at, b"-----") {
                at = self.skip(at, |b| b == b'-');
                self.pem(at);
            } else if !self.byte(at).is_ascii_digit() {
                at += 1;
            } else {
                let digits = self.skip(at, |b| b.is_ascii_digit());
                if !self.begins_number(at) || !(self.ipv4(at, digits) || self.social_security(at, digits)) {
                    at = digits;
                }
            }
            at = at.max(self.done);
        }
    }

    /// Whether the digits at a place begin a number: no word, no fraction, no longer dotted list.
    fn begins_number(&self, at: usize) -> bool {
        let before = self.before(at);
        !is_word(before) && !(before == b'.' && at >= 2 && is_word(self.byte(at - 2)))
    }

    /// Whether a number may end at a place.
    fn ends_number(&self, at: usize) -> bool {
        !is_word(self.byte(at)) && !(self.byte(at) == b'.' && self.byte(at + 1).is_ascii_digit())
    }

    fn ipv4(&mut self, start: usize, first_end: usize) -> bool {
        if self.byte(first_end) != b'.' || first_end - start > 3 || !self.is_on(Kind::Ipv4) {
            return false;
        }
        let mut octets = [0_u8; 4];
        let mut at = start;
        let mut second_end = start;
        for idx in 0..4 {
            let end = self.skip(at, |b| b.is_ascii_digit());
            let digits = self.slice(at, end);
            let number = digits.iter().fold(0_u32, |n, b| {
                n.saturating_mul(10).saturating_add(u32::from(b - b'0'))
            });
            let (Ok(octet), 1..=3) = (u8::try_from(number), digits.len()) else {
                return false;
            };
            octets[idx] = octet;
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
        match self.mode(Kind::Ipv4) {
            Mode::Partial => self.replace(second_end, at, &[".*.*"]),
            _ => self.redact(start, at),
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
        if !shaped || !self.ends_number(end) || self.byte(end) == b'-' || matches!(self.before(start), b'-') {
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
        match self.mode(Kind::SocialSecurity) {
            Mode::Partial => self.replace(start, start + 7, &["***-**-"]),
            _ => self.redact(start, end),
        }
        true
    }

    /// Judges the run, with blanks, that has reached its thirteenth byte at `at`.
    pub(super) fn cards(&mut self, at: usize) {
        let Some((mut at, end)) = self.run(at, SPACED_RUN, self.spaced_done, is_spaced_like) else {
            return;
        };
        self.spaced_done = end;
        if !self.is_on(Kind::Card) {
            return;
        }
        while at < end {
            if !self.byte(at).is_ascii_digit() {
                at += 1;
                continue;
            }
            let digits = self.skip(at, |b| b.is_ascii_digit());
            if !self.begins_number(at) || !self.card(at, digits) {
                at = digits;
            }
            at = at.max(self.done);
        }
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
        match self.mode(Kind::Card) {
            Mode::Partial => {
                let last = self.last_digits(start, end);
                self.replace(start, end, &["****-****-****-", last.as_str()]);
            }
            _ => self.redact(start, end),
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
        begins && sum % 10 == 0
    }
}
