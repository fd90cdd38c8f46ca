//! Settings from a TOML file.

use std::fs;
use std::path::Path;

use toml::{Table, Value};

use super::table::settings;
use super::{Config, ConfigError};

impl Config {
    /// Takes what a TOML file says; it wins over what was set before.
    ///
    /// ```toml
    /// [service]
    /// environment = "production"
    /// [log]
    /// filter = "info,deriva=debug"
    /// format = "json"
    /// [otlp]
    /// endpoint = "http://127.0.0.1:4317"
    /// protocol = "grpc"
    /// ```
    ///
    /// # Errors
    /// [`ConfigError`] names the file, the key, the value and what is accepted; an unknown key is an error.
    pub fn from_file(self, path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable {
            path: path.to_path_buf(),
            source,
        })?;
        self.with_toml(path, &text)
    }

    /// Takes what a text in TOML says, as if it were that of a file; `path` stands in errors.
    ///
    /// # Errors
    /// As [`Config::from_file`].
    pub fn with_toml(mut self, path: &Path, text: &str) -> Result<Self, ConfigError> {
        let table: Table = text
            .parse()
            .map_err(|error: toml::de::Error| ConfigError::NotToml {
                path: path.to_path_buf(),
                reason: reason(text, &error),
            })?;
        let mut entries = Vec::new();
        flatten("", &table, &mut entries);
        for (key, _) in &entries {
            if !settings().any(|setting| setting.key == key) {
                return Err(unknown(path, key));
            }
        }
        // In the table's order, not the file's, so that the special settings win over the general ones.
        for setting in settings() {
            let Some((_, value)) = entries.iter().find(|(key, _)| key == setting.key) else {
                continue;
            };
            (setting.apply)(&mut self, value).ok_or_else(|| ConfigError::Value {
                place: format!("{}: {}", path.display(), setting.key),
                value: if setting.secret {
                    "(not shown)".to_owned()
                } else {
                    value.clone()
                },
                expected: setting.accepts.to_owned(),
            })?;
        }
        Ok(self)
    }
}

/// Where and why, without the line itself: a secret may stand on it.
fn reason(text: &str, error: &toml::de::Error) -> String {
    let before = error.span().and_then(|span| text.get(..span.start));
    match before {
        Some(before) => format!("line {}: {}", 1 + before.matches('\n').count(), error.message()),
        None => error.message().to_owned(),
    }
}

/// Dotted keys with their values as the environment would give them. Tables of free keys (attributes, headers) and lists become
/// the text form of the variable that they stand for.
fn flatten(prefix: &str, table: &Table, out: &mut Vec<(String, String)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() {
            name.clone()
        } else {
            format!("{prefix}.{name}")
        };
        match value {
            Value::Table(free) if key.ends_with(".attributes") || key.ends_with(".headers") => {
                let pairs: Vec<String> = free
                    .iter()
                    .map(|(k, v)| format!("{}={}", encode(k), encode(&text_of(v))))
                    .collect();
                out.push((key, pairs.join(",")));
            }
            Value::Table(inner) => flatten(&key, inner, out),
            other => out.push((key, text_of(other))),
        }
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(text_of).collect::<Vec<_>>().join(","),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(time) => time.to_string(),
        // A table where a value is expected; no setting accepts this.
        Value::Table(_) => "a table".to_owned(),
    }
}

fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => out.push_str("%25"),
            ',' => out.push_str("%2C"),
            '=' => out.push_str("%3D"),
            other => out.push(other),
        }
    }
    out
}

fn unknown(path: &Path, key: &str) -> ConfigError {
    let table = key.rsplit_once('.').map_or("", |(table, _)| table);
    let inside = |known: &str| {
        known
            .strip_prefix(table)
            .is_some_and(|rest| table.is_empty() || rest.starts_with('.'))
    };
    let mut nearby: Vec<&str> = settings()
        .map(|setting| setting.key)
        .filter(|known| inside(known))
        .collect();
    if nearby.is_empty() {
        nearby = settings()
            .map(|setting| setting.key.split('.').next().unwrap_or_default())
            .collect();
        nearby.dedup();
    }
    ConfigError::UnknownKey {
        path: path.to_path_buf(),
        key: key.to_owned(),
        nearby: nearby.join(", "),
    }
}
