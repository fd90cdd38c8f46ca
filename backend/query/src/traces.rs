//! Traces: search by an expression or by a form, and what is told of many spans at once.
//!
//! Invariant: spans come in through [`SpanSource`]; every answer is bounded in spans looked at, groups and traces held, and says so if it
//! had to leave something out. Spans that were sent twice count twice, but in whole traces.

mod compare;
mod critical;
mod duration;
mod error;
mod expr;
#[cfg(test)]
mod fixture;
mod graph;
mod histogram;
mod latency;
mod red;
mod search;
mod source;
mod tags;
mod walk;

pub use compare::{Comparison, Contrast, KeyContrast, compare};
pub use critical::{PathPart, critical_path};
pub use duration::{DurationError, parse_duration};
pub use error::TraceError;
pub use expr::{Field, Intrinsic, Level, TraceExpr, parse_field};
pub use graph::{Edge, Graph, Node, service_graph};
pub use histogram::{DurationHistogram, duration_histogram};
pub use latency::{Latency, Stats};
pub use red::{Red, RedGroup, RedQuery, red};
pub use search::{FoundSpan, Search, TraceSummary, search, summarise};
pub use source::{SpanHint, SpanSource, SpanVisitor};
pub use tags::{TagError, parse_tag, parse_tags_json};
pub use walk::{Coverage, Window};

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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use watchroom_model::{Resource, SpanEvent, SpanId, SpanKind, SpanStatus, TraceId};

    use super::*;

    fn span() -> Span {
        Span {
            trace_id: TraceId(1),
            span_id: SpanId(2),
            parent_id: None,
            trace_state: "".into(),
            name: "rpc.Get".into(),
            kind: SpanKind::Server,
            start_ns: 1_000,
            duration_ns: 5_000_000,
            status: SpanStatus::Error("boom".into()),
            attributes: vec![
                ("rpc.system".into(), "grpc".into()),
                ("status_code".into(), 5i64.into()),
            ],
            events: vec![SpanEvent {
                time_ns: 2_000,
                name: "exception".into(),
                attributes: vec![("exception.type".into(), "Timeout".into())],
            }],
            links: Vec::new(),
            resource: Arc::new(Resource::new(vec![("service.name".into(), "deriva".into())])),
            scope: Arc::default(),
            dropped: 0,
        }
    }

    fn any() -> TraceQuery {
        TraceQuery {
            end_ns: 10_000,
            limit: 20,
            ..TraceQuery::default()
        }
    }

    fn with_tag(key: &str, value: &str) -> bool {
        TraceQuery {
            tags: vec![(key.into(), value.into())],
            ..any()
        }
        .matches(&span())
    }

    #[test]
    fn every_condition_must_hold() {
        assert!(any().matches(&span()));
        assert!(
            TraceQuery {
                service: Some("deriva".into()),
                operation: Some("rpc.Get".into()),
                ..any()
            }
            .matches(&span())
        );
        assert!(
            !TraceQuery {
                service: Some("other".into()),
                ..any()
            }
            .matches(&span())
        );
        assert!(
            !TraceQuery {
                operation: Some("rpc.Put".into()),
                ..any()
            }
            .matches(&span())
        );
        let ms = |n| Some(Duration::from_millis(n));
        assert!(
            TraceQuery {
                min_duration: ms(5),
                max_duration: ms(5),
                ..any()
            }
            .matches(&span())
        );
        assert!(
            !TraceQuery {
                min_duration: ms(6),
                ..any()
            }
            .matches(&span())
        );
        assert!(
            !TraceQuery {
                max_duration: ms(4),
                ..any()
            }
            .matches(&span())
        );
        assert!(
            !TraceQuery {
                start_ns: 1_001,
                ..any()
            }
            .matches(&span())
        );
        assert!(!TraceQuery { end_ns: 999, ..any() }.matches(&span()));
    }

    #[test]
    fn tags_are_found_on_span_resource_and_events() {
        assert!(with_tag("rpc.system", "grpc"));
        assert!(with_tag("status_code", "5"));
        assert!(with_tag("service.name", "deriva"));
        assert!(with_tag("exception.type", "Timeout"));
        assert!(!with_tag("rpc.system", "http"));
        assert!(!with_tag("missing", ""));
    }

    #[test]
    fn status_and_kind_count_as_tags() {
        assert!(with_tag("error", "true") && !with_tag("error", "false"));
        assert!(with_tag("span.kind", "server") && !with_tag("span.kind", "client"));
        assert!(with_tag("otel.status_code", "ERROR") && !with_tag("otel.status_code", "OK"));
        let mut own = span();
        own.attributes.push(("error".into(), "maybe".into()));
        assert!(
            TraceQuery {
                tags: vec![("error".into(), "maybe".into())],
                ..any()
            }
            .matches(&own)
        );
    }
}
