//! PromQL: parsing, instant and range evaluation, and Prometheus' way of printing values.
//!
//! Invariant: a query's nesting, samples and points are bounded before memory is spent on them.
//! Not here: where samples come from.

pub(crate) mod aggregate;
pub(crate) mod ast;
pub(crate) mod binary;
mod budget;
mod engine;
mod error;
mod format;
pub(crate) mod functions;
mod notation;
mod options;
mod parse;
mod print;
pub(crate) mod rows;
mod stats;
mod value;

pub use engine::{instant, range};
pub use error::EvalError;
pub use format::{format_duration, format_value, parse_value};
pub use notation::parse_histogram;
pub use options::{EvalOptions, WindowBounds};
pub(crate) use parse::last_line;
pub use parse::{Query, function_names, parse, parse_duration, parse_selector};
pub use value::{QueryOutput, Value, ValueType};

#[cfg(test)]
mod tests;
