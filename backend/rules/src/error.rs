//! Failures of one rule's evaluation.

use watchroom_query::promql::ValueType;

use crate::{EvaluateError, SinkError};

/// Why a rule could not be evaluated; its alerts and series stay as they were.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuleError {
    /// The expression failed.
    #[error("cannot evaluate the expression")]
    Eval(#[from] EvaluateError),
    /// What it gave was not kept.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// The expression is neither an instant vector nor a scalar.
    #[error("result of the expression must be an instant vector or a scalar, got {got}")]
    NotAVector {
        /// What it is.
        got: ValueType,
    },
    /// Two series are the same once the rule's labels are set.
    #[error("vector contains metrics with the same labelset after applying rule labels: {labels}")]
    DuplicateLabels {
        /// The labels.
        labels: String,
    },
    /// The rule gives more than its group allows.
    #[error("exceeded limit of {limit} with {got} series or alerts")]
    Limit {
        /// The limit.
        limit: usize,
        /// What the rule gave.
        got: usize,
    },
}
