//! The settings of the sink.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use tracing_core::LevelFilter;
use watchroom_capture::{Filter, ReloadableFilter};
use watchroom_metrics::{RegisterError, Registry};

use crate::SpanMetrics;
use crate::events::Events;
use crate::spans::Spans;

/// Bounds of the buckets of durations, in seconds: from half a millisecond to ten seconds.
pub const DURATION_BUCKETS: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Bounds of the buckets of `histogram.NAME`, unless the name ends with `seconds`; those have [`DURATION_BUCKETS`].
///
/// Source: OpenTelemetry metrics SDK, explicit bucket histogram aggregation.
pub const DEFAULT_BUCKETS: [f64; 15] = [
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1_000.0, 2_500.0, 5_000.0, 7_500.0,
    10_000.0,
];

/// Settings of [`SpanMetrics`].
#[derive(Debug)]
pub struct Builder {
    filter: Option<ReloadableFilter>,
    pub(crate) event_level: LevelFilter,
    pub(crate) duration_buckets: Cow<'static, [f64]>,
    pub(crate) native: bool,
    pub(crate) buckets: Cow<'static, [f64]>,
    pub(crate) limit: Option<usize>,
    pub(crate) expire: Option<Duration>,
    pub(crate) exemplars: bool,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            filter: Some(Filter::level(LevelFilter::INFO).into()),
            event_level: LevelFilter::INFO,
            duration_buckets: Cow::Borrowed(&DURATION_BUCKETS),
            native: false,
            buckets: Cow::Borrowed(&DEFAULT_BUCKETS),
            limit: None,
            expire: None,
            exemplars: true,
        }
    }
}

impl Builder {
    /// Sets which spans are counted, `info` at first; nothing: none.
    #[must_use]
    pub fn spans(mut self, filter: impl Into<Option<ReloadableFilter>>) -> Self {
        self.filter = filter.into();
        self
    }

    /// Sets up to which level events are looked at for metric fields, INFO at first. Of the others not even the fields are read.
    #[must_use]
    pub fn events(mut self, level: LevelFilter) -> Self {
        self.event_level = level;
        self
    }

    /// Sets the bounds of the buckets of `span_duration_seconds`.
    #[must_use]
    pub fn duration_buckets(mut self, bounds: impl Into<Cow<'static, [f64]>>) -> Self {
        self.duration_buckets = bounds.into();
        self
    }

    /// Makes `span_duration_seconds` a native histogram, which OTLP carries as an exponential one.
    #[must_use]
    pub fn native_durations(mut self, native: bool) -> Self {
        self.native = native;
        self
    }

    /// Sets the bounds of the buckets of `histogram.NAME`.
    #[must_use]
    pub fn buckets(mut self, bounds: impl Into<Cow<'static, [f64]>>) -> Self {
        self.buckets = bounds.into();
        self
    }

    /// Sets how many series each metric may have, below the registry's own limit.
    #[must_use]
    pub fn limit(mut self, n_series: usize) -> Self {
        self.limit = Some(n_series);
        self
    }

    /// Ends series in which nothing was recorded for so long.
    #[must_use]
    pub fn expiring_after(mut self, idle: Duration) -> Self {
        self.expire = Some(idle);
        self
    }

    /// Sets whether spans and events of sampled traces become exemplars, as at first. It is turned off where traces are not exported.
    #[must_use]
    pub fn exemplars(mut self, exemplars: bool) -> Self {
        self.exemplars = exemplars;
        self
    }

    /// Registers the metrics and makes the sink.
    ///
    /// # Errors
    /// [`RegisterError`] if another metric has a name of theirs, or if bounds do not increase.
    pub fn build(self, registry: &Registry) -> Result<Arc<SpanMetrics>, RegisterError> {
        let spans = match self.filter.clone() {
            Some(filter) => Some((filter, Spans::register(&self, registry)?)),
            None => None,
        };
        let event_level = self.event_level;
        let events = Arc::new(Events::new(self, registry.clone()));
        events.register();
        Ok(Arc::new(SpanMetrics {
            spans,
            event_level,
            events,
        }))
    }
}
