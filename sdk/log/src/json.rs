//! A line for machines: one JSON object.
//!
//! Invariant: valid JSON on one line whatever the values are; nothing is allocated once the buffer has grown.
//! Not here: when a line is written, and where to.

use watchroom_capture::{Scope, SpanRecord, ThreadTag};
use watchroom_core::Value;

use crate::fragment::{Form, Fragments, with_fragments};
use crate::number::{push_float, push_int};
use crate::sink::{CORRELATION, Line};
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
        if std::mem::take(&mut first) {
            push_first_member(out, key, value);
        } else {
            push_member(out, key, value);
        }
    });
    out.push(b'}');
    with_fragments(|fragments| {
        push_spans(out, fragments, scope);
        push_ids(out, fragments, line, scope);
    });
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

struct Json;

impl Form for Json {
    const ID: u32 = 1;

    fn span(&self, out: &mut Vec<u8>, span: &SpanRecord) {
        out.extend_from_slice(b"{\"name\":");
        push_str(out, span.name());
        for (key, value) in span.fields.iter() {
            // The span's name has this key already, and an object has each key once.
            push_member(out, if key == "name" { "fields.name" } else { key }, value);
        }
        out.push(b'}');
    }

    fn ids(&self, out: &mut Vec<u8>, span: &SpanRecord) {
        out.extend_from_slice(b",\"trace_id\":\"");
        out.extend_from_slice(span.context.trace_id.hex().as_bytes());
        out.extend_from_slice(b"\",\"span_id\":\"");
        out.extend_from_slice(span.context.span_id.hex().as_bytes());
        out.push(b'"');
    }

    fn correlation(&self, out: &mut Vec<u8>, key: &'static str, value: Value<'_>) {
        push_member(out, key, value);
    }
}

/// The current span, and the list from the root to it.
fn push_spans(out: &mut Vec<u8>, fragments: &mut Fragments, scope: Scope<'_>) {
    let Some(current) = scope.current() else { return };
    out.extend_from_slice(b",\"span\":");
    let start = out.len();
    out.extend_from_slice(fragments.get(&Json, current).span());
    let end = out.len();
    out.extend_from_slice(b",\"spans\":[");
    for span in scope.iter().rev().skip(1).rev() {
        out.extend_from_slice(fragments.get(&Json, span).span());
        out.push(b',');
    }
    out.extend_from_within(start..end);
    out.push(b']');
}

fn push_ids(out: &mut Vec<u8>, fragments: &mut Fragments, line: &Line<'_>, scope: Scope<'_>) {
    if let Some(innermost) = scope.all().next_back() {
        out.extend_from_slice(fragments.get(&Json, innermost).ids());
    }
    let has_own = line.has_correlation();
    for (idx, key) in CORRELATION.into_iter().enumerate() {
        match has_own.then(|| line.field(key)).flatten() {
            Some(value) => push_member(out, key, value),
            None => fragments.push_correlation(&Json, out, scope, idx),
        }
    }
}

/// A member of an object that is not the first.
fn push_member(out: &mut Vec<u8>, key: &str, value: Value<'_>) {
    out.push(b',');
    push_first_member(out, key, value);
}

fn push_first_member(out: &mut Vec<u8>, key: &str, value: Value<'_>) {
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

/// Bits where one of eight bytes has to be escaped: a control character, a quote or a backslash. Bytes of 128 and more do not count.
const fn special(word: u64) -> u64 {
    const fn zero(word: u64) -> u64 {
        word.wrapping_sub(ONES) & !word & TOPS
    }
    let below_space = word.wrapping_sub(ONES * 0x20) & !word & TOPS;
    let quote = zero(word ^ (ONES * b'"' as u64));
    let backslash = zero(word ^ (ONES * b'\\' as u64));
    below_space | quote | backslash
}

const fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// Whether nothing has to be escaped: eight bytes at a time, the last eight once more where they overlap.
fn is_clean(bytes: &[u8]) -> bool {
    if let Some(last) = bytes.last_chunk::<8>() {
        let (words, _) = bytes.as_chunks::<8>();
        let found = |word: &[u8; 8]| special(u64::from_le_bytes(*word));
        words.iter().fold(found(last), |all, word| all | found(word)) == 0
    } else if let (Some(first), Some(last)) = (bytes.first_chunk::<4>(), bytes.last_chunk::<4>()) {
        let word = u64::from(u32::from_le_bytes(*first)) | u64::from(u32::from_le_bytes(*last)) << 32;
        special(word) == 0
    } else {
        !bytes.iter().any(|byte| is_special(*byte))
    }
}

/// Appends a JSON string.
///
/// Source: RFC 8259, section 7.
#[inline]
fn push_str(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    out.reserve(bytes.len() + 2);
    out.push(b'"');
    if is_clean(bytes) {
        out.extend_from_slice(bytes);
    } else {
        push_escaped(out, bytes);
    }
    out.push(b'"');
}

#[cold]
fn push_escaped(out: &mut Vec<u8>, mut rest: &[u8]) {
    loop {
        let n_clean = rest.iter().position(|byte| is_special(*byte));
        let (clean, special) = rest.split_at(n_clean.unwrap_or(rest.len()));
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
