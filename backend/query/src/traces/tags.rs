//! Tags of a search form, and whether a span has them.

use watchroom_model::{Span, SpanStatus, attr};

/// Tags that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TagError {
    /// Not `key=value` (or `key:value`).
    #[error("invalid tag {text:?}: expected key=value")]
    NotAPair {
        /// The text as given.
        text: String,
    },
    /// Not a JSON object of strings.
    #[error("invalid tags: expected a JSON object with strings as values: {reason}")]
    NotAnObject {
        /// What the JSON reader said.
        reason: String,
    },
}

/// Reads `key=value`, or `key:value` as Jaeger's `tag` parameter has it.
///
/// # Errors
/// [`TagError::NotAPair`]
pub fn parse_tag(text: &str) -> Result<(String, String), TagError> {
    text.split_once('=')
        .or_else(|| text.split_once(':'))
        .filter(|(key, _)| !key.is_empty())
        .map(|(key, value)| (key.into(), value.into()))
        .ok_or_else(|| TagError::NotAPair { text: text.into() })
}

/// Reads `{"key":"value",…}` as Jaeger's `tags` parameter has it; numbers and truth values are taken as their text.
///
/// # Errors
/// [`TagError::NotAnObject`]
pub fn parse_tags_json(text: &str) -> Result<Vec<(String, String)>, TagError> {
    let fail = |reason: String| TagError::NotAnObject { reason };
    let object: serde_json::Map<String, serde_json::Value> =
        serde_json::from_str(text).map_err(|error| fail(error.to_string()))?;
    object
        .into_iter()
        .map(|(key, value)| match value {
            serde_json::Value::String(text) => Ok((key, text)),
            serde_json::Value::Bool(_) | serde_json::Value::Number(_) => {
                let text = value.to_string();
                Ok((key, text))
            }
            _ => Err(fail(format!("value of {key:?} is not a string"))),
        })
        .collect()
}

/// Whether the span, one of its events or its resource has attribute `key` with the text `value`. `error=true|false`,
/// `span.kind` and `otel.status_code` are answered from the span itself where no attribute has the name.
pub(crate) fn holds(span: &Span, key: &str, value: &str) -> bool {
    let attribute = attr(&span.attributes, key).or_else(|| attr(&span.resource.attributes, key));
    if let Some(found) = attribute {
        return found.to_string() == value;
    }
    match key {
        "error" => value == if span.is_error() { "true" } else { "false" },
        "span.kind" => !value.is_empty() && span.kind.as_str() == value,
        "otel.status_code" => {
            value
                == match span.status {
                    SpanStatus::Unset => return false,
                    SpanStatus::Ok => "OK",
                    SpanStatus::Error(_) => "ERROR",
                }
        }
        _ => span
            .events
            .iter()
            .any(|event| attr(&event.attributes, key).is_some_and(|found| found.to_string() == value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_pairs() {
        assert_eq!(
            parse_tag("http.status_code=503"),
            Ok(("http.status_code".into(), "503".into()))
        );
        assert_eq!(parse_tag("error:true"), Ok(("error".into(), "true".into())));
        assert_eq!(
            parse_tag("url=http://x:1"),
            Ok(("url".into(), "http://x:1".into()))
        );
        for bad in ["", "error", "=x", ":x"] {
            assert_eq!(
                parse_tag(bad).unwrap_err().to_string(),
                format!("invalid tag {bad:?}: expected key=value")
            );
        }
    }

    #[test]
    fn reads_objects() {
        let tags = parse_tags_json(r#"{"error":"true","http.status_code":503}"#).unwrap();
        assert_eq!(
            tags,
            [
                ("error".to_owned(), "true".to_owned()),
                ("http.status_code".to_owned(), "503".to_owned())
            ]
        );
        assert_eq!(
            parse_tags_json(r#"{"a":{}}"#).unwrap_err().to_string(),
            "invalid tags: expected a JSON object with strings as values: value of \"a\" is not a string"
        );
        for bad in ["", "[]", "{", "\"a\""] {
            assert!(parse_tags_json(bad).is_err(), "{bad}");
        }
    }
}
