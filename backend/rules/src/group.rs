//! A group of rules with the state of its alerts.

use std::collections::HashSet;
use std::time::Duration;

use watchroom_model::{Labels, METRIC_NAME, Sample, stale_nan};
use watchroom_query::SeriesSource;
use watchroom_query::promql::{self, EvalOptions, Query, Value};

use crate::alerting::{Alerts, Input};
use crate::overlay::Overlay;
use crate::recording::record;
use crate::template::QueryResult;
use crate::{
    Alert, AlertSnapshot, AlertState, External, GroupSnapshot, GroupSpec, RuleError, RuleKind, RuleSpec,
    Transition,
};

/// Longest time without evaluation after which the state of alerts still means something.
const OUTAGE_TOLERANCE: Duration = Duration::from_secs(3600);

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

    /// The rules.
    #[must_use]
    pub fn spec(&self) -> &GroupSpec {
        &self.spec
    }

    /// Evaluates every rule in order; a recording rule's result is seen by the rules after it.
    pub fn evaluate(&mut self, source: &dyn SeriesSource, now_ms: i64, options: &EvalOptions) -> Evaluation {
        let overlay = Overlay::new(source);
        let at_ms = now_ms.saturating_sub(i64::try_from(self.spec.query_offset.as_millis()).unwrap_or(0));
        let mut evaluation = Evaluation::default();
        for (spec, state) in self.spec.rules.iter().zip(&mut self.states) {
            let step = Step {
                overlay: &overlay,
                options,
                at_ms,
                now_ms,
                external: &self.external,
                limit: self.spec.limit,
            };
            let result = step.rule(spec, state, &mut evaluation);
            state.last_evaluation_ms = Some(now_ms);
            state.last_error = result.as_ref().err().map(chain);
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
            })
            .collect()
    }

    /// Ends the group, as when its file no longer has it: the samples that end its series.
    #[must_use]
    pub fn close(self, now_ms: i64) -> Vec<(Labels, Sample)> {
        let mut ended: Vec<Labels> = self.states.into_iter().flat_map(|state| state.written).collect();
        ended.sort();
        ended
            .into_iter()
            .map(|labels| {
                (
                    labels,
                    Sample {
                        t_ms: now_ms,
                        value: stale_nan(),
                    },
                )
            })
            .collect()
    }

    /// State to keep over a restart.
    #[must_use]
    pub fn snapshot(&self, now_ms: i64) -> GroupSnapshot {
        let pairs = |labels: &Labels| labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let alerts =
            self.spec
                .rules
                .iter()
                .zip(&self.states)
                .enumerate()
                .flat_map(|(rule_index, (spec, state))| {
                    let active = state
                        .alerts
                        .0
                        .values()
                        .filter(|alert| alert.state != AlertState::Resolved);
                    active.map(move |alert| AlertSnapshot {
                        rule: spec.name.clone(),
                        rule_index,
                        labels: pairs(&alert.labels),
                        annotations: alert.annotations.clone(),
                        value: alert.value,
                        active_at_ms: alert.active_at_ms,
                        fired_at_ms: alert.fired_at_ms,
                        kept_since_ms: alert.kept_since_ms,
                    })
                });
        GroupSnapshot {
            taken_at_ms: now_ms,
            alerts: alerts.collect(),
        }
    }

    /// Takes up the state of a former process, or of this group before its file was read again.
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
            let alerting = matches!(self.spec.rules[i].kind, RuleKind::Alerting { .. });
            if alerting {
                let alert = restored(saved, away_ms);
                self.states[i]
                    .written
                    .extend(self::series(&alert).into_iter().map(|(labels, _)| labels));
                self.states[i].alerts.0.insert(alert.labels.clone(), alert);
            }
        }
    }
}

fn restored(saved: &AlertSnapshot, away_ms: i64) -> Alert {
    let state = if saved.fired_at_ms.is_some() {
        AlertState::Firing
    } else {
        AlertState::Pending
    };
    let shift = if state == AlertState::Pending { away_ms } else { 0 };
    Alert {
        name: saved.rule.clone(),
        labels: Labels::from_pairs(saved.labels.iter().map(|(n, v)| (n, v))),
        annotations: saved.annotations.clone(),
        state,
        value: saved.value,
        active_at_ms: saved.active_at_ms.saturating_add(shift),
        fired_at_ms: saved.fired_at_ms,
        resolved_at_ms: None,
        kept_since_ms: saved.kept_since_ms.map(|since| since.saturating_add(away_ms)),
    }
}

/// One evaluation of a rule.
struct Step<'a> {
    overlay: &'a Overlay<'a>,
    options: &'a EvalOptions,
    at_ms: i64,
    now_ms: i64,
    external: &'a External,
    limit: usize,
}

impl Step<'_> {
    fn rule(
        &self,
        spec: &RuleSpec,
        state: &mut RuleState,
        evaluation: &mut Evaluation,
    ) -> Result<usize, RuleError> {
        let vector = self.vector(&spec.query)?;
        let given = vector.len();
        let series = match &spec.kind {
            RuleKind::Recording => record(spec, self.limit, vector)?,
            RuleKind::Alerting {
                hold,
                keep_firing,
                annotations,
            } => {
                let input = Input {
                    spec,
                    hold: *hold,
                    keep_firing: *keep_firing,
                    annotations,
                    limit: self.limit,
                    external: self.external,
                    query: &|text| self.answer(text),
                    now_ms: self.now_ms,
                };
                evaluation
                    .transitions
                    .extend(state.alerts.advance(&input, vector)?);
                state.alerts.0.values().flat_map(self::series).collect()
            }
        };
        let mut ended = std::mem::take(&mut state.written);
        for (labels, value) in series {
            ended.remove(&labels);
            state.written.insert(labels.clone());
            self.write(labels, value, evaluation);
        }
        let mut ended: Vec<Labels> = ended.into_iter().collect();
        ended.sort();
        for labels in ended {
            self.write(labels, stale_nan(), evaluation);
        }
        Ok(given)
    }

    fn write(&self, labels: Labels, value: f64, evaluation: &mut Evaluation) {
        let sample = Sample {
            t_ms: self.at_ms,
            value,
        };
        self.overlay.write(&labels, sample);
        evaluation.samples.push((labels, sample));
    }

    /// The expression's result; a scalar is a series without labels.
    fn vector(&self, query: &Query) -> Result<Vec<(Labels, f64)>, RuleError> {
        match promql::instant(query, self.overlay, self.at_ms, self.options)?.value {
            Value::Vector(vector) => Ok(vector
                .into_iter()
                .filter_map(|(labels, point)| Some((labels, point.float()?)))
                .collect()),
            Value::Scalar(sample) => Ok(vec![(Labels::empty(), sample.value)]),
            other => Err(RuleError::NotAVector {
                got: other.value_type(),
            }),
        }
    }

    /// Answers the function `query` of a template.
    fn answer(&self, text: &str) -> QueryResult {
        let query = promql::parse(text).map_err(|error| error.to_string())?;
        self.vector(&query).map_err(|error| chain(&error))
    }
}

/// The series that show an alert: `ALERTS` and `ALERTS_FOR_STATE`; none once it is resolved.
fn series(alert: &Alert) -> Vec<(Labels, f64)> {
    if alert.state == AlertState::Resolved {
        return Vec::new();
    }
    let mut shown = alert.labels.to_builder();
    shown
        .set(METRIC_NAME, "ALERTS")
        .set("alertstate", alert.state.as_str());
    let mut since = alert.labels.to_builder();
    since.set(METRIC_NAME, "ALERTS_FOR_STATE");
    vec![
        (shown.build(), 1.0),
        (since.build(), alert.active_at_ms.div_euclid(1000) as f64),
    ]
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
