//! Metrics out of what is traced anyway: a sink of capture that turns closing spans into rate, errors and duration by component, and
//! fields of events into instruments.
//!
//! ```
//! use tracing_subscriber::layer::SubscriberExt as _;
//! use watchroom_capture::Capture;
//! use watchroom_metrics::Registry;
//! use watchroom_spanmetrics::SpanMetrics;
//!
//! let registry = Registry::default();
//! let metrics = SpanMetrics::builder().build(&registry)?;
//! let (layer, _handle) = Capture::builder().sink(metrics).build();
//! tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
//!     tracing::info_span!("charge", component = "billing", status = "rejected").in_scope(|| {
//!         tracing::info!(monotonic_counter.charges = 1, currency = "EUR");
//!     });
//! });
//! let mut text = String::new();
//! watchroom_metrics::expose::text(&registry.collect(), &mut text);
//! assert!(text.contains(r#"span_calls_total{component="billing",span="charge",status="rejected"} 1"#));
//! assert!(text.contains(r#"charges_total{currency="EUR"} 1"#));
//! # Ok::<(), watchroom_metrics::RegisterError>(())
//! ```
//!
//! # Spans
//!
//! | metric | labels | what |
//! |---|---|---|
//! | `span_calls_total` | `component`, `span`, `status` | spans that closed |
//! | `span_errors_total` | `component`, `span` | those of them that failed |
//! | `span_duration_seconds` | `component`, `span` | from a span's making to its close |
//!
//! The component is the span's field `component`, or else its target; the span is the name at its callsite, never one made at run
//! time. The status is its field `status`, or else `error` or `ok` by its outcome. A span failed if its outcome is an error, if its
//! `status` is `error`, `failed`, `failure` or `panic`, or if it is a number of 500 or more.
//!
//! # Events
//!
//! `monotonic_counter.NAME` adds to a counter, `counter.NAME` to an up-down counter, `gauge.NAME` sets a gauge, `histogram.NAME` observes;
//! the conventions are those of the metrics layer of `tracing-opentelemetry`. The event's other fields become labels, its message excepted.
//! The first use of a name decides on the kind of its metric and on whole or floating point numbers; a use that does not fit is left out,
//! counted in `watchroom_event_metrics_refused_total`, and told once ([`SpanMetrics::take_warnings`]).
//!
//! Invariants: series come within the registry's limits; a span or an event of known series allocates nothing; nothing here panics.
//! Not here: spans on their way to OTLP, metrics that are declared in code.

mod builder;
mod events;
mod field;
mod sink;
mod spans;

pub use builder::{Builder, DEFAULT_BUCKETS, DURATION_BUCKETS};
pub use events::Warning;
pub use sink::SpanMetrics;
