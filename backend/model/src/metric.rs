//! Samples, series and what is known of a metric.

use crate::{HistogramSample, Labels};

/// Bit pattern of the value that ends a series.
///
/// Source: Prometheus `model/value`.
pub const STALE_NAN: u64 = 0x7ff0_0000_0000_0002;

/// The stale marker as a number.
#[must_use]
pub fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN)
}

/// Whether `value` is the stale marker (and not merely not a number).
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN
}

/// One point of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Milliseconds since the epoch.
    pub t_ms: i64,
    /// Value; [`STALE_NAN`] ends the series.
    pub value: f64,
}

/// A sample of either kind.
#[derive(Debug, Clone, PartialEq)]
pub enum Point {
    /// A number.
    Float(Sample),
    /// A native histogram.
    Histogram(HistogramSample),
}

impl Point {
    /// Milliseconds since the epoch.
    #[must_use]
    pub fn t_ms(&self) -> i64 {
        match self {
            Self::Float(sample) => sample.t_ms,
            Self::Histogram(sample) => sample.t_ms,
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn float(&self) -> Option<f64> {
        match self {
            Self::Float(sample) => Some(sample.value),
            Self::Histogram(_) => None,
        }
    }
}

impl From<Sample> for Point {
    fn from(sample: Sample) -> Self {
        Self::Float(sample)
    }
}

impl From<HistogramSample> for Point {
    fn from(sample: HistogramSample) -> Self {
        Self::Histogram(sample)
    }
}

/// A series with samples in ascending order of time, no two at the same time.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesData {
    /// Identity.
    pub labels: Labels,
    /// Numbers, stale markers among them, which end histograms too.
    pub samples: Vec<Sample>,
    /// Native histograms, at other times than the numbers.
    pub histograms: Vec<HistogramSample>,
}

impl SeriesData {
    /// A series of numbers.
    #[must_use]
    pub fn floats(labels: Labels, samples: Vec<Sample>) -> Self {
        Self {
            labels,
            samples,
            histograms: Vec::new(),
        }
    }
}

/// Type of a metric as the exposition format names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MetricKind {
    /// Monotonic sum.
    Counter,
    /// Value that goes up and down.
    Gauge,
    /// Cumulative buckets, sum and count.
    Histogram,
    /// Quantiles, sum and count.
    Summary,
    /// Constant 1 with facts in labels.
    Info,
    /// One series for each state.
    StateSet,
    /// Not told.
    Unknown,
}

impl MetricKind {
    /// The word used by `/api/v1/metadata` and by `# TYPE`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::Unknown => "unknown",
        }
    }

    /// Reads the word; `untyped` and anything else is [`MetricKind::Unknown`].
    #[must_use]
    pub fn parse(word: &str) -> Self {
        match word {
            "counter" => Self::Counter,
            "gauge" => Self::Gauge,
            "histogram" => Self::Histogram,
            "summary" => Self::Summary,
            "info" => Self::Info,
            "stateset" => Self::StateSet,
            _ => Self::Unknown,
        }
    }
}

/// What is known of a metric besides its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricMetadata {
    /// Family name, as in `# TYPE`.
    pub name: String,
    /// Type.
    pub kind: MetricKind,
    /// Help text.
    pub help: String,
    /// Unit, empty if not told.
    pub unit: String,
}
