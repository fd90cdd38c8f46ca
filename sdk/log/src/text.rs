//! A line for people.
//!
//! Invariant: no value can begin a new line or speak to the terminal: control characters, and those that change the direction of
//! text, are shown escaped. The one value on lines of its own is a backtrace, and those are indented. Not here: when to colour.

use std::fmt::Write as _;

use tracing_core::Level;
use watchroom_capture::{Scope, SpanRecord, ThreadTag};
use watchroom_core::Value;

use crate::fragment::{Form, Fragments, with_fragments};
use crate::number::{push_float, push_int};
use crate::sink::{CORRELATION, Line};
use crate::time::push_rfc3339_ms;

/// How text lines look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub(crate) color: bool,
    pub(crate) uptime: bool,
}

const DIM: &str = "\u{1b}[2m";
const BOLD: &str = "\u{1b}[1m";
const RESET: &str = "\u{1b}[0m";

/// Appends a line; returns how many it takes.
pub(crate) fn push_line(
    out: &mut Vec<u8>,
    line: &Line<'_>,
    scope: Scope<'_>,
    thread: Option<&ThreadTag>,
    style: Style,
) -> u64 {
    let paint = |out: &mut Vec<u8>, code: &str| {
        if style.color {
            out.extend_from_slice(code.as_bytes());
        }
    };
    paint(out, DIM);
    if style.uptime {
        let start = out.len();
        push_uptime(out, line.uptime_ns);
        let n_pad = 12_usize.saturating_sub(out.len() - start);
        out.splice(start..start, std::iter::repeat_n(b' ', n_pad));
    } else {
        push_rfc3339_ms(out, line.time_unix_ns);
    }
    paint(out, RESET);
    out.push(b' ');
    let (code, name) = match *line.metadata.level() {
        Level::ERROR => ("\u{1b}[31m", "ERROR"),
        Level::WARN => ("\u{1b}[33m", " WARN"),
        Level::INFO => ("\u{1b}[32m", " INFO"),
        Level::DEBUG => ("\u{1b}[34m", "DEBUG"),
        Level::TRACE => ("\u{1b}[35m", "TRACE"),
    };
    paint(out, code);
    out.extend_from_slice(name.as_bytes());
    paint(out, RESET);
    out.push(b' ');
    if let Some(thread) = thread {
        if let Some(name) = &thread.name {
            push_escaped(out, name);
        }
        out.push(b'#');
        push_int(out, thread.id);
        out.push(b' ');
    }
    with_fragments(|fragments| {
        if style.color {
            push_line_in(out, fragments, &Colored, line, scope)
        } else {
            push_line_in(out, fragments, &Plain, line, scope)
        }
    })
}

/// A form of text: only what stands around the parts differs.
trait Paint: Form {
    const COLOR: bool;

    fn paint(out: &mut Vec<u8>, code: &str) {
        if Self::COLOR {
            out.extend_from_slice(code.as_bytes());
        }
    }
}

struct Plain;
struct Colored;

impl Paint for Plain {
    const COLOR: bool = false;
}

impl Paint for Colored {
    const COLOR: bool = true;
}

impl Form for Plain {
    const ID: u32 = 2;

    fn span(&self, out: &mut Vec<u8>, span: &SpanRecord) {
        push_span::<Self>(out, span);
    }

    fn ids(&self, out: &mut Vec<u8>, span: &SpanRecord) {
        push_span_ids(out, span);
    }

    fn correlation(&self, out: &mut Vec<u8>, key: &'static str, value: Value<'_>) {
        out.push(b' ');
        push_field(out, key, value);
    }
}

impl Form for Colored {
    const ID: u32 = 3;

    fn span(&self, out: &mut Vec<u8>, span: &SpanRecord) {
        push_span::<Self>(out, span);
    }

    fn ids(&self, out: &mut Vec<u8>, span: &SpanRecord) {
        push_span_ids(out, span);
    }

    fn correlation(&self, out: &mut Vec<u8>, key: &'static str, value: Value<'_>) {
        Plain.correlation(out, key, value);
    }
}

fn push_span<F: Paint>(out: &mut Vec<u8>, span: &SpanRecord) {
    F::paint(out, BOLD);
    push_escaped(out, span.name());
    F::paint(out, RESET);
    if !span.fields.is_empty() {
        out.push(b'{');
        for (idx, (key, value)) in span.fields.iter().enumerate() {
            if idx > 0 {
                out.push(b' ');
            }
            push_field(out, key, value);
        }
        out.push(b'}');
    }
}

fn push_span_ids(out: &mut Vec<u8>, span: &SpanRecord) {
    out.extend_from_slice(b" trace_id=");
    out.extend_from_slice(span.context.trace_id.hex().as_bytes());
    out.extend_from_slice(b" span_id=");
    out.extend_from_slice(span.context.span_id.hex().as_bytes());
}

/// The line from its spans on.
fn push_line_in<F: Paint>(
    out: &mut Vec<u8>,
    fragments: &mut Fragments,
    form: &F,
    line: &Line<'_>,
    scope: Scope<'_>,
) -> u64 {
    for (idx, span) in scope.iter().enumerate() {
        if idx > 0 {
            out.push(b':');
        }
        out.extend_from_slice(fragments.get(form, span).span());
    }
    if scope.current().is_some() {
        out.extend_from_slice(b": ");
    }
    F::paint(out, DIM);
    push_escaped(out, line.metadata.target());
    F::paint(out, RESET);
    out.push(b':');
    if !line.message.is_empty() {
        out.push(b' ');
        push_escaped(out, line.message);
    }
    let mut backtrace = None;
    line.each_field(|key, value| match value {
        Value::Str(text) if key == "backtrace" => backtrace = Some(text),
        value => {
            out.push(b' ');
            push_field(out, key, value);
        }
    });
    F::paint(out, DIM);
    push_ids(out, fragments, form, line, scope);
    F::paint(out, RESET);
    out.push(b'\n');
    1 + backtrace.map_or(0, |text| push_indented(out, text))
}

/// The trace, and what tells requests apart where the line does not show it already.
fn push_ids<F: Paint>(
    out: &mut Vec<u8>,
    fragments: &mut Fragments,
    form: &F,
    line: &Line<'_>,
    scope: Scope<'_>,
) {
    if let Some(innermost) = scope.all().next_back() {
        out.extend_from_slice(fragments.get(form, innermost).ids());
    }
    let has_own = line.has_correlation();
    for (idx, key) in CORRELATION.into_iter().enumerate() {
        let mut has_it = |span| !fragments.get(form, span).correlation(idx).is_empty();
        let shown = scope.iter().any(&mut has_it) || has_own && line.field(key).is_some();
        if !shown {
            fragments.push_correlation(form, out, scope, idx);
        }
    }
}

fn push_uptime(out: &mut Vec<u8>, ns: u64) {
    push_int(out, ns / 1_000_000_000);
    out.push(b'.');
    let micros = ns / 1_000 % 1_000_000;
    for power in [100_000, 10_000, 1_000, 100, 10, 1] {
        out.push(b'0' + u8::try_from(micros / power % 10).unwrap_or(0));
    }
    out.push(b's');
}

fn push_field(out: &mut Vec<u8>, key: &str, value: Value<'_>) {
    push_escaped(out, key);
    out.push(b'=');
    match value {
        Value::Bool(value) => out.extend_from_slice(if value { b"true" } else { b"false" }),
        Value::I64(number) => push_int(out, number),
        Value::U64(number) => push_int(out, number),
        Value::F64(number) => {
            if !push_float(out, number) {
                out.extend_from_slice(if number.is_nan() {
                    b"NaN"
                } else if number > 0.0 {
                    b"inf"
                } else {
                    b"-inf"
                });
            }
        }
        Value::Str(text) => {
            let classes = classes(text);
            if text.is_empty() || classes & QUOTED != 0 {
                out.push(b'"');
                if classes & (ESCAPED | QUOTE) == 0 {
                    out.extend_from_slice(text.as_bytes());
                } else {
                    push_quoted(out, text);
                }
                out.push(b'"');
            } else {
                push_escaped(out, text);
            }
        }
    }
}

fn push_quoted(out: &mut Vec<u8>, text: &str) {
    for (idx, part) in text.split('"').enumerate() {
        if idx > 0 {
            out.extend_from_slice(b"\\\"");
        }
        push_escaped(out, part);
    }
}

/// Each line of the text indented on a line of its own; how many those are.
fn push_indented(out: &mut Vec<u8>, text: &str) -> u64 {
    let mut n_lines = 0;
    for part in text.lines() {
        out.extend_from_slice(b"    ");
        push_escaped(out, part);
        out.push(b'\n');
        n_lines += 1;
    }
    n_lines
}

/// What a byte may need. Of `ESCAPED`: control characters, and the lead bytes of U+0080 to U+00BF and of U+2000 to U+2FFF, among which
/// are the characters that need a closer look.
const ESCAPED: u8 = 1;
const QUOTED: u8 = 2;
const QUOTE: u8 = 4;
const CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < 0x20 {
        classes[byte] = ESCAPED;
        byte += 1;
    }
    classes[0x7f] = ESCAPED;
    classes[0xc2] = ESCAPED;
    classes[0xe2] = ESCAPED;
    let quoted = b" ={},\"";
    let mut idx = 0;
    while idx < quoted.len() {
        classes[quoted[idx] as usize] = QUOTED;
        idx += 1;
    }
    classes[b'"' as usize] = QUOTED | QUOTE;
    classes
};

/// What any byte of a text needs; without a branch, since most texts need nothing.
fn classes(text: &str) -> u8 {
    text.bytes().fold(0, |all, byte| all | CLASSES[usize::from(byte)])
}

/// Appends text in which nothing is left that a terminal or a reader of lines would obey.
fn push_escaped(out: &mut Vec<u8>, text: &str) {
    if classes(text) & ESCAPED == 0 {
        out.extend_from_slice(text.as_bytes());
    } else {
        push_each_escaped(out, text);
    }
}

#[cold]
fn push_each_escaped(out: &mut Vec<u8>, text: &str) {
    let mut bytes = [0; 4];
    for c in text.chars() {
        match c {
            '\n' => out.extend_from_slice(b"\\n"),
            '\r' => out.extend_from_slice(b"\\r"),
            '\t' => out.extend_from_slice(b"\\t"),
            c if c.is_control() || is_line_or_direction(c) => {
                let mut escaped = Ascii(out);
                // Writing to a buffer in memory does not fail.
                let _ = write!(escaped, "{}", c.escape_unicode());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes()),
        }
    }
}

/// Separators of lines and paragraphs, and the marks that reorder text.
const fn is_line_or_direction(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

struct Ascii<'a>(&'a mut Vec<u8>);

impl std::fmt::Write for Ascii<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut out = Vec::new();
        push_escaped(&mut out, text);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn nothing_speaks_to_the_terminal_or_begins_a_line() {
        assert_eq!(escaped("plain, Grüße ▲"), "plain, Grüße ▲");
        assert_eq!(escaped("a\nb\r\tc"), "a\\nb\\r\\tc");
        assert_eq!(
            escaped("\u{1b}[31mred\u{7f}\u{9b}31m"),
            "\\u{1b}[31mred\\u{7f}\\u{9b}31m"
        );
        assert_eq!(escaped("a\u{202e}b\u{2028}c"), "a\\u{202e}b\\u{2028}c");
    }

    #[test]
    fn values_with_blanks_or_quotes_are_quoted() {
        let mut out = Vec::new();
        push_field(&mut out, "k", Value::Str("say \"hi\"\n"));
        push_field(&mut out, " k", Value::Str("plain"));
        push_field(&mut out, " k", Value::Str(""));
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "k=\"say \\\"hi\\\"\\n\" k=plain k=\"\""
        );
    }
}
