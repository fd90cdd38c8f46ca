//! What stands in a value once its escapes are read: `bob%40example.com`, `\u0022password\u0022`, `password&#61;x`, escapes of escapes.
//!
//! Invariant: what is found in what was read is replaced where it is written, from the first byte of its first escape to the last byte of its
//! last; every text is looked at as it is, so that nothing redacted in one hides something in another. Nothing is allocated in a thread's
//! second value of a size. Not here: what an escape is (`escape`), and what is found (`scan`).

use std::cell::RefCell;

use crate::Redactor;
use crate::escape::{self, Depth};
use crate::kind::Cause;
use crate::redactor::{Outcome, Rules};
use crate::scan::{By, Edit, scan_layer};

/// How often what was read is read again.
const N_LAYERS: usize = 4;
/// How often one escape is read for another. After that escapes of percent signs and of `&` are read through, however many there are.
const N_SINGLE: usize = 2;
/// Bytes that a thread keeps for each layer.
const MAX_KEPT: usize = 16 * 1024;

/// A text of which the escapes have been read.
#[derive(Debug, Default)]
struct Layer {
    text: String,
    /// After each escape: where in the text, and where in what it was read from.
    places: Vec<(usize, usize)>,
}

impl Layer {
    /// Reads the escapes of a text. False if it has none.
    fn read(&mut self, text: &str, depth: Depth) -> bool {
        self.text.clear();
        self.places.clear();
        let mut from = 0;
        while let Some(escape) = escape::next(text.as_bytes(), from, depth) {
            self.text
                .push_str(text.get(from..escape.start).unwrap_or_default());
            self.text.push(escape.c);
            self.places.push((self.text.len(), escape.end));
            from = escape.end;
        }
        self.text.push_str(text.get(from..).unwrap_or_default());
        !self.places.is_empty()
    }

    /// Where a place of the text stands in what it was read from.
    fn origin(&self, at: usize) -> usize {
        let idx = self.places.partition_point(|(read, _)| *read <= at);
        match idx.checked_sub(1).and_then(|idx| self.places.get(idx)) {
            Some((read, written)) => written + (at - read),
            None => at,
        }
    }
}

/// What a thread keeps between two values.
#[derive(Debug, Default)]
struct Scratch {
    layers: [Layer; N_LAYERS],
    /// A text with blanks in place of plus signs.
    spaced: String,
    /// What edits put in.
    with: String,
    edits: Vec<Edit>,
}

impl Scratch {
    /// Adds what was to be redacted in the value as it is written; `out` holds what it is replaced by.
    fn add(&mut self, edits: &[Edit], out: &str) {
        for edit in edits {
            let from = self.with.len();
            self.with
                .push_str(out.get(edit.with.0..edit.with.1).unwrap_or_default());
            self.edits.push(Edit {
                with: (from, self.with.len()),
                ..*edit
            });
        }
        // Of two that begin and end together the later one counts: how it is written shows more than how it is read.
        self.edits.reverse();
        self.edits.sort_by_key(|edit| (edit.start, edit.end));
    }

    /// Makes all edits in the value. Where one reaches into another, both become one. `made` are those that changed something.
    fn apply(&mut self, text: &str, out: &mut String, made: &mut Vec<Edit>) -> Outcome {
        made.clear();
        let begin = out.len();
        let mut written = 0;
        let mut edits = self.edits.iter().copied().peekable();
        while let Some(mut edit) = edits.next() {
            let mut whole = None;
            while let Some(next) = edits.next_if(|next| next.start < edit.end) {
                if (next.start, next.end) != (edit.start, edit.end) {
                    whole = Some(Redactor::REDACTED);
                    edit.end = edit.end.max(next.end);
                }
            }
            let new = whole.or_else(|| self.with.get(edit.with.0..edit.with.1));
            let (Some(kept), Some(old), Some(new)) =
                (text.get(written..edit.start), text.get(edit.start..edit.end), new)
            else {
                out.truncate(begin);
                return Outcome::FailedClosed;
            };
            if old != new {
                out.push_str(kept);
                out.push_str(new);
                written = edit.end;
                made.push(edit);
            }
        }
        if made.is_empty() {
            return Outcome::Clean;
        }
        out.push_str(text.get(written..).unwrap_or_default());
        Outcome::Redacted
    }

    fn shrink(&mut self) {
        for layer in &mut self.layers {
            layer.text.clear();
            layer.text.shrink_to(MAX_KEPT);
            layer.places.clear();
            layer.places.shrink_to(MAX_KEPT / size_of::<(usize, usize)>());
        }
        for text in [&mut self.spaced, &mut self.with] {
            text.clear();
            text.shrink_to(MAX_KEPT);
        }
        self.edits.clear();
        self.edits.shrink_to(MAX_KEPT / size_of::<Edit>());
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Looks at what a text says when its escapes are read. `outcome` and `edits` tell what was redacted as it is written, and what was appended
/// to `out` from `start` on; all of them then stand for both.
#[cold]
pub(crate) fn scan(
    text: &str,
    rules: &Rules,
    by: By,
    outcome: Outcome,
    (out, start): (&mut String, usize),
    edits: &mut Vec<Edit>,
) -> Outcome {
    let mut found = None;
    let mut look = |scratch: &mut Scratch| {
        found = Some(match read_all(scratch, text, rules, by) {
            Outcome::Clean => outcome,
            Outcome::FailedClosed => Outcome::FailedClosed,
            Outcome::Redacted => {
                scratch.add(edits, out);
                out.truncate(start);
                scratch.apply(text, out, edits)
            }
        });
    };
    // During a thread's end there is no scratch.
    let kept = SCRATCH.try_with(|scratch| {
        scratch.try_borrow_mut().is_ok_and(|mut scratch| {
            look(&mut scratch);
            scratch.shrink();
            true
        })
    });
    if kept != Ok(true) {
        look(&mut Scratch::default());
    }
    found.unwrap_or(Outcome::FailedClosed)
}

/// Reads escapes, and those of what was read, and looks at each text.
fn read_all(scratch: &mut Scratch, text: &str, rules: &Rules, by: By) -> Outcome {
    let Scratch {
        layers,
        spaced,
        with,
        edits,
    } = scratch;
    let mut look = |read: &[Layer], shown: &str| {
        let n_before = edits.len();
        let outcome = scan_layer(shown, rules, by, with, edits);
        match_patterns(rules, shown, with, edits);
        for edit in edits.iter_mut().skip(n_before) {
            let origin = |at: usize| read.iter().rev().fold(at, |at, layer| layer.origin(at));
            (edit.start, edit.end) = (origin(edit.start), origin(edit.end));
        }
        outcome != Outcome::FailedClosed
    };
    if has_blank_plus(text.as_bytes()) {
        blank_plus(text, spaced);
        if !look(&[], spaced) {
            return Outcome::FailedClosed;
        }
    }
    for n_read in 0..N_LAYERS {
        let depth = if n_read < N_SINGLE { Depth::One } else { Depth::All };
        let (before, rest) = layers.split_at_mut(n_read);
        let has_read = rest.first_mut().is_some_and(|layer| {
            let before = before.last().map_or(text, |layer| &layer.text);
            layer.read(before, depth)
        });
        if !has_read {
            break;
        }
        let read = layers.get(..=n_read).unwrap_or_default();
        let shown = read.last().map_or("", |layer| &layer.text);
        if !look(read, shown) {
            return Outcome::FailedClosed;
        }
        if shown.contains('+') {
            blank_plus(shown, spaced);
            if !look(read, spaced) {
                return Outcome::FailedClosed;
            }
        }
    }
    match edits.is_empty() {
        true => Outcome::Clean,
        false => Outcome::Redacted,
    }
}

/// Whether a plus sign stands for a blank for sure.
fn has_blank_plus(text: &[u8]) -> bool {
    let mut pluses = text.iter().enumerate().filter(|(_, b)| **b == b'+');
    pluses.any(|(at, _)| escape::is_blank_plus(text, at))
}

/// Writes a text anew with blanks in place of its plus signs, as forms write them: not a byte moves.
fn blank_plus(text: &str, out: &mut String) {
    out.clear();
    for (idx, part) in text.split('+').enumerate() {
        if idx > 0 {
            out.push(' ');
        }
        out.push_str(part);
    }
}

fn match_patterns(rules: &Rules, text: &str, with: &mut String, edits: &mut Vec<Edit>) {
    for pattern in &rules.patterns {
        pattern.matches(
            text,
            |value| rules.is_allowed(value),
            |start, end| {
                let from = with.len();
                with.push_str(Redactor::REDACTED);
                edits.push(Edit {
                    cause: Cause::Pattern,
                    start,
                    end,
                    with: (from, with.len()),
                });
            },
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_found_again() {
        let mut layer = Layer::default();
        let text = "a%40b\u{e9}%C3%A9\\u0041&amp;%zz end";
        assert!(layer.read(text, Depth::One));
        assert_eq!(layer.text, "a@b\u{e9}\u{e9}A&%zz end");
        for (part, origin) in [
            ("a", "a"),
            ("@", "%40"),
            ("b\u{e9}", "b\u{e9}"),
            ("\u{e9}A", "%C3%A9\\u0041"),
            ("&%zz", "&amp;%zz"),
            (" end", " end"),
        ] {
            let start = if part == "\u{e9}A" {
                5
            } else {
                layer.text.find(part).unwrap()
            };
            let (from, to) = (layer.origin(start), layer.origin(start + part.len()));
            assert_eq!(&text[from..to], origin, "{part}");
        }
        assert!(!layer.read("100% sure", Depth::One));
    }

    #[test]
    fn a_plus_is_a_blank_where_only_a_form_would_write_one() {
        for text in ["card=4111+1111+1111+1111", "h=Bearer+abc", "basic+YTpi"] {
            assert!(has_blank_plus(text.as_bytes()), "{text}");
        }
        for text in [
            "2026-01-02T03:04:05+00:00",
            "a+b",
            "1.2.3+456",
            "+49 151",
            "+",
            "1+1",
            "forbear+x",
        ] {
            assert!(!has_blank_plus(text.as_bytes()), "{text}");
        }
    }
}
