//! Failures of an evaluation.

use crate::{ParseError, SourceError, Stop};

use super::ValueType;

/// Why a query has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvalError {
    /// The query would hold too many samples at one time.
    #[error(
        "query would hold more than {limit} samples in memory; narrow the selector, the range or the step"
    )]
    TooManySamples {
        /// The limit.
        limit: usize,
    },
    /// A range query or subquery has too many steps.
    #[error(
        "{what} has {points} points per series, at most {limit} are allowed; use a larger step or a shorter range"
    )]
    TooManyPoints {
        /// `range query` or `subquery`.
        what: &'static str,
        /// Points asked for.
        points: u64,
        /// The limit.
        limit: usize,
    },
    /// The range of a range query is not one.
    #[error("invalid range: {reason}")]
    InvalidRange {
        /// What is wrong.
        reason: String,
    },
    /// The expression's type does not fit.
    #[error("invalid expression type \"{}\" for range query, must be scalar or instant vector", got.in_words())]
    InvalidType {
        /// Type of the expression.
        got: ValueType,
    },
    /// The caller cancelled.
    #[error("query was cancelled")]
    Cancelled,
    /// The deadline passed.
    #[error("query timed out")]
    TimedOut,
    /// The store failed.
    #[error("cannot select series")]
    Source(#[from] SourceError),
    /// Two series of a result have the same labels.
    #[error("vector cannot contain metrics with the same labelset: {labels}")]
    DuplicateLabels {
        /// The labels.
        labels: String,
    },
    /// Vector matching is ambiguous.
    #[error("{reason}")]
    Matching {
        /// What matched what.
        reason: String,
    },
    /// An argument has a value that the function cannot take.
    #[error("invalid argument of {function}: {reason}")]
    Argument {
        /// The function or aggregation.
        function: &'static str,
        /// What is wrong.
        reason: String,
    },
    /// A duration that depends on the step or range of the evaluation has no meaning for this one.
    #[error(transparent)]
    Duration(#[from] ParseError),
}

impl From<Stop> for EvalError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => Self::Cancelled,
            Stop::TimedOut => Self::TimedOut,
        }
    }
}
