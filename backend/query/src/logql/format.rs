//! A query in one shape: blanks where one puts them, and lines no longer than need be.

use super::parse;
use crate::{ParseError, scan};

/// Longest line that is left in one piece.
const WIDTH: usize = 100;

/// Symbols, longer ones before those that begin them.
const SYMBOLS: [&str; 14] = [
    "|=",
    "|~",
    "|>",
    "!=",
    "!~",
    "!>",
    "=~",
    "==",
    ">=",
    "<=",
    "--strict",
    "--keep-empty",
    "|",
    "=",
];
/// Words that stand before brackets with a blank.
const SPACED: [&str; 10] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "and",
    "or",
    "unless",
    "bool",
];

/// Writes a query anew: on one line if that is short, else with a line for each stage and each argument.
///
/// ```
/// use watchroom_query::logql;
///
/// let shown = logql::format_query(r#"sum  by(a)(rate({b = "c"}|="d"|json[5m]))"#).unwrap();
/// assert_eq!(shown, r#"sum by (a) (rate({b="c"} |= "d" | json [5m]))"#);
/// ```
///
/// # Errors
/// [`ParseError`] if it is not a query.
pub fn format_query(text: &str) -> Result<String, ParseError> {
    parse(text)?;
    let tokens = tokens(text);
    let mut out = String::new();
    write(&tokens, 0, &mut out);
    Ok(out)
}

/// A token, and whether a blank stands before it on a line.
struct Token<'a> {
    text: &'a str,
    space: bool,
}

impl Token<'_> {
    fn opens(&self) -> bool {
        self.text == "("
    }

    fn closes(&self) -> bool {
        self.text == ")"
    }

    /// Whether it begins a stage.
    fn stage(&self) -> bool {
        self.space && (self.text.starts_with('|') || ["!=", "!~", "!>"].contains(&self.text))
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens: Vec<Token<'_>> = Vec::new();
    // Of each open bracket: whether comparisons in it stand without blanks.
    let mut at = 0;
    let (mut braces, mut in_range) = (0, false);
    // Whether a stage has begun, so that a comparison is that of a label.
    let mut in_filter = false;
    while at < text.len() {
        let rest = &text[at..];
        let byte = text.as_bytes()[at];
        if byte.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if byte == b'#' {
            at = scan::run(text, at, |b| b != b'\n');
            continue;
        }
        let end = match byte {
            b'"' | b'`' => scan::quoted_end(text, at).unwrap_or(text.len()),
            b if b.is_ascii_alphanumeric() || b == b'_' || b == b'.' => {
                scan::run(text, at, |b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
            }
            _ => match SYMBOLS.into_iter().find(|symbol| rest.starts_with(symbol)) {
                Some(symbol) => at + symbol.len(),
                None => at + rest.chars().next().map_or(1, char::len_utf8),
            },
        };
        let token = &text[at..end];
        at = end;
        let before = tokens.last().map_or("", |token| token.text);
        let after_open = ["", "(", "{", "["].contains(&before);
        let after_compare = in_filter || braces > 0;
        let compares = |token: &str| ["=", "=~", "!~", "!=", "==", ">=", "<=", ">", "<"].contains(&token);
        let line_filter = ["!=", "!~"].contains(&token) && braces == 0 && !word_before(before, in_filter);
        let space = match token {
            "," | ")" | "}" | "]" => false,
            "(" => {
                SPACED.contains(&before)
                    || before == ")"
                    || before == "|"
                    || compares(before) && !after_compare
                    || before == ","
            }
            "[" => !after_open,
            _ if after_open => false,
            _ if in_range => false,
            "=" => false,
            _ if compares(token) && after_compare && !line_filter => false,
            _ if compares(before) && after_compare => tokens.last().is_some_and(|token| token.space),
            _ => true,
        };
        match token {
            "{" => braces += 1,
            "}" => braces -= 1,
            "[" => in_range = true,
            "]" => in_range = false,
            _ => {}
        }
        if token == "|" {
            in_filter = true;
        } else if token.starts_with('|') || line_filter || token == "[" || token == ")" && braces == 0 {
            in_filter = false;
        }
        tokens.push(Token { text: token, space });
    }
    tokens
}

/// Whether a comparison after this token is one of a label in a filter.
fn word_before(before: &str, in_filter: bool) -> bool {
    in_filter && before.bytes().next().is_some_and(scan::starts_word)
}

/// Length of tokens on one line.
fn width(tokens: &[Token<'_>]) -> usize {
    tokens
        .iter()
        .map(|token| token.text.chars().count() + usize::from(token.space))
        .sum()
}

fn line(out: &mut String, indent: usize) {
    while out.ends_with(' ') {
        out.pop();
    }
    out.push('\n');
    out.extend(std::iter::repeat_n("  ", indent));
}

fn write(tokens: &[Token<'_>], indent: usize, out: &mut String) {
    let broken = indent * 2 + width(tokens) > WIDTH;
    let mut at = 0;
    let mut fresh = true;
    while at < tokens.len() {
        let token = &tokens[at];
        if broken && token.stage() && !fresh {
            line(out, indent + 1);
        } else if token.space && !fresh {
            out.push(' ');
        }
        fresh = false;
        out.push_str(token.text);
        at += 1;
        if token.opens() {
            let inner = matching(&tokens[at..]);
            let inside = &tokens[at..at + inner];
            if broken && indent < 40 && indent * 2 + width(inside) > WIDTH / 2 {
                line(out, indent + 1);
                write(inside, indent + 1, out);
                line(out, indent);
            } else {
                inside.iter().enumerate().for_each(|(i, token)| {
                    if token.space && i > 0 {
                        out.push(' ');
                    }
                    out.push_str(token.text);
                });
            }
            at += inner;
        } else if broken && token.text == "," && indent > 0 {
            line(out, indent);
            fresh = true;
        }
    }
}

/// Number of tokens up to the bracket that closes the one before them.
fn matching(tokens: &[Token<'_>]) -> usize {
    let mut open = 0;
    for (i, token) in tokens.iter().enumerate() {
        match token {
            token if token.opens() => open += 1,
            token if token.closes() && open == 0 => return i,
            token if token.closes() => open -= 1,
            _ => {}
        }
    }
    tokens.len()
}
