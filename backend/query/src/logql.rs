//! LogQL: lines of streams through a pipeline, and metrics over them.
//!
//! Invariant: a pattern is compiled once, when the query is read; a search holds no more lines, series and numbers than its limits. What is
//! computed of ranges of lines is computed here; aggregations, operators and functions of ranges of numbers are PromQL's evaluator's,
//! since LogQL means them alike.
//! Not here: where lines are kept, and the JSON of the HTTP API.

mod cursor;
mod describe;
mod eval;
mod fields;
mod format;
mod ip;
mod label_filter;
mod line_filter;
mod metric;
mod options;
mod parse;
mod query;
mod row;
mod stage;

pub use describe::{DetectedField, FieldKind, detect_fields};
pub use eval::{Direction, LogError, LogOutput, LogSource, LogWindow, evaluate};
pub use fields::{field, fields, sanitize_name};
pub use format::format_query;
pub use metric::{MetricOutput, MetricQuery, instant, range};
pub use options::LogOptions;
pub use parse::{parse, parse_logs, parse_selector};
pub use query::{Entry, LogQuery, Query};

#[cfg(test)]
mod tests;
