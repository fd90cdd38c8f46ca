//! Values that a template works with.

use std::cmp::Ordering;
use std::fmt;

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// A moment, nanoseconds since the epoch.
    Time(i64),
    List(Vec<Value>),
    /// Sorted by key.
    Map(Vec<(String, Value)>),
    /// The dot at the outset.
    Root,
}

impl Value {
    /// Whether `if` takes it as true: not empty, not zero.
    pub(crate) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(truth) => *truth,
            Self::Int(number) => *number != 0,
            Self::Float(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
            Self::Time(_) | Self::Root => true,
        }
    }

    /// As text, which has to be text.
    pub(crate) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(format!("{} is not a text", other.shown())),
        }
    }

    /// As a number, read from text if need be.
    pub(crate) fn float(&self) -> Result<f64, String> {
        match self {
            Self::Int(number) => Ok(*number as f64),
            Self::Float(number) => Ok(*number),
            Self::Bool(truth) => Ok(f64::from(u8::from(*truth))),
            Self::Text(text) => {
                crate::promql::parse_value(text).ok_or_else(|| format!("{text:?} is not a number"))
            }
            other => Err(format!("{} is not a number", other.shown())),
        }
    }

    /// As a whole number; a fraction is cut off.
    pub(crate) fn int(&self) -> Result<i64, String> {
        match self {
            Self::Int(number) => Ok(*number),
            Self::Text(text) if text.parse::<i64>().is_ok() => {
                text.parse().map_err(|_| format!("{text:?} is not a number"))
            }
            other => other.float().map(|number| number as i64),
        }
    }

    /// As a moment.
    pub(crate) fn time(&self) -> Result<i64, String> {
        match self {
            Self::Time(ns) => Ok(*ns),
            other => Err(format!("{} is not a time", other.shown())),
        }
    }

    /// Compares values of like kind; an error for those that cannot be compared.
    pub(crate) fn compare(&self, other: &Self) -> Result<Option<Ordering>, String> {
        match (self, other) {
            (Self::Text(a), Self::Text(b)) => Ok(Some(a.cmp(b))),
            (Self::Bool(a), Self::Bool(b)) => Ok(Some(a.cmp(b))),
            (Self::Int(a), Self::Int(b)) | (Self::Time(a), Self::Time(b)) => Ok(Some(a.cmp(b))),
            (Self::Int(_) | Self::Float(_), Self::Int(_) | Self::Float(_)) => {
                Ok(self.float()?.partial_cmp(&other.float()?))
            }
            (Self::Nil, Self::Nil) => Ok(Some(Ordering::Equal)),
            (a, b) => Err(format!("cannot compare {} with {}", a.shown(), b.shown())),
        }
    }

    /// For an error: the value, cut short.
    fn shown(&self) -> String {
        let shown: String = match self {
            Self::Text(text) => format!("{:?}", text.chars().take(80).collect::<String>()),
            other => other.to_string().chars().take(80).collect(),
        };
        shown
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// As Go prints it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nil => f.write_str("<no value>"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Float(number) => f.write_str(&super::printf::general(*number, None)),
            Self::Text(text) => f.write_str(text),
            Self::Time(ns) => f.write_str(&crate::calendar::format(*ns, "2006-01-02 15:04:05 -0700 MST")),
            Self::List(items) => {
                f.write_str("[")?;
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" ")?;
                    }
                    write!(f, "{item}")?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("map[")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    if i > 0 {
                        f.write_str(" ")?;
                    }
                    write!(f, "{key}:{value}")?;
                }
                f.write_str("]")
            }
            Self::Root => f.write_str("."),
        }
    }
}
