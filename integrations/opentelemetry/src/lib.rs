//! The `opentelemetry` API and this SDK's `tracing` spans in one trace.
//!
//! After [`install`], libraries that are instrumented with the `opentelemetry` API take part: their spans are sampled, redacted,
//! limited and exported by this SDK, and parents are right in both directions, however the two are nested.
//!
//! ```
//! use opentelemetry::trace::{Tracer as _, TracerProvider as _};
//! use watchroom_capture::{Capture, Propagators};
//!
//! # use tracing_subscriber::layer::SubscriberExt as _;
//! let (layer, handle) = Capture::builder().build();
//! # let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
//! let provider = watchroom_opentelemetry::install(&handle, Propagators::default())?;
//!
//! tracing::info_span!("request").in_scope(|| {
//!     // What a library does, mostly through `opentelemetry::global::tracer("library")`.
//!     provider.tracer("library").in_span("query", |_cx| {
//!         tracing::info_span!("parse"); // request → query → parse
//!     });
//! });
//! # Ok::<(), watchroom_opentelemetry::InstallError>(())
//! ```
//!
//! Both ways:
//! - A `tracing` span that is entered is the active span of `opentelemetry::Context`, with its baggage, so that a library finds it as its
//!   parent, reads its ids, and may set attributes, events and a status on it.
//! - A `tracing` span that is made while another span is active in `opentelemetry::Context`, one of a library or one of another process
//!   that was extracted by a propagator, becomes its child. An explicit `parent:` of `tracing` is left alone.
//!
//! Invariant: nothing here blocks or panics; on the paths of `tracing` no span is kept open by a context that somebody has stored.
//! Not here: metrics and logs of the `opentelemetry` API; attributes of links, which this SDK's links have not; a line's ids inside of an
//! `opentelemetry` span, which are those of the `tracing` span around it.

mod context;
mod convert;
mod install;
mod propagator;
mod span;
mod tracer;

pub use install::{InstallError, install, join};
pub use propagator::ContextPropagator;
pub use span::Span;
pub use tracer::{Provider, Tracer};
