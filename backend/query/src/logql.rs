//! LogQL: stream selectors, line filters and label filters.
//!
//! Invariant: a pattern is compiled once, when the query is read; a search holds no more lines than its limit.
//! Not here: parsers (`json`, `logfmt`, …), formatting, and metrics over logs; reading a query that has them is an error that
//! names the part. Metric queries that read no line at all are the exception ([`parse_constant`]).

mod constant;
mod cursor;
mod eval;
mod fields;
mod label_filter;
mod line_filter;
mod parse;

pub use constant::parse_constant;
pub use eval::{Direction, LogError, LogOutput, LogSource, evaluate};
pub use fields::{field, fields, sanitize_name};
pub use label_filter::{Compare, LabelFilter, LabelTest};
pub use line_filter::{LineFilter, LineOp};
pub use parse::parse;

use watchroom_model::{LogLine, Matcher};

/// A log query that has been read: which streams, then which of their lines.
#[derive(Debug, Clone)]
pub struct LogQuery {
    text: String,
    matchers: Vec<Matcher>,
    stages: Vec<Stage>,
}

/// One step of the pipeline.
#[derive(Debug, Clone)]
pub enum Stage {
    /// Tests the line's text.
    Line(LineFilter),
    /// Tests labels, structured metadata and ids.
    Label(LabelFilter),
}

impl LogQuery {
    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Matchers on stream labels.
    #[must_use]
    pub fn matchers(&self) -> &[Matcher] {
        &self.matchers
    }

    /// Line and label filters in the order in which they apply.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Whether a line's stream labels satisfy the selector and the line passes every stage.
    #[must_use]
    pub fn matches(&self, line: &LogLine) -> bool {
        self.matchers
            .iter()
            .all(|m| m.matches(line.stream.get(&m.name).unwrap_or("")))
            && self.accepts(line)
    }

    /// Whether the line passes every stage; the stream selector is taken as satisfied.
    #[must_use]
    pub fn accepts(&self, line: &LogLine) -> bool {
        self.stages.iter().all(|stage| match stage {
            Stage::Line(filter) => filter.accepts(&line.body),
            Stage::Label(filter) => filter.accepts(line),
        })
    }
}

#[cfg(test)]
mod tests;
