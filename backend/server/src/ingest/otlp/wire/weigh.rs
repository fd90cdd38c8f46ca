//! How much memory a request will take once it is decoded, told before it is.
//!
//! Two bytes of protobuf can become a struct of hundreds, so a limit on the body does not bound memory. This walks the wire form
//! along the messages that repeat and adds up their sizes.
//!
//! Invariant: reads each byte at most once for each level of known nesting; allocates nothing; any input gives a number.

use std::mem::size_of;

use super::{
    AnyValue, Exemplar, ExponentialHistogramDataPoint, HistogramDataPoint, KeyValue, LogRecord, Metric,
    NumberDataPoint, Span,
};
use crate::ingest::otlp::{Encoding, Signal};

/// A message whose repeated fields are worth counting: its size, and which field leads to which message.
struct Shape {
    size: usize,
    fields: &'static [(u64, &'static Shape)],
}

/// Space of a value in a growing `Vec`: up to twice its size, and the allocations that hang off it.
const fn grown(size: usize) -> usize {
    2 * size + 32
}

static VALUE: Shape = Shape {
    size: grown(size_of::<AnyValue>()),
    fields: &[(5, &LIST), (6, &MAP)],
};
static LIST: Shape = Shape {
    size: 0,
    fields: &[(1, &VALUE)],
};
static MAP: Shape = Shape {
    size: 0,
    fields: &[(1, &ATTRIBUTE)],
};
static ATTRIBUTE: Shape = Shape {
    size: grown(size_of::<KeyValue>()),
    fields: &[(2, &VALUE)],
};
static RESOURCE: Shape = Shape {
    size: 0,
    fields: &[(1, &ATTRIBUTE)],
};
static SCOPE: Shape = Shape {
    size: 0,
    fields: &[(3, &ATTRIBUTE)],
};
static SPAN: Shape = Shape {
    size: grown(size_of::<Span>()),
    fields: &[(9, &ATTRIBUTE), (11, &EVENT), (13, &LINK)],
};
static EVENT: Shape = Shape {
    size: grown(64),
    fields: &[(3, &ATTRIBUTE)],
};
static LINK: Shape = Shape {
    size: grown(96),
    fields: &[(4, &ATTRIBUTE)],
};
static SCOPE_SPANS: Shape = Shape {
    size: grown(104),
    fields: &[(1, &SCOPE), (2, &SPAN)],
};
static RESOURCE_SPANS: Shape = Shape {
    size: grown(80),
    fields: &[(1, &RESOURCE), (2, &SCOPE_SPANS)],
};
static TRACES: Shape = Shape {
    size: 0,
    fields: &[(1, &RESOURCE_SPANS)],
};
static RECORD: Shape = Shape {
    size: grown(size_of::<LogRecord>()),
    fields: &[(5, &VALUE), (6, &ATTRIBUTE)],
};
static SCOPE_LOGS: Shape = Shape {
    size: grown(104),
    fields: &[(1, &SCOPE), (2, &RECORD)],
};
static RESOURCE_LOGS: Shape = Shape {
    size: grown(80),
    fields: &[(1, &RESOURCE), (2, &SCOPE_LOGS)],
};
static LOGS: Shape = Shape {
    size: 0,
    fields: &[(1, &RESOURCE_LOGS)],
};
static EXEMPLAR: Shape = Shape {
    size: grown(size_of::<Exemplar>()),
    fields: &[(7, &ATTRIBUTE)],
};
static NUMBER: Shape = Shape {
    size: grown(size_of::<NumberDataPoint>()),
    fields: &[(7, &ATTRIBUTE), (5, &EXEMPLAR)],
};
static HISTOGRAM: Shape = Shape {
    size: grown(size_of::<HistogramDataPoint>()),
    fields: &[(9, &ATTRIBUTE), (8, &EXEMPLAR)],
};
static EXPONENTIAL: Shape = Shape {
    size: grown(size_of::<ExponentialHistogramDataPoint>()),
    fields: &[(1, &ATTRIBUTE), (11, &EXEMPLAR)],
};
static QUANTILE: Shape = Shape {
    size: grown(16),
    fields: &[],
};
static SUMMARY: Shape = Shape {
    size: grown(120),
    fields: &[(7, &ATTRIBUTE), (6, &QUANTILE)],
};
static NUMBERS: Shape = Shape {
    size: 0,
    fields: &[(1, &NUMBER)],
};
static HISTOGRAMS: Shape = Shape {
    size: 0,
    fields: &[(1, &HISTOGRAM)],
};
static EXPONENTIALS: Shape = Shape {
    size: 0,
    fields: &[(1, &EXPONENTIAL)],
};
static SUMMARIES: Shape = Shape {
    size: 0,
    fields: &[(1, &SUMMARY)],
};
static METRIC: Shape = Shape {
    size: grown(size_of::<Metric>()),
    fields: &[
        (5, &NUMBERS),
        (7, &NUMBERS),
        (9, &HISTOGRAMS),
        (10, &EXPONENTIALS),
        (11, &SUMMARIES),
    ],
};
static SCOPE_METRICS: Shape = Shape {
    size: grown(104),
    fields: &[(1, &SCOPE), (2, &METRIC)],
};
static RESOURCE_METRICS: Shape = Shape {
    size: grown(80),
    fields: &[(1, &RESOURCE), (2, &SCOPE_METRICS)],
};
static METRICS: Shape = Shape {
    size: 0,
    fields: &[(1, &RESOURCE_METRICS)],
};

/// Nesting beyond which the decoder refuses anyway.
const MAX_DEPTH: usize = 100;

/// Bytes of memory that decoding `body` may take.
pub(crate) fn any(signal: Signal, encoding: Encoding, body: &[u8]) -> usize {
    match encoding {
        Encoding::Protobuf => protobuf(signal, body),
        Encoding::Json => json(body),
    }
}

/// Bytes of memory that decoding `body` may take. Malformed input is weighed as far as it can be read; the decoder names its fault.
fn protobuf(signal: Signal, body: &[u8]) -> usize {
    let root = match signal {
        Signal::Traces => &TRACES,
        Signal::Metrics => &METRICS,
        Signal::Logs => &LOGS,
    };
    // Packed varints become eight bytes each; they are the only other thing that grows.
    let packed = if signal == Signal::Metrics { 7 } else { 0 };
    body.len() * (1 + packed) + message(root, body, 0)
}

/// Bytes of memory that decoding a JSON `body` may take: every object and list is taken for the largest message.
fn json(body: &[u8]) -> usize {
    let opened = body.iter().filter(|byte| matches!(byte, b'{' | b'[')).count();
    body.len() * 2 + opened * size_of::<Span>()
}

fn message(shape: &Shape, mut bytes: &[u8], depth: usize) -> usize {
    let mut total = 0;
    while depth < MAX_DEPTH && !bytes.is_empty() {
        let Some(key) = varint(&mut bytes) else { break };
        let skipped = match key & 7 {
            0 => varint(&mut bytes).map(|_| 0),
            1 => Some(8),
            5 => Some(4),
            2 => {
                let Some(len) = varint(&mut bytes).and_then(|len| usize::try_from(len).ok()) else {
                    break;
                };
                let Some(body) = bytes.get(..len) else { break };
                if let Some((_, child)) = shape.fields.iter().find(|(field, _)| *field == key >> 3) {
                    total += child.size + message(child, body, depth + 1);
                }
                Some(len)
            }
            _ => None,
        };
        let Some(rest) = skipped.and_then(|n| bytes.get(n..)) else {
            break;
        };
        bytes = rest;
    }
    total
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::super::trace::{ExportTraceRequest, ResourceSpans, ScopeSpans};
    use super::*;

    #[test]
    fn a_small_body_of_many_empty_spans_weighs_what_it_becomes() {
        let request = ExportTraceRequest {
            resource_spans: vec![ResourceSpans {
                resource: None,
                scope_spans: vec![ScopeSpans {
                    scope: None,
                    spans: vec![Span::default(); 100_000],
                }],
            }],
        };
        let body = request.encode_to_vec();
        assert!(body.len() < 250_000);
        assert!(protobuf(Signal::Traces, &body) >= 100_000 * size_of::<Span>());
    }

    #[test]
    fn any_bytes_have_a_weight() {
        for bad in [
            &b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            b"\x0a\xff\x01",
            b"\x0b",
            b"\x08",
        ] {
            assert!(protobuf(Signal::Logs, bad) < 1000);
        }
    }
}
