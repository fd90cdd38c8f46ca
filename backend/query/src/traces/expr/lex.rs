//! Words of an expression with their places.

use std::sync::Arc;

use super::ast::{Field, Intrinsic, Level, Literal, Op};
use crate::ParseError;
use crate::scan::{quoted_end, run, unquote};

/// One word.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    OpenBrace,
    CloseBrace,
    OpenParen,
    CloseParen,
    And,
    Or,
    Not,
    /// `>>`
    Below,
    Op(Op),
    Field(Field),
    Literal(Literal),
    /// A bare word: of a status or kind, or unknown.
    Word(Arc<str>),
    End,
}

impl Token {
    /// As it is named in an error.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::OpenBrace => "\"{\"".into(),
            Self::CloseBrace => "\"}\"".into(),
            Self::OpenParen => "\"(\"".into(),
            Self::CloseParen => "\")\"".into(),
            Self::And => "\"&&\"".into(),
            Self::Or => "\"||\"".into(),
            Self::Not => "\"!\"".into(),
            Self::Below => "\">>\"".into(),
            Self::Op(op) => format!("{:?}", op.symbol()),
            Self::Field(field) => format!("field {field}"),
            Self::Literal(literal) => format!("value {literal}"),
            Self::Word(word) => format!("{word:?}"),
            Self::End => "the end".into(),
        }
    }
}

/// Whether a byte may be in an attribute key without quotes.
fn in_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b'@' | b'$') || byte >= 0x80
}

/// Whether an attribute key needs no quotes.
pub(super) fn is_plain_key(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(in_key)
}

/// Splits an expression into words, each with where it begins; the last is the end.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, ParseError> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        let (token, end) = match byte {
            b'{' => (Token::OpenBrace, at + 1),
            b'}' => (Token::CloseBrace, at + 1),
            b'(' => (Token::OpenParen, at + 1),
            b')' => (Token::CloseParen, at + 1),
            b'"' | b'`' | b'\'' => string(text, at)?,
            b'&' if bytes.get(at + 1) == Some(&b'&') => (Token::And, at + 2),
            b'|' if bytes.get(at + 1) == Some(&b'|') => (Token::Or, at + 2),
            b'&' | b'|' => {
                let twice = char::from(byte);
                return Err(ParseError::at(
                    text,
                    at,
                    format!("unexpected \"{twice}\", write \"{twice}{twice}\""),
                ));
            }
            b'>' if bytes.get(at + 1) == Some(&b'>') => (Token::Below, at + 2),
            b'=' if bytes.get(at + 1) == Some(&b'=') => {
                return Err(ParseError::at(text, at, "unexpected \"==\", write \"=\""));
            }
            b'=' | b'!' | b'<' | b'>' => operator(text, at),
            b'0'..=b'9' | b'-' | b'+' => number(text, at)?,
            b'.' if bytes.get(at + 1).is_some_and(u8::is_ascii_digit) => number(text, at)?,
            b'.' => attribute(text, at, Level::Any, at + 1)?,
            byte if byte.is_ascii_alphabetic() || byte == b'_' => word(text, at)?,
            _ => {
                let c = text[at..].chars().next().unwrap_or(' ');
                return Err(ParseError::at(text, at, format!("unexpected character {c:?}")));
            }
        };
        tokens.push((token, at));
        at = end;
    }
    tokens.push((Token::End, text.len()));
    Ok(tokens)
}

fn string(text: &str, at: usize) -> Result<(Token, usize), ParseError> {
    let end = quoted_end(text, at).ok_or_else(|| ParseError::at(text, at, "the string is not closed"))?;
    let read = unquote(&text[at..end]).map_err(|(offset, why)| ParseError::at(text, at + offset, why))?;
    Ok((Token::Literal(Literal::Text(read.into())), end))
}

fn operator(text: &str, at: usize) -> (Token, usize) {
    let found = Op::SYMBOLS
        .iter()
        .find(|(symbol, _)| text[at..].starts_with(symbol));
    match found {
        Some((symbol, op)) => (Token::Op(*op), at + symbol.len()),
        None => (Token::Not, at + 1),
    }
}

fn number(text: &str, at: usize) -> Result<(Token, usize), ParseError> {
    let sign = usize::from(matches!(text.as_bytes()[at], b'-' | b'+'));
    let mut end = run(text, at + sign, |b| b.is_ascii_digit() || b == b'.');
    let bytes = text.as_bytes();
    // An exponent, but not the unit of a duration.
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let signed = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'-' | b'+')));
        let digits = run(text, signed, |b| b.is_ascii_digit());
        if digits > signed {
            end = digits;
        }
    }
    let unit_end = run(text, end, |b| b.is_ascii_alphanumeric() || b == b'.' || b >= 0x80);
    let (digits, whole) = (&text[at..end], &text[at..unit_end]);
    if unit_end > end {
        let duration = super::super::parse_duration(whole)
            .map_err(|error| ParseError::at(text, at, error.to_string()))?;
        let ns = u64::try_from(duration.as_nanos())
            .map_err(|_| ParseError::at(text, at, format!("duration {whole:?} is too long")))?;
        return Ok((Token::Literal(Literal::Duration(ns)), unit_end));
    }
    let bare = digits.strip_prefix('+').unwrap_or(digits);
    if let Ok(int) = bare.parse::<i64>() {
        return Ok((Token::Literal(Literal::Int(int)), end));
    }
    match bare.parse::<f64>() {
        Ok(float) if float.is_finite() => Ok((Token::Literal(Literal::Float(float)), end)),
        _ => Err(ParseError::at(text, at, format!("{digits:?} is not a number"))),
    }
}

/// Reads the key of an attribute from `start` on.
fn attribute(text: &str, at: usize, level: Level, start: usize) -> Result<(Token, usize), ParseError> {
    if text.as_bytes().get(start) == Some(&b'"') {
        let (token, end) = string(text, start)?;
        if let Token::Literal(Literal::Text(key)) = token
            && !key.is_empty()
        {
            return Ok((Token::Field(Field::Attribute(level, key)), end));
        }
        return Err(ParseError::at(text, start, "the key of an attribute is empty"));
    }
    let end = run(text, start, in_key);
    match &text[start..end] {
        "" => Err(ParseError::at(
            text,
            at,
            "expected the key of an attribute after the dot, such as span.http.route",
        )),
        key => Ok((Token::Field(Field::Attribute(level, key.into())), end)),
    }
}

fn word(text: &str, at: usize) -> Result<(Token, usize), ParseError> {
    let end = run(text, at, |b| b.is_ascii_alphanumeric() || b == b'_');
    let first = &text[at..end];
    match text.as_bytes().get(end) {
        Some(b'.') => {
            let level = Level::NAMES.iter().find(|(name, _)| *name == first);
            match level {
                Some((_, level)) => return attribute(text, at, *level, end + 1),
                None => {
                    let whole = &text[at..run(text, at, in_key)];
                    let reason = format!(
                        "unknown scope {first:?}: write span.{whole}, resource.{whole}, event.{whole}, instrumentation.{whole} or .{whole}"
                    );
                    return Err(ParseError::at(text, at, reason));
                }
            }
        }
        Some(b':') => {
            let whole_end = run(text, end + 1, |b| b.is_ascii_alphanumeric() || b == b'_');
            let whole = &text[at..whole_end];
            return intrinsic(whole)
                .map(|field| (field, whole_end))
                .ok_or_else(|| ParseError::at(text, at, format!("unknown field {whole:?}")));
        }
        _ => {}
    }
    let literal = match first {
        "true" => Some(Literal::Bool(true)),
        "false" => Some(Literal::Bool(false)),
        "nil" => Some(Literal::Nil),
        _ => None,
    };
    let token = match literal {
        Some(literal) => Token::Literal(literal),
        None => intrinsic(first).unwrap_or_else(|| Token::Word(first.into())),
    };
    Ok((token, end))
}

fn intrinsic(name: &str) -> Option<Token> {
    Intrinsic::NAMES
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, intrinsic)| Token::Field(Field::Intrinsic(*intrinsic)))
}
