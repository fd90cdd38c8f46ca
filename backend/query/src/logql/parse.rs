//! From text to a checked query.
//!
//! Invariant: brackets nest at most [`MAX_NESTING`] deep, and stages, tests and operators are counted, so that neither this recursion nor
//! the evaluator's grows with the text; every error has the position of what is wrong.

mod filter;
mod metric;
mod range;
mod selector;
mod stage;

use watchroom_model::Matcher;

use super::cursor::Cursor;
use super::query::{LogQuery, Pipeline, Query};
use super::stage::Stage;
use crate::ParseError;

/// Brackets that may be open at one time.
const MAX_NESTING: usize = 50;
/// Stages, tests of labels and operators that a query may have, each.
const MAX_PARTS: usize = 200;
/// Bytes that a query may have.
const MAX_BYTES: usize = 1 << 17;

/// Reads a query.
///
/// ```
/// use watchroom_query::logql::{self, Query};
///
/// let query = logql::parse(r#"{service_name="deriva"} |= "timeout" | json | level="error""#).unwrap();
/// assert!(matches!(query, Query::Logs(_)));
/// let query = logql::parse(r#"sum by (level) (rate({service_name="deriva"} | json [5m]))"#).unwrap();
/// assert!(matches!(query, Query::Metric(_)));
///
/// let error = logql::parse(r#"{service_name="deriva"} | jsn"#).unwrap_err();
/// assert_eq!(error.to_string(), r#"1:27: parse error: unknown stage "jsn", did you mean "json"?"#);
/// ```
///
/// # Errors
/// [`ParseError`] with the byte position.
pub fn parse(text: &str) -> Result<Query, ParseError> {
    if text.len() > MAX_BYTES {
        let message = format!("query is longer than {MAX_BYTES} bytes");
        return Err(ParseError::at(text, MAX_BYTES, message));
    }
    let mut cursor = Cursor::new(text);
    if cursor.done() {
        return cursor.error(0, "no expression found in input");
    }
    let query = match is_log_query(cursor) {
        true => Query::Logs(LogQuery::new(text, log_query(&mut cursor)?)),
        false => Query::Metric(metric::query(&mut cursor)?),
    };
    match cursor.done() {
        true => Ok(query),
        false if cursor.rest().starts_with(')') => {
            cursor.error(cursor.at, "unexpected \")\", no parenthesis is open")
        }
        false => match query {
            Query::Logs(_) => cursor.unexpected("a filter such as |= \"…\" or a stage after \"|\""),
            Query::Metric(_) => cursor.unexpected("an operator or the end of the expression"),
        },
    }
}

/// Reads a query for lines.
///
/// # Errors
/// [`ParseError`] if it is not one.
pub fn parse_logs(text: &str) -> Result<LogQuery, ParseError> {
    match parse(text)? {
        Query::Logs(query) => Ok(query),
        Query::Metric(_) => Err(ParseError::at(
            text,
            0,
            "expected a query for log lines, got one for a metric",
        )),
    }
}

/// Reads a lone stream selector, as `match[]` of the HTTP API has it.
///
/// # Errors
/// [`ParseError`] if it is not one.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    let mut cursor = Cursor::new(text);
    let matchers = selector::matchers(&mut cursor)?;
    match cursor.done() {
        true => Ok(matchers),
        false => cursor.unexpected("the end of the selector"),
    }
}

/// Whether the first thing after brackets is a stream selector.
fn is_log_query(mut ahead: Cursor<'_>) -> bool {
    while ahead.eat("(") {}
    ahead.rest().starts_with('{')
}

/// `{a="b"} | …`, with or without brackets.
fn log_query(cursor: &mut Cursor<'_>) -> Result<Pipeline, ParseError> {
    let mut brackets = Vec::new();
    loop {
        let at = cursor.at;
        if !cursor.eat("(") {
            break;
        }
        if brackets.len() == MAX_NESTING {
            return cursor.error(at, format!("query is nested deeper than {MAX_NESTING} levels"));
        }
        brackets.push(at);
    }
    let mut pipeline = Pipeline {
        matchers: selector::matchers(cursor)?,
        stages: Vec::new(),
    };
    loop {
        if cursor.rest().starts_with(['|', '!']) {
            let start = cursor.at;
            let stage = stage::stage(cursor)?;
            add(cursor, &mut pipeline.stages, stage, start)?;
        } else if cursor.rest().starts_with('[') {
            let message =
                "a range such as [5m] belongs into a function such as rate(…) or count_over_time(…)";
            return cursor.error(cursor.at, message);
        } else if !brackets.is_empty() && cursor.eat(")") {
            brackets.pop();
        } else {
            break;
        }
    }
    match brackets.pop() {
        Some(open) if cursor.done() => cursor.error(open, "unclosed parenthesis \"(\""),
        Some(_) => cursor.unexpected("\")\""),
        None => Ok(pipeline),
    }
}

fn add(cursor: &Cursor<'_>, stages: &mut Vec<Stage>, stage: Stage, start: usize) -> Result<(), ParseError> {
    if stages.len() == MAX_PARTS {
        return cursor.error(start, format!("query has more than {MAX_PARTS} stages"));
    }
    stages.push(stage);
    Ok(())
}
