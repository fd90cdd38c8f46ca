//! Where the tokens of a statement end.
//!
//! Invariant: whoever asks for an end goes on from there, so no byte is passed over more than a bounded number of times.

/// How a quoted text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// A backslash is a character like others.
    No,
    /// A backslash takes the next character's meaning away.
    Yes,
    /// Either: a quote after a backslash ends it or does not.
    Unknown,
}

/// What was found after an opening mark.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It ends before this place.
    At(usize),
    /// It ends here for some dialects and not for others.
    Unknown,
}

/// Bytes that begin an identifier or a keyword.
pub(super) const fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

/// Bytes that go on in one.
pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$') || !byte.is_ascii()
}

pub(super) const fn is_blank(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}

const fn is_quote(byte: u8) -> bool {
    matches!(byte, b'\'' | b'"' | b'`')
}

/// The statement's bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'t> {
    pub(super) text: &'t str,
    pub(super) bytes: &'t [u8],
}

impl<'t> Cursor<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
        }
    }

    /// The byte at a place; zero past the end.
    pub(super) fn byte(&self, at: usize) -> u8 {
        self.bytes.get(at).copied().unwrap_or(0)
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> &'t [u8] {
        self.bytes.get(start..end).unwrap_or_default()
    }

    pub(super) fn starts_with(&self, at: usize, what: &[u8]) -> bool {
        self.bytes.get(at..).is_some_and(|rest| rest.starts_with(what))
    }

    /// First place from `at` on whose byte is not of the class.
    pub(super) fn skip(&self, at: usize, class: impl Fn(u8) -> bool) -> usize {
        let rest = self.bytes.get(at..).unwrap_or_default();
        at + rest.iter().position(|b| !class(*b)).unwrap_or(rest.len())
    }

    /// End of the quoted text that opens at `open`, after its closing quote; a doubled quote is part of it. The end of the statement if
    /// it stays open.
    pub(super) fn end_of_quoted(&self, open: usize, escapes: Escapes) -> End {
        let quote = self.byte(open);
        let mut at = open + 1;
        while at < self.len() {
            let byte = self.byte(at);
            if byte == b'\\' && escapes != Escapes::No {
                if escapes == Escapes::Unknown && is_quote(self.byte(at + 1)) {
                    return End::Unknown;
                }
                at += 2;
            } else if byte == quote {
                if self.byte(at + 1) != quote {
                    return End::At(at + 1);
                }
                at += 2;
            } else {
                at += 1;
            }
        }
        End::At(self.len())
    }

    /// End of the dollar-quoted text at `at`; none if there is no such text.
    ///
    /// Source: PostgreSQL, "Dollar-Quoted String Constants".
    pub(super) fn end_of_dollar_quoted(&self, at: usize) -> Option<usize> {
        let tag_end = self.skip(at + 1, |b| is_word(b) && b != b'$');
        if self.byte(tag_end) != b'$' || self.byte(at + 1).is_ascii_digit() {
            return None;
        }
        let tag = self.text.get(at..=tag_end)?;
        let body = tag_end + 1;
        let found = self.text.get(body..).and_then(|rest| rest.find(tag));
        Some(found.map_or(self.len(), |offset| body + offset + tag.len()))
    }

    /// End of the line; [`End::Unknown`] if `strict` and a quote stands in it, or if a bare carriage return does, which ends a line for some.
    pub(super) fn end_of_line(&self, at: usize, strict: bool) -> End {
        let end = self.skip(at, |b| b != b'\n');
        let line = self.slice(at, end);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&b'\r') || (strict && line.iter().any(|b| is_quote(*b))) {
            return End::Unknown;
        }
        End::At(end)
    }

    /// End of the `/*` comment at `at`.
    pub(super) fn end_of_block(&self, at: usize, nesting: Nesting) -> End {
        let mut depth = 1_usize;
        let mut at = at + 2;
        while at < self.len() {
            if self.starts_with(at, b"*/") {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return End::At(at);
                }
            } else if nesting != Nesting::No && self.starts_with(at, b"/*") {
                if nesting == Nesting::Unknown {
                    return End::Unknown;
                }
                depth += 1;
                at += 2;
            } else {
                at += 1;
            }
        }
        End::At(self.len())
    }

    /// End of the number at `at`, with its unit, suffix or exponent; also of a date or an identifier in hex with dashes.
    pub(super) fn end_of_number(&self, at: usize) -> usize {
        let mut end = self.digits_and_letters(at);
        // `2026-01-02T03`, `550e8400-e29b-…`, which otherwise would leave their letters.
        while self.byte(end) == b'-' {
            let next = self.digits_and_letters(end + 1);
            let part = self.slice(end + 1, next);
            let digit = part.first().is_some_and(u8::is_ascii_digit);
            if part.len() < 2 || !(digit || part.iter().all(u8::is_ascii_hexdigit)) {
                break;
            }
            end = next;
        }
        end
    }

    fn digits_and_letters(&self, at: usize) -> usize {
        let mut end = at;
        loop {
            end = self.skip(end, |b| is_word(b) || b == b'.');
            let exponent = end > at
                && matches!(self.byte(end - 1), b'e' | b'E')
                && matches!(self.byte(end), b'+' | b'-')
                && self.byte(end + 1).is_ascii_digit();
            if !exponent {
                return end;
            }
            end += 1;
        }
    }

    /// Whether a UUID stands at a place, unquoted.
    pub(super) fn is_uuid(&self, at: usize) -> bool {
        self.byte(at + 8) == b'-'
            && self.slice(at, at + 36).len() == 36
            && !is_word(self.byte(at + 36))
            && self
                .slice(at, at + 36)
                .iter()
                .enumerate()
                .all(|(idx, b)| match idx {
                    8 | 13 | 18 | 23 => *b == b'-',
                    _ => b.is_ascii_hexdigit(),
                })
    }
}

/// Whether comments stand within comments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nesting {
    No,
    Yes,
    Unknown,
}
