//! Reading selectors and subqueries.

use watchroom_model::{Matcher, Sample, SeriesData, is_stale};

use super::{Engine, points, to_series};
use crate::SourceError;
use crate::promql::ast::{At, Expr, Matchers, Range, RangeOf, Selector, Shift};
use crate::promql::budget::Charge;
use crate::promql::rows::{ABSENT, Grid, Rows, is_reserved};
use crate::promql::{EvalError, WindowBounds};

/// The moments that a selector looks back from: one for each step, or one for all.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moments {
    first: i64,
    step: i64,
    len: usize,
}

impl Moments {
    /// Moment of a step.
    pub(crate) fn at(&self, i: usize) -> i64 {
        self.first + i as i64 * self.step
    }

    fn last(&self) -> i64 {
        self.at(self.len.saturating_sub(1))
    }

    /// Whether every step has the same one.
    pub(crate) fn fixed(&self) -> bool {
        self.step == 0
    }
}

/// Series with the samples that windows are cut from; stale markers are gone.
pub(crate) struct RangeData {
    pub series: Vec<SeriesData>,
    pub moments: Moments,
    _charge: Charge,
}

impl Engine<'_> {
    pub(crate) fn moments(&self, shift: Shift, grid: &Grid) -> Moments {
        let fixed = match shift.at {
            At::Step => None,
            At::Time(t) => Some(t),
            At::Start => Some(self.bounds.0),
            At::End => Some(self.bounds.1),
        };
        let first = fixed
            .unwrap_or(grid.start_ms)
            .saturating_sub(shift.offset_ms.unwrap_or(0));
        let step = if fixed.is_some() { 0 } else { grid.step_ms };
        Moments {
            first,
            step,
            len: grid.len,
        }
    }

    /// First moment within a window of `length_ms` that ends at `end`.
    pub(crate) fn window_start(&self, end: i64, length_ms: i64) -> i64 {
        let open = i64::from(self.options.window == WindowBounds::LeftOpen);
        end.saturating_sub(length_ms).saturating_add(open)
    }

    /// Reads series within the budget; histograms stand among the samples as cells.
    fn read(&self, matchers: &Matchers, from: i64, to: i64) -> Result<(Vec<SeriesData>, Charge), EvalError> {
        let mut charge = self.budget.nothing();
        let mut all: Vec<SeriesData> = Vec::new();
        for matchers in &matchers.any {
            self.budget.check()?;
            let series = self.select(matchers, from, to)?;
            charge.grow(series.iter().map(|s| s.samples.len() + s.histograms.len()).sum())?;
            all.extend(series);
        }
        if matchers.any.len() > 1 {
            all.sort_by(|a, b| a.labels.cmp(&b.labels));
            all.dedup_by(|b, a| a.labels == b.labels);
        }
        for series in &mut all {
            // No sample from outside may pass for a cell without a number. Almost none does: the look at all has no branch.
            let any = series
                .samples
                .iter()
                .fold(false, |any, s| any | is_reserved(s.value));
            if any {
                for sample in &mut series.samples {
                    if is_reserved(sample.value) && !is_stale(sample.value) {
                        sample.value = f64::NAN;
                    }
                }
            }
            self.box_histograms(series)?;
        }
        Ok((all, charge))
    }

    fn select(&self, matchers: &[Matcher], from: i64, to: i64) -> Result<Vec<SeriesData>, EvalError> {
        self.source
            .select_within(matchers, from, to, self.budget.left())
            .map_err(|error| match error {
                SourceError::TooManySamples { .. } => self.budget.too_many(),
                other => other.into(),
            })
    }

    /// The latest sample of each series at each step, `f` of it as the cell.
    pub(crate) fn instant_rows(
        &self,
        selector: &Selector,
        grid: &Grid,
        f: impl Fn(&Sample) -> f64,
    ) -> Result<Rows, EvalError> {
        let lookback_ms = i64::try_from(self.options.lookback.as_millis()).unwrap_or(i64::MAX);
        let moments = self.moments(selector.shift, grid);
        let from = self.window_start(moments.first, lookback_ms);
        let (series, _charge) = self.read(&selector.matchers, from, moments.last())?;
        let mut rows = Rows::new(grid.len, &self.budget);
        let mut cells = vec![ABSENT; grid.len];
        for one in series {
            let samples = &one.samples;
            let mut seen = 0;
            for (i, cell) in cells.iter_mut().enumerate() {
                let moment = moments.at(i);
                while samples.get(seen).is_some_and(|s| s.t_ms <= moment) {
                    seen += 1;
                }
                let latest = seen.checked_sub(1).map(|i| &samples[i]);
                let oldest = self.window_start(moment, lookback_ms);
                *cell = match latest {
                    Some(sample) if sample.t_ms >= oldest && !is_stale(sample.value) => f(sample),
                    _ => ABSENT,
                };
            }
            rows.push_if_any(|| one.labels, &cells)?;
            self.budget.check()?;
        }
        Ok(rows)
    }

    /// Series of a range selector or subquery, with every sample that a window of some step needs.
    pub(crate) fn range_data(&self, range: &Range, grid: &Grid) -> Result<RangeData, EvalError> {
        let moments = self.moments(range.shift, grid);
        let from = self.window_start(moments.first, range.range_ms);
        let (mut series, charge) = match &range.of {
            RangeOf::Selector(matchers) => self.read(matchers, from, moments.last())?,
            RangeOf::Subquery(inner, step) => self.subquery(inner, *step, from, moments.last())?,
        };
        for one in &mut series {
            if one.samples.iter().any(|s| is_stale(s.value)) {
                one.samples.retain(|s| !is_stale(s.value));
            }
        }
        Ok(RangeData {
            series,
            moments,
            _charge: charge,
        })
    }

    /// Evaluates at every multiple of the step from `from` to `to`.
    fn subquery(
        &self,
        inner: &Expr,
        step: Option<i64>,
        from: i64,
        to: i64,
    ) -> Result<(Vec<SeriesData>, Charge), EvalError> {
        let step_ms = step
            .unwrap_or_else(|| i64::try_from(self.options.subquery_step.as_millis()).unwrap_or(60_000))
            .max(1);
        let start_ms = from.saturating_add((-from).rem_euclid(step_ms));
        if to < start_ms {
            return Ok((Vec::new(), self.budget.nothing()));
        }
        let len = points(
            "subquery",
            to.saturating_sub(start_ms),
            step_ms,
            self.options.max_subquery_points,
        )?;
        let grid = Grid {
            start_ms,
            step_ms,
            len,
        };
        let rows = self.eval_rows(inner, &grid)?;
        let charge = self.budget.charge(rows.cells.len())?;
        Ok((to_series(&rows, &grid), charge))
    }

    /// The windows themselves at a single step, as an instant query for a range vector gives them.
    pub(crate) fn windows_of(&self, range: &Range, grid: &Grid) -> Result<Vec<SeriesData>, EvalError> {
        let mut series = self.range_data(range, grid)?.series;
        series.retain(|one| !one.samples.is_empty());
        Ok(series)
    }
}
