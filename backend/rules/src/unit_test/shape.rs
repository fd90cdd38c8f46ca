//! The shape of a file of unit tests; fields that promtool does not know are refused.

use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchroom_query::promql;

use crate::yaml::{Pairs, Text};

#[derive(Debug, Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Shape {
    #[serde(default, deserialize_with = "list")]
    pub rule_files: Vec<Text>,
    #[serde(default)]
    pub evaluation_interval: Text,
    #[serde(default, deserialize_with = "list")]
    pub group_eval_order: Vec<Text>,
    #[serde(default)]
    pub fuzzy_compare: bool,
    #[serde(default, deserialize_with = "list")]
    pub tests: Vec<Test>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Test {
    #[serde(default)]
    pub name: Text,
    #[serde(default)]
    pub interval: Text,
    #[serde(default)]
    pub start_timestamp: Text,
    #[serde(default, deserialize_with = "list")]
    pub input_series: Vec<Series>,
    #[serde(default, deserialize_with = "list")]
    pub alert_rule_test: Vec<AlertCase>,
    #[serde(default, deserialize_with = "list")]
    pub promql_expr_test: Vec<ExprCase>,
    #[serde(default, deserialize_with = "pairs")]
    pub external_labels: Pairs,
    #[serde(default)]
    pub external_url: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Series {
    #[serde(default)]
    pub series: Text,
    #[serde(default)]
    pub values: Text,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertCase {
    #[serde(default)]
    pub eval_time: Text,
    #[serde(default)]
    pub alertname: Text,
    #[serde(default, deserialize_with = "list")]
    pub exp_alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alert {
    #[serde(default, deserialize_with = "pairs")]
    pub exp_labels: Pairs,
    #[serde(default, deserialize_with = "pairs")]
    pub exp_annotations: Pairs,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExprCase {
    #[serde(default)]
    pub expr: Text,
    #[serde(default)]
    pub eval_time: Text,
    #[serde(default, deserialize_with = "list")]
    pub exp_samples: Vec<Sample>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sample {
    #[serde(default)]
    pub labels: Text,
    #[serde(default, deserialize_with = "number")]
    pub value: f64,
    #[serde(default)]
    pub histogram: Text,
}

/// A list; null is an empty one.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::<Vec<T>>::deserialize(deserializer)?.unwrap_or_default())
}

/// A mapping; null is an empty one.
fn pairs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pairs, D::Error> {
    Ok(Option::<Pairs>::deserialize(deserializer)?.unwrap_or_default())
}

/// A number as YAML or as PromQL writes it.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let Text(text) = Text::deserialize(deserializer)?;
    let plain = text.trim().to_ascii_lowercase().replace('_', "");
    match plain.as_str() {
        "" => Ok(0.0),
        ".inf" | "+.inf" => Ok(f64::INFINITY),
        "-.inf" => Ok(f64::NEG_INFINITY),
        ".nan" => Ok(f64::NAN),
        plain => promql::parse_value(plain)
            .ok_or_else(|| D::Error::custom(format!("value: expected a number, got {text:?}"))),
    }
}

/// A duration; nothing is zero.
pub(super) fn duration(place: &str, Text(text): &Text) -> Result<Duration, String> {
    match text.as_str() {
        "" => Ok(Duration::ZERO),
        text => promql::parse_duration(text).map_err(|error| format!("{place}: {}", error.message())),
    }
}

/// A moment in RFC 3339, or in seconds since the epoch; nothing is the epoch.
pub(super) fn timestamp(text: &str) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(0);
    }
    if let Some(seconds) = promql::parse_value(text).filter(|seconds| seconds.abs() < 9e12) {
        return Ok((seconds * 1000.0).round() as i64);
    }
    OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .and_then(|moment| i64::try_from(moment.unix_timestamp_nanos() / 1_000_000).ok())
        .ok_or_else(|| format!("start_timestamp: expected RFC 3339 or seconds since the epoch, got {text:?}"))
}
