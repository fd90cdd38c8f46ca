//! Values that a service puts into its health answer.

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub enum Detail {
    /// Unsigned integer.
    U64(u64),
    /// Signed integer.
    I64(i64),
    /// Floating point number.
    F64(f64),
    /// Truth value.
    Bool(bool),
    /// Text.
    Text(String),
}

macro_rules! from {
    ($($type:ty => $variant:ident),+) => {
        $(impl From<$type> for Detail {
            fn from(value: $type) -> Self {
                Self::$variant(value.into())
            }
        })+
    };
}

from!(u64 => U64, u32 => U64, i64 => I64, i32 => I64, f64 => F64, bool => Bool, String => Text, &str => Text);
