//! Log lines as Loki's push has them: labels of the stream, and the rest as structured metadata.
//!
//! Names are given the form that Loki itself gives those of OTLP: what is not a letter, a digit or an underscore becomes one.
//!
//! Source: Grafana Loki, `pkg/push/push.proto`; "Ingesting logs to Loki using OpenTelemetry".

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Write as _;

use watchroom_model::{Labels, LogLine};

use super::proto::Message;

/// Pairs of structured metadata that Loki takes with a line by default.
const MAX_PAIRS: usize = 128;
/// Their bytes.
const MAX_BYTES: usize = 64 << 10;

/// A request of lines; those of one stream that stand together stay so.
pub(in crate::remote) fn logs(lines: &[LogLine]) -> Vec<u8> {
    let mut request = Message::default();
    for run in lines.chunk_by(|a, b| a.stream == b.stream) {
        request.message(1, |stream| {
            stream.text(1, &selector(&run[0].stream));
            for line in run {
                stream.message(2, |out| entry(out, line));
            }
        });
    }
    request.0
}

fn entry(out: &mut Message, line: &LogLine) {
    out.message(1, |time| {
        time.varint(1, line.time_ns / 1_000_000_000);
        time.varint(2, line.time_ns % 1_000_000_000);
    });
    out.text(2, &line.body);
    let mut taken = HashSet::new();
    let mut left = MAX_BYTES;
    let mut add = |name: &str, value: &str| {
        let name = sanitized(name);
        let size = name.len() + value.len();
        if value.is_empty() || size > left || taken.len() >= MAX_PAIRS || taken.contains(name.as_ref()) {
            return;
        }
        left -= size;
        out.message(3, |pair| {
            pair.text(1, &name);
            pair.text(2, value);
        });
        taken.insert(name.into_owned());
    };
    if let Some(id) = line.trace_id {
        add("trace_id", &id.to_string());
    }
    if let Some(id) = line.span_id {
        add("span_id", &id.to_string());
    }
    let of_sender = line
        .resource
        .attributes
        .iter()
        .filter(|(name, _)| &**name != "service.name");
    for (name, value) in line.attributes.iter().chain(of_sender) {
        match value.as_str() {
            Some(text) => add(name, text),
            None => add(name, &value.to_string()),
        }
    }
}

/// `{a="b", c="d"}`, quoted as Go reads it.
fn selector(labels: &Labels) -> String {
    let mut text = String::from("{");
    for (i, (name, value)) in labels.iter().enumerate() {
        if i > 0 {
            text.push_str(", ");
        }
        let _ = write!(text, "{}=\"", sanitized(name));
        for c in value.chars() {
            match c {
                '"' => text.push_str("\\\""),
                '\\' => text.push_str("\\\\"),
                '\n' => text.push_str("\\n"),
                '\r' => text.push_str("\\r"),
                '\t' => text.push_str("\\t"),
                c if u32::from(c) < 0x20 || c == '\u{7f}' => {
                    let _ = write!(text, "\\x{:02x}", u32::from(c));
                }
                c => text.push(c),
            }
        }
        text.push('"');
    }
    text.push('}');
    text
}

fn sanitized(name: &str) -> Cow<'_, str> {
    let good = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let digit = name.starts_with(|c: char| c.is_ascii_digit());
    if !digit && !name.is_empty() && name.chars().all(good) {
        return Cow::Borrowed(name);
    }
    let mut out = String::with_capacity(name.len() + 1);
    if digit || name.is_empty() {
        out.push('_');
    }
    out.extend(name.chars().map(|c| if good(c) { c } else { '_' }));
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_quoted_and_names_are_made_ones_of_loki() {
        let labels = Labels::from_pairs([("a.b", "x\"\\\n\u{1}é"), ("0", "1")]);
        assert_eq!(selector(&labels), "{_0=\"1\", a_b=\"x\\\"\\\\\\n\\x01é\"}");
        assert_eq!(sanitized("service_name"), "service_name");
    }
}
