//! Tests on labels, structured metadata and ids.

use std::collections::BTreeSet;

use watchroom_model::Matcher;

use super::ip::IpRange;
use super::row::Row;
use crate::traces::parse_duration;

/// Error of a line with a label that is not what it is compared with.
const FILTER_ERROR: &str = "LabelFilterErr";

/// A test on the fields of a line.
#[derive(Debug, Clone)]
pub(crate) enum LabelFilter {
    /// One comparison.
    Test(LabelTest),
    /// All of them.
    All(Vec<LabelFilter>),
    /// Any of them.
    Any(Vec<LabelFilter>),
}

/// One comparison of a field. A field that is absent has the empty text, and is no quantity.
#[derive(Debug, Clone)]
pub(crate) enum LabelTest {
    /// With a text or pattern.
    Text(Matcher),
    /// With a number, a duration such as `250ms` or a size such as `20KB`.
    Quantity {
        name: String,
        op: Compare,
        value: f64,
        kind: Quantity,
    },
    /// With addresses.
    Ip {
        name: String,
        range: IpRange,
        expect: bool,
    },
}

/// What a label is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quantity {
    Number,
    /// In seconds.
    Duration,
    Bytes,
}

/// Comparison of quantities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Greater,
    GreaterEqual,
    Less,
    LessEqual,
}

impl Quantity {
    /// Reads a text.
    pub(crate) fn read(self, text: &str) -> Result<f64, String> {
        let wrong = |what: &str| format!("{:?} is not a {what}", text.chars().take(80).collect::<String>());
        match self {
            Self::Number => crate::promql::parse_value(text).ok_or_else(|| wrong("number")),
            Self::Duration => {
                let (sign, size) = match text.strip_prefix('-') {
                    Some(size) => (-1.0, size),
                    None => (1.0, text),
                };
                parse_duration(size)
                    .map(|duration| sign * duration.as_secs_f64())
                    .map_err(|_| wrong("duration such as 250ms"))
            }
            Self::Bytes => bytes(text).ok_or_else(|| wrong("size such as 20KB")),
        }
    }
}

impl LabelFilter {
    /// Whether a line passes. One whose label cannot be compared passes, marked with an error.
    pub(crate) fn accepts(&self, row: &mut Row<'_, '_>) -> bool {
        match self {
            Self::Test(test) => test.accepts(row),
            Self::All(filters) => filters.iter().all(|filter| filter.accepts(row)),
            Self::Any(filters) => filters.iter().any(|filter| filter.accepts(row)),
        }
    }

    /// Adds the names of the fields that it looks at.
    pub(crate) fn add_names(&self, names: &mut BTreeSet<String>) {
        match self {
            Self::Test(test) => {
                names.insert(test.name().to_owned());
            }
            Self::All(filters) | Self::Any(filters) => {
                filters.iter().for_each(|filter| filter.add_names(names));
            }
        }
    }
}

impl LabelTest {
    fn name(&self) -> &str {
        match self {
            Self::Text(matcher) => &matcher.name,
            Self::Quantity { name, .. } | Self::Ip { name, .. } => name,
        }
    }

    fn accepts(&self, row: &mut Row<'_, '_>) -> bool {
        match self {
            Self::Text(matcher) => matcher.matches(row.get(&matcher.name).as_deref().unwrap_or("")),
            // Only a test of text can tell a line with an error from others.
            Self::Quantity { .. } if row.error().is_some() => true,
            Self::Quantity {
                name,
                op,
                value,
                kind,
            } => match row.get(name).map(|text| kind.read(&text)) {
                None => false,
                Some(Ok(found)) => op.holds(found, *value),
                Some(Err(error)) => {
                    row.fail(FILTER_ERROR, error);
                    true
                }
            },
            Self::Ip { name, range, expect } => row.get(name).is_some_and(|text| range.is(&text)) == *expect,
        }
    }
}

impl Compare {
    fn holds(self, left: f64, right: f64) -> bool {
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
        "p" | "pb" => 1e15,
        "ki" | "kib" => 1024.0,
        "mi" | "mib" => 1024.0 * 1024.0,
        "gi" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "ti" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        "pi" | "pib" => 1024.0 * 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    Some(number * size)
}
