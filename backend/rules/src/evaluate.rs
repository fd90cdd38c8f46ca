//! Who answers expressions, and who takes what rules give: the two doors between rules and the world.
//!
//! A group knows neither a store nor a network. [`Evaluate`] answers the expressions of its rules and the function `query` of its
//! templates; [`Sink`] takes recorded series, `ALERTS` and `ALERTS_FOR_STATE`. [`Over`] is the first over any [`SeriesSource`] with the
//! engine of the query crate; a server with a store of its own uses it, and one in front of a remote store brings both of its own.
//!
//! Invariant: a rule's result has been handed to the sink before the next rule of its group is evaluated, so that the next one can see it.

use watchroom_model::{HistogramSample, Labels, Sample};
use watchroom_query::SeriesSource;
use watchroom_query::promql::{self, EvalError, EvalOptions, Query, Value};

/// Answers expressions, each at one moment.
///
/// Calls block until there is an answer, so they belong on a thread that may wait; an implementation that talks over a network enters its
/// runtime by itself. A deadline is the implementation's own as well.
///
/// ```
/// use watchroom_model::Sample;
/// use watchroom_query::promql::{Query, Value};
/// use watchroom_rules::{Evaluate, EvaluateError};
///
/// /// Says one, whatever is asked.
/// struct One;
///
/// impl Evaluate for One {
///     fn instant(&self, _: &Query, t_ms: i64) -> Result<Value, EvaluateError> {
///         Ok(Value::Scalar(Sample { t_ms, value: 1.0 }))
///     }
/// }
/// ```
pub trait Evaluate {
    /// The result of `query` at `t_ms`, milliseconds since the epoch.
    ///
    /// Shape: as an instant query of Prometheus' HTTP API gives it; native histograms are points like any other.
    ///
    /// # Errors
    /// [`EvaluateError`]; the rule keeps its state, and its health says why.
    fn instant(&self, query: &Query, t_ms: i64) -> Result<Value, EvaluateError>;
}

/// Why an expression has no result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EvaluateError {
    /// The engine at hand refused or failed.
    #[error(transparent)]
    Query(#[from] EvalError),
    /// Whoever was asked could not be reached, or answered with an error.
    #[error("{asked} gave no result")]
    Failed {
        /// Who was asked, such as a URL.
        asked: String,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Takes what rules give.
pub trait Sink {
    /// Takes one rule's results; what is returned from is seen by the expressions that are evaluated next.
    ///
    /// Units: milliseconds since the epoch. A series that ended has one sample that is a stale marker, be it of numbers or of histograms.
    /// Samples that the store refuses by its own rules, such as those out of order, are not an error.
    ///
    /// # Errors
    /// [`SinkError`] if nothing was kept; the rule counts as failed.
    fn append(&self, batch: &Batch) -> Result<(), SinkError>;
}

/// What one evaluation of one rule gives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Batch {
    /// Numbers and stale markers.
    pub samples: Vec<(Labels, Sample)>,
    /// Native histograms.
    pub histograms: Vec<(Labels, HistogramSample)>,
}

impl Batch {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.samples.is_empty() && self.histograms.is_empty()
    }
}

/// Why results were not kept.
#[derive(Debug, thiserror::Error)]
#[error("results cannot be written")]
pub struct SinkError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl SinkError {
    /// Wraps the store's own error.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(error.into())
    }
}

/// Answers with the engine of the query crate, over a source of series.
#[derive(Clone, Copy)]
pub struct Over<'a> {
    /// Where series come from.
    pub source: &'a dyn SeriesSource,
    /// Limits, and the deadline.
    pub options: &'a EvalOptions,
}

impl std::fmt::Debug for Over<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Over")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

impl Evaluate for Over<'_> {
    fn instant(&self, query: &Query, t_ms: i64) -> Result<Value, EvaluateError> {
        Ok(promql::instant(query, self.source, t_ms, self.options)?.value)
    }
}

/// What the evaluation of a group works with.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// Answers expressions.
    pub evaluate: &'a dyn Evaluate,
    /// Takes results.
    pub sink: &'a dyn Sink,
    /// A clock that only goes forward, from any beginning; it measures how long rules take.
    pub elapsed: &'a dyn Fn() -> std::time::Duration,
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").finish_non_exhaustive()
    }
}
