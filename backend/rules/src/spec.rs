//! Rules as they were read from a file.

use std::time::Duration;

use watchroom_query::promql::Query;

/// A group of rules, evaluated together and in order.
#[derive(Debug, Clone)]
pub struct GroupSpec {
    /// File it was read from.
    pub file: String,
    /// Name, unique within the file.
    pub name: String,
    /// Time between evaluations, if the group has its own.
    pub interval: Option<Duration>,
    /// How far back in time the rules are evaluated.
    pub query_offset: Duration,
    /// Alerts or recorded series a rule may give; 0 means any number.
    pub limit: usize,
    /// The rules, in order.
    pub rules: Vec<RuleSpec>,
}

/// One rule.
#[derive(Debug, Clone)]
pub struct RuleSpec {
    /// Name of the alert or of the recorded metric.
    pub name: String,
    /// The expression.
    pub query: Query,
    /// Labels to add, with templates in the case of an alert.
    pub labels: Vec<(String, String)>,
    /// What else the kind of rule has.
    pub kind: RuleKind,
}

/// Kind of rule.
#[derive(Debug, Clone)]
pub enum RuleKind {
    /// Writes its result as a series.
    Recording,
    /// Raises an alert for each series of its result.
    Alerting {
        /// How long a series must be there before the alert fires.
        hold: Duration,
        /// How long the alert goes on firing after the series is gone.
        keep_firing: Duration,
        /// Annotations, with templates.
        annotations: Vec<(String, String)>,
    },
}
