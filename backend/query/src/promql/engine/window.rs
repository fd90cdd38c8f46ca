//! Functions of the samples within a window, for each series and step.

use watchroom_model::Sample;

use super::Engine;
use crate::promql::ast::Range;
use crate::promql::rows::{ABSENT, Grid, Rows, is_histogram};
use crate::promql::{EvalError, WindowBounds};

/// Samples that may be looked at before the caller is asked whether to go on: a millisecond or so.
const CHECK_AFTER: usize = 1 << 18;

/// The samples of one series within one window.
pub(crate) struct Window<'a> {
    /// Never empty, ascending in time.
    pub samples: &'a [Sample],
    /// Edges of the window, milliseconds.
    pub start_ms: i64,
    pub end_ms: i64,
    /// Moment of evaluation; differs from `end_ms` under `offset` and `@`.
    pub eval_ms: i64,
    /// Scalar arguments of the function at this step.
    pub args: &'a [f64],
    /// Which major version's arithmetic applies.
    pub bounds: WindowBounds,
    /// Metric that the samples are of, for notes.
    pub metric: &'a str,
    /// Byte of the query at which the range stands, for notes.
    pub at: usize,
}

/// A function of a window, and what it makes of native histograms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OverWindow {
    /// Result from a window of numbers.
    pub floats: fn(&Window<'_>) -> Option<f64>,
    pub histograms: WithHistograms,
}

/// What a function of a window makes of native histograms.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WithHistograms {
    /// Passes over them.
    Ignored,
    /// Treats them as any other sample.
    Alike,
    /// Computes otherwise if there is one in the window.
    By(fn(&Engine<'_>, &Window<'_>) -> Result<Option<f64>, EvalError>),
}

impl Window<'_> {
    /// Oldest sample.
    pub(crate) fn first(&self) -> Sample {
        self.samples[0]
    }

    /// Latest sample.
    pub(crate) fn last(&self) -> Sample {
        self.samples[self.samples.len() - 1]
    }

    /// Values, oldest first.
    pub(crate) fn values(&self) -> impl Iterator<Item = f64> {
        self.samples.iter().map(|s| s.value)
    }

    /// Length in seconds.
    pub(crate) fn seconds(&self) -> f64 {
        (self.end_ms - self.start_ms) as f64 / 1000.0
    }
}

impl Engine<'_> {
    /// Computes `f` over each series' window at each step; windows without a sample give nothing.
    ///
    /// `args` holds the scalar arguments, each with a value for each step. `uses_time` says that `f` looks at
    /// [`Window::eval_ms`]. `at` is where the range stands in the query. Metric names are kept.
    pub(crate) fn windows(
        &self,
        (range, at): (&Range, usize),
        args: &[Vec<f64>],
        uses_time: bool,
        grid: &Grid,
        f: OverWindow,
    ) -> Result<Rows, EvalError> {
        let data = self.range_data(range, grid)?;
        let mut rows = Rows::new(grid.len, &self.budget);
        let mut cells = vec![ABSENT; grid.len];
        let mut step_args = vec![0.0; args.len()];
        // Under `@` all steps share a window, and mostly a result.
        let constant = data.moments.fixed() && !uses_time && args.is_empty();
        // Long windows at many steps are much work on few samples.
        let mut n_looked_at = 0;
        for mut series in data.series {
            let mut of_histograms = Vec::new();
            let mut by = None;
            if !self.has_no_histograms() && series.samples.iter().any(|s| is_histogram(s.value)) {
                match f.histograms {
                    WithHistograms::Ignored => {
                        let taken = series.samples.extract_if(.., |s| is_histogram(s.value));
                        of_histograms.extend(taken.map(|s| s.t_ms));
                    }
                    WithHistograms::Alike => {}
                    WithHistograms::By(f) => by = Some(f),
                }
            }
            let samples = &series.samples;
            let metric = series.labels.metric_name();
            let (mut lo, mut hi) = (0, 0);
            for i in 0..grid.len {
                if constant && i > 0 {
                    cells[i] = cells[0];
                    continue;
                }
                let end_ms = data.moments.at(i);
                let oldest = self.window_start(end_ms, range.range_ms);
                while samples.get(hi).is_some_and(|s| s.t_ms <= end_ms) {
                    hi += 1;
                }
                while lo < hi && samples[lo].t_ms < oldest {
                    lo += 1;
                }
                if lo == hi {
                    cells[i] = ABSENT;
                    continue;
                }
                n_looked_at += hi - lo;
                if n_looked_at >= CHECK_AFTER {
                    n_looked_at = 0;
                    self.budget.check()?;
                }
                for (to, values) in step_args.iter_mut().zip(args) {
                    *to = values[i];
                }
                let window = Window {
                    samples: &samples[lo..hi],
                    start_ms: end_ms - range.range_ms,
                    end_ms,
                    eval_ms: grid.time(i),
                    args: &step_args,
                    bounds: self.options.window,
                    metric,
                    at,
                };
                let passed_over = of_histograms.partition_point(|t_ms| *t_ms < oldest);
                if of_histograms.get(passed_over).is_some_and(|t_ms| *t_ms <= end_ms) {
                    let message = "ignored histograms in a range containing both floats and histograms";
                    self.info(at, format!("{message} for metric name {metric:?}"));
                }
                let value = match by {
                    Some(by) if window.samples.iter().any(|s| is_histogram(s.value)) => by(self, &window)?,
                    _ => (f.floats)(&window),
                };
                cells[i] = value.unwrap_or(ABSENT);
            }
            rows.push_if_any(|| series.labels.clone(), &cells)?;
            self.budget.check()?;
        }
        Ok(rows)
    }
}
