//! Attribute values of spans, log lines and resources.

use std::fmt;
use std::sync::Arc;

/// Attributes in the order in which they arrived; keys are unique.
pub type Attributes = Vec<(Arc<str>, AttrValue)>;

/// One attribute value.
///
/// Source: OpenTelemetry common protocol, `AnyValue`.
#[derive(Debug, Clone, PartialEq)]
pub enum AttrValue {
    /// UTF-8 text.
    Str(Arc<str>),
    /// Truth value.
    Bool(bool),
    /// 64-bit signed integer.
    Int(i64),
    /// 64-bit floating point number.
    Double(f64),
    /// Opaque bytes.
    Bytes(Arc<[u8]>),
    /// A list, possibly of mixed types.
    Array(Vec<AttrValue>),
    /// A nested map.
    Map(Attributes),
}

impl AttrValue {
    /// The text, if this is text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }
}

impl From<&str> for AttrValue {
    fn from(text: &str) -> Self {
        Self::Str(text.into())
    }
}

impl From<String> for AttrValue {
    fn from(text: String) -> Self {
        Self::Str(text.into())
    }
}

impl From<i64> for AttrValue {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for AttrValue {
    fn from(number: f64) -> Self {
        Self::Double(number)
    }
}

impl From<bool> for AttrValue {
    fn from(truth: bool) -> Self {
        Self::Bool(truth)
    }
}

/// Writes the value as a person would search for it: text bare, bytes as lower-case hex, lists and maps as JSON does.
impl fmt::Display for AttrValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Str(text) => f.write_str(text),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Double(number) => write!(f, "{number}"),
            Self::Bytes(bytes) => bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}")),
            Self::Array(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_str(",")?;
                    }
                    nested(item, f)?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    if i > 0 {
                        f.write_str(",")?;
                    }
                    write!(f, "{:?}:", &**key)?;
                    nested(value, f)?;
                }
                f.write_str("}")
            }
        }
    }
}

fn nested(value: &AttrValue, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match value {
        AttrValue::Str(text) => write!(f, "{:?}", &**text),
        other => write!(f, "{other}"),
    }
}

/// Finds an attribute by key.
#[must_use]
pub fn attr<'a>(attributes: &'a [(Arc<str>, AttrValue)], key: &str) -> Option<&'a AttrValue> {
    attributes
        .iter()
        .find(|(k, _)| &**k == key)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nested_values_as_json_does() {
        let value = AttrValue::Array(vec![
            "a\"b".into(),
            1.into_attr(),
            AttrValue::Map(vec![("k".into(), true.into())]),
        ]);
        assert_eq!(value.to_string(), r#"["a\"b",1,{"k":true}]"#);
    }

    trait IntoAttr {
        fn into_attr(self) -> AttrValue;
    }

    impl IntoAttr for i64 {
        fn into_attr(self) -> AttrValue {
            AttrValue::Int(self)
        }
    }
}
