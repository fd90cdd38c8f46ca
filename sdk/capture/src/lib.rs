//! The one `tracing` layer of the SDK: it captures spans and events once, redacts them once, samples once, and fans out to sinks.
//!
//! ```
//! use std::sync::Arc;
//!
//! use tracing_subscriber::layer::SubscriberExt as _;
//! use watchroom_capture::{Capture, EventRecord, Filter, ReloadableFilter, Scope, Sink};
//!
//! struct Lines(ReloadableFilter);
//!
//! impl Sink for Lines {
//!     fn enabled(&self, metadata: &tracing_core::Metadata<'_>) -> bool {
//!         self.0.enabled(metadata)
//!     }
//!
//!     fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
//!         let ids = scope.context().map(|context| context.trace_id);
//!         let _line = format!("{ids:?} {} {}", event.level(), event.message());
//!     }
//! }
//!
//! let filter = ReloadableFilter::from(Filter::parse("info,hyper=warn").unwrap());
//! let (layer, _handle) = Capture::builder().sink(Arc::new(Lines(filter))).build();
//! let subscriber = tracing_subscriber::registry().with(layer);
//! tracing::subscriber::with_default(subscriber, || {
//!     tracing::info_span!("checkout", user = 7).in_scope(|| tracing::info!("paid"));
//! });
//! ```
//!
//! Invariant: whatever a sink or an exporter sees comes out of a record, and what is in a record has been redacted.
//! Not here: the form of a log line (`log`), OTLP bytes (`otlp`), instruments (`metrics`).

pub mod builder;
mod callsite;
pub mod chain;
pub mod context;
mod current;
pub mod fields;
pub mod filter;
pub mod foreign;
pub mod keep;
mod layer;
mod light;
pub mod limits;
pub mod manual;
pub mod pool;
pub mod propagation;
pub mod record;
pub mod sampler;
pub mod security;
pub mod sink;
pub mod subscriber;
mod table;
pub mod task;
pub mod thinning;
mod thread;
mod visit;

pub use builder::{Capture, CaptureHandle};
pub use chain::chain;
pub use context::{SetParentError, SpanExt, current_context};
pub use fields::Fields;
pub use filter::{Filter, FilterError, ReloadableFilter};
pub use keep::{Held, KeepRules};
pub use layer::CaptureLayer;
pub use limits::{SpanAttributes, SpanLimits};
pub use manual::ManualSpan;
pub use propagation::{Baggage, Extractor, Injector, Propagators, RemoteContext, TraceContext};
pub use record::{EventRecord, Link, SpanEvents, SpanKind, SpanRecord, Status};
pub use sampler::{Sampler, SamplerError};
pub use sink::{Scope, Sink, SpanExporter};
pub use subscriber::CaptureSubscriber;
pub use thinning::EventSampler;
pub use thread::ThreadTag;

/// For `security!`, wherever it is called.
#[doc(hidden)]
pub use tracing as __tracing;

#[cfg(test)]
mod tests;
