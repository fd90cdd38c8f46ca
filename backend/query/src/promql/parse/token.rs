//! Splitting a query into tokens.

use crate::{ParseError, scan};

/// Kind of token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    /// Number or duration.
    Number,
    Text,
    ParenOpen,
    ParenClose,
    BraceOpen,
    BraceClose,
    BracketOpen,
    BracketClose,
    Comma,
    Colon,
    At,
    /// `+` or `-`
    Sign,
    /// Any other binary operator written with symbols.
    Operator,
    /// `=`, `=~` or `!~`
    Assign,
    End,
}

/// A token and its place.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    pub kind: Kind,
    pub start: usize,
    pub end: usize,
}

/// Splits a query; the last token is [`Kind::End`].
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>, ParseError> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut in_brackets) = (0, false);
    while at < bytes.len() {
        let start = at;
        let two = bytes.get(at..at + 2);
        let (kind, end) = match bytes[at] {
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            b'#' => {
                at = scan::run(text, at, |b| b != b'\n');
                continue;
            }
            b'(' => (Kind::ParenOpen, at + 1),
            b')' => (Kind::ParenClose, at + 1),
            b'{' => (Kind::BraceOpen, at + 1),
            b'}' => (Kind::BraceClose, at + 1),
            b'[' => (Kind::BracketOpen, at + 1),
            b']' => (Kind::BracketClose, at + 1),
            b',' => (Kind::Comma, at + 1),
            b'@' => (Kind::At, at + 1),
            b':' if in_brackets => (Kind::Colon, at + 1),
            b'"' | b'\'' | b'`' => match scan::quoted_end(text, at) {
                Some(end) => (Kind::Text, end),
                None => return Err(ParseError::at(text, at, "unterminated quoted string")),
            },
            b'+' | b'-' => (Kind::Sign, at + 1),
            b'*' | b'/' | b'%' | b'^' => (Kind::Operator, at + 1),
            b'=' if two == Some(b"==") => (Kind::Operator, at + 2),
            b'=' if two == Some(b"=~") => (Kind::Assign, at + 2),
            b'=' => (Kind::Assign, at + 1),
            b'!' if two == Some(b"!=") => (Kind::Operator, at + 2),
            b'!' if two == Some(b"!~") => (Kind::Assign, at + 2),
            b'<' | b'>' => (
                Kind::Operator,
                at + 1 + usize::from(bytes.get(at + 1) == Some(&b'=')),
            ),
            byte if byte.is_ascii_digit() || byte == b'.' => (Kind::Number, number_end(text, at)),
            byte if scan::starts_word(byte) || byte == b':' => (
                Kind::Word,
                scan::run(text, at, |b| {
                    scan::continues_word(b) || (b == b':' && !in_brackets)
                }),
            ),
            _ => {
                let shown = text[at..].chars().next().unwrap_or(' ');
                return Err(ParseError::at(
                    text,
                    at,
                    format!("unexpected character {shown:?}"),
                ));
            }
        };
        in_brackets = (in_brackets || kind == Kind::BracketOpen) && kind != Kind::BracketClose;
        tokens.push(Token { kind, start, end });
        at = end;
    }
    tokens.push(Token {
        kind: Kind::End,
        start: text.len(),
        end: text.len(),
    });
    Ok(tokens)
}

/// End of a number or duration; a sign belongs to it right after a decimal exponent.
fn number_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let part = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'_';
    let end = scan::run(text, start, part);
    let hex = text[start..end].to_ascii_lowercase().starts_with("0x");
    let exponent =
        matches!(bytes[end - 1], b'e' | b'E') && bytes.get(end).is_some_and(|b| matches!(b, b'+' | b'-'));
    if exponent && !hex {
        scan::run(text, end + 1, part)
    } else {
        end
    }
}
