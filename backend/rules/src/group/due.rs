//! Which alerts are to be told to a receiver.
//!
//! Source: Prometheus `Alert.needsSending`, `AlertingRule.sendAlerts`.

use std::time::Duration;

use watchroom_model::Labels;

use super::Group;
use crate::AlertState;

/// An alert as a receiver is to be told.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// Labels of the alert, without those of the installation.
    pub labels: Labels,
    /// Annotations with their templates filled in.
    pub annotations: Vec<(String, String)>,
    /// When it began to fire.
    pub starts_at_ms: i64,
    /// When it was resolved; for a firing alert, the time after which a receiver that hears nothing more may take it as resolved.
    pub ends_at_ms: i64,
    /// Whether it was resolved.
    pub resolved: bool,
    /// Expression of its rule.
    pub expr: String,
}

impl Group {
    /// Alerts that fire or were resolved and are to be told now: what changed at once, the rest every `resend_delay`.
    ///
    /// What is returned counts as told. `interval` is the time between evaluations of the group.
    pub fn due(&mut self, now_ms: i64, resend_delay: Duration, interval: Duration) -> Vec<Notice> {
        let resend_ms = i64::try_from(resend_delay.as_millis()).unwrap_or(i64::MAX);
        let valid_ms = i64::try_from(4 * resend_delay.max(interval).as_millis()).unwrap_or(i64::MAX);
        let mut due = Vec::new();
        for (spec, state) in self.spec.rules.iter().zip(&mut self.states) {
            for alert in state.alerts.0.values_mut() {
                if alert.state == AlertState::Pending {
                    continue;
                }
                let told = alert.last_sent_ms;
                let changed = match (alert.resolved_at_ms, told) {
                    (Some(resolved), Some(told)) => resolved > told,
                    (_, None) => true,
                    (None, Some(_)) => false,
                };
                if !changed && told.is_some_and(|told| told.saturating_add(resend_ms) >= now_ms) {
                    continue;
                }
                alert.last_sent_ms = Some(now_ms);
                due.push(Notice {
                    labels: alert.labels.clone(),
                    annotations: alert.annotations.clone(),
                    starts_at_ms: alert.fired_at_ms.unwrap_or(alert.active_at_ms),
                    ends_at_ms: alert
                        .resolved_at_ms
                        .unwrap_or_else(|| now_ms.saturating_add(valid_ms)),
                    resolved: alert.state == AlertState::Resolved,
                    expr: spec.query.text().to_owned(),
                });
            }
        }
        due
    }
}
