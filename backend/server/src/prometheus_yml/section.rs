//! A mapping of a YAML file, from which known keys are taken and of which the rest is told.

use std::time::Duration;

use serde_yaml_ng::{Mapping, Value};
use watchroom_query::promql::parse_duration;

/// A mapping and where it stands.
#[derive(Debug)]
pub(crate) struct Section {
    path: String,
    map: Mapping,
}

impl Section {
    /// The whole file.
    pub(crate) fn root(value: Value) -> Result<Self, String> {
        Self::of(value, String::new())
    }

    pub(crate) fn of(value: Value, path: String) -> Result<Self, String> {
        match value {
            Value::Mapping(map) => Ok(Self { path, map }),
            Value::Null => Ok(Self {
                path,
                map: Mapping::new(),
            }),
            other => Err(format!("{path}: expected a mapping, got {}", kind(&other))),
        }
    }

    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    fn at(&self, key: &str) -> String {
        match self.path.is_empty() {
            true => key.to_owned(),
            false => format!("{}.{key}", self.path),
        }
    }

    fn wrong<T>(&self, key: &str, expected: &str, got: &Value) -> Result<T, String> {
        Err(format!(
            "{}: expected {expected}, got {}",
            self.at(key),
            kind(got)
        ))
    }

    pub(crate) fn take(&mut self, key: &str) -> Option<Value> {
        self.map.remove(key).filter(|value| !value.is_null())
    }

    /// A text; numbers and truth values are taken as they are written.
    pub(crate) fn text(&mut self, key: &str) -> Result<Option<String>, String> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => match scalar(&value) {
                Some(text) => Ok(Some(text)),
                None => self.wrong(key, "a text", &value),
            },
        }
    }

    pub(crate) fn flag(&mut self, key: &str, default: bool) -> Result<bool, String> {
        match self.take(key) {
            None => Ok(default),
            Some(Value::Bool(truth)) => Ok(truth),
            Some(other) => self.wrong(key, "true or false", &other),
        }
    }

    pub(crate) fn count(&mut self, key: &str) -> Result<Option<usize>, String> {
        match self.take(key) {
            None => Ok(None),
            Some(value) => match value.as_u64().and_then(|n| usize::try_from(n).ok()) {
                Some(n) => Ok(Some(n)),
                None => self.wrong(key, "a whole number", &value),
            },
        }
    }

    /// A duration as Prometheus writes it, which is never a bare number.
    pub(crate) fn duration(&mut self, key: &str) -> Result<Option<Duration>, String> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        match parse_duration(&text) {
            Ok(duration) if text.parse::<f64>().is_err() && !duration.is_zero() => Ok(Some(duration)),
            _ => Err(format!(
                "{}: expected a duration such as 15s, got {text:?}",
                self.at(key)
            )),
        }
    }

    /// A size such as `10MB`.
    pub(crate) fn bytes(&mut self, key: &str) -> Result<Option<usize>, String> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let at = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let unit = match text[at..].trim() {
            "" | "B" => Some(0),
            "KB" | "KiB" => Some(10),
            "MB" | "MiB" => Some(20),
            "GB" | "GiB" => Some(30),
            "TB" | "TiB" => Some(40),
            _ => None,
        };
        let size = text[..at]
            .parse::<usize>()
            .ok()
            .zip(unit)
            .and_then(|(n, unit)| n.checked_mul(1 << unit));
        match size {
            Some(size) => Ok(Some(size)),
            None => Err(format!(
                "{}: expected a size such as 10MB, got {text:?}",
                self.at(key)
            )),
        }
    }

    pub(crate) fn strings(&mut self, key: &str) -> Result<Vec<String>, String> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Sequence(items)) => items
                .iter()
                .map(|item| match scalar(item) {
                    Some(text) => Ok(text),
                    None => self.wrong(key, "a list of texts", item),
                })
                .collect(),
            Some(other) => self.wrong(key, "a list of texts", &other),
        }
    }

    /// Names with texts.
    pub(crate) fn pairs(&mut self, key: &str) -> Result<Vec<(String, String)>, String> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Mapping(map)) => map
                .iter()
                .map(|(name, value)| match (scalar(name), scalar(value)) {
                    (Some(name), Some(value)) => Ok((name, value)),
                    _ => self.wrong(key, "names with texts", value),
                })
                .collect(),
            Some(other) => self.wrong(key, "names with texts", &other),
        }
    }

    /// A mapping below this one; an empty one if it is not there.
    pub(crate) fn section(&mut self, key: &str) -> Result<Self, String> {
        let path = self.at(key);
        Self::of(self.take(key).unwrap_or(Value::Null), path)
    }

    /// Names of what is left.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.map.keys().filter_map(scalar).collect()
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.map.get(key).is_some_and(|value| !value.is_null())
    }

    /// The mappings of a list.
    pub(crate) fn sections(&mut self, key: &str) -> Result<Vec<Self>, String> {
        match self.take(key) {
            None => Ok(Vec::new()),
            Some(Value::Sequence(items)) => items
                .into_iter()
                .enumerate()
                .map(|(i, item)| Self::of(item, format!("{}[{i}]", self.at(key))))
                .collect(),
            Some(other) => self.wrong(key, "a list", &other),
        }
    }

    /// Tells what was not taken.
    pub(crate) fn finish(self, unused: &mut Vec<String>) {
        for key in self.map.keys().filter_map(scalar) {
            unused.push(self.at(&key));
        }
    }
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Sequence(_) => "a list",
        Value::Mapping(_) => "a mapping",
        Value::Tagged(_) => "a tagged value",
    }
}
