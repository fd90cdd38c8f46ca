//! Sampling of log records: decided once for each event, before its fields are read, for all log sinks alike (COM-14).
//!
//! Invariant: what is suppressed goes to no log sink, and still to the span's events and to sinks that are no logs; a security event is
//! never asked about. Not here: rules and rates (`log` has them), sampling of traces (`sampler`).

use std::num::NonZeroU32;

use tracing_core::Metadata;
use watchroom_core::Moment;

/// Decides which events and lines of spans become log records.
pub trait EventSampler: Send + Sync + 'static {
    /// Under which key events of a callsite are counted; none if they are all kept. Asked once per callsite and generation of filters.
    fn key(&self, metadata: &'static Metadata<'static>) -> Option<NonZeroU32>;

    /// Whether one event of this key is kept. Called for each event on the thread that logs: no lock, no allocation. What is not kept
    /// is counted here.
    fn keep(&self, key: NonZeroU32, now: Moment) -> bool;
}
