//! The second look: what stands at a marked place, and what becomes of it.
//!
//! Invariant: matches are found from left to right and do not overlap; no byte is judged more than a bounded number of times, so
//! time is linear; what is put in place of a match is never matched again.
//! Not here: which places are looked at (`prefilter`), and another walk over what a match may have hidden (`redactor`).

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

pub(crate) use provider::may_begin_key;
pub(crate) use token::LONG_TOKEN;

use crate::Redactor;
use crate::kind::{Cause, Kind, Mode};
use crate::layers;
use crate::prefilter::{
    Hints, NUMBER_RUN, Prefilter, SPACED_RUN, TOKEN_RUN, WORD, is_number_like, is_spaced_like, is_token_like,
};
use crate::recent;
use crate::redactor::{Outcome, Rules};

/// Bytes of the longest escape that is seen through: three digits and an `m`.
const MAX_ESCAPE: usize = 4;

/// What a walk goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// Names that stand in the value, and the value itself.
    NameAndValue,
    /// The value itself: `password = ?` names a column.
    Value,
}

/// How a text came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Text {
    /// It is the value itself.
    Written,
    /// It was read from the escapes of a value.
    Read,
}

/// Bytes of the shortest match that a number-like run is judged for: `1.1.1.1`.
///
/// One byte at least parts two runs, so a match that is not longer than this and ends before the next run begins as far back from
/// that run's mark as everything that reaches over it has been marked: no order is broken by judging it then.
const SHORTEST_NUMBER: usize = 7;

/// One walk over one value.
pub(crate) struct Scanner<'t, 'r, 'o> {
    text: &'t str,
    bytes: &'t [u8],
    rules: &'r Rules,
    by: By,
    out: &'o mut String,
    /// What was redacted, after the edits of other walks.
    edits: &'o mut Vec<Edit>,
    n_before: usize,
    is: Text,
    /// Where in `out` the output of this walk begins.
    out_start: usize,
    /// The text before this place has been written.
    written: usize,
    /// The text before this place belongs to a match.
    done: usize,
    /// Runs that have been marked; their parts are judged in the order in which they stand in the text.
    numbers: Run,
    spaced: Run,
    tokens: Run,
    /// End of the last run that has been judged as an IPv6 address.
    addresses_done: usize,
    failed: bool,
}

/// A marked run that has not been judged to its end.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// First byte that has not been judged; the greatest number if there is nothing to judge.
    next: usize,
    end: usize,
}

impl Run {
    const NONE: Self = Self {
        next: usize::MAX,
        end: 0,
    };
}

/// What is to stand in place of a part of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Edit {
    pub(crate) cause: Cause,
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Where that stands in what was written.
    pub(crate) with: (usize, usize),
}

/// Walks over `text` and what it says when its escapes are read. Appends to `out` if something was redacted. Also gives the number of
/// redactions.
pub(crate) fn scan(text: &str, rules: &Rules, by: By, out: &mut String) -> (Outcome, u64) {
    let mut prefilter = Prefilter::new(rules.modes.is_on(Kind::HighEntropy));
    let first = prefilter.next(text.as_bytes(), 0);
    if first.is_none() && !prefilter.has_escape() {
        return (Outcome::Clean, 0);
    }
    let judge = rules.judge.other_way(by == By::Value);
    let may_recur = recent::fits(text);
    if may_recur && recent::is_clean(judge, text) {
        return (Outcome::Clean, 0);
    }
    let start = out.len();
    let mut edits = Vec::new();
    let mut outcome = match first {
        Some(first) => walk(
            text,
            rules,
            by,
            (out, &mut edits),
            Text::Written,
            &mut prefilter,
            first,
        ),
        None => Outcome::Clean,
    };
    if prefilter.has_escape() && outcome != Outcome::FailedClosed {
        outcome = layers::scan(text, rules, by, outcome, (out, start), &mut edits);
    }
    if outcome == Outcome::Clean {
        if may_recur {
            recent::remember(judge, text);
        }
        return (outcome, 0);
    }
    edits.iter().for_each(|edit| rules.counts.enter(edit.cause));
    (outcome, edits.len() as u64)
}

/// Walks over a text whose escapes have been read, and tells what is to be edited. What is appended to `out` is of no other use.
pub(crate) fn scan_layer(
    text: &str,
    rules: &Rules,
    by: By,
    out: &mut String,
    edits: &mut Vec<Edit>,
) -> Outcome {
    let mut prefilter = Prefilter::new(rules.modes.is_on(Kind::HighEntropy));
    match prefilter.next(text.as_bytes(), 0) {
        Some(first) => walk(text, rules, by, (out, edits), Text::Read, &mut prefilter, first),
        None => Outcome::Clean,
    }
}

fn walk(
    text: &str,
    rules: &Rules,
    by: By,
    (out, edits): (&mut String, &mut Vec<Edit>),
    is: Text,
    prefilter: &mut Prefilter,
    first: (usize, Hints),
) -> Outcome {
    let n_before = edits.len();
    let mut scanner = Scanner {
        text,
        bytes: text.as_bytes(),
        rules,
        by,
        out_start: out.len(),
        out,
        edits,
        n_before,
        is,
        written: 0,
        done: 0,
        numbers: Run::NONE,
        spaced: Run::NONE,
        tokens: Run::NONE,
        addresses_done: 0,
        failed: false,
    };
    let mut found = Some(first);
    while let Some((base, hints)) = found {
        scanner.judge(base, hints);
        found = prefilter.next(text.as_bytes(), base + WORD);
    }
    scanner.judge_runs(usize::MAX);
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
            // What begins here or further back has been marked by now, by whatever run it belongs to.
            self.judge_runs(at.saturating_sub(SPACED_RUN));
            if hints.number & bit != 0 {
                // The run before is given up here: what ends right before this one has to be judged by now.
                self.judge_runs((at + 1).saturating_sub(NUMBER_RUN + 1 + SHORTEST_NUMBER));
                self.numbers = self.run(at, NUMBER_RUN, self.numbers.end, is_number_like);
            }
            if hints.spaced & bit != 0 {
                self.spaced = self.run(at, SPACED_RUN, self.spaced.end, is_spaced_like);
            }
            if hints.token & bit != 0 {
                self.tokens = self.run(at, TOKEN_RUN, self.tokens.end, is_token_like);
            }
            if hints.marks & bit != 0 {
                self.judge_runs(at);
                self.mark(at);
            }
        }
    }

    /// Judges the parts of marked runs that begin at `limit` or before, in order.
    fn judge_runs(&mut self, limit: usize) {
        loop {
            let (number, spaced, token) = (self.numbers.next, self.spaced.next, self.tokens.next);
            let first = number.min(spaced).min(token);
            if first > limit || first == usize::MAX {
                return;
            }
            if number == first {
                self.numbers.next = self.number_part(number.max(self.done), self.numbers.end);
            } else if spaced == first {
                self.spaced.next = self.card_part(spaced.max(self.done), self.spaced.end);
            } else {
                self.tokens.next = self.token_part(token.max(self.done), self.tokens.end);
            }
        }
    }

    fn mark(&mut self, at: usize) {
        if at < self.done {
            return;
        }
        match self.byte(at) {
            b':' if self.bytes.get(at + 1..at + 3) == Some(b"//") => self.url(at),
            b':' | b'=' => self.pair(at),
            b'@' => self.email(at),
            b'>' if self.by == By::NameAndValue => self.element(at),
            b'r' | b'R' => self.bearer(at.saturating_sub(5)),
            _ => {}
        }
    }

    /// The byte at a place; zero past the end.
    fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The byte before a place, as a later walk will see it: what a match stood next to must not look new once it has been
    /// replaced. Zero at the beginning.
    fn before(&self, at: usize) -> u8 {
        match at.checked_sub(1) {
            Some(_) if at == self.written => self.out.as_bytes().last().copied().unwrap_or(0),
            Some(before) => self.byte(before),
            None => 0,
        }
    }

    /// Whether no word goes on at a place.
    fn begins_word(&self, at: usize) -> bool {
        !self.before(at).is_ascii_alphanumeric() || self.is_after_escape(at)
    }

    /// Whether what parts two words stands before a place, as `Debug` and JSON write it (`\n`, `\r`, `\t`), a URL (`%20`), or a terminal
    /// is told to colour it (`[31m`).
    fn is_after_escape(&self, at: usize) -> bool {
        (1..=MAX_ESCAPE).any(|len| at > len && self.escape_at(at - len) == len)
    }

    /// Bytes of an escape at a place, without its backslash or percent sign, or of the last part of a terminal's; zero if there is none.
    fn escape_at(&self, at: usize) -> usize {
        match (self.before(at), self.byte(at)) {
            (b'\\', b'n' | b'r' | b't') => 1,
            (b'%', first) if first.is_ascii_hexdigit() && self.byte(at + 1).is_ascii_hexdigit() => 2,
            (b'[' | b';', first) if first.is_ascii_digit() => {
                let end = self.skip_to(at, at + MAX_ESCAPE, |b| b.is_ascii_digit());
                if self.byte(end) == b'm' { end + 1 - at } else { 0 }
            }
            (b'[', b'm') => 1,
            _ => 0,
        }
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

    /// First place from `at` on, not past `end`, whose byte is not of the class.
    fn skip_to(&self, at: usize, end: usize, class: impl Fn(u8) -> bool) -> usize {
        let span = self.slice(at, end.min(self.bytes.len()));
        at + span.iter().position(|b| !class(*b)).unwrap_or(span.len())
    }

    /// First place before `at`, not before `floor`, from which on all bytes are of the class.
    fn skip_back(&self, at: usize, floor: usize, class: impl Fn(u8) -> bool) -> usize {
        let span = self.bytes.get(floor..at).unwrap_or_default();
        at - span.iter().rev().position(|b| !class(*b)).unwrap_or(span.len())
    }

    /// Whether a match ends right before a place, now or in an earlier walk: what a match stood next to must not look new once it
    /// has been replaced.
    fn is_after_match(&self, at: usize) -> bool {
        let before = self.bytes.get(..at).unwrap_or_default();
        at > 0
            && (at == self.done || before.ends_with(b"*") || before.ends_with(Redactor::REDACTED.as_bytes()))
    }

    /// Whether a place comes after the stars and the dash that a mask has put there.
    fn is_masked(&self, at: usize) -> bool {
        self.slice(at.saturating_sub(2), at) == b"*-"
    }

    /// Whether a word goes on at a place, or did before it was replaced.
    fn goes_on(&self, at: usize) -> bool {
        self.byte(at).is_ascii_alphanumeric() || self.starts_with(at, Redactor::REDACTED.as_bytes())
    }

    /// The run of a class that has reached `length` bytes at `at`, without what has been judged or matched of it.
    fn run(&self, at: usize, length: usize, judged: usize, class: impl Fn(u8) -> bool) -> Run {
        let end = self.skip(at, class);
        let next = (at + 1).saturating_sub(length).max(self.done).max(judged);
        if next < end {
            Run { next, end }
        } else {
            Run {
                next: usize::MAX,
                end,
            }
        }
    }

    /// Where to go on in a run that ends at `end`.
    fn next_part_at(&self, at: usize, end: usize) -> usize {
        let at = at.max(self.done);
        if at < end { at } else { usize::MAX }
    }

    /// Whether what would be redacted by its kind is on the allow-list; then it belongs to a match that changes nothing.
    fn is_allowed(&mut self, start: usize, end: usize) -> bool {
        let allowed = &self.rules.allowed_values;
        if allowed.is_empty()
            || !allowed
                .iter()
                .any(|value| value.as_bytes() == self.slice(start, end))
        {
            return false;
        }
        self.done = self.done.max(end);
        true
    }

    /// Up to `n` bytes before a place that has not been written yet, as a later walk will see them: what was written of them, and
    /// what stands between that and the place.
    fn seen_before(&self, at: usize, n: usize) -> (&[u8], &[u8]) {
        let kept = self.slice(self.written.max(at.saturating_sub(n)), at);
        let written = self.out.as_bytes().get(self.out_start..).unwrap_or_default();
        let from = written.len().saturating_sub(n.saturating_sub(kept.len()));
        (written.get(from..).unwrap_or_default(), kept)
    }

    /// Puts `with` in place of a part of the text; nothing happens where that is what stands there.
    fn replace(&mut self, cause: Cause, start: usize, end: usize, with: &[&str]) {
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
        if self.edits.len() == self.n_before {
            self.out.reserve(self.text.len() + Redactor::REDACTED.len());
        }
        self.out.push_str(kept);
        let from = self.out.len();
        with.iter().for_each(|part| self.out.push_str(part));
        self.edits.push(Edit {
            cause,
            start,
            end,
            with: (from, self.out.len()),
        });
        self.written = end;
    }

    fn redact(&mut self, cause: Cause, start: usize, end: usize) {
        self.replace(cause, start, end, &[Redactor::REDACTED]);
    }

    fn mode(&self, kind: Kind) -> Mode {
        self.rules.modes.get(kind)
    }

    fn is_on(&self, kind: Kind) -> bool {
        self.rules.modes.is_on(kind)
    }

    fn finish(self) -> Outcome {
        if self.failed {
            return Outcome::FailedClosed;
        }
        if self.edits.len() == self.n_before {
            return Outcome::Clean;
        }
        match self.text.get(self.written..) {
            Some(rest) => {
                self.out.push_str(rest);
                Outcome::Redacted
            }
            None => Outcome::FailedClosed,
        }
    }
}
