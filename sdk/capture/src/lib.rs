//! The one `tracing` layer of the SDK: it captures spans and events once, redacts them once, samples once, and fans out to sinks.
//!
//! Invariant: whatever a sink or an exporter sees comes out of a record, and what is in a record has been redacted.
//! Not here: the form of a log line (`log`), OTLP bytes (`otlp`), instruments (`metrics`).

pub mod fields;
pub mod record;
pub mod sink;

pub use fields::Fields;
pub use record::{EventRecord, Link, SpanEvents, SpanKind, SpanRecord, Status};
pub use sink::{Scope, Sink, SpanExporter};
