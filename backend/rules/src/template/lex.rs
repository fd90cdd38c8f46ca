//! Splitting a template into text and the tokens of its actions.

/// A mistake: where, and what.
pub(super) type Mistake = (usize, String);

/// A piece of a template.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Piece {
    Text(String),
    /// What stands between `{{` and `}}`, and where it begins.
    Action(Vec<Token>, usize),
}

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    pub at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Word(String),
    /// `$name`, the dollar left out.
    Variable(String),
    /// `.name`, the dot left out; empty for a lone dot.
    Field(String),
    Text(String),
    /// A number, and whether it is written as a float.
    Number(f64, bool),
    Pipe,
    Open,
    Close,
    Declare,
    Assign,
    Comma,
}

/// Splits a template.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece>, Mistake> {
    let mut pieces = Vec::new();
    let (mut at, mut trim_next) = (0, false);
    loop {
        let open = text[at..].find("{{").map(|i| at + i);
        let mut plain = &text[at..open.unwrap_or(text.len())];
        if trim_next {
            plain = plain.trim_start();
        }
        let body_start = open.map(|i| i + 2);
        let trims = body_start.is_some_and(|i| is_trim_open(&text[i..]));
        if trims {
            plain = plain.trim_end();
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain.into()));
        }
        let Some(mut start) = body_start else {
            return Ok(pieces);
        };
        start += usize::from(trims);
        let comment = text[start..].trim_start();
        if comment.starts_with("/*") {
            let Some(end) = text[start..].find("*/").map(|i| start + i + 2) else {
                return Err((start, "unclosed comment".into()));
            };
            let rest = text[end..].trim_start();
            trim_next = rest.starts_with('-');
            let Some(after) = rest.strip_prefix('-').unwrap_or(rest).strip_prefix("}}") else {
                return Err((end, "comment must end before \"}}\"".into()));
            };
            at = text.len() - after.len();
            continue;
        }
        let (tokens, end, trimmed) = action(text, start)?;
        pieces.push(Piece::Action(tokens, start));
        (at, trim_next) = (end, trimmed);
    }
}

/// `{{- ` trims the text before it.
fn is_trim_open(body: &str) -> bool {
    body.strip_prefix('-')
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_whitespace()))
}

/// Tokens up to `}}`, the end, and whether the text after it is trimmed.
fn action(text: &str, start: usize) -> Result<(Vec<Token>, usize, bool), Mistake> {
    let mut tokens = Vec::new();
    let mut at = start;
    loop {
        let rest = &text[at..];
        let Some(first) = rest.chars().next() else {
            return Err((start, "unclosed action, \"}}\" is missing".into()));
        };
        if rest.starts_with("}}") {
            return Ok((tokens, at + 2, false));
        }
        if first.is_whitespace() {
            let blank = rest.len() - rest.trim_start().len();
            if rest[blank..].starts_with("-}}") {
                return Ok((tokens, at + blank + 3, true));
            }
            at += blank;
            continue;
        }
        let (kind, length) = token(rest).map_err(|message| (at, message))?;
        tokens.push(Token { kind, at });
        at += length;
    }
}

fn token(rest: &str) -> Result<(Kind, usize), String> {
    let name_end = |from: usize| {
        rest[from..]
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(rest.len(), |i| from + i)
    };
    let first = rest.chars().next().unwrap_or(' ');
    let second_is_digit = rest[first.len_utf8()..].starts_with(|c: char| c.is_ascii_digit());
    Ok(match first {
        '|' => (Kind::Pipe, 1),
        '(' => (Kind::Open, 1),
        ')' => (Kind::Close, 1),
        ',' => (Kind::Comma, 1),
        ':' if rest.starts_with(":=") => (Kind::Declare, 2),
        '=' => (Kind::Assign, 1),
        '$' => {
            let end = name_end(1);
            (Kind::Variable(rest[1..end].into()), end)
        }
        '.' if !second_is_digit => {
            let end = name_end(1);
            (Kind::Field(rest[1..end].into()), end)
        }
        '`' => {
            let end = rest[1..].find('`').ok_or("unterminated quoted string")? + 1;
            (Kind::Text(rest[1..end].into()), end + 1)
        }
        '"' => quoted(rest)?,
        '\'' => character(rest)?,
        c if c.is_ascii_digit() || (matches!(c, '-' | '+' | '.') && second_is_digit) => {
            let end = rest[1..]
                .char_indices()
                .find(|(i, c)| {
                    let exponent = rest[..i + 1].ends_with(['e', 'E']) && matches!(c, '+' | '-');
                    !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_') && !exponent
                })
                .map_or(rest.len(), |(i, _)| i + 1);
            let word = &rest[..end];
            let number = number(word).ok_or_else(|| format!("bad number syntax: {word:?}"))?;
            let hex = word.contains(['x', 'X']);
            (Kind::Number(number, !hex && word.contains(['.', 'e', 'E'])), end)
        }
        c if c.is_alphabetic() || c == '_' => {
            let end = name_end(0);
            (Kind::Word(rest[..end].into()), end)
        }
        c => return Err(format!("unexpected character {c:?}")),
    })
}

/// A string in double quotes, with Go's escapes.
fn quoted(rest: &str) -> Result<(Kind, usize), String> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1);
    while let Some((i, c)) = chars.next() {
        match c {
            '"' => return Ok((Kind::Text(text), i + 1)),
            '\n' => break,
            '\\' => text.push(match chars.next().map(|(_, c)| c) {
                Some('n') => '\n',
                Some('t') => '\t',
                Some('r') => '\r',
                Some('a') => '\u{7}',
                Some('b') => '\u{8}',
                Some('f') => '\u{c}',
                Some('v') => '\u{b}',
                Some('"') => '"',
                Some('\\') => '\\',
                Some(form @ ('x' | 'u' | 'U')) => {
                    let digits = match form {
                        'x' => 2,
                        'u' => 4,
                        _ => 8,
                    };
                    let code: String = chars.by_ref().take(digits).map(|(_, c)| c).collect();
                    u32::from_str_radix(&code, 16)
                        .ok()
                        .filter(|_| code.len() == digits)
                        .and_then(char::from_u32)
                        .ok_or_else(|| format!("unknown escape sequence \"\\{form}{code}\""))?
                }
                Some(other) => return Err(format!("unknown escape sequence \"\\{other}\"")),
                None => break,
            }),
            c => text.push(c),
        }
    }
    Err("unterminated quoted string".into())
}

/// A number as Go writes it; underscores may part its digits.
fn number(word: &str) -> Option<f64> {
    let plain = word.replace('_', "");
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(digits) => (-1.0, digits),
        None => (1.0, plain.strip_prefix('+').unwrap_or(&plain)),
    };
    for (prefixes, radix) in [(["0b", "0B"], 2), (["0o", "0O"], 8)] {
        if let Some(digits) = prefixes.iter().find_map(|prefix| digits.strip_prefix(prefix)) {
            return Some(sign * u64::from_str_radix(digits, radix).ok()? as f64);
        }
    }
    Some(sign * watchroom_query::promql::parse_value(digits)?)
}

/// A character in single quotes, which is its number.
fn character(rest: &str) -> Result<(Kind, usize), String> {
    let mut chars = rest.char_indices().skip(1);
    let (c, end) = match (chars.next(), chars.next()) {
        (Some((_, '\\')), Some((_, escaped))) => {
            let c = match escaped {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                '\\' | '\'' => escaped,
                other => return Err(format!("unknown escape sequence \"\\{other}\"")),
            };
            (c, chars.next())
        }
        (Some((_, c)), end) if c != '\'' => (c, end),
        _ => return Err("malformed character constant".into()),
    };
    match end {
        Some((i, '\'')) => Ok((Kind::Number(f64::from(u32::from(c)), false), i + 1)),
        _ => Err("unterminated character constant".into()),
    }
}
