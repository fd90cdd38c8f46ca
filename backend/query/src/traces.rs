//! Trace search: which spans satisfy a search form.
//!
//! Invariant: a predicate on one span; finding the candidates and collecting whole traces is the store's work.

mod duration;
mod tags;

pub use duration::{DurationError, parse_duration};
pub use tags::{TagError, parse_tag, parse_tags_json};

use std::time::Duration;

use watchroom_model::Span;

/// A search for traces that hold a span satisfying every condition.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TraceQuery {
    /// Service, if asked for.
    pub service: Option<String>,
    /// Span name, if asked for.
    pub operation: Option<String>,
    /// Attributes with their text values; all must hold.
    pub tags: Vec<(String, String)>,
    /// Shortest span.
    pub min_duration: Option<Duration>,
    /// Longest span.
    pub max_duration: Option<Duration>,
    /// Start of the window, nanoseconds since the epoch, included.
    pub start_ns: u64,
    /// End of the window, nanoseconds since the epoch, included.
    pub end_ns: u64,
    /// Traces at most.
    pub limit: usize,
}

impl TraceQuery {
    /// Whether the span satisfies every condition, its start within the window.
    #[must_use]
    pub fn matches(&self, span: &Span) -> bool {
        let duration = Duration::from_nanos(span.duration_ns);
        (self.start_ns..=self.end_ns).contains(&span.start_ns)
            && self
                .service
                .as_deref()
                .is_none_or(|service| *service == *span.resource.service)
            && self
                .operation
                .as_deref()
                .is_none_or(|operation| *operation == *span.name)
            && self.min_duration.is_none_or(|min| duration >= min)
            && self.max_duration.is_none_or(|max| duration <= max)
            && self.tags.iter().all(|(key, value)| tags::holds(span, key, value))
    }
}
