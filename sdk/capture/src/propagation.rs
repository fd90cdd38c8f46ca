//! Context on its way between services: reading it from carriers and writing it to them.
//!
//! | format | carrier | here |
//! |---|---|---|
//! | W3C Trace Context | `traceparent`, `tracestate` | [`parse_traceparent`], [`parse_tracestate`] |
//! | W3C Baggage | `baggage` | [`Baggage`] |
//! | B3 | `b3`, or `x-b3-traceid` and its like | [`b3`] |
//! | a string of bytes | a message's header | [`bytes`] |
//! | RPC parameters | [`TraceContext`] | [`TraceContext`] |
//!
//! Text carriers are `http::HeaderMap` (with the feature `http`), string maps, and whatever implements [`Extractor`] and [`Injector`];
//! a tonic `MetadataMap` gives its `HeaderMap` by `as_ref` and `as_mut`. [`Propagators`] is the choice of formats.
//!
//! Invariant: what is malformed is ignored and counted, it never becomes an error of the caller; an unreadable `tracestate` does not
//! take a good `traceparent` with it. Values of baggage are redacted before they leave.
//! Not here: to which span a context belongs (`context`); carriers of foreign frameworks beyond `http::HeaderMap`.

use watchroom_core::{Ledger, SpanContext};

pub mod b3;
mod baggage;
pub mod bytes;
mod carrier;
mod propagators;
mod remote;
mod trace_context;
mod traceparent;
mod tracestate;

pub use baggage::{
    Baggage, BaggageError, MAX_BYTES as MAX_BAGGAGE_BYTES, MAX_MEMBERS as MAX_BAGGAGE_MEMBERS,
};
pub use carrier::{Extractor, Injector};
pub use propagators::{Propagator, PropagatorError, Propagators};
pub(crate) use remote::Decision;
pub use remote::RemoteContext;
pub use trace_context::TraceContext;
pub use traceparent::{TraceparentError, format_traceparent, parse_traceparent};
pub use tracestate::{TracestateError, parse_tracestate};

/// Name of the header of ids and flags.
pub const TRACEPARENT: &str = "traceparent";
/// Name of the header of vendors' entries.
pub const TRACESTATE: &str = "tracestate";
/// Name of the header of baggage.
pub const BAGGAGE: &str = "baggage";

/// Reads the caller's span out of a carrier, from the W3C Trace Context alone; [`Propagators::extract`] reads what a process has chosen.
/// Nothing there is no context; something malformed is none either, and is counted.
///
/// ```
/// # use std::collections::HashMap;
/// # use watchroom_capture::propagation;
/// # use watchroom_core::Ledger;
/// let ledger = Ledger::default();
/// let mut headers = HashMap::new();
/// headers.insert("traceparent".to_owned(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned());
/// let caller = propagation::extract(&headers, &ledger).unwrap();
/// assert!(caller.is_sampled() && caller.remote);
/// ```
#[must_use]
pub fn extract(carrier: &(impl Extractor + ?Sized), ledger: &Ledger) -> Option<SpanContext> {
    propagators::extract_span(carrier, ledger)
}

/// Writes a span's context into a carrier as W3C Trace Context, in place of what is there.
pub fn inject(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    propagators::inject_span(context, carrier);
}

/// Writes the context of the current span into a carrier as W3C Trace Context; without one, nothing.
pub fn inject_current(carrier: &mut (impl Injector + ?Sized)) {
    if let Some(context) = crate::context::current_context() {
        inject(&context, carrier);
    }
}

#[cfg(test)]
mod tests;
