//! One evaluation of one rule.

use std::cell::OnceCell;
use std::collections::HashMap;

use watchroom_model::{HistogramSample, Labels, METRIC_NAME, Point, Sample, stale_nan};
use watchroom_query::promql::{self, Query, Value};

use super::{RuleState, chain, lookup};
use crate::alerting::Input;
use crate::recording::record;
use crate::template::QueryResult;
use crate::{Alert, AlertState, Batch, External, RuleError, RuleKind, RuleSpec, Surroundings, Transition};

/// One evaluation of a rule.
pub(super) struct Step<'a> {
    pub around: &'a Surroundings<'a>,
    pub at_ms: i64,
    pub now_ms: i64,
    pub external: &'a External,
    pub limit: usize,
}

impl Step<'_> {
    pub(super) fn rule(
        &self,
        spec: &RuleSpec,
        state: &mut RuleState,
        transitions: &mut Vec<Transition>,
    ) -> Result<usize, RuleError> {
        let vector = self.vector(&spec.query, self.at_ms)?;
        let given = vector.len();
        let series = match &spec.kind {
            RuleKind::Recording => record(spec, self.limit, vector)?,
            RuleKind::Alerting {
                hold,
                keep_firing,
                annotations,
            } => {
                let former: OnceCell<HashMap<Labels, lookup::Former>> = OnceCell::new();
                let looks = state.lookups_left > 0;
                state.lookups_left = state.lookups_left.saturating_sub(1);
                let input = Input {
                    spec,
                    hold: *hold,
                    keep_firing: *keep_firing,
                    annotations,
                    limit: self.limit,
                    external: self.external,
                    query: &|text| self.answer(text),
                    active_since: &|labels| {
                        let former = former
                            .get_or_init(|| lookup::former(self.around.evaluate, &spec.name, self.at_ms));
                        let found = looks.then(|| former.get(labels)).flatten()?;
                        found.active_at(*hold, self.now_ms)
                    },
                    now_ms: self.now_ms,
                };
                transitions.extend(state.alerts.advance(&input, vector)?);
                state
                    .alerts
                    .0
                    .values()
                    .flat_map(|alert| self.shown(alert))
                    .collect()
            }
        };
        let mut ended = std::mem::take(&mut state.written);
        let mut batch = Batch::default();
        for (labels, point) in series {
            ended.remove(&labels);
            state.written.insert(labels.clone());
            match point {
                Point::Float(sample) => batch.samples.push((labels, sample)),
                Point::Histogram(sample) => batch.histograms.push((labels, sample)),
            }
        }
        let mut ended: Vec<Labels> = ended.into_iter().collect();
        ended.sort();
        let stale = self.sample(stale_nan());
        batch
            .samples
            .extend(ended.into_iter().map(|labels| (labels, stale)));
        if !batch.is_empty() {
            self.around.sink.append(&batch)?;
        }
        Ok(given)
    }

    fn sample(&self, value: f64) -> Sample {
        Sample {
            t_ms: self.at_ms,
            value,
        }
    }

    /// An expression's result; a scalar is a series without labels.
    fn vector(&self, query: &Query, at_ms: i64) -> Result<Vec<(Labels, Point)>, RuleError> {
        match self.around.evaluate.instant(query, at_ms)? {
            Value::Vector(vector) => Ok(vector
                .into_iter()
                .map(|(labels, point)| (labels, self.here(point, at_ms)))
                .collect()),
            Value::Scalar(sample) => Ok(vec![(Labels::empty(), Point::Float(sample))]),
            other => Err(RuleError::NotAVector {
                got: other.value_type(),
            }),
        }
    }

    /// A point at the moment of evaluation, whatever moment a remote answer gave it.
    fn here(&self, point: Point, t_ms: i64) -> Point {
        match point {
            Point::Float(sample) => Point::Float(Sample { t_ms, ..sample }),
            Point::Histogram(sample) => Point::Histogram(HistogramSample { t_ms, ..sample }),
        }
    }

    /// Answers the function `query` of a template.
    fn answer(&self, text: &str) -> QueryResult {
        let query = promql::parse(text).map_err(|error| error.to_string())?;
        self.vector(&query, self.now_ms).map_err(|error| chain(&error))
    }

    /// The series that show an alert: `ALERTS` and `ALERTS_FOR_STATE`; none once it is resolved.
    fn shown(&self, alert: &Alert) -> Vec<(Labels, Point)> {
        if alert.state == AlertState::Resolved {
            return Vec::new();
        }
        let mut shown = alert.labels.to_builder();
        shown
            .set(METRIC_NAME, "ALERTS")
            .set("alertstate", alert.state.as_str());
        let mut since = alert.labels.to_builder();
        since.set(METRIC_NAME, lookup::FOR_STATE);
        vec![
            (shown.build(), Point::Float(self.sample(1.0))),
            (
                since.build(),
                Point::Float(self.sample(alert.active_at_ms.div_euclid(1000) as f64)),
            ),
        ]
    }
}
