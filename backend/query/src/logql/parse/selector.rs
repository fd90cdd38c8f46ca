//! Stream selectors.

use watchroom_model::{MatchOp, Matcher};

use crate::logql::cursor::Cursor;
use crate::{ParseError, promql};

/// `{a="b", c=~"d"}`
pub(super) fn matchers(cursor: &mut Cursor<'_>) -> Result<Vec<Matcher>, ParseError> {
    cursor.rest();
    let start = cursor.at;
    if !cursor.eat("{") {
        return cursor.unexpected("a stream selector such as {service_name=\"…\"}");
    }
    let mut matchers = Vec::new();
    while !cursor.eat("}") {
        if cursor.done() {
            return cursor.error(start, "unclosed brace \"{\"");
        }
        let name = cursor.word("a label name or \"}\"")?;
        let Some(op) = cursor.eat_any(&["=~", "!~", "!=", "="]) else {
            return cursor.unexpected("one of = != =~ !~");
        };
        let op = [
            MatchOp::Regex,
            MatchOp::NotRegex,
            MatchOp::NotEqual,
            MatchOp::Equal,
        ][op];
        matchers.push(matcher(cursor, name, op)?);
        if !cursor.eat(",") && !cursor.rest().starts_with('}') && !cursor.done() {
            return cursor.unexpected("\",\" or \"}\"");
        }
    }
    if matchers.iter().all(Matcher::matches_empty) {
        return cursor.error(
            start,
            "stream selector must contain at least one matcher that does not match the empty string, such as a=~\".+\"",
        );
    }
    Ok(matchers)
}

/// The quoted right side of a comparison with `name`.
pub(super) fn matcher(cursor: &mut Cursor<'_>, name: &str, op: MatchOp) -> Result<Matcher, ParseError> {
    let (value, position) = cursor.string()?;
    Matcher::new(op, name, value).or_else(|error| {
        let why = promql::last_line(&error.source.to_string()).to_owned();
        cursor.error(position, format!("{error}: {why}"))
    })
}
