//! Tests on labels, structured metadata and ids.

use std::time::Duration;

use watchroom_model::{LogLine, Matcher};

use super::fields::field;
use crate::traces::parse_duration;

/// A test on the fields of a line.
#[derive(Debug, Clone)]
pub enum LabelFilter {
    /// One comparison.
    Test(LabelTest),
    /// All of them.
    All(Vec<LabelFilter>),
    /// Any of them.
    Any(Vec<LabelFilter>),
}

/// One comparison of a field. A field that is absent has the empty text, and is no number.
#[derive(Debug, Clone)]
pub enum LabelTest {
    /// With a text or pattern.
    Text(Matcher),
    /// With a number.
    Number {
        /// Field.
        name: String,
        /// Comparison.
        op: Compare,
        /// Right side.
        value: f64,
    },
    /// With a duration such as `250ms`.
    Duration {
        /// Field.
        name: String,
        /// Comparison.
        op: Compare,
        /// Right side.
        value: Duration,
    },
    /// With a size such as `20KB`.
    Bytes {
        /// Field.
        name: String,
        /// Comparison.
        op: Compare,
        /// Right side, in bytes.
        value: f64,
    },
}

/// Comparison of quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// `==` or `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
}

impl LabelFilter {
    /// Whether a line passes.
    #[must_use]
    pub fn accepts(&self, line: &LogLine) -> bool {
        match self {
            Self::Test(test) => test.accepts(line),
            Self::All(filters) => filters.iter().all(|filter| filter.accepts(line)),
            Self::Any(filters) => filters.iter().any(|filter| filter.accepts(line)),
        }
    }
}

impl LabelTest {
    fn accepts(&self, line: &LogLine) -> bool {
        match self {
            Self::Text(matcher) => matcher.matches(field(line, &matcher.name).as_deref().unwrap_or("")),
            Self::Number { name, op, value } => field(line, name)
                .and_then(|text| text.parse().ok())
                .is_some_and(|found: f64| op.holds(&found, value)),
            Self::Duration { name, op, value } => field(line, name)
                .and_then(|text| parse_duration(&text).ok())
                .is_some_and(|found| op.holds(&found, value)),
            Self::Bytes { name, op, value } => field(line, name)
                .and_then(|text| bytes(&text))
                .is_some_and(|found| op.holds(&found, value)),
        }
    }
}

impl Compare {
    fn holds<T: PartialOrd>(self, left: &T, right: &T) -> bool {
        match self {
            Self::Equal => left == right,
            Self::NotEqual => left != right,
            Self::Greater => left > right,
            Self::GreaterEqual => left >= right,
            Self::Less => left < right,
            Self::LessEqual => left <= right,
        }
    }
}

/// Reads a size: `512B`, `20KB` (thousands), `4KiB` (1 024), in any case.
pub(crate) fn bytes(text: &str) -> Option<f64> {
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let number: f64 = text[..digits].trim().parse().ok()?;
    let size = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number * size)
}
