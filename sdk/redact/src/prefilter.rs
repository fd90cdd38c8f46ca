//! The first look at a value: 64 bytes at a time, it marks the places where something to redact could be.
//!
//! Invariant: a place that is not marked needs no second look; a mark proves nothing. Every run is marked once, where it has
//! grown long enough to matter. Not here: the second look (`scan`).

mod classify;
mod refine;
mod short;

use crate::escape;
use classify::walk;
use refine::refine;

/// Bytes that one look covers.
pub(crate) const WORD: usize = 64;

/// Length at which a run of letters, digits, `_` and `-` is marked.
pub(crate) const TOKEN_RUN: usize = 12;
/// Length at which a run of digits, `-`, `.` and `/` is marked.
pub(crate) const NUMBER_RUN: usize = 5;
/// Length at which a run of the same with blanks is marked.
pub(crate) const SPACED_RUN: usize = 13;

/// Marked places of one word: bit `i` stands for byte `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hints {
    /// `:` `=` `>` `@`, and the last `r` of what may be `bearer`.
    pub(crate) marks: u64,
    /// The twelfth byte of a token-like run.
    pub(crate) token: u64,
    /// The fifth byte of a number-like run.
    pub(crate) number: u64,
    /// The thirteenth byte of a number-like run with blanks.
    pub(crate) spaced: u64,
}

impl Hints {
    /// Marks of runs.
    const fn runs(self) -> u64 {
        self.token | self.number | self.spaced
    }

    pub(crate) const fn any(self) -> u64 {
        self.marks | self.token | self.number | self.spaced
    }
}

/// Classes of 64 bytes: bit `i` stands for byte `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Masks {
    marks: u64,
    token: u64,
    number: u64,
    spaced: u64,
    b: u64,
    r: u64,
    /// `%` `&` `+` `\`.
    escapes: u64,
}

impl Masks {
    #[cfg(target_arch = "x86_64")]
    #[inline]
    const fn or_shifted(&mut self, block: Self, shift: u32) {
        self.marks |= block.marks << shift;
        self.token |= block.token << shift;
        self.number |= block.number << shift;
        self.spaced |= block.spaced << shift;
        self.b |= block.b << shift;
        self.r |= block.r << shift;
        self.escapes |= block.escapes << shift;
    }
}

/// What the looks before have left: runs reach over the edges of words.
#[derive(Debug, Default)]
pub(crate) struct Prefilter {
    token: [u64; 4],
    number: [u64; 3],
    spaced: [u64; 4],
    b: u64,
    /// Whether an escape has come by.
    escape: bool,
    /// Whether marks of runs are taken away that are harmless where no string is judged by its entropy.
    refines: bool,
}

/// The last sixteen places of a word: as much as the next one wants to know of it.
const fn last(word: u64) -> u64 {
    word >> 48
}

/// `now` moved up by `n` places; `before` is what [`last`] kept of the word before. (Moving over from the whole word would
/// become one instruction for two registers, which is slow on many processors.)
const fn moved(now: u64, before: u64, n: u32) -> u64 {
    now << n | before >> (16 - n)
}

/// Whether an escape begins at one of these places of a word.
#[cold]
#[inline(never)]
fn is_escape_among(text: &[u8], base: usize, mut places: u64) -> bool {
    while places != 0 {
        if escape::is_at(text, base + places.trailing_zeros() as usize) {
            return true;
        }
        places &= places - 1;
    }
    false
}

impl Prefilter {
    /// One that takes the marks of harmless runs away, if no string is judged by its entropy.
    pub(crate) fn new(entropy: bool) -> Self {
        Self {
            refines: !entropy && refine::is_on(),
            ..Self::default()
        }
    }

    /// Looks at word after word from `base` on until one has a marked place; gives that word's base. What it is given must follow
    /// what it has looked at before.
    pub(crate) fn next(&mut self, text: &[u8], base: usize) -> Option<(usize, Hints)> {
        if short::is_clean(text) {
            return None;
        }
        self.look(text, base)
    }

    fn look(&mut self, text: &[u8], base: usize) -> Option<(usize, Hints)> {
        let mut from = base;
        loop {
            let (base, hints) = walk(self, text, from)?;
            let hints = match self.refines && hints.runs() != 0 {
                true => refine(text, base, hints),
                false => hints,
            };
            if hints.any() != 0 {
                return Some((base, hints));
            }
            from = base + WORD;
        }
    }

    /// Whether there was an escape in what was looked at.
    pub(crate) const fn has_escape(&self) -> bool {
        self.escape
    }

    #[inline]
    fn hints(&mut self, masks: Masks) -> Hints {
        let bearer = masks.r & moved(masks.b, self.b, 5);
        self.b = last(masks.b);
        Hints {
            marks: masks.marks | bearer,
            token: self.token_runs(masks.token),
            number: self.number_runs(masks.number),
            spaced: self.spaced_runs(masks.spaced),
        }
    }

    #[inline]
    fn token_runs(&mut self, one: u64) -> u64 {
        let [one_before, two_before, four_before, twelve_before] = self.token;
        let two = one & moved(one, one_before, 1);
        let four = two & moved(two, two_before, 2);
        let eight = four & moved(four, four_before, 4);
        let twelve = eight & moved(four, four_before, 8);
        self.token = [last(one), last(two), last(four), last(twelve)];
        twelve & !moved(twelve, twelve_before, 1)
    }

    #[inline]
    fn number_runs(&mut self, one: u64) -> u64 {
        let [one_before, two_before, five_before] = self.number;
        let two = one & moved(one, one_before, 1);
        let five = two & moved(two, two_before, 2) & moved(one, one_before, 4);
        self.number = [last(one), last(two), last(five)];
        five & !moved(five, five_before, 1)
    }

    #[inline]
    fn spaced_runs(&mut self, one: u64) -> u64 {
        let [one_before, two_before, four_before, thirteen_before] = self.spaced;
        let two = one & moved(one, one_before, 1);
        let four = two & moved(two, two_before, 2);
        let eight = four & moved(four, four_before, 4);
        let thirteen = eight & moved(four, four_before, 8) & moved(one, one_before, 12);
        self.spaced = [last(one), last(two), last(four), last(thirteen)];
        thirteen & !moved(thirteen, thirteen_before, 1)
    }
}

/// Bytes of token-like runs: a superset of letters, digits, `_` and `-` that costs few instructions.
pub(crate) const fn is_token_like(byte: u8) -> bool {
    matches!(byte | 0x20, 0x60..=0x7f) || byte.is_ascii_digit() || byte == b'-'
}

/// Bytes of number-like runs: `-` `.` `/` and digits.
pub(crate) const fn is_number_like(byte: u8) -> bool {
    matches!(byte, b'-'..=b'9')
}

/// Bytes of number-like runs with blanks.
pub(crate) const fn is_spaced_like(byte: u8) -> bool {
    is_number_like(byte) || byte == b' '
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(text: &str, choose: fn(Hints) -> u64) -> Vec<usize> {
        let mut prefilter = Prefilter::default();
        let mut places = Vec::new();
        let mut base = 0;
        while let Some((found, hints)) = prefilter.next(text.as_bytes(), base) {
            let mut bits = choose(hints);
            while bits != 0 {
                places.push(found + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
            base = found + WORD;
        }
        places
    }

    #[test]
    fn marks_each_run_once_wherever_it_lies() {
        for offset in 0..140 {
            let pad = " ".repeat(offset);
            let token = format!("{pad}sk_live_abcdef0123 short {}", "x".repeat(11));
            assert_eq!(places(&token, |h| h.token), [offset + TOKEN_RUN - 1]);
            let number = format!("{}10.0.0.1 1234", "x ".repeat(offset));
            assert_eq!(places(&number, |h| h.number), [2 * offset + NUMBER_RUN - 1]);
            let spaced = format!("{}x4111 1111 1111 1111", "y".repeat(offset));
            assert_eq!(places(&spaced, |h| h.spaced), [offset + SPACED_RUN]);
            let bearer = format!("{pad}Bearer x");
            assert_eq!(places(&bearer, |h| h.marks), [offset + 5]);
        }
    }

    #[test]
    fn marks_nothing_in_prose() {
        let prose = "the cache was warm, nothing had to be done (31.2 ms) and 12 rows went out";
        assert!(places(prose, Hints::any).is_empty());
        assert!(places("", Hints::any).is_empty());
    }
}
