//! Errors of registering and of recording within a budget.

use std::borrow::Cow;

/// Why a metric was not registered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegisterError {
    /// The name breaks the rules.
    #[error("metric `{metric}` (declared at {location}) has a bad name: {problem}")]
    Name {
        /// The metric.
        metric: String,
        /// What is wrong and what would be right.
        problem: String,
        /// Where it is declared.
        location: &'static str,
    },
    /// The same name was declared before, otherwise.
    #[error("metric `{metric}` (declared at {location}) was declared otherwise at {first}: {difference}")]
    Differs {
        /// The metric.
        metric: String,
        /// What differs.
        difference: String,
        /// Where it is declared now.
        location: &'static str,
        /// Where it was declared first.
        first: &'static str,
    },
    /// Samples of two metrics would have one name.
    #[error(
        "metric `{metric}` (declared at {location}) would have samples named `{sample}`, as has `{other}` (declared at {first})"
    )]
    SampleName {
        /// The metric.
        metric: String,
        /// The name of the samples.
        sample: String,
        /// The metric that has them.
        other: String,
        /// Where the metric is declared.
        location: &'static str,
        /// Where the other one is.
        first: &'static str,
    },
    /// Bucket bounds that are not finite and increasing, or none at all.
    #[error(
        "histogram `{metric}` (declared at {location}) needs bucket bounds that are finite and increase, got {bounds}"
    )]
    Buckets {
        /// The metric.
        metric: String,
        /// The bounds.
        bounds: String,
        /// Where it is declared.
        location: &'static str,
    },
    /// Quantiles that are not between 0 and 1 and increasing, or none at all.
    #[error(
        "reservoir `{metric}` (declared at {location}) needs quantiles between 0 and 1 that increase, got {quantiles}"
    )]
    Quantiles {
        /// The metric.
        metric: String,
        /// The quantiles.
        quantiles: String,
        /// Where it is declared.
        location: &'static str,
    },
}

/// What limit a sample would have exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Scope {
    /// Series of the metric.
    Metric,
    /// Values of this label in the metric.
    Label(&'static str),
    /// Series of the whole registry.
    Registry,
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Metric => f.write_str("series of the metric"),
            Self::Label(name) => write!(f, "values of the label `{name}`"),
            Self::Registry => f.write_str("series of the registry"),
        }
    }
}

/// A sample was not recorded, because its series would have exceeded a limit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("metric `{metric}` is at its limit of {limit} {scope}")]
pub struct CardinalityError {
    /// The metric.
    pub metric: Cow<'static, str>,
    /// The limit.
    pub limit: usize,
    /// What it limits.
    pub scope: Scope,
}
