//! W3C Trace Context: reading it from carriers and writing it to them.
//!
//! Invariant: what is malformed is ignored and counted, it never becomes an error of the caller; an unreadable `tracestate` does not
//! take a good `traceparent` with it. Not here: baggage; carriers of foreign frameworks beyond `http::HeaderMap`.

use watchroom_core::{Count, Ledger, SpanContext, SpanId, TraceFlags, TraceId};

mod carrier;
mod trace_context;
mod tracestate;

pub use carrier::{Extractor, Injector};
pub use trace_context::TraceContext;
pub use tracestate::{TracestateError, parse_tracestate};

/// Name of the header of ids and flags.
pub const TRACEPARENT: &str = "traceparent";
/// Name of the header of vendors' entries.
pub const TRACESTATE: &str = "tracestate";

/// What is wrong with a `traceparent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TraceparentError {
    /// Too short, wrong separators, or more than version 0 allows.
    #[error("traceparent does not have the form version-traceid-spanid-flags")]
    Form,
    /// The version is `ff` or not two lower-case hex digits.
    #[error("traceparent has an invalid version")]
    Version,
    /// The trace id is zero or not 32 lower-case hex digits.
    #[error("traceparent has an invalid trace id")]
    TraceId,
    /// The span id is zero or not 16 lower-case hex digits.
    #[error("traceparent has an invalid parent id")]
    SpanId,
    /// The flags are not two lower-case hex digits.
    #[error("traceparent has invalid flags")]
    Flags,
    /// It occurs more than once.
    #[error("traceparent occurs more than once")]
    Repeated,
}

/// Reads a `traceparent`: trace, span, flags. Of a version after 0 only the part that version 0 defines is read, and of its flags
/// only the sampling decision.
///
/// # Errors
/// [`TraceparentError`] says which part is malformed.
///
/// Source: W3C Trace Context, "traceparent Header" and "Versioning of traceparent".
pub fn parse_traceparent(text: &str) -> Result<(TraceId, SpanId, TraceFlags), TraceparentError> {
    let text = text.trim_matches([' ', '\t']);
    if !text.is_ascii() || text.len() < 55 {
        return Err(TraceparentError::Form);
    }
    let separated = [2, 35, 52].iter().all(|at| text.as_bytes()[*at] == b'-');
    if !separated {
        return Err(TraceparentError::Form);
    }
    let version = hex_byte(&text[..2])
        .filter(|version| *version != 0xff)
        .ok_or(TraceparentError::Version)?;
    let trace_id = TraceId::parse(&text[3..35]).ok_or(TraceparentError::TraceId)?;
    let span_id = SpanId::parse(&text[36..52]).ok_or(TraceparentError::SpanId)?;
    let flags = hex_byte(&text[53..55]).ok_or(TraceparentError::Flags)?;
    let rest = &text[55..];
    if version == 0 {
        if !rest.is_empty() {
            return Err(TraceparentError::Form);
        }
        // Version 0 defines the bits of sampling and, in level 2, of random ids; others are not passed on.
        return Ok((trace_id, span_id, TraceFlags(flags & 0b11)));
    }
    if !rest.is_empty() && !rest.starts_with('-') {
        return Err(TraceparentError::Form);
    }
    Ok((trace_id, span_id, TraceFlags(flags & TraceFlags::SAMPLED)))
}

fn hex_byte(text: &str) -> Option<u8> {
    let well_formed = text
        .bytes()
        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    well_formed.then(|| u8::from_str_radix(text, 16).ok()).flatten()
}

/// The text of a `traceparent`, version 0.
#[must_use]
pub fn format_traceparent(context: &SpanContext) -> String {
    format!(
        "00-{}-{}-{:02x}",
        context.trace_id, context.span_id, context.flags.0
    )
}

/// Reads the caller's context out of a carrier. Nothing there is no context; something malformed is none either, and is counted.
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
    let mut parent = None;
    carrier.get_all(TRACEPARENT, &mut |value| {
        parent = Some(match parent {
            None => parse_traceparent(value),
            Some(_) => Err(TraceparentError::Repeated),
        });
    });
    let Ok((trace_id, span_id, flags)) = parent? else {
        ledger.count(Count::MalformedContext, 1);
        return None;
    };
    let mut text = String::new();
    carrier.get_all(TRACESTATE, &mut |value| {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(value);
    });
    let state = parse_tracestate(&text).unwrap_or_else(|_| {
        ledger.count(Count::MalformedContext, 1);
        watchroom_core::TraceState::EMPTY
    });
    Some(SpanContext {
        trace_id,
        span_id,
        flags,
        remote: true,
        state,
    })
}

/// Writes a span's context into a carrier, in place of what is there.
pub fn inject(context: &SpanContext, carrier: &mut (impl Injector + ?Sized)) {
    carrier.set(TRACEPARENT, &format_traceparent(context));
    if !context.state.as_str().is_empty() {
        carrier.set(TRACESTATE, context.state.as_str());
    }
}

/// Writes the context of the current span into a carrier; without one, nothing.
pub fn inject_current(carrier: &mut (impl Injector + ?Sized)) {
    if let Some(context) = crate::context::current_context() {
        inject(&context, carrier);
    }
}

#[cfg(test)]
mod tests;
