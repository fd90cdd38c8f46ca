//! State of alerts that outlives the process.

use serde::{Deserialize, Serialize};

/// State of a group's alerts, to be kept over a restart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GroupSnapshot {
    /// When it was taken.
    pub taken_at_ms: i64,
    /// Alerts that are pending, firing or were resolved a short while ago.
    pub alerts: Vec<AlertSnapshot>,
}

/// State of one alert, to be kept over a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertSnapshot {
    /// Name of the rule.
    pub rule: String,
    /// Place of the rule in its group; several rules may have one name.
    pub rule_index: usize,
    /// Labels of the alert.
    pub labels: Vec<(String, String)>,
    /// Annotations with their templates filled in.
    pub annotations: Vec<(String, String)>,
    /// Value of the series at the last evaluation that had it.
    pub value: f64,
    /// When the condition began to hold.
    pub active_at_ms: i64,
    /// When it began to fire, if it had.
    pub fired_at_ms: Option<i64>,
    /// When it was resolved, if it was.
    #[serde(default)]
    pub resolved_at_ms: Option<i64>,
    /// Since when it had been kept firing without the condition.
    pub kept_since_ms: Option<i64>,
    /// When receivers were last told.
    #[serde(default)]
    pub last_sent_ms: Option<i64>,
}
