//! PromQL: parsing, instant and range evaluation, and Prometheus' way of printing values.
//!
//! Invariant: a query's nesting, samples and points are bounded before memory is spent on them.
//! Not here: native histograms (the model has none yet), and the grammar, which is `promql-parser`'s.

mod error;
mod format;
mod options;
mod parse;
mod value;

pub use error::EvalError;
pub use format::{format_duration, format_value, parse_value};
pub use options::{EvalOptions, WindowBounds};
pub use parse::{Query, parse, parse_duration, parse_selector};
pub use value::{QueryOutput, Value, ValueType};

use crate::SeriesSource;

/// Evaluates a query at one moment.
///
/// # Errors
/// [`EvalError`] if the query exceeds a limit, is cancelled, or has no defined result on this data.
pub fn instant(
    query: &Query,
    source: &dyn SeriesSource,
    t_ms: i64,
    options: &EvalOptions,
) -> Result<QueryOutput, EvalError> {
    let _ = (query, source, t_ms, options);
    Err(EvalError::Unsupported {
        what: "evaluation".into(),
    })
}

/// Evaluates a query at `start_ms`, `start_ms + step_ms`, … up to and including `end_ms`.
///
/// Shape: always a matrix, series ordered by labels, points only at those moments.
///
/// # Errors
/// [`EvalError`] as for [`instant`], and for a step that is not positive, an end before the start, more points than
/// allowed, and a query that is a string or a range vector.
pub fn range(
    query: &Query,
    source: &dyn SeriesSource,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
    options: &EvalOptions,
) -> Result<QueryOutput, EvalError> {
    let _ = (query, source, start_ms, end_ms, step_ms, options);
    Err(EvalError::Unsupported {
        what: "evaluation".into(),
    })
}
