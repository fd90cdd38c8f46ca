//! From text to a checked query.

use std::time::Duration;

use watchroom_model::Matcher;

use super::ast::{At, Expr, RangeOf};
use super::lower::lower;
use super::syntax::look;
use super::{ValueType, functions};
use crate::{ParseError, scan};

/// Brackets that are looked into, at most, to find the position of a mistake.
const MAX_SEARCHED_GROUPS: usize = 50;

/// A query that has been read and checked: types agree, regular expressions are compiled.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    pub(crate) expr: Expr,
}

impl Query {
    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Type of its result.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        self.expr.value_type()
    }

    /// Matchers of each selector in the query, from left to right.
    #[must_use]
    pub fn selectors(&self) -> Vec<&[Matcher]> {
        let mut found = Vec::new();
        collect(&self.expr, &mut found);
        found
    }
}

/// Whether the expression is made of numbers, `vector(…)` and operators alone.
pub(crate) fn is_constant(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) => true,
        Expr::Negate(inner) => is_constant(inner),
        Expr::Binary(binary) => is_constant(&binary.lhs) && is_constant(&binary.rhs),
        Expr::Call(call) => call.function.name == "vector" && call.args.iter().all(is_constant),
        Expr::Text(_) | Expr::Selector(_) | Expr::Range(_) | Expr::Aggregate(_) => false,
    }
}

fn collect<'a>(expr: &'a Expr, found: &mut Vec<&'a [Matcher]>) {
    match expr {
        Expr::Number(_) | Expr::Text(_) => {}
        Expr::Selector(selector) => found.push(&selector.matchers),
        Expr::Range(range) => match &range.of {
            RangeOf::Selector(matchers) => found.push(matchers),
            RangeOf::Subquery(inner, _) => collect(inner, found),
        },
        Expr::Negate(inner) => collect(inner, found),
        Expr::Binary(binary) => {
            collect(&binary.lhs, found);
            collect(&binary.rhs, found);
        }
        Expr::Aggregate(aggregate) => {
            if let Some(param) = &aggregate.param {
                collect(param, found);
            }
            collect(&aggregate.expr, found);
        }
        Expr::Call(call) => call.args.iter().for_each(|arg| collect(arg, found)),
    }
}

/// Reads a query.
///
/// ```
/// use watchroom_query::promql;
///
/// let query = promql::parse("sum by (job) (rate(http_requests_total[5m]))").unwrap();
/// assert_eq!(query.value_type(), promql::ValueType::Vector);
///
/// let error = promql::parse("1 + ratte(x[5m])").unwrap_err();
/// assert_eq!(error.to_string(), r#"1:5: parse error: unknown function "ratte", did you mean "rate"?"#);
/// ```
///
/// # Errors
/// [`ParseError`] with the byte position.
pub fn parse(text: &str) -> Result<Query, ParseError> {
    let looked = look(text)?;
    match checked(&looked.normal) {
        Ok(expr) => Ok(Query {
            text: text.into(),
            expr,
        }),
        Err(message) => Err(locate(text, &looked.groups, message)),
    }
}

/// Reads text that the first look has passed.
fn checked(normal: &str) -> Result<Expr, String> {
    let theirs = promql_parser::parser::parse(normal).map_err(|message| friendly(&message))?;
    lower(&theirs)
}

/// The grammar's message, with the words for types that people know, and what to do about the commonest mistake.
fn friendly(message: &str) -> String {
    let types = |rest: &str| -> Option<String> {
        let (expected, rest) = rest.split_once(" in ")?;
        let (place, got) = rest.rsplit_once(", got ")?;
        let shown = |word| match word {
            "matrix" => "range vector",
            "vector" => "instant vector",
            other => other,
        };
        let hint = match (expected, got) {
            ("matrix", "vector") => {
                "; write a range such as [5m] after a selector, [5m:] after another expression"
            }
            _ => "",
        };
        let place = place.replace('\'', "\"");
        Some(format!(
            "expected type {} in {place}, got {}{hint}",
            shown(expected),
            shown(got)
        ))
    };
    message
        .strip_prefix("expected type ")
        .and_then(types)
        .unwrap_or_else(|| message.to_owned())
}

/// Finds the innermost call or bracket that is wrong by itself: the grammar tells what is wrong, but not where.
fn locate(text: &str, groups: &[(usize, usize)], message: String) -> ParseError {
    let found = groups.iter().take(MAX_SEARCHED_GROUPS).find_map(|(start, end)| {
        let part = &text[*start..*end];
        let inner = checked(&look(part).ok()?.normal).err()?;
        Some((*start, inner))
    });
    match found {
        Some((start, inner)) => ParseError::at(text, start, inner),
        None => ParseError::at(text, text.len() - text.trim_start().len(), message),
    }
}

/// Last line of a message, without the prefix `error: ` that the regular expression parser puts there.
pub(crate) fn last_line(message: &str) -> &str {
    let line = message.lines().last().unwrap_or(message);
    line.strip_prefix("error: ").unwrap_or(line)
}

/// Reads a lone series selector, as `match[]` of the HTTP API has it.
///
/// # Errors
/// [`ParseError`] if it is not a selector without range, offset and `@`.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    match parse(text)?.expr {
        Expr::Selector(selector) if selector.shift.at == At::Step && selector.shift.offset_ms == 0 => {
            Ok(selector.matchers)
        }
        _ => Err(ParseError::at(
            text,
            0,
            "expected a series selector such as name{label=\"value\"}",
        )),
    }
}

/// Reads a duration as PromQL and the HTTP API write it: `5m`, `1h30m`, or a number of seconds such as `15` or `0.5`.
///
/// # Errors
/// [`ParseError`] if it is not one, is negative, or is longer than a thousand years.
pub fn parse_duration(text: &str) -> Result<Duration, ParseError> {
    scan::duration(text).map_err(|message| ParseError::at(text, 0, message))
}

/// Names of every function and aggregation, sorted, for completion.
#[must_use]
pub fn function_names() -> Vec<&'static str> {
    let mut names: Vec<_> = functions::names().chain(super::aggregate::NAMES).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests;
