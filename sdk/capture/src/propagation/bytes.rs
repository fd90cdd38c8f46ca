//! The context as a string of bytes, for messages between peers and for queues.
//!
//! | bytes | what |
//! |---|---|
//! | `00` | version |
//! | `00` + 16 | trace id |
//! | `01` + 8 | span id |
//! | `02` + 1 | trace flags |
//! | `03` + length + text | `tracestate` |
//! | `04` + length + text | `baggage`, its values redacted |
//! | `05` + length + text | request id |
//!
//! Lengths are two bytes, the higher first. Fields stand in this order; those from `03` on may be absent, and a reader passes over such
//! as it does not know. Without the optional fields it is, byte for byte, the 29 bytes that OpenCensus sends as `grpc-trace-bin`.
//!
//! Invariant: any bytes can be read: they are a context or they are counted as malformed; memory is bounded by the input.
//! Not here: text carriers.

use watchroom_core::{Count, Ledger, SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use watchroom_redact::Redactor;

use super::{Baggage, RemoteContext, parse_tracestate};

/// The version that is written and read.
pub const VERSION: u8 = 0;
/// Bytes of a request id that are read.
const MAX_REQUEST_ID: usize = 256;

const TRACE_ID: u8 = 0;
const SPAN_ID: u8 = 1;
const FLAGS: u8 = 2;
const STATE: u8 = 3;
const BAGGAGE: u8 = 4;
const REQUEST_ID: u8 = 5;

/// What a message carried.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Decoded {
    /// The sender's span and baggage.
    pub remote: RemoteContext,
    /// Id of the request that the message belongs to.
    pub request_id: Option<String>,
}

/// The context of the current span, its baggage, and the request id of the nearest span that has one. Without a captured span it is
/// empty, which [`decode`] takes for no context.
///
/// ```
/// use watchroom_capture::propagation::bytes;
/// # let ledger = watchroom_core::Ledger::default();
/// let header = bytes::encode_current();
/// // … the message travels …
/// let sender = bytes::decode(&header, &ledger);
/// let span = watchroom_capture::context::with_remote_parent(sender.remote, || {
///     tracing::info_span!("apply", otel.kind = "consumer", request_id = sender.request_id)
/// });
/// ```
#[must_use]
pub fn encode_current() -> Vec<u8> {
    let request_id = crate::context::current_field("request_id");
    let bytes = crate::context::with_current(|layer, id| {
        let (span, baggage) = layer.identity_of(id)?;
        Some(encode(&span, &baggage, request_id.as_deref(), layer.redactor()))
    });
    bytes.unwrap_or_default()
}

/// Writes a span, its baggage (redacted) and a request id. What is too long for its field is left out.
#[must_use]
pub fn encode(
    span: &SpanContext,
    baggage: &Baggage,
    request_id: Option<&str>,
    redactor: &Redactor,
) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(29);
    bytes.extend([VERSION, TRACE_ID]);
    bytes.extend(span.trace_id.to_bytes());
    bytes.push(SPAN_ID);
    bytes.extend(span.span_id.to_bytes());
    bytes.extend([FLAGS, span.flags.0]);
    push(&mut bytes, STATE, span.state.as_str());
    if !baggage.is_empty() {
        push(&mut bytes, BAGGAGE, &baggage.to_header(redactor));
    }
    push(
        &mut bytes,
        REQUEST_ID,
        request_id
            .filter(|id| id.len() <= MAX_REQUEST_ID)
            .unwrap_or_default(),
    );
    bytes
}

fn push(bytes: &mut Vec<u8>, field: u8, text: &str) {
    if let Ok(len) = u16::try_from(text.len())
        && len > 0
    {
        bytes.push(field);
        bytes.extend(len.to_be_bytes());
        bytes.extend(text.as_bytes());
    }
}

/// Reads what [`encode`] wrote. No bytes are no context; what is malformed is none either and is counted, and a malformed optional field
/// takes nothing else with it. Of flags only the defined ones are kept.
#[must_use]
pub fn decode(bytes: &[u8], ledger: &Ledger) -> Decoded {
    if bytes.is_empty() {
        return Decoded::default();
    }
    let mut decoded = Decoded::default();
    let n_malformed = read(bytes, &mut decoded).unwrap_or(1);
    if n_malformed > 0 {
        ledger.count(Count::MalformedContext, n_malformed.into());
    }
    decoded
}

/// Number of optional fields that were malformed; none if there is no context at all.
fn read(mut bytes: &[u8], decoded: &mut Decoded) -> Option<u32> {
    let [VERSION] = take(&mut bytes)? else { return None };
    let [TRACE_ID] = take(&mut bytes)? else {
        return None;
    };
    let trace_id = TraceId::from_bytes(take(&mut bytes)?)?;
    let [SPAN_ID] = take(&mut bytes)? else { return None };
    let span_id = SpanId::from_bytes(take(&mut bytes)?)?;
    let [FLAGS, flags] = take(&mut bytes)? else {
        return None;
    };
    let mut span = SpanContext {
        trace_id,
        span_id,
        flags: TraceFlags(flags & 0b11),
        remote: true,
        state: TraceState::EMPTY,
    };
    let mut n_malformed = 0_u32;
    while !bytes.is_empty() {
        let Some((field, text)) = field(&mut bytes) else {
            n_malformed += 1;
            break;
        };
        match (field, std::str::from_utf8(text)) {
            (STATE, Ok(text)) => match parse_tracestate(text) {
                Ok(state) => span.state = state,
                Err(_) => n_malformed += 1,
            },
            (BAGGAGE, Ok(text)) => {
                let (baggage, n_left_out) = Baggage::parse(text);
                decoded.remote.baggage = baggage;
                n_malformed = n_malformed.saturating_add(n_left_out);
            }
            (REQUEST_ID, Ok(text)) if !text.is_empty() && text.len() <= MAX_REQUEST_ID => {
                decoded.request_id = Some(text.to_owned());
            }
            (STATE | BAGGAGE | REQUEST_ID, _) => n_malformed += 1,
            // A field of a later time.
            _ => {}
        }
    }
    decoded.remote.span = Some(span);
    Some(n_malformed)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*first)
}

fn field<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let [field, high, low] = take(bytes)?;
    let (text, rest) = bytes.split_at_checked(u16::from_be_bytes([high, low]).into())?;
    *bytes = rest;
    Some((field, text))
}
