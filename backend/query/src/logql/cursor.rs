//! A place in a query's text.

use crate::{ParseError, scan};

/// Reads a query from left to right.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub text: &'a str,
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// The text ahead, without blanks and comments.
    pub(super) fn rest(&mut self) -> &'a str {
        loop {
            self.at = scan::run(self.text, self.at, |b| b.is_ascii_whitespace());
            if self.text[self.at..].starts_with('#') {
                self.at = scan::run(self.text, self.at, |b| b != b'\n');
            } else {
                return &self.text[self.at..];
            }
        }
    }

    pub(super) fn done(&mut self) -> bool {
        self.rest().is_empty()
    }

    /// Moves past `symbol` if it is next.
    pub(super) fn eat(&mut self, symbol: &str) -> bool {
        let found = self.rest().starts_with(symbol);
        self.at += if found { symbol.len() } else { 0 };
        found
    }

    /// Moves past the first of `symbols` that is next, and gives its index.
    pub(super) fn eat_any(&mut self, symbols: &[&str]) -> Option<usize> {
        symbols.iter().position(|symbol| self.eat(symbol))
    }

    /// The word that is next, without moving.
    pub(super) fn peek_word(&mut self) -> &'a str {
        let rest = self.rest();
        let starts = rest.bytes().next().is_some_and(scan::starts_word);
        &rest[..if starts {
            scan::run(rest, 0, scan::continues_word)
        } else {
            0
        }]
    }

    /// Moves past `word` if it is next, in any case.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek_word().eq_ignore_ascii_case(word);
        self.at += if found { word.len() } else { 0 };
        found
    }

    /// A name.
    pub(super) fn word(&mut self, expected: &str) -> Result<&'a str, ParseError> {
        let word = self.peek_word();
        if word.is_empty() {
            return self.unexpected(expected);
        }
        self.at += word.len();
        Ok(word)
    }

    /// Whether a quoted string is next.
    pub(super) fn at_string(&mut self) -> bool {
        self.rest().starts_with(['"', '`'])
    }

    /// A quoted string, and where it stands.
    pub(super) fn string(&mut self) -> Result<(String, usize), ParseError> {
        if !self.at_string() {
            return self.unexpected("a quoted string");
        }
        let start = self.at;
        let Some(end) = scan::quoted_end(self.text, start) else {
            return self.error(start, "unterminated quoted string");
        };
        self.at = end;
        match scan::unquote(&self.text[start..end]) {
            Ok(text) => Ok((text, start)),
            Err((offset, message)) => self.error(start + offset, message),
        }
    }

    pub(super) fn error<T>(&self, position: usize, message: impl Into<String>) -> Result<T, ParseError> {
        Err(ParseError::at(self.text, position, message))
    }

    pub(super) fn unexpected<T>(&mut self, expected: &str) -> Result<T, ParseError> {
        let word = self.peek_word();
        let found = match self.rest().chars().next() {
            None => "end of input".to_owned(),
            Some(_) if !word.is_empty() => format!("{word:?}"),
            Some(character) => format!("{:?}", character.to_string()),
        };
        self.error(self.at, format!("unexpected {found}, expected {expected}"))
    }
}
