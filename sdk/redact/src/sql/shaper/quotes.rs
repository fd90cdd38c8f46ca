//! What stands in quotes: strings, names, patterns, SQLite's `[name]` and PostgreSQL's `$tag$…$tag$`.
//!
//! Invariant: where it is not sure that a name stands there, it is a value. Not here: how quotes end (`cursor`).

use super::super::Dialect;
use super::super::cursor::{End, Escapes, begins_word, is_word};
use super::super::words::Word;
use super::{Last, Shaper};

/// Longest name in quotes of which it is not sure that it is one.
const MAX_DOUBTFUL_NAME: usize = 63;
/// Digits of a numbered parameter; PostgreSQL has at most 65 535.
const MAX_PARAMETER_DIGITS: usize = 5;

impl Shaper<'_, '_> {
    pub(super) const fn escapes(&self, escape_prefix: bool) -> Escapes {
        match self.dialect {
            _ if escape_prefix => Escapes::Yes,
            Dialect::Auto => Escapes::Unknown,
            Dialect::MySql | Dialect::SurrealQl => Escapes::Yes,
            Dialect::PostgreSql | Dialect::Sqlite => Escapes::No,
        }
    }

    pub(super) fn string(&mut self, open: usize, escapes: Escapes) {
        match self.end_of_quoted(open, escapes) {
            Some(end) => self.value(end),
            None => self.give_up(),
        }
    }

    /// End of what opens at `open`; none if that is not sure. A word right after the closing quote tells that it was an opening one: the
    /// text is no SQL.
    pub(super) fn end_of_quoted(&self, open: usize, escapes: Escapes) -> Option<usize> {
        match self.cursor.end_of_quoted(open, escapes) {
            End::At(end) if !is_word(self.cursor.byte(end)) => Some(end),
            _ => None,
        }
    }

    pub(super) fn double_quoted(&mut self, open: usize) {
        if matches!(self.dialect, Dialect::MySql | Dialect::SurrealQl) {
            return self.string(open, Escapes::Yes);
        }
        let Some(end) = self.end_of_quoted(open, self.escapes(false)) else {
            return self.give_up();
        };
        let closed = self.is_closed(open, end);
        let sure = self.dialect == Dialect::PostgreSql && closed;
        if sure || (closed && self.is_doubtless(open + 1, end - 1) && self.expects_name(end)) {
            self.name(open, end);
        } else {
            self.value(end);
        }
    }

    pub(super) fn back_quoted(&mut self, open: usize) {
        let escapes = match self.dialect {
            Dialect::MySql => Escapes::No,
            _ => self.escapes(false),
        };
        let Some(end) = self.end_of_quoted(open, escapes) else {
            return self.give_up();
        };
        let closed = self.is_closed(open, end);
        let sure = matches!(self.dialect, Dialect::MySql | Dialect::Sqlite) && closed;
        if sure || (closed && self.is_doubtless(open + 1, end - 1)) {
            self.name(open, end);
        } else {
            self.value(end);
        }
    }

    /// SQLite's `[name]`. False if what stands in the brackets is none.
    pub(super) fn bracketed(&mut self, open: usize) -> bool {
        let end = self.cursor.skip(open + 1, |b| is_word(b) || b == b' ');
        let name = self.cursor.slice(open + 1, end);
        if self.cursor.byte(end) != b']' || !name.first().is_some_and(|b| begins_word(*b)) {
            return false;
        }
        self.name(open, end + 1);
        true
    }

    /// Whether what may be SQLite's name or another's array has a quote in it that only one of them takes for one: `[it's]`.
    pub(super) fn is_doubtful_bracket(&self, open: usize) -> bool {
        let end = self.cursor.skip(open + 1, |b| is_word(b) || b == b' ');
        self.cursor.byte(end) == b'\''
            && end > open + 2
            && is_word(self.cursor.byte(end - 1))
            && !self.is_prefix(end)
    }

    /// Whether the word that ends before the quote at `open` belongs to a string.
    pub(super) fn is_prefix(&self, open: usize) -> bool {
        let before = self.cursor.slice(0, open);
        let start = open - before.iter().rev().position(|b| !is_word(*b)).unwrap_or(open);
        let content = self.cursor.byte(open + 1);
        match self.cursor.slice(start, open) {
            [b'_', ..] => true,
            [letter] => match letter.to_ascii_lowercase() {
                b'e' | b'n' | b'b' | b'x' => true,
                b'd' => content.is_ascii_digit(),
                b'u' => content.is_ascii_hexdigit(),
                _ => false,
            },
            word => [&b"date"[..], b"time", b"timestamp", b"datetime", b"interval"]
                .iter()
                .any(|name| word.eq_ignore_ascii_case(name)),
        }
    }

    /// Shows a name in quotes; without them where it reads the same, in every dialect.
    fn name(&mut self, start: usize, end: usize) {
        let plain = self.last == Last::Cast;
        if self.is_doubtless(start + 1, end - 1)
            && Word::of(self.cursor.slice(start + 1, end - 1)) == Word::Other
            && (self.blank
                || matches!(
                    self.last,
                    Last::Nothing | Last::Dot | Last::Cast | Last::Other(b'(' | b',')
                ))
            && !b"'\"`?".contains(&self.cursor.byte(end))
            && !is_word(self.cursor.byte(end))
            && self.cursor.slice(start, end) != crate::Redactor::REDACTED.as_bytes()
        {
            self.show(start + 1, end - 1);
            self.at = end;
            self.after(Last::Word(Word::Other), plain);
        } else {
            self.show(start, end);
            self.after(Last::Name, plain);
        }
    }

    fn is_closed(&self, open: usize, end: usize) -> bool {
        end >= open + 2 && self.cursor.byte(end - 1) == self.cursor.byte(open)
    }

    /// Whether what stands in quotes has the form of a name.
    fn is_doubtless(&self, start: usize, end: usize) -> bool {
        let name = self.cursor.slice(start, end);
        (1..=MAX_DOUBTFUL_NAME).contains(&name.len())
            && begins_word(name[0])
            && name.iter().all(|b| is_word(*b))
    }

    /// Whether no dialect has a string at this place, which ends at `end`.
    fn expects_name(&self, end: usize) -> bool {
        let in_columns = self
            .groups
            .last()
            .is_some_and(|group| group.columns && !group.query);
        (in_columns && matches!(self.last, Last::Other(b'(' | b',')))
            || self.last == Last::Dot
            || matches!(
                self.last,
                Last::Word(Word::From | Word::Join | Word::Into | Word::Update | Word::Table | Word::As)
            )
            || (self.cursor.byte(end) == b'.'
                && (begins_word(self.cursor.byte(end + 1))
                    || matches!(self.cursor.byte(end + 1), b'"' | b'*' | b'?')))
    }

    pub(super) fn dollar(&mut self, at: usize) {
        if matches!(self.dialect, Dialect::PostgreSql | Dialect::Auto)
            && let Some(end) = self.cursor.end_of_dollar_quoted(at)
        {
            return self.value(end);
        }
        let next = self.cursor.byte(at + 1);
        let end = self.cursor.skip(at + 1, is_word);
        if next.is_ascii_digit() {
            let digits = self.cursor.slice(at + 1, end);
            let numbered = digits.len() <= MAX_PARAMETER_DIGITS && digits.iter().all(u8::is_ascii_digit);
            if !numbered || self.cursor.byte(end) == b'.' && self.cursor.byte(end + 1).is_ascii_digit() {
                return self.value(self.cursor.end_of_number(at + 1));
            }
        }
        if end > at + 1 {
            self.show(at, end);
            self.after(Last::Value, true);
        } else {
            self.punctuation(b'$');
        }
    }

    /// SurrealQL's `/pattern/`.
    pub(super) fn pattern(&mut self, at: usize) {
        let mut end = at + 1;
        while end < self.cursor.len() && !matches!(self.cursor.byte(end), b'/' | b'\n') {
            end += if self.cursor.byte(end) == b'\\' { 2 } else { 1 };
        }
        if self.cursor.byte(end) == b'/' {
            self.value(end + 1);
        } else {
            self.give_up();
        }
    }
}
