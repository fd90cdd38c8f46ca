//! Attribute values as they are lent out by a record.

use std::fmt;

/// One attribute value, borrowed from the record that holds it.
///
/// Source: OpenTelemetry common specification, `AnyValue`, without the nested kinds that `tracing` cannot express.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// Truth value.
    Bool(bool),
    /// Signed integer.
    I64(i64),
    /// Unsigned integer; OTLP has none, so what exceeds `i64` is sent as text.
    U64(u64),
    /// Floating point number.
    F64(f64),
    /// Text, already redacted when it comes out of a record.
    Str(&'a str),
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool(value) => write!(f, "{value}"),
            Self::I64(value) => write!(f, "{value}"),
            Self::U64(value) => write!(f, "{value}"),
            Self::F64(value) => write!(f, "{value}"),
            Self::Str(value) => f.write_str(value),
        }
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Str(value)
    }
}

macro_rules! from {
    ($($from:ty => $kind:ident),*) => {$(
        impl From<$from> for Value<'_> {
            fn from(value: $from) -> Self {
                Self::$kind(value.into())
            }
        }
    )*};
}

from!(bool => Bool, i32 => I64, i64 => I64, u32 => U64, u64 => U64, f64 => F64);
