//! State of alerts that outlives the process.

use std::time::Duration;

use watchroom_model::{Labels, METRIC_NAME};

use super::{Group, lookup};
use crate::{Alert, AlertSnapshot, AlertState, GroupSnapshot, RuleKind};

/// Longest time without evaluation after which the state of alerts still means something.
pub(super) const OUTAGE_TOLERANCE: Duration = Duration::from_secs(3600);

/// An alert that was about to fire when the former process ended waits at least this long, so that what has changed meanwhile can be seen.
pub(super) const GRACE: Duration = Duration::from_secs(600);

/// Since when a pending alert counts as active after an outage from `seen_ms` to `now_ms`.
///
/// Time of the outage does not count, but an alert that has waited long enough already fires at once; one whose `for` is at least ten
/// minutes and that has less than ten minutes to go waits ten.
pub(super) fn resumed(active_at_ms: i64, seen_ms: i64, now_ms: i64, hold: Duration) -> i64 {
    let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    let left = ms(hold).saturating_sub(seen_ms.saturating_sub(active_at_ms));
    if left <= 0 {
        active_at_ms
    } else if hold >= GRACE && left < ms(GRACE) {
        now_ms.saturating_add(ms(GRACE)).saturating_sub(ms(hold))
    } else {
        active_at_ms.saturating_add(now_ms.saturating_sub(seen_ms).max(0))
    }
}

impl Group {
    /// State to keep over a restart.
    #[must_use]
    pub fn snapshot(&self, now_ms: i64) -> GroupSnapshot {
        let pairs = |labels: &Labels| labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let rules = self.spec.rules.iter().zip(&self.states).enumerate();
        let alerts = rules.flat_map(|(rule_index, (spec, state))| {
            state.alerts.0.values().map(move |alert| AlertSnapshot {
                rule: spec.name.clone(),
                rule_index,
                labels: pairs(&alert.labels),
                annotations: alert.annotations.clone(),
                value: alert.value,
                active_at_ms: alert.active_at_ms,
                fired_at_ms: alert.fired_at_ms,
                resolved_at_ms: alert.resolved_at_ms,
                kept_since_ms: alert.kept_since_ms,
                last_sent_ms: alert.last_sent_ms,
            })
        });
        GroupSnapshot {
            taken_at_ms: now_ms,
            alerts: alerts.collect(),
        }
    }

    /// Takes up the state of a former process.
    ///
    /// Time during which nothing was evaluated does not count towards `for`; state older than an hour is not taken up.
    pub fn restore(&mut self, snapshot: &GroupSnapshot, now_ms: i64) {
        let away_ms = now_ms.saturating_sub(snapshot.taken_at_ms).max(0);
        if away_ms as u128 > OUTAGE_TOLERANCE.as_millis() {
            return;
        }
        for saved in &snapshot.alerts {
            let same_place = self
                .spec
                .rules
                .get(saved.rule_index)
                .is_some_and(|rule| rule.name == saved.rule);
            let found = if same_place {
                Some(saved.rule_index)
            } else {
                self.spec.rules.iter().position(|rule| rule.name == saved.rule)
            };
            let Some(i) = found else { continue };
            let RuleKind::Alerting { hold, .. } = self.spec.rules[i].kind else {
                continue;
            };
            let alert = restored(saved, snapshot.taken_at_ms, now_ms, hold);
            self.states[i].written.extend(names(&alert));
            self.states[i].alerts.0.insert(alert.labels.clone(), alert);
        }
    }
}

/// The series that show an alert which is not resolved.
fn names(alert: &Alert) -> Vec<Labels> {
    if alert.state == AlertState::Resolved {
        return Vec::new();
    }
    let mut shown = alert.labels.to_builder();
    shown
        .set(METRIC_NAME, "ALERTS")
        .set("alertstate", alert.state.as_str());
    let mut since = alert.labels.to_builder();
    since.set(METRIC_NAME, lookup::FOR_STATE);
    vec![shown.build(), since.build()]
}

fn restored(saved: &AlertSnapshot, taken_at_ms: i64, now_ms: i64, hold: Duration) -> Alert {
    let state = match (saved.resolved_at_ms, saved.fired_at_ms) {
        (Some(_), _) => AlertState::Resolved,
        (None, Some(_)) => AlertState::Firing,
        (None, None) => AlertState::Pending,
    };
    let away_ms = now_ms.saturating_sub(taken_at_ms).max(0);
    let active_at_ms = match state {
        AlertState::Pending => resumed(saved.active_at_ms, taken_at_ms, now_ms, hold),
        _ => saved.active_at_ms,
    };
    Alert {
        name: saved.rule.clone(),
        labels: Labels::from_pairs(saved.labels.iter().map(|(n, v)| (n, v))),
        annotations: saved.annotations.clone(),
        state,
        value: saved.value,
        active_at_ms,
        fired_at_ms: saved.fired_at_ms,
        resolved_at_ms: saved.resolved_at_ms,
        kept_since_ms: saved.kept_since_ms.map(|since| since.saturating_add(away_ms)),
        last_sent_ms: saved.last_sent_ms,
    }
}
