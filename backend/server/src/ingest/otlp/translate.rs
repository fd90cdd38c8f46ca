//! From OTLP messages to the domain's types.
//!
//! Invariant: pure; no store, no clock. What does not fit the limits is cut and counted where that leaves something of use, and
//! rejected with a reason where it does not.

mod attributes;
mod exemplars;
mod exponential;
mod logs;
mod metrics;
mod naming;
mod spans;

pub(crate) use exponential::classic as classic_histogram;
pub(crate) use logs::{logs, severity_of_word};
pub(crate) use metrics::{Histogram, Point, PointValue, metrics};
pub(crate) use spans::spans;

/// Most attributes of a span, an event, a log record or a resource; the rest is cut.
const MAX_ATTRIBUTES: usize = 256;
/// Longest key of an attribute, in bytes; the rest is cut.
const MAX_KEY_BYTES: usize = 256;
/// Longest text or byte value of an attribute; the rest is cut.
const MAX_VALUE_BYTES: usize = 64 << 10;
/// Longest name of a span, event, scope or service; the rest is cut.
const MAX_NAME_BYTES: usize = 1 << 10;
/// Longest body of a log record; the rest is cut.
const MAX_BODY_BYTES: usize = 256 << 10;
/// Most events of a span, and most links; the rest is cut.
const MAX_EVENTS: usize = 1 << 10;
/// Most labels of a series; a point with more is rejected.
const MAX_LABELS: usize = 64;
/// Longest value of a label; a point with a longer one is rejected.
const MAX_LABEL_VALUE_BYTES: usize = 4 << 10;
