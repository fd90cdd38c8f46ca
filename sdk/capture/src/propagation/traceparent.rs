//! The `traceparent` header: ids and flags.
//!
//! Invariant: read by the letter of the specification; what is written is version 0 and takes one allocation.
//! Not here: the vendors' entries (`tracestate`).

use watchroom_core::{SpanContext, SpanId, TraceFlags, TraceId};

/// Length of version 0.
const LEN: usize = 55;

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
    if !text.is_ascii() || text.len() < LEN {
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
    let flags = hex_byte(&text[53..LEN]).ok_or(TraceparentError::Flags)?;
    let rest = &text[LEN..];
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
    let digit = |nibble: u8| char::from_digit(nibble.into(), 16).unwrap_or('0');
    let mut text = String::with_capacity(LEN);
    text.push_str("00-");
    text.push_str(context.trace_id.hex().as_str());
    text.push('-');
    text.push_str(context.span_id.hex().as_str());
    text.push('-');
    text.push(digit(context.flags.0 >> 4));
    text.push(digit(context.flags.0 & 15));
    text
}
