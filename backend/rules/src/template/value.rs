//! Values that a template works with.

use std::fmt;

use watchroom_model::{Labels, METRIC_NAME, Point};
use watchroom_query::promql::parse_value;

use super::number::go_float;
use super::time::go_time;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Nil,
    Text(String),
    Number(f64),
    /// A whole number, such as a length.
    Int(i64),
    Bool(bool),
    Labels(Labels),
    Sample(Labels, Box<Value>),
    Samples(Vec<(Labels, Value)>),
    /// Arguments of a template, as `args` packs them.
    Map(Vec<(String, Value)>),
    /// Nanoseconds since the epoch.
    Time(i128),
    /// Nanoseconds.
    Duration(i64),
    /// The dot at the outset.
    Root,
}

/// A number, or a native histogram as text.
impl From<&Point> for Value {
    fn from(point: &Point) -> Self {
        match point {
            Point::Float(sample) => Self::Number(sample.value),
            Point::Histogram(sample) => Self::Text(sample.histogram.to_string()),
        }
    }
}

impl Value {
    /// Whether `if` takes it as true: not empty, not zero.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0.0,
            Self::Int(number) | Self::Duration(number) => *number != 0,
            Self::Bool(truth) => *truth,
            Self::Labels(labels) => !labels.is_empty(),
            Self::Samples(samples) => !samples.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
            Self::Sample(..) | Self::Root | Self::Time(_) => true,
        }
    }

    /// As a number, read from text if need be.
    pub(super) fn number(&self) -> Result<f64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Int(number) => Ok(*number as f64),
            Self::Duration(nanos) => Ok(*nanos as f64 / 1e9),
            Self::Text(text) => parse_value(text).ok_or_else(|| format!("{text:?} is not a number")),
            other => Err(format!("{other} is not a number")),
        }
    }

    /// As text, which has to be text.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(format!(
                "wrong type for value; expected string; got {}",
                other.kind()
            )),
        }
    }

    /// What Go calls its type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nil => "nil",
            Self::Text(_) => "string",
            Self::Number(_) => "float64",
            Self::Int(_) => "int",
            Self::Bool(_) => "bool",
            Self::Labels(_) => "map[string]string",
            Self::Sample(..) => "*template.sample",
            Self::Samples(_) => "template.queryResult",
            Self::Map(_) => "map[string]interface {}",
            Self::Time(_) => "*time.Time",
            Self::Duration(_) => "time.Duration",
            Self::Root => "struct",
        }
    }
}

/// As Go prints it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = |f: &mut fmt::Formatter<'_>, labels: &Labels| {
            f.write_str("map[")?;
            for (i, (name, value)) in labels.iter().enumerate() {
                write!(f, "{}{name}:{value}", if i > 0 { " " } else { "" })?;
            }
            f.write_str("]")
        };
        match self {
            Self::Nil => f.write_str("<no value>"),
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => f.write_str(&go_float(*number)),
            Self::Int(number) => write!(f, "{number}"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Labels(set) => labels(f, set),
            Self::Sample(set, value) => {
                f.write_str("&{")?;
                labels(f, set)?;
                write!(f, " {value}}}")
            }
            Self::Samples(samples) => {
                f.write_str("[")?;
                for (i, (set, value)) in samples.iter().enumerate() {
                    let space = if i > 0 { " " } else { "" };
                    write!(f, "{space}{} {value}", set.without(&[METRIC_NAME]))?;
                }
                f.write_str("]")
            }
            Self::Map(entries) => {
                f.write_str("map[")?;
                for (i, (name, value)) in entries.iter().enumerate() {
                    write!(f, "{}{name}:{value}", if i > 0 { " " } else { "" })?;
                }
                f.write_str("]")
            }
            Self::Time(nanos) => f.write_str(&go_time(*nanos)),
            Self::Duration(nanos) => f.write_str(&super::time::go_duration(*nanos)),
            Self::Root => f.write_str("{}"),
        }
    }
}
