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
    /// How far back in time the rules are evaluated, if the group says.
    pub query_offset: Option<Duration>,
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
    /// Line of the file on which it begins, counted from 1, where known.
    pub line: Option<usize>,
    /// Templates of `labels` and, after them, of the annotations.
    pub(crate) templates: Vec<Template>,
}

impl RuleSpec {
    /// Whether the state of one is that of the other: same kind, name and labels.
    pub(crate) fn has_state_of(&self, other: &Self) -> bool {
        std::mem::discriminant(&self.kind) == std::mem::discriminant(&other.kind)
            && self.name == other.name
            && self.labels == other.labels
    }

    fn is_same(&self, other: &Self) -> bool {
        self.has_state_of(other) && self.query.text() == other.query.text() && self.kind == other.kind
    }
}

impl GroupSpec {
    /// Whether both were read from the same text: nothing has to change when one takes the other's place.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        (&self.file, &self.name, self.interval) == (&other.file, &other.name, other.interval)
            && (self.query_offset, self.limit) == (other.query_offset, other.limit)
            && self.rules.len() == other.rules.len()
            && self.rules.iter().zip(&other.rules).all(|(a, b)| a.is_same(b))
    }
}

/// Kind of rule.
#[derive(Debug, Clone, PartialEq, Eq)]
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
#[derive(Debug, Clone, PartialEq)]
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
