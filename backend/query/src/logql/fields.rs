//! The fields of a line by which it can be filtered, under the names that LogQL gives them.

use std::borrow::Cow;

use watchroom_model::{AttrValue, LogLine, Severity};

/// An attribute key as LogQL names it: every character but ASCII letters, digits and `_` becomes `_`.
///
/// Source: Loki, OTLP ingestion.
#[must_use]
pub fn sanitize_name(key: &str) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let digit_first = key.starts_with(|c: char| c.is_ascii_digit());
    if !digit_first && key.chars().all(fits) {
        return Cow::Borrowed(key);
    }
    let body = key.chars().map(|c| if fits(c) { c } else { '_' });
    Cow::Owned(digit_first.then_some('_').into_iter().chain(body).collect())
}

/// Whether `key`, once sanitized, is `name`.
fn is_called(key: &str, name: &str) -> bool {
    if key == name {
        return true;
    }
    let digit_first = key.starts_with(|c: char| c.is_ascii_digit());
    let body = if digit_first {
        name.strip_prefix('_')
    } else {
        Some(name)
    };
    let fitted = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    body.is_some_and(|body| key.chars().map(fitted).eq(body.chars()))
}

/// Whether a line has a field of this name other than by its severity: a label of its stream, an id or an attribute.
pub(super) fn has_field(line: &LogLine, name: &str) -> bool {
    let id = match name {
        "trace_id" => line.trace_id.is_some(),
        "span_id" => line.span_id.is_some(),
        _ => false,
    };
    let mut attributes = line.attributes.iter().chain(&line.resource.attributes);
    id || line.stream.get(name).is_some() || attributes.any(|(key, _)| is_called(key, name))
}

/// Text of a field, the first found of: a stream label, `trace_id`, `span_id`, the severity (`level`, `severity`,
/// `detected_level`), an attribute of the line, an attribute of its resource.
#[must_use]
pub fn field<'a>(line: &'a LogLine, name: &str) -> Option<Cow<'a, str>> {
    if let Some(value) = line.stream.get(name) {
        return Some(Cow::Borrowed(value));
    }
    let own = match name {
        "trace_id" => line.trace_id.map(|id| Cow::Owned(id.to_string())),
        "span_id" => line.span_id.map(|id| Cow::Owned(id.to_string())),
        "level" | "severity" | "detected_level" if line.severity != Severity::Unspecified => {
            Some(Cow::Borrowed(line.severity.as_str()))
        }
        _ => None,
    };
    own.or_else(|| {
        let mut attributes = line.attributes.iter().chain(&line.resource.attributes);
        attributes
            .find(|(key, _)| is_called(key, name))
            .map(|(_, value)| text(value))
    })
}

/// Every field of a line that is not a stream label, under its sanitized name, in the order of [`field`].
#[must_use]
pub fn fields(line: &LogLine) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    let mut add = |name: Cow<'_, str>, value: String| {
        if line.stream.get(&name).is_none() && all.iter().all(|(known, _)| *known != *name) {
            all.push((name.into_owned(), value));
        }
    };
    for name in ["trace_id", "span_id", "severity"] {
        if let Some(value) = field(line, name) {
            add(Cow::Borrowed(name), value.into_owned());
        }
    }
    for (key, value) in line.attributes.iter().chain(&line.resource.attributes) {
        add(sanitize_name(key), value.to_string());
    }
    all
}

fn text(value: &AttrValue) -> Cow<'_, str> {
    value
        .as_str()
        .map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed)
}
