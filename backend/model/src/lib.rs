//! Domain types of the backend: what `store` keeps, `query` evaluates and `server` translates.
//!
//! Invariant: these types know no wire format and no storage format; they derive nothing of either.
//! Not here: protobuf, JSON envelopes, key encodings, evaluation.

mod attr;
mod histogram;
mod labels;
mod log;
mod matcher;
mod metric;
mod span;

pub use attr::{AttrValue, Attributes, attr};
pub use histogram::{
    Bucket, CUSTOM_SCHEMA, EXPONENTIAL_SCHEMAS, HistogramError, HistogramSample, Incompatible,
    NativeHistogram, ResetHint,
};
pub use labels::{Labels, LabelsBuilder, METRIC_NAME};
pub use log::{LogLine, Severity, StreamLabels};
pub use matcher::{MatchOp, Matcher, MatcherError};
pub use metric::{MetricKind, MetricMetadata, Point, STALE_NAN, Sample, SeriesData, is_stale, stale_nan};
pub use span::{Resource, Scope, Span, SpanEvent, SpanId, SpanKind, SpanLink, SpanStatus, TraceId};
