//! What a former process wrote about pending alerts, read back from `ALERTS_FOR_STATE`.
//!
//! Source: Prometheus `Group.RestoreForState`.

use std::collections::HashMap;
use std::time::Duration;

use watchroom_model::{Labels, METRIC_NAME, Point};
use watchroom_query::promql::{self, Value};

use super::persist;
use crate::Evaluate;

/// Name of the series that tell since when an alert has been active, in seconds since the epoch.
pub(super) const FOR_STATE: &str = "ALERTS_FOR_STATE";

/// Time after its last sample at which a series that was not ended can still be seen; below the lookback of five minutes. A group with a
/// longer interval may take up an alert that ended since, as pending from when it was.
const STILL_SEEN_MS: i64 = 240_000;

/// What is known of an alert of a former process.
#[derive(Debug, Clone, Copy)]
pub(super) struct Former {
    /// Since when it had been active.
    active_at_ms: i64,
    /// When that was last written.
    seen_ms: i64,
}

impl Former {
    /// Since when the alert counts as active now; `None` if its time was up, so that it fires when it is next seen.
    pub(super) fn active_at(&self, hold: Duration, now_ms: i64) -> Option<i64> {
        Some(persist::resumed(self.active_at_ms, self.seen_ms, now_ms, hold))
    }
}

/// Alerts of the rules of a name that were active when they were last written, not longer ago than an hour.
pub(super) fn former(evaluate: &dyn Evaluate, alert: &str, now_ms: i64) -> HashMap<Labels, Former> {
    let selector = Labels::from_pairs([(METRIC_NAME, FOR_STATE), ("alertname", alert)]).to_string();
    let hour = persist::OUTAGE_TOLERANCE.as_secs();
    let written = vector(
        evaluate,
        &format!("max_over_time(timestamp({selector})[{hour}s:15s])"),
        now_ms,
    );
    let mut moments: Vec<i64> = written.iter().map(|(_, seconds)| to_ms(*seconds)).collect();
    moments.sort_unstable();
    moments.dedup();
    let mut found = HashMap::new();
    for seen_ms in moments {
        let at_ms = now_ms.min(seen_ms.saturating_add(STILL_SEEN_MS));
        for (labels, since) in vector(evaluate, &selector, at_ms) {
            let of_moment = written
                .iter()
                .any(|(known, seconds)| *known == labels && to_ms(*seconds) == seen_ms);
            if of_moment {
                let active_at_ms = to_ms(since);
                found.insert(
                    labels,
                    Former {
                        active_at_ms,
                        seen_ms,
                    },
                );
            }
        }
    }
    found
}

fn to_ms(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

/// Numbers of a query by labels without the name; none if it fails, since an alert that starts anew is no harm.
fn vector(evaluate: &dyn Evaluate, text: &str, at_ms: i64) -> Vec<(Labels, f64)> {
    let Ok(query) = promql::parse(text) else {
        return Vec::new();
    };
    match evaluate.instant(&query, at_ms) {
        Ok(Value::Vector(vector)) => vector
            .into_iter()
            .filter_map(|(labels, point)| match point {
                Point::Float(sample) => Some((labels.without(&[METRIC_NAME]), sample.value)),
                Point::Histogram(_) => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
