//! A closer look at the marked runs of a word: most of what they are is told by masks. Ids, times, versions and paths hold nothing to redact.
//!
//! Invariant: a mark goes only where no second look could find anything. A run that reaches over the edge of a word keeps its mark, unless it is a
//! token's, which is followed to its end.
//! Not here: what `:` `=` `>` `@` and `bearer` mark.

use super::{Hints, NUMBER_RUN, SPACED_RUN, TOKEN_RUN, WORD, classify, is_token_like};
use crate::scan::{LONG_TOKEN, may_begin_key};

/// Fewest digits of a card.
pub(super) const CARD_DIGITS: u32 = 13;
/// Bytes before a token in which the address of a web hook is looked for.
const MAX_BEFORE: usize = 256;

/// The classes of 64 bytes: bit `i` stands for byte `i`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Classes {
    /// Those that runs are made of.
    pub(super) token: u64,
    pub(super) number: u64,
    pub(super) spaced: u64,
    pub(super) digits: u64,
    pub(super) dots: u64,
    pub(super) dashes: u64,
    /// Letters and digits.
    pub(super) words: u64,
    /// `%` `\` `[` `;`: after an escape a word may begin.
    pub(super) escapes: u64,
}

/// A run that lies in one word.
#[derive(Clone, Copy)]
struct Run {
    mask: u64,
    start: usize,
}

impl Run {
    /// The run whose byte number `n` is marked at `at`.
    fn new(class: u64, at: u32, n: usize, is_last: bool) -> Option<Self> {
        let start = (at as usize + 1).checked_sub(n)?;
        let end = at + (class >> at).trailing_ones();
        let before_end = match 1_u64.checked_shl(end) {
            Some(bit) => bit - 1,
            None if is_last => u64::MAX,
            None => return None,
        };
        Some(Self {
            mask: before_end & u64::MAX << start,
            start,
        })
    }

    /// Whether it goes on in the next word, if there is one.
    const fn goes_on(self) -> bool {
        self.mask >> (WORD - 1) == 1
    }
}

/// Takes away the marks of harmless runs in the word that begins at `base`.
pub(super) fn refine(text: &[u8], base: usize, hints: Hints) -> Hints {
    let classes = classify::classes(text.get(base..).unwrap_or_default());
    let is_last = text.len() <= base + WORD;
    let keep = |marks: u64, class: u64, (n, may_go_on): (usize, bool), is_harmless: &dyn Fn(Run) -> bool| {
        let (mut kept, mut left) = (marks, marks);
        while left != 0 {
            let at = left.trailing_zeros();
            left &= left - 1;
            if Run::new(class, at, n, is_last || may_go_on).is_some_and(is_harmless) {
                kept &= !(1 << at);
            }
        }
        kept
    };
    Hints {
        marks: hints.marks,
        token: keep(hints.token, classes.token, (TOKEN_RUN, true), &|run| {
            is_harmless_token(text, base, classes, run)
        }),
        number: keep(hints.number, classes.number, (NUMBER_RUN, false), &|run| {
            is_harmless_number(classes, run)
        }),
        spaced: keep(hints.spaced, classes.spaced, (SPACED_RUN, false), &|run| {
            is_harmless_spaced(text, base, classes, run)
        }),
    }
}

/// Whether a run of digits, `-`, `.` and `/` holds no IPv4 address, no social security number and no five dashes.
const fn is_harmless_number(classes: Classes, run: Run) -> bool {
    let digits = classes.digits & run.mask;
    let dots = classes.dots & run.mask;
    let dashes = classes.dashes & run.mask;
    // Each bit stands for the last byte of what is named.
    let first_dot = digits << 1 & dots;
    let third_dot = next_dot(next_dot(first_dot, digits, dots), digits, dots);
    let address = third_dot << 1 & digits;
    let two = digits << 1 & digits;
    let three = two << 1 & digits;
    let four = three << 1 & digits;
    let area = three << 1 & dashes;
    let group = (((area << 1 & digits) << 1) & digits) << 1 & dashes;
    let social = group << 4 & four;
    let two = dashes << 1 & dashes;
    let five = two << 2 & two & dashes << 4;
    (address | social | five) == 0
}

/// Whether a run of the same with blanks has too few digits for a card, or is one number that is none: no card begins with 0, and times all
/// begin with 1.
fn is_harmless_spaced(text: &[u8], base: usize, classes: Classes, run: Run) -> bool {
    let digits = classes.digits & run.mask;
    let is_number = digits == run.mask;
    let first = text.get(base + run.start).copied().unwrap_or(0);
    digits.count_ones() < CARD_DIGITS || (is_number && matches!(first, b'0' | b'1'))
}

/// Dots after one to three digits after a dot.
const fn next_dot(dot: u64, digits: u64, dots: u64) -> u64 {
    let one = dot << 1 & digits;
    let two = one << 1 & digits;
    let three = two << 1 & digits;
    (one | two | three) << 1 & dots
}

/// Whether no key and no token of a provider begins in a run, and what stands before it makes it none.
fn is_harmless_token(text: &[u8], base: usize, classes: Classes, run: Run) -> bool {
    let start = base + run.start;
    let before = start
        .checked_sub(1)
        .and_then(|at| text.get(at))
        .copied()
        .unwrap_or(0);
    if classes.escapes & run.mask != 0 {
        return false;
    }
    let Some(end) = end_of_harmless(text, base, run) else {
        return false;
    };
    let is_long = end - start >= LONG_TOKEN;
    let harmless_before = match before {
        // A key whose prefix ends in a dot; an escape; perhaps the last of `Basic`.
        b'.' | b'%' | b';' | b'\\' | b'[' => false,
        b' ' => text.get(start.wrapping_sub(2)).is_none_or(|b| b | 0x20 != b'c'),
        b':' => !is_long,
        b'/' => !is_long || !may_be_hook(text.get(..start).unwrap_or_default()),
        _ => true,
    };
    if !harmless_before {
        return false;
    }
    let word_before = u64::from(before.is_ascii_alphanumeric()) << run.start;
    let mut begins = run.mask & classes.words & !(classes.words << 1 & run.mask << 1 | word_before);
    while begins != 0 {
        let at = base + begins.trailing_zeros() as usize;
        begins &= begins - 1;
        let byte = |at: usize| text.get(at).copied().unwrap_or(0);
        if may_begin_key(byte(at), byte(at + 1)) {
            return false;
        }
    }
    true
}

/// End of a run, if none of what may begin in the words after its first one is a key.
fn end_of_harmless(text: &[u8], base: usize, run: Run) -> Option<usize> {
    let mut at = base + WORD - run.mask.leading_zeros() as usize;
    if !run.goes_on() {
        return Some(at);
    }
    let byte = |at: usize| text.get(at).copied().unwrap_or(0);
    let mut in_word = byte(at - 1).is_ascii_alphanumeric();
    while is_token_like(byte(at)) {
        let now = byte(at);
        let is_word = now.is_ascii_alphanumeric();
        if matches!(now, b'\\' | b'[') || (is_word && !in_word && may_begin_key(now, byte(at + 1))) {
            return None;
        }
        in_word = is_word;
        at += 1;
    }
    Some(at)
}

/// Whether the address of a web hook may stand in what comes before a token.
fn may_be_hook(before: &[u8]) -> bool {
    before.len() > MAX_BEFORE
        || before
            .array_windows()
            .any(|four| matches!(four, b"ces/" | b"oks/" | b"com/"))
}

#[cfg(not(test))]
pub(super) const fn is_on() -> bool {
    true
}

#[cfg(test)]
pub(super) fn is_on() -> bool {
    tests::IS_ON.get()
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::Prefilter;
    use crate::testing::Corpus;
    use crate::{Kind, Redactor};

    thread_local! {
        pub(super) static IS_ON: Cell<bool> = const { Cell::new(true) };
    }

    fn redactors() -> [Redactor; 2] {
        let partial = Kind::ALL
            .into_iter()
            .filter(|kind| *kind != Kind::HighEntropy)
            .fold(Redactor::builder(), |builder, kind| builder.partial(kind));
        [Redactor::builder(), partial].map(|builder| builder.build().unwrap())
    }

    fn with(is_on: bool, redactor: &Redactor, text: &str) -> String {
        IS_ON.set(is_on);
        let redacted = redactor.value(text).into_owned();
        IS_ON.set(true);
        redacted
    }

    #[test]
    fn nothing_is_found_without_it_that_is_not_found_with_it() {
        let (looked, refined) = (redactors(), redactors());
        let check = |text: &str| {
            for (looked, refined) in looked.iter().zip(&refined) {
                assert_eq!(with(true, refined, text), with(false, looked, text), "{text:?}");
            }
        };
        let corpora = [Corpus::secrets(), Corpus::look_alikes()];
        let texts: Vec<&str> = corpora.iter().flatten().map(|entry| &*entry.text).collect();
        for text in &texts {
            // Wherever it lies: runs reach over the edges of words.
            for pad in [0, 1, 13, 40, 50, 60, 63] {
                for fill in [" ", "x", "-", "7", "/", "."] {
                    check(&format!("{}{text}", fill.repeat(pad)));
                    check(&format!("{} {text}{}", fill.repeat(pad), fill.repeat(70 - pad)));
                }
            }
        }
        // Parts of them, next to each other in all ways.
        let pieces: Vec<&str> = texts
            .iter()
            .flat_map(|text| text.split_inclusive(|c: char| !c.is_ascii_alphanumeric()))
            .collect();
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(pieces[(state >> 33) as usize % pieces.len()]);
            }
            check(&text);
        }
    }

    #[test]
    fn ids_times_and_paths_have_no_marked_run() {
        for text in [
            "0af76519-16cd-43dd-8448-eb211c80319c",
            "4bf92f3577b34da6a3ce929d0e0e4736",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "caddr(0x7f3a9c0d12e4b56fe3b0c44298fc1c149afbf4c8996fb92427)",
            "01HV4J3Z6Q7X8Y9ZABCDEFGHJK",
            "2026-01-02T03",
            "/api/v1/orders/0af76519-16cd-43dd-8448-eb211c80319c/lines/12",
            "31.2 ms, 1.95.0, 10.0.1",
            "watchroom_capture_layer_on_new_span",
        ] {
            let mut prefilter = Prefilter::new(false);
            assert_eq!(prefilter.next(text.as_bytes(), 0), None, "{text}");
            assert!(Prefilter::new(true).next(text.as_bytes(), 0).is_some(), "{text}");
        }
        for text in [
            "sk_live_abcdef0123",
            "a-sk_live_abcdef0123",
            "8.8.4.4 is it",
            "x 078-05-1120",
            "-----BEGIN",
            "4111 1111 1111 1111",
            "SG.ngeVfQFYQlKU0ufo",
        ] {
            assert!(Prefilter::new(false).next(text.as_bytes(), 0).is_some(), "{text}");
        }
    }
}
