//! The second look: what stands at a marked place, and what becomes of it.
//!
//! Invariant: matches are found from left to right and do not overlap; no byte is judged more than a bounded number of times, so
//! time is linear; what is put in place of a match is never matched again, so redacting twice is redacting once.
//! Not here: which places are looked at (`prefilter`).

mod address;
mod auth;
mod bytes;
mod ipv6;
mod number;
mod pair;
mod pem;
mod provider;
mod token;
mod value;

use crate::Redactor;
use crate::kind::{Kind, Mode};
use crate::prefilter::{Hints, Prefilter, WORD};
use crate::redactor::{Outcome, Rules};

/// One walk over one value.
pub(crate) struct Scanner<'t, 'r, 'o> {
    text: &'t str,
    bytes: &'t [u8],
    rules: &'r Rules,
    out: &'o mut String,
    /// The text before this place has been written.
    written: usize,
    /// The text before this place belongs to a match.
    done: usize,
    /// Ends of the runs that have been judged.
    tokens_done: usize,
    numbers_done: usize,
    spaced_done: usize,
    addresses_done: usize,
    n_redactions: u64,
    failed: bool,
}

/// Walks over `text`. Appends to `out` if something was redacted. Also gives the number of redactions.
pub(crate) fn scan(text: &str, rules: &Rules, out: &mut String) -> (Outcome, u64) {
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        rules,
        out,
        written: 0,
        done: 0,
        tokens_done: 0,
        numbers_done: 0,
        spaced_done: 0,
        addresses_done: 0,
        n_redactions: 0,
        failed: false,
    };
    let mut prefilter = Prefilter::default();
    let mut base = 0;
    while base < text.len() {
        let hints = prefilter.look(text.as_bytes(), base);
        if hints.any() != 0 {
            scanner.judge(base, hints);
        }
        base += WORD;
    }
    scanner.finish()
}

impl Scanner<'_, '_, '_> {
    #[inline(never)]
    fn judge(&mut self, base: usize, hints: Hints) {
        let mut bits = hints.any();
        while bits != 0 {
            let bit = bits & bits.wrapping_neg();
            let at = base + bits.trailing_zeros() as usize;
            bits ^= bit;
            if hints.marks & bit != 0 {
                self.mark(at);
            }
            if hints.number & bit != 0 {
                self.numbers(at);
            }
            if hints.spaced & bit != 0 {
                self.cards(at);
            }
            if hints.token & bit != 0 {
                self.tokens(at);
            }
        }
    }

    fn mark(&mut self, at: usize) {
        if at < self.done {
            return;
        }
        match self.byte(at) {
            b':' if self.bytes.get(at + 1..at + 3) == Some(b"//") => self.url(at),
            b':' => {
                if !self.pair(at) {
                    self.ipv6(at);
                }
            }
            b'=' => {
                self.pair(at);
            }
            b'@' => self.email(at),
            b'>' => self.element(at),
            b'b' | b'B' => self.bearer(at),
            _ => {}
        }
    }

    /// The byte at a place; zero past the end.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte before a place; zero at the beginning.
    fn before(&self, at: usize) -> u8 {
        at.checked_sub(1).map_or(0, |at| self.byte(at))
    }

    fn slice(&self, start: usize, end: usize) -> &[u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    fn starts_with(&self, at: usize, what: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(what))
    }

    /// First place from `at` on whose byte is not of the class.
    fn skip(&self, at: usize, class: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().position(|b| !class(*b)).unwrap_or(rest.len())
    }

    /// First place before `at`, not before `floor`, from which on all bytes are of the class.
    fn skip_back(&self, at: usize, floor: usize, class: impl Fn(u8) -> bool) -> usize {
        let span = self.bytes.get(floor..at).unwrap_or_default();
        at - span.iter().rev().position(|b| !class(*b)).unwrap_or(span.len())
    }

    /// The run of a class to judge for a mark at `at`: from the end of what has been judged or matched to the run's end.
    fn run(
        &self,
        at: usize,
        length: usize,
        judged: usize,
        class: impl Fn(u8) -> bool,
    ) -> Option<(usize, usize)> {
        let end = self.skip(at, class);
        let start = (at + 1).saturating_sub(length).max(self.done).max(judged);
        (start < end).then_some((start, end))
    }

    /// Puts `with` in place of a part of the text; nothing happens where that is what stands there.
    fn replace(&mut self, start: usize, end: usize, with: &[&str]) {
        debug_assert!(
            self.done <= start && start <= end,
            "matches go from left to right"
        );
        let mut rest = self.slice(start, end);
        let same = with.iter().all(|part| {
            rest.strip_prefix(part.as_bytes())
                .inspect(|after| rest = after)
                .is_some()
        }) && rest.is_empty();
        self.done = self.done.max(end);
        if same {
            return;
        }
        let Some(kept) = self.text.get(self.written..start) else {
            self.failed = true;
            return;
        };
        if self.n_redactions == 0 {
            self.out.reserve(self.text.len() + Redactor::REDACTED.len());
        }
        self.out.push_str(kept);
        with.iter().for_each(|part| self.out.push_str(part));
        self.written = end;
        self.n_redactions += 1;
    }

    fn redact(&mut self, start: usize, end: usize) {
        self.replace(start, end, &[Redactor::REDACTED]);
    }

    fn mode(&self, kind: Kind) -> Mode {
        self.rules.modes.get(kind)
    }

    fn is_on(&self, kind: Kind) -> bool {
        self.rules.modes.is_on(kind)
    }

    fn finish(self) -> (Outcome, u64) {
        if self.failed {
            return (Outcome::FailedClosed, 0);
        }
        if self.n_redactions == 0 {
            return (Outcome::Clean, 0);
        }
        match self.text.get(self.written..) {
            Some(rest) => {
                self.out.push_str(rest);
                (Outcome::Redacted, self.n_redactions)
            }
            None => (Outcome::FailedClosed, 0),
        }
    }
}
