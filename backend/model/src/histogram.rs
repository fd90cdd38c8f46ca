//! Native histograms: buckets whose bounds grow by a fixed factor, or that are given.
//!
//! Invariant: buckets stand in ascending order of index, none of them is empty; counts are floats, since a rate of a histogram is one too.
//! Not here: quantiles and other statistics, which are evaluation; wire forms and their spans.
//!
//! Source: Prometheus, "Native histograms" specification.

mod arithmetic;
mod buckets;
mod reset;

use std::fmt;
use std::sync::Arc;

pub use arithmetic::Incompatible;
pub use buckets::Bucket;

/// Schema of histograms whose bounds are given in [`NativeHistogram::bounds`].
pub const CUSTOM_SCHEMA: i8 = -53;

/// Coarsest and finest schema with exponential bounds.
pub const EXPONENTIAL_SCHEMAS: std::ops::RangeInclusive<i8> = -4..=8;

/// What is known of a counter's reset between the histogram before and this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ResetHint {
    /// Has to be found out by comparing.
    #[default]
    Unknown,
    /// There was one.
    Reset,
    /// There was none.
    NotReset,
    /// The histogram does not count: it may go up and down.
    Gauge,
}

/// A native histogram.
///
/// With schema `s` from -4 to 8 the positive bucket of index `i` holds observations in `(b^(i-1), b^i]`, where `b` is `2^(2^-s)`; the
/// negative ones mirror them. With [`CUSTOM_SCHEMA`] the bucket of index `i` ends at the bound of that index, the last one at infinity.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct NativeHistogram {
    /// Resolution.
    pub schema: i8,
    /// What is known of a reset.
    pub reset: ResetHint,
    /// Observations between minus this and this are counted as zero.
    pub zero_threshold: f64,
    /// Observations counted as zero.
    pub zero_count: f64,
    /// All observations.
    pub count: f64,
    /// Sum of all observations.
    pub sum: f64,
    /// Index and count of each bucket of positive observations; all buckets with [`CUSTOM_SCHEMA`].
    pub positive: Vec<(i32, f64)>,
    /// Index and count of each bucket of negative observations.
    pub negative: Vec<(i32, f64)>,
    /// Upper bounds, ascending and finite; empty unless the schema is [`CUSTOM_SCHEMA`].
    pub bounds: Vec<f64>,
}

/// A native histogram at a moment.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramSample {
    /// Milliseconds since the epoch.
    pub t_ms: i64,
    /// The histogram; cloning the sample does not copy it.
    pub histogram: Arc<NativeHistogram>,
}

/// A histogram that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistogramError {
    /// The resolution is not one.
    #[error("native histogram has schema {schema}, expected -4 to 8 or {CUSTOM_SCHEMA}")]
    Schema {
        /// The schema.
        schema: i8,
    },
    /// A count is negative or not a number.
    #[error("native histogram has a negative count, or one that is not a number")]
    Count,
    /// The threshold is negative or not finite.
    #[error("native histogram has a zero threshold that is negative or not finite")]
    ZeroThreshold,
    /// Buckets are out of order or twice there.
    #[error("native histogram has buckets that do not ascend")]
    Order,
    /// Given bounds are out of order, not finite, or fewer than the buckets need.
    #[error("native histogram has custom bounds that do not ascend, are not finite or are too few")]
    Bounds,
}

impl NativeHistogram {
    /// Whether bounds are given rather than computed.
    #[must_use]
    pub fn is_custom(&self) -> bool {
        self.schema == CUSTOM_SCHEMA
    }

    /// Room it takes, in samples of sixteen bytes; for those who bound memory.
    #[must_use]
    pub fn weight(&self) -> usize {
        8 + self.positive.len() + self.negative.len() + self.bounds.len().div_ceil(2)
    }

    /// Drops empty buckets.
    #[must_use]
    pub fn compact(mut self) -> Self {
        self.positive.retain(|(_, count)| *count != 0.0);
        self.negative.retain(|(_, count)| *count != 0.0);
        self
    }

    /// Checks what a sender claims.
    ///
    /// # Errors
    /// [`HistogramError`] says what is wrong.
    pub fn validate(&self) -> Result<(), HistogramError> {
        if !self.is_custom() && !EXPONENTIAL_SCHEMAS.contains(&self.schema) {
            return Err(HistogramError::Schema { schema: self.schema });
        }
        let sides = [&self.positive, &self.negative];
        if sides
            .iter()
            .any(|side| side.windows(2).any(|pair| pair[0].0 >= pair[1].0))
        {
            return Err(HistogramError::Order);
        }
        let counts = [self.count, self.zero_count];
        let mut counts = counts
            .into_iter()
            .chain(sides.into_iter().flatten().map(|(_, count)| *count));
        // A gauge may hold anything, the difference of two histograms among it.
        if self.reset != ResetHint::Gauge && counts.any(|count| count.is_nan() || count < 0.0) {
            return Err(HistogramError::Count);
        }
        if !(self.zero_threshold >= 0.0 && self.zero_threshold.is_finite()) {
            return Err(HistogramError::ZeroThreshold);
        }
        let ascending = self.bounds.windows(2).all(|pair| pair[0] < pair[1]);
        let finite = self.bounds.iter().all(|bound| bound.is_finite());
        let enough = match self.is_custom() {
            true => {
                let last = i64::try_from(self.bounds.len()).unwrap_or(i64::MAX);
                self.negative.is_empty()
                    && self
                        .positive
                        .iter()
                        .all(|(i, _)| (0..=last).contains(&i64::from(*i)))
            }
            false => self.bounds.is_empty(),
        };
        match ascending && finite && enough {
            true => Ok(()),
            false => Err(HistogramError::Bounds),
        }
    }
}

/// As Prometheus prints it: `{count:3, sum:4.5, (1,2]:3}`.
impl fmt::Display for NativeHistogram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{count:{}, sum:{}", self.count, self.sum)?;
        for bucket in self.buckets().filter(|bucket| bucket.count != 0.0) {
            let (open, close) = (
                if bucket.lower_inclusive { '[' } else { '(' },
                if bucket.upper_inclusive { ']' } else { ')' },
            );
            let bound = |value: f64| match value.is_infinite() {
                true => if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned(),
                false => value.to_string(),
            };
            let (lower, upper) = (bound(bucket.lower), bound(bucket.upper));
            write!(f, ", {open}{lower},{upper}{close}:{}", bucket.count)?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests;
