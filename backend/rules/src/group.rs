//! A group of rules with the state of its alerts.

use serde::{Deserialize, Serialize};
use watchroom_model::{Labels, Sample};
use watchroom_query::SeriesSource;
use watchroom_query::promql::{EvalError, EvalOptions};

use crate::{Alert, GroupSpec, RuleSpec, Transition};

/// A group of rules with the state of its alerts.
#[derive(Debug)]
pub struct Group {
    spec: GroupSpec,
}

/// What one evaluation of a group came to.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// Every alert of the group that is pending, firing or was resolved a short while ago.
    pub alerts: Vec<Alert>,
    /// Samples to write: recorded series, `ALERTS`, `ALERTS_FOR_STATE`, and stale markers for those that ended.
    pub samples: Vec<(Labels, Sample)>,
    /// What changed.
    pub transitions: Vec<Transition>,
    /// How each rule fared, in order.
    pub outcomes: Vec<RuleOutcome>,
}

/// How one rule fared in one evaluation.
#[derive(Debug)]
pub struct RuleOutcome {
    /// Name of the rule.
    pub rule: String,
    /// Series it gave, or why it failed; a failed rule keeps its alerts as they were.
    pub result: Result<usize, EvalError>,
}

/// A rule with its state, for the HTTP API.
#[derive(Debug)]
pub struct RuleStatus<'a> {
    /// The rule.
    pub spec: &'a RuleSpec,
    /// Its alerts, empty for a recording rule.
    pub alerts: Vec<Alert>,
    /// Message of the last evaluation's failure.
    pub last_error: Option<&'a str>,
    /// When it was last evaluated.
    pub last_evaluation_ms: Option<i64>,
}

/// State of a group's alerts, to be kept over a restart.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct GroupSnapshot {
    /// When it was taken.
    pub taken_at_ms: i64,
    /// Alerts that are pending or firing.
    pub alerts: Vec<AlertSnapshot>,
}

/// State of one alert, to be kept over a restart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertSnapshot {
    /// Name of the rule.
    pub rule: String,
    /// Labels of the alert.
    pub labels: Vec<(String, String)>,
    /// When the condition began to hold.
    pub active_at_ms: i64,
    /// When it began to fire, if it had.
    pub fired_at_ms: Option<i64>,
    /// Since when it had been kept firing without the condition.
    pub kept_since_ms: Option<i64>,
}

impl Group {
    /// Makes a group without alerts.
    #[must_use]
    pub fn new(spec: GroupSpec) -> Self {
        Self { spec }
    }

    /// The rules.
    #[must_use]
    pub fn spec(&self) -> &GroupSpec {
        &self.spec
    }

    /// Evaluates every rule in order; a recording rule's result is seen by the rules after it.
    pub fn evaluate(&mut self, source: &dyn SeriesSource, now_ms: i64, options: &EvalOptions) -> Evaluation {
        let _ = (source, now_ms, options);
        Evaluation::default()
    }

    /// Rules with their alerts.
    #[must_use]
    pub fn status(&self) -> Vec<RuleStatus<'_>> {
        Vec::new()
    }

    /// State to keep over a restart.
    #[must_use]
    pub fn snapshot(&self, now_ms: i64) -> GroupSnapshot {
        GroupSnapshot {
            taken_at_ms: now_ms,
            alerts: Vec::new(),
        }
    }

    /// Takes up the state of a former process. Time during which nothing was evaluated does not count towards `for`.
    pub fn restore(&mut self, snapshot: &GroupSnapshot, now_ms: i64) {
        let _ = (snapshot, now_ms);
    }
}
