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
    Number(f64),
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
        c if c.is_ascii_digit() || (matches!(c, '-' | '+' | '.') && second_is_digit) => {
            let end = rest[1..]
                .find(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '_')
                .map_or(rest.len(), |i| i + 1);
            let word = &rest[..end];
            let number = watchroom_query::promql::parse_value(word)
                .ok_or_else(|| format!("invalid number {word:?}"))?;
            (Kind::Number(number), end)
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
                Some('"') => '"',
                Some('\\') => '\\',
                Some(other) => return Err(format!("unknown escape sequence \"\\{other}\"")),
                None => break,
            }),
            c => text.push(c),
        }
    }
    Err("unterminated quoted string".into())
}
