//! A group of rules with the state of its alerts.

mod due;
mod lookup;
mod persist;
mod step;

use std::collections::HashSet;
use std::time::Duration;

use watchroom_model::{Labels, Sample, stale_nan};

use crate::alerting::Alerts;
use crate::{
    Alert, AlertState, Batch, External, GroupSpec, RuleError, RuleKind, RuleSpec, Surroundings, Transition,
};
pub use due::Notice;
use step::Step;

/// Evaluations after the start in which new alerts are looked for in `ALERTS_FOR_STATE`: targets may not have been scraped at the first.
const LOOKUPS: u8 = 2;

/// A group of rules with the state of its alerts.
#[derive(Debug)]
pub struct Group {
    spec: GroupSpec,
    external: External,
    states: Vec<RuleState>,
}

/// What is kept of a rule between evaluations.
#[derive(Debug, Default)]
struct RuleState {
    alerts: Alerts,
    /// Series that the last evaluation wrote.
    written: HashSet<Labels>,
    last_error: Option<String>,
    last_evaluation_ms: Option<i64>,
    last_duration: Duration,
    /// Evaluations in which new alerts are still looked for in `ALERTS_FOR_STATE`.
    lookups_left: u8,
}

/// What one evaluation of a group came to.
#[derive(Debug, Default)]
pub struct Evaluation {
    /// Every alert of the group that is pending, firing or was resolved a short while ago.
    pub alerts: Vec<Alert>,
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
    pub result: Result<usize, RuleError>,
}

/// A rule with its state, for the HTTP API.
#[derive(Debug)]
pub struct RuleStatus<'a> {
    /// The rule.
    pub spec: &'a RuleSpec,
    /// Its alerts that are pending or firing, ordered by labels; empty for a recording rule.
    pub alerts: Vec<&'a Alert>,
    /// Message of the last evaluation's failure.
    pub last_error: Option<&'a str>,
    /// When it was last evaluated.
    pub last_evaluation_ms: Option<i64>,
    /// How long that took.
    pub last_duration: Duration,
}

impl Group {
    /// Makes a group without alerts.
    #[must_use]
    pub fn new(spec: GroupSpec) -> Self {
        let states = spec.rules.iter().map(|_| RuleState::default()).collect();
        Self {
            spec,
            external: External::default(),
            states,
        }
    }

    /// Tells templates about the installation.
    #[must_use]
    pub fn with_external(mut self, external: External) -> Self {
        self.external = external;
        self
    }

    /// Has the first evaluations look in `ALERTS_FOR_STATE` for how long their alerts have been pending: for a group of a process that has
    /// just started and knows nothing of its predecessor. Only rules whose `for` is ten minutes or longer do so.
    #[must_use]
    pub fn looking_up_state(mut self) -> Self {
        for (spec, state) in self.spec.rules.iter().zip(&mut self.states) {
            if matches!(spec.kind, RuleKind::Alerting { hold, .. } if hold >= persist::GRACE) {
                state.lookups_left = LOOKUPS;
            }
        }
        self
    }

    /// The rules.
    #[must_use]
    pub fn spec(&self) -> &GroupSpec {
        &self.spec
    }

    /// Evaluates every rule in order and hands what each gives to the sink before the next one is looked at.
    ///
    /// `now_ms` is the moment that counts for alerts; expressions are evaluated `query_offset` before it, and results are written there.
    pub fn evaluate(&mut self, around: &Surroundings<'_>, now_ms: i64) -> Evaluation {
        let at_ms = now_ms.saturating_sub(
            i64::try_from(self.spec.query_offset.unwrap_or_default().as_millis()).unwrap_or(0),
        );
        let mut evaluation = Evaluation::default();
        for (spec, state) in self.spec.rules.iter().zip(&mut self.states) {
            let began = (around.elapsed)();
            let step = Step {
                around,
                at_ms,
                now_ms,
                external: &self.external,
                limit: self.spec.limit,
            };
            let result = step.rule(spec, state, &mut evaluation.transitions);
            state.last_evaluation_ms = Some(now_ms);
            state.last_error = result.as_ref().err().map(chain);
            state.last_duration = (around.elapsed)().saturating_sub(began);
            evaluation.alerts.extend(state.alerts.0.values().cloned());
            evaluation.outcomes.push(RuleOutcome {
                rule: spec.name.clone(),
                result,
            });
        }
        evaluation
    }

    /// Rules with their alerts.
    #[must_use]
    pub fn status(&self) -> Vec<RuleStatus<'_>> {
        let rules = self.spec.rules.iter().zip(&self.states);
        rules
            .map(|(spec, state)| RuleStatus {
                spec,
                alerts: state
                    .alerts
                    .0
                    .values()
                    .filter(|alert| alert.state != AlertState::Resolved)
                    .collect(),
                last_error: state.last_error.as_deref(),
                last_evaluation_ms: state.last_evaluation_ms,
                last_duration: state.last_duration,
            })
            .collect()
    }

    /// Takes over the state of this group as it was before its file was read again; rules are the same if name and labels are, in order.
    ///
    /// Returns what ends the series of rules that are no longer there.
    pub fn take_over(&mut self, former: Self, now_ms: i64) -> Batch {
        let mut left: Vec<(RuleSpec, Option<RuleState>)> = former
            .spec
            .rules
            .into_iter()
            .zip(former.states.into_iter().map(Some))
            .collect();
        for (spec, state) in self.spec.rules.iter().zip(&mut self.states) {
            let same = left
                .iter_mut()
                .find(|(known, state)| state.is_some() && known.has_state_of(spec));
            if let Some(taken) = same.and_then(|(_, state)| state.take()) {
                *state = taken;
            }
        }
        let rest = left.into_iter().filter_map(|(_, state)| state);
        ended(rest.flat_map(|state| state.written), now_ms)
    }

    /// Ends the group, as when its file no longer has it: what ends its series.
    #[must_use]
    pub fn close(self, now_ms: i64) -> Batch {
        ended(self.states.into_iter().flat_map(|state| state.written), now_ms)
    }
}

/// Stale markers.
fn ended(series: impl Iterator<Item = Labels>, t_ms: i64) -> Batch {
    let mut ended: Vec<Labels> = series.collect();
    ended.sort();
    let value = stale_nan();
    Batch {
        samples: ended
            .into_iter()
            .map(|labels| (labels, Sample { t_ms, value }))
            .collect(),
        histograms: Vec::new(),
    }
}

/// An error with everything that caused it.
fn chain(error: &RuleError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
