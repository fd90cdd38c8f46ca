//! The states of one alerting rule's alerts.
//!
//! Source: Prometheus `AlertingRule.Eval`.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use watchroom_model::{Labels, METRIC_NAME, Point};

use crate::template::{Data, QueryResult};
use crate::{Alert, AlertState, External, RuleError, RuleSpec, Transition};

/// How long a resolved alert is kept, so that its end is told even if some notifications are lost.
const RESOLVED_RETENTION: Duration = Duration::from_secs(15 * 60);

/// Alerts of one rule, by their labels.
#[derive(Debug, Default)]
pub(crate) struct Alerts(pub BTreeMap<Labels, Alert>);

/// What an alerting rule needs besides its state.
pub(crate) struct Input<'a> {
    pub spec: &'a RuleSpec,
    pub hold: Duration,
    pub keep_firing: Duration,
    pub annotations: &'a [(String, String)],
    pub limit: usize,
    pub external: &'a External,
    pub query: &'a dyn Fn(&str) -> QueryResult,
    /// Since when a new alert has been active in a former process.
    pub active_since: &'a dyn Fn(&Labels) -> Option<i64>,
    pub now_ms: i64,
}

impl Alerts {
    /// Takes in a result, moves every alert on, and says what changed.
    pub(crate) fn advance(
        &mut self,
        input: &Input<'_>,
        vector: Vec<(Labels, Point)>,
    ) -> Result<Vec<Transition>, RuleError> {
        let mut present = HashSet::with_capacity(vector.len());
        let mut fresh = Vec::with_capacity(vector.len());
        for (series, point) in vector {
            let alert = input.alert(&series, &point);
            if !present.insert(alert.labels.clone()) {
                return Err(RuleError::DuplicateLabels {
                    labels: alert.labels.to_string(),
                });
            }
            fresh.push(alert);
        }
        let mut transitions = Vec::new();
        for alert in fresh {
            match self.0.get_mut(&alert.labels) {
                Some(known) if known.state != AlertState::Resolved => {
                    (known.value, known.annotations) = (alert.value, alert.annotations);
                }
                _ => {
                    let mut alert = alert;
                    if let Some(since) = (input.active_since)(&alert.labels) {
                        alert.active_at_ms = since;
                    }
                    transitions.push(Transition {
                        from: None,
                        to: Some(AlertState::Pending),
                        alert: alert.clone(),
                    });
                    self.0.insert(alert.labels.clone(), alert);
                }
            }
        }
        let now_ms = input.now_ms;
        self.0.retain(|labels, alert| {
            let before = alert.state;
            let keep = if present.contains(labels) {
                alert.holds(now_ms, input.hold);
                true
            } else {
                alert.ceases(now_ms, input.keep_firing)
            };
            if !keep && before == AlertState::Pending {
                transitions.push(Transition {
                    from: Some(before),
                    to: None,
                    alert: alert.clone(),
                });
            } else if alert.state != before {
                transitions.push(Transition {
                    from: Some(before),
                    to: Some(alert.state),
                    alert: alert.clone(),
                });
            }
            keep
        });
        let active = self
            .0
            .values()
            .filter(|alert| alert.state != AlertState::Resolved)
            .count();
        if input.limit > 0 && active > input.limit {
            self.0.clear();
            return Err(RuleError::Limit {
                limit: input.limit,
                got: active,
            });
        }
        Ok(transitions)
    }
}

impl Alert {
    /// The condition holds.
    fn holds(&mut self, now_ms: i64, hold: Duration) {
        self.kept_since_ms = None;
        if self.state == AlertState::Pending && now_ms.saturating_sub(self.active_at_ms) >= millis(hold) {
            self.state = AlertState::Firing;
            self.fired_at_ms = Some(now_ms);
        }
    }

    /// The condition does not hold; whether the alert is still to be kept.
    fn ceases(&mut self, now_ms: i64, keep_firing: Duration) -> bool {
        match self.state {
            AlertState::Pending => false,
            AlertState::Resolved => {
                let resolved_at = self.resolved_at_ms.unwrap_or(now_ms);
                now_ms.saturating_sub(resolved_at) <= millis(RESOLVED_RETENTION)
            }
            AlertState::Firing => {
                if !keep_firing.is_zero() {
                    let since = *self.kept_since_ms.get_or_insert(now_ms);
                    if now_ms.saturating_sub(since) < millis(keep_firing) {
                        return true;
                    }
                }
                self.state = AlertState::Resolved;
                self.resolved_at_ms = Some(now_ms);
                true
            }
        }
    }
}

impl Input<'_> {
    /// A new alert for a series of the result.
    fn alert(&self, series: &Labels, point: &Point) -> Alert {
        let data = Data {
            labels: series,
            value: point,
            external_labels: &self.external.labels,
            external_url: &self.external.url,
            now_ms: self.now_ms,
            query: self.query,
        };
        let mut texts = self.spec.templates.iter().map(|template| template.render(&data));
        let mut builder = series.to_builder();
        builder.remove(METRIC_NAME);
        for ((name, _), text) in self.spec.labels.iter().zip(&mut texts) {
            builder.set(name, &text);
        }
        builder.set("alertname", &self.spec.name);
        let annotations = self
            .annotations
            .iter()
            .zip(&mut texts)
            .map(|((name, _), text)| (name.clone(), text))
            .collect();
        Alert {
            name: self.spec.name.clone(),
            labels: builder.build(),
            annotations,
            state: AlertState::Pending,
            value: point.float().unwrap_or(0.0),
            active_at_ms: self.now_ms,
            fired_at_ms: None,
            resolved_at_ms: None,
            kept_since_ms: None,
            last_sent_ms: None,
        }
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
