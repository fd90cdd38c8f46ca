//! Rules as they were read from a file.

use std::time::Duration;

use watchroom_model::Labels;
use watchroom_query::promql::Query;

use crate::template::Template;

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
    /// Labels to add, sorted by name; with templates in the case of an alert.
    pub labels: Vec<(String, String)>,
    /// What else the kind of rule has.
    pub kind: RuleKind,
    /// Templates of `labels` and, after them, of the annotations.
    pub(crate) templates: Vec<Template>,
}

/// Kind of rule.
#[derive(Debug, Clone)]
pub enum RuleKind {
    /// Writes its result as a series.
    Recording,
    /// Raises an alert for each series of its result.
    Alerting {
        /// How long a series must be there before the alert fires (`for`).
        hold: Duration,
        /// How long the alert goes on firing after the series is gone.
        keep_firing: Duration,
        /// Annotations, sorted by name, with templates.
        annotations: Vec<(String, String)>,
    },
}

/// What templates can tell of the installation.
#[derive(Debug, Clone)]
pub struct External {
    /// Labels that tell this installation from others.
    pub labels: Labels,
    /// Address under which people reach this installation.
    pub url: String,
}

impl Default for External {
    fn default() -> Self {
        Self {
            labels: Labels::empty(),
            url: String::new(),
        }
    }
}
