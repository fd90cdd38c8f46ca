//! The sink: what capture tells it goes to the metrics of spans and to those of events.

use std::sync::Arc;

use tracing_core::{LevelFilter, Metadata};
use watchroom_capture::{EventRecord, ReloadableFilter, Scope, Sink};

use crate::Builder;
use crate::events::{Events, Warning};
use crate::field;
use crate::spans::Spans;

/// A sink of capture that makes metrics. [`SpanMetrics::builder`] makes it.
#[derive(Debug)]
pub struct SpanMetrics {
    pub(crate) spans: Option<(ReloadableFilter, Spans)>,
    pub(crate) event_level: LevelFilter,
    pub(crate) events: Arc<Events>,
}

impl SpanMetrics {
    /// The settings, at their defaults.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Fields of events that could not be made a metric, each told once. For whoever logs now and then: a sink cannot log.
    #[must_use]
    pub fn take_warnings(&self) -> Vec<Warning> {
        self.events.take_warnings()
    }
}

impl Sink for SpanMetrics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.is_span() {
            self.spans
                .as_ref()
                .is_some_and(|(filter, _)| filter.enabled(metadata))
        } else {
            *metadata.level() <= self.event_level
                && metadata
                    .fields()
                    .iter()
                    .any(|field| field::split(field.name()).is_some())
        }
    }

    fn max_level(&self) -> LevelFilter {
        let spans = self
            .spans
            .as_ref()
            .map_or(LevelFilter::OFF, |(filter, _)| filter.max_level());
        spans.max(self.event_level)
    }

    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
        self.events.record(event, scope);
    }

    fn on_close(&self, scope: Scope<'_>) {
        if let (Some((_, spans)), Some(span)) = (&self.spans, scope.current()) {
            spans.record(span);
        }
    }

    fn wants_close(&self) -> bool {
        self.spans.is_some()
    }
}
