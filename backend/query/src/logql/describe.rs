//! What fields lines have: their structured metadata, and what a parser would find in their texts.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};

use watchroom_model::LogLine;

use super::label_filter::Quantity;
use super::row::{Row, Scratch};
use super::stage::{Json, Logfmt, Stage};

/// Most fields that are told, and most values that are told apart of each.
const MAX_FIELDS: usize = 1_000;
const MAX_VALUES: usize = 10_000;

/// What the values of a field look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FieldKind {
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// Such as `250ms`.
    Duration,
    /// Such as `20KB`.
    Bytes,
    /// Anything else.
    Text,
}

impl FieldKind {
    /// What Loki's API calls it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Float => "float",
            Self::Duration => "duration",
            Self::Bytes => "bytes",
            Self::Text => "string",
        }
    }

    fn of(value: &str) -> Self {
        let numeric = value.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '.');
        match value {
            "true" | "false" => Self::Boolean,
            _ if !numeric => Self::Text,
            _ if value.parse::<i64>().is_ok() => Self::Int,
            _ if value.parse::<f64>().is_ok() => Self::Float,
            _ if Quantity::Duration.read(value).is_ok() => Self::Duration,
            _ if Quantity::Bytes.read(value).is_ok() => Self::Bytes,
            _ => Self::Text,
        }
    }

    /// What values of both kinds look like.
    fn with(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            _ => Self::Text,
        }
    }
}

/// A field that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetectedField {
    /// Name, as a query has it.
    pub name: String,
    /// What its values look like.
    pub kind: FieldKind,
    /// Values, sorted; cut off where there are too many.
    pub values: Vec<String>,
    /// Stages that find it in a line's text, `json` or `logfmt`; none for structured metadata.
    pub parsers: Vec<&'static str>,
}

#[derive(Default)]
struct Seen {
    kind: Option<FieldKind>,
    values: HashSet<String>,
    parsers: Vec<&'static str>,
}

/// The fields of lines, sorted by name.
pub fn detect_fields<'a>(lines: impl IntoIterator<Item = &'a LogLine>) -> Vec<DetectedField> {
    let json = Stage::Json(Json::default());
    let logfmt = Stage::Logfmt(Logfmt {
        strict: true,
        ..Logfmt::default()
    });
    let mut found: BTreeMap<String, Seen> = BTreeMap::new();
    let mut scratch = Scratch::default();
    for line in lines {
        let metadata = Row::new(line, &mut scratch, None, 0).metadata();
        for (name, value) in &metadata {
            see(&mut found, name, value, None);
        }
        for (stage, parser) in [(&json, "json"), (&logfmt, "logfmt")] {
            let mut row = Row::new(line, &mut scratch, None, 0);
            stage.process(&mut row);
            if row.error().is_some() || !line.body.contains(['{', '=']) {
                continue;
            }
            let own: Vec<(Cow<'_, str>, &str)> =
                row.own().map(|(name, value)| (name.into(), value)).collect();
            for (name, value) in &own {
                see(&mut found, name, value, Some(parser));
            }
            if !own.is_empty() {
                break;
            }
        }
    }
    found
        .into_iter()
        .map(|(name, seen)| {
            let mut values: Vec<String> = seen.values.into_iter().collect();
            values.sort();
            DetectedField {
                name,
                kind: seen.kind.unwrap_or(FieldKind::Text),
                values,
                parsers: seen.parsers,
            }
        })
        .collect()
}

fn see(found: &mut BTreeMap<String, Seen>, name: &str, value: &str, parser: Option<&'static str>) {
    if value.is_empty() || (found.len() >= MAX_FIELDS && !found.contains_key(name)) {
        return;
    }
    let seen = found.entry(name.to_owned()).or_default();
    let kind = FieldKind::of(value);
    seen.kind = Some(seen.kind.map_or(kind, |known| known.with(kind)));
    if seen.values.len() < MAX_VALUES {
        seen.values.insert(value.to_owned());
    }
    if let Some(parser) = parser.filter(|parser| !seen.parsers.contains(parser)) {
        seen.parsers.push(parser);
    }
}
