//! What is told of a query that cannot be read.

use std::fmt;

/// A query that cannot be read: what is wrong, and where.
///
/// Shown as Prometheus and Loki do: `1:5: parse error: …`, line and column counted from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseError {
    message: String,
    position: usize,
    line: usize,
    column: usize,
}

impl ParseError {
    /// Makes an error about the byte `position` of `query`.
    pub(crate) fn at(query: &str, position: usize, message: impl Into<String>) -> Self {
        let mut position = position.min(query.len());
        while !query.is_char_boundary(position) {
            position -= 1;
        }
        let before = &query[..position];
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        Self {
            message: message.into(),
            position,
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
        }
    }

    /// Line and column, counted from 1.
    pub(crate) fn line_and_column(&self) -> (usize, usize) {
        (self.line, self.column)
    }

    /// What is wrong, without the position.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Byte offset in the query at which it is wrong.
    #[must_use]
    pub fn position(&self) -> usize {
        self.position
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: parse error: {}", self.line, self.column, self.message)
    }
}

impl std::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_lines_and_characters() {
        let query = "sum(\n  ü+)";
        let error = ParseError::at(query, query.len() - 1, "unexpected \")\"");
        assert_eq!(error.to_string(), "2:5: parse error: unexpected \")\"");
        assert_eq!(ParseError::at("ü", 1, "x").position(), 0);
    }
}
