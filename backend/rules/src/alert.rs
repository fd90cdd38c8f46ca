//! Alerts and their states.

use watchroom_model::Labels;

/// State of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlertState {
    /// The condition holds, not yet for long enough.
    Pending,
    /// The condition has held for long enough.
    Firing,
    /// It fired, and the condition no longer holds.
    Resolved,
}

impl AlertState {
    /// The word used by the HTTP API and by the `alertstate` label.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Firing => "firing",
            Self::Resolved => "resolved",
        }
    }
}

/// One alert: one series of one alerting rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Alert {
    /// Name of the rule.
    pub name: String,
    /// Identity: labels of the series and of the rule, and `alertname`.
    pub labels: Labels,
    /// Annotations with their templates filled in.
    pub annotations: Vec<(String, String)>,
    /// State.
    pub state: AlertState,
    /// Value of the series at the last evaluation that had it; 0 if it is a native histogram.
    pub value: f64,
    /// When the condition began to hold.
    pub active_at_ms: i64,
    /// When it began to fire.
    pub fired_at_ms: Option<i64>,
    /// When it was resolved.
    pub resolved_at_ms: Option<i64>,
    /// Since when it has been kept firing without the condition.
    pub kept_since_ms: Option<i64>,
    /// When receivers were last told.
    pub last_sent_ms: Option<i64>,
}

/// A change of an alert's state.
#[derive(Debug, Clone, PartialEq)]
pub struct Transition {
    /// State before; `None` for a new alert.
    pub from: Option<AlertState>,
    /// The alert in its new state. `None` in place of a state means that a pending alert went away.
    pub to: Option<AlertState>,
    /// The alert, as it is now or was last.
    pub alert: Alert,
}
