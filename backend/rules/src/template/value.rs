//! Values that a template works with.

use std::fmt;

use watchroom_model::{Labels, METRIC_NAME};
use watchroom_query::promql::parse_value;

use super::number::go_float;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Nil,
    Text(String),
    Number(f64),
    /// A whole number, such as a length.
    Int(i64),
    Bool(bool),
    Labels(Labels),
    Sample(Labels, f64),
    Samples(Vec<(Labels, f64)>),
    /// The dot at the outset.
    Root,
}

impl Value {
    /// Whether `if` takes it as true: not empty, not zero.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Text(text) => !text.is_empty(),
            Self::Number(number) => *number != 0.0,
            Self::Int(number) => *number != 0,
            Self::Bool(truth) => *truth,
            Self::Labels(labels) => !labels.is_empty(),
            Self::Samples(samples) => !samples.is_empty(),
            Self::Sample(..) | Self::Root => true,
        }
    }

    /// As a number, read from text if need be.
    pub(super) fn number(&self) -> Result<f64, String> {
        match self {
            Self::Number(number) => Ok(*number),
            Self::Int(number) => Ok(*number as f64),
            Self::Text(text) => parse_value(text).ok_or_else(|| format!("{text:?} is not a number")),
            other => Err(format!("{other} is not a number")),
        }
    }

    /// As text, which has to be text.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            other => Err(format!("{other} is not a string")),
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
                f.write_str("{")?;
                labels(f, set)?;
                write!(f, " {}}}", go_float(*value))
            }
            Self::Samples(samples) => {
                f.write_str("[")?;
                for (i, (set, value)) in samples.iter().enumerate() {
                    write!(
                        f,
                        "{}{} {}",
                        if i > 0 { " " } else { "" },
                        set.without(&[METRIC_NAME]),
                        go_float(*value)
                    )?;
                }
                f.write_str("]")
            }
            Self::Root => f.write_str("{}"),
        }
    }
}
