//! A line for machines: one JSON object.
//!
//! Invariant: valid JSON on one line whatever the values are; nothing is allocated once the buffer has grown.
//! Not here: when a line is written, and where to.

use watchroom_capture::{Scope, SpanRecord};
use watchroom_core::Value;

use crate::number::{push_float, push_int};
use crate::sink::{CORRELATION, Line, ThreadTag};
use crate::time::push_rfc3339_ms;

pub(crate) fn push_line<'a>(
    out: &mut Vec<u8>,
    line: &Line<'a>,
    scope: Scope<'a>,
    thread: Option<&ThreadTag>,
) {
    out.extend_from_slice(b"{\"timestamp\":\"");
    push_rfc3339_ms(out, line.time_unix_ns);
    out.extend_from_slice(b"\",\"level\":\"");
    out.extend_from_slice(line.metadata.level().as_str().as_bytes());
    out.extend_from_slice(b"\",\"target\":");
    push_str(out, line.metadata.target());
    out.extend_from_slice(b",\"message\":");
    push_str(out, line.message);
    out.extend_from_slice(b",\"fields\":{");
    let mut first = true;
    line.each_field(|key, value| {
        push_member(out, &mut first, key, value);
    });
    out.push(b'}');
    push_spans(out, scope);
    push_ids(out, line, scope);
    if let Some(thread) = thread {
        out.extend_from_slice(b",\"thread_id\":");
        push_int(out, thread.id);
        if let Some(name) = &thread.name {
            out.extend_from_slice(b",\"thread_name\":");
            push_str(out, name);
        }
    }
    out.extend_from_slice(b"}\n");
}

/// The current span, and the list from the root to it; its text is made once.
fn push_spans(out: &mut Vec<u8>, scope: Scope<'_>) {
    let Some(current) = scope.current() else { return };
    out.extend_from_slice(b",\"span\":");
    let start = out.len();
    push_span(out, current);
    let end = out.len();
    out.extend_from_slice(b",\"spans\":[");
    for span in scope.iter().rev().skip(1).rev() {
        push_span(out, span);
        out.push(b',');
    }
    out.extend_from_within(start..end);
    out.push(b']');
}

fn push_span(out: &mut Vec<u8>, span: &SpanRecord) {
    out.extend_from_slice(b"{\"name\":");
    push_str(out, span.name());
    let mut first = false;
    for (key, value) in span.fields.iter() {
        // The span's name has this key already, and an object has each key once.
        push_member(
            out,
            &mut first,
            if key == "name" { "fields.name" } else { key },
            value,
        );
    }
    out.push(b'}');
}

fn push_ids<'a>(out: &mut Vec<u8>, line: &Line<'a>, scope: Scope<'a>) {
    if let Some(context) = scope.context() {
        out.extend_from_slice(b",\"trace_id\":\"");
        out.extend_from_slice(context.trace_id.hex().as_str().as_bytes());
        out.extend_from_slice(b"\",\"span_id\":\"");
        out.extend_from_slice(context.span_id.hex().as_str().as_bytes());
        out.push(b'"');
    }
    let mut first = false;
    for key in CORRELATION {
        if let Some(value) = line.correlation(scope, key) {
            push_member(out, &mut first, key, value);
        }
    }
}

fn push_member(out: &mut Vec<u8>, first: &mut bool, key: &str, value: Value<'_>) {
    if !std::mem::take(first) {
        out.push(b',');
    }
    push_str(out, key);
    out.push(b':');
    match value {
        Value::Bool(true) => out.extend_from_slice(b"true"),
        Value::Bool(false) => out.extend_from_slice(b"false"),
        Value::I64(number) => push_int(out, number),
        Value::U64(number) => push_int(out, number),
        Value::F64(number) => {
            if !push_float(out, number) {
                // JSON has no number for these.
                let text = if number.is_nan() {
                    "\"NaN\""
                } else if number > 0.0 {
                    "\"Infinity\""
                } else {
                    "\"-Infinity\""
                };
                out.extend_from_slice(text.as_bytes());
            }
        }
        Value::Str(text) => push_str(out, text),
    }
}

const ONES: u64 = 0x0101_0101_0101_0101;
const TOPS: u64 = 0x8080_8080_8080_8080;

/// Whether one of eight bytes has to be escaped: a control character, a quote or a backslash. Bytes of 128 and more do not count.
const fn has_special(word: u64) -> bool {
    const fn has_zero(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & TOPS
    }
    let below_space = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
    let quote = has_zero(word ^ (ONES * b'"' as u64));
    let backslash = has_zero(word ^ (ONES * b'\\' as u64));
    (below_space | quote | backslash) != 0
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Length of the run of bytes that need no escape.
fn clean_len(bytes: &[u8]) -> usize {
    let (words, _) = bytes.as_chunks::<8>();
    let n_clean = 8 * words
        .iter()
        .take_while(|word| !has_special(u64::from_le_bytes(**word)))
        .count();
    let rest = bytes.get(n_clean..).unwrap_or_default();
    n_clean
        + rest
            .iter()
            .position(|byte| is_special(*byte))
            .unwrap_or(rest.len())
}

/// Appends a JSON string.
///
/// Source: RFC 8259, section 7.
fn push_str(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (clean, special) = rest.split_at(clean_len(rest));
        out.extend_from_slice(clean);
        let Some((byte, after)) = special.split_first() else {
            break;
        };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 15)]);
            }
        }
        rest = after;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_at_every_place_reads_back_as_it_was() {
        for code in 0..=0x17f_u32 {
            let c = char::from_u32(code).unwrap();
            for at in 0..20 {
                let text = format!("{}{c}{}", "a".repeat(at), "é".repeat(20 - at));
                let mut out = Vec::new();
                push_str(&mut out, &text);
                assert_eq!(
                    serde_json::from_slice::<String>(&out).unwrap(),
                    text,
                    "{code} at {at}"
                );
                assert!(!out.iter().any(|byte| *byte < 0x20), "{code} at {at}");
            }
        }
    }
}
