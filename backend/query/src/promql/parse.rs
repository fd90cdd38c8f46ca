//! From text to a checked query.

mod grammar;
mod operand;
mod selector;
mod token;

use std::time::Duration;

use watchroom_model::Matcher;

pub(crate) use grammar::Times;

use super::ast::{Expr, Matchers, RangeOf};
use super::{ValueType, functions, print};
use crate::{ParseError, scan};

/// A query that has been read and checked: types agree, regular expressions are compiled.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
    pub(crate) expr: Expr,
    /// Whether a duration in it depends on the step or range of its evaluation.
    uses_times: bool,
}

impl Query {
    /// A query that another language's parser has checked.
    pub(crate) fn from_expr(text: &str, expr: Expr) -> Self {
        Self {
            text: text.into(),
            expr,
            uses_times: false,
        }
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The query in one style, over several lines if it is long, as Prometheus' formatter has it; brackets that change nothing go.
    ///
    /// ```
    /// use watchroom_query::promql;
    ///
    /// let query = promql::parse("sum(rate(a[300s]))by(job)").unwrap();
    /// assert_eq!(query.pretty(), "sum by (job) (rate(a[5m]))");
    /// ```
    #[must_use]
    pub fn pretty(&self) -> String {
        match self.uses_times {
            true => self.text.trim().to_owned(),
            false => print::pretty(&self.expr),
        }
    }

    /// The tree of the query as JSON, with the types and members that Prometheus' `parse_query` has.
    #[must_use]
    pub fn tree(&self) -> String {
        print::tree(&self.expr)
    }

    /// Type of its result.
    #[must_use]
    pub fn value_type(&self) -> ValueType {
        self.expr.value_type()
    }

    /// Matchers of each selector in the query, from left to right; of one with `or` between matchers, each alternative.
    #[must_use]
    pub fn selectors(&self) -> Vec<&[Matcher]> {
        let mut found = Vec::new();
        collect(&self.expr, &mut found);
        found
    }

    /// The query with the durations that this evaluation gives it, if any depends on that.
    pub(crate) fn with_times(&self, times: Times) -> Result<Option<Self>, ParseError> {
        self.uses_times.then(|| read(&self.text, Some(times))).transpose()
    }
}

fn collect<'a>(expr: &'a Expr, found: &mut Vec<&'a [Matcher]>) {
    let add = |matchers: &'a Matchers, found: &mut Vec<&'a [Matcher]>| {
        found.extend(matchers.any.iter().map(Vec::as_slice));
    };
    match expr {
        Expr::Number(_) | Expr::Text(_) => {}
        Expr::Selector(selector) => add(&selector.matchers, found),
        Expr::Range(range) => match &range.of {
            RangeOf::Selector(matchers) => add(matchers, found),
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
    read(text, None)
}

fn read(text: &str, times: Option<Times>) -> Result<Query, ParseError> {
    let mut parser = grammar::Parser::new(text, times)?;
    let expr = parser.query()?;
    Ok(Query {
        text: text.into(),
        expr,
        uses_times: parser.uses_times,
    })
}

/// Last line of a message, without the prefix `error: ` that the regular expression parser puts there.
pub(crate) fn last_line(message: &str) -> &str {
    let line = message.lines().last().unwrap_or(message);
    line.strip_prefix("error: ").unwrap_or(line)
}

/// Reads a lone series selector, as `match[]` of the HTTP API has it.
///
/// # Errors
/// [`ParseError`] if it is not a selector without range, offset, `@` and `or`.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    match parse(text)?.expr {
        Expr::Selector(mut selector) if !selector.shift.is_set() && selector.matchers.any.len() == 1 => {
            Ok(selector.matchers.any.swap_remove(0))
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
