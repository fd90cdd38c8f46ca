//! `KeyValue`, `AnyValue`, `Resource` and `InstrumentationScope`.
//!
//! Invariant: sizes are computed before writing, so that nothing is moved.

use watchroom_core::{Resource, Value};

use super::proto::{self, len_delimited_len, varint_len};

/// A value as `AnyValue` has it: unsigned numbers beyond `i64` become text.
enum Any<'a> {
    Text(&'a str),
    Bool(bool),
    Int(i64),
    Double(f64),
}

/// Digits of a `u64`.
type Digits = [u8; 20];

fn any<'a>(value: Value<'a>, digits: &'a mut Digits) -> Any<'a> {
    match value {
        Value::Str(text) => Any::Text(text),
        Value::Bool(value) => Any::Bool(value),
        Value::I64(value) => Any::Int(value),
        Value::F64(value) => Any::Double(value),
        Value::U64(value) => {
            i64::try_from(value).map_or_else(|_| Any::Text(decimal(value, digits)), Any::Int)
        }
    }
}

fn decimal(mut value: u64, digits: &mut Digits) -> &str {
    let mut at = digits.len();
    loop {
        at = at.saturating_sub(1);
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
        if value == 0 {
            break;
        }
    }
    // Digits are ASCII, so the fallback is never taken.
    std::str::from_utf8(&digits[at..]).unwrap_or_default()
}

impl Any<'_> {
    fn len(&self) -> usize {
        match self {
            Self::Text(text) => len_delimited_len(1, text.len()),
            Self::Bool(_) => 2,
            Self::Int(value) => 1 + varint_len(*value as u64),
            Self::Double(_) => 9,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) => proto::bytes_always(out, 1, text.as_bytes()),
            Self::Bool(value) => proto::uint_always(out, 2, u64::from(*value)),
            Self::Int(value) => proto::uint_always(out, 3, *value as u64),
            Self::Double(value) => proto::double_always(out, 4, *value),
        }
    }
}

/// A field that holds an `AnyValue`.
pub(super) fn any_value(out: &mut Vec<u8>, field: u32, value: Value<'_>) {
    let mut digits = Digits::default();
    let value = any(value, &mut digits);
    proto::len_prefix(out, field, value.len());
    value.write(out);
}

/// A field that holds a `KeyValue`.
pub(super) fn attribute(out: &mut Vec<u8>, field: u32, key: &str, value: Value<'_>) {
    let mut digits = Digits::default();
    let value = any(value, &mut digits);
    let value_len = value.len();
    proto::len_prefix(
        out,
        field,
        len_delimited_len(1, key.len()) + len_delimited_len(2, value_len),
    );
    proto::bytes_always(out, 1, key.as_bytes());
    proto::len_prefix(out, 2, value_len);
    value.write(out);
}

/// Encodes the content of a `Resource` message, once for all requests.
#[must_use]
pub fn encode_resource(resource: &Resource) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    for (key, value) in resource.iter() {
        // The process id is a number by the semantic conventions; the resource holds text only.
        let value = match (key, value.parse()) {
            ("process.pid", Ok(pid)) => Value::I64(pid),
            _ => Value::Str(value),
        };
        attribute(&mut out, 1, key, value);
    }
    out
}
