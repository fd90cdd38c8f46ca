//! Functions that fit a line or smooth: `deriv`, `predict_linear`, `double_exponential_smoothing` (once `holt_winters`).

use super::Kind::{Vector, Window as Over};
use super::{Function, HOLT_WINTERS, arg, arg_at, function};
use crate::promql::EvalError;
use crate::promql::ast::{Call, Expr};
use crate::promql::engine::{Engine, Out, OverWindow, Window, WithHistograms};
use crate::promql::rows::Grid;
use crate::promql::stats::linear_regression;

pub(super) const FUNCTIONS: &[Function] = &[
    function("deriv", Over(deriv)),
    function("predict_linear", Over(predict_linear)).takes("ms"),
    function(HOLT_WINTERS, Vector(smoothing)).takes("mss"),
];

fn deriv(window: &Window<'_>) -> Option<f64> {
    // Times count from the first sample, for the sake of precision.
    (window.samples.len() > 1).then(|| linear_regression(window.samples, window.first().t_ms).0)
}

fn predict_linear(window: &Window<'_>) -> Option<f64> {
    let ahead = *window.args.first()?;
    (window.samples.len() > 1).then(|| {
        let (slope, intercept) = linear_regression(window.samples, window.eval_ms);
        slope * ahead + intercept
    })
}

fn smoothing(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let range = match arg(call, 0)? {
        Expr::Range(range) => range,
        other => {
            return Err(EvalError::InvalidType {
                got: other.value_type(),
            });
        }
    };
    let mut factors = Vec::new();
    for (i, what) in [(1, "smoothing"), (2, "trend")] {
        let values = engine.eval_scalar(arg(call, i)?, grid)?;
        if let Some(bad) = values.iter().find(|v| !(**v > 0.0 && **v < 1.0)) {
            return Err(EvalError::Argument {
                function: HOLT_WINTERS,
                reason: format!("{what} factor must be between 0 and 1, got {bad}"),
            });
        }
        factors.push(values);
    }
    let smooth = OverWindow {
        floats: smooth,
        histograms: WithHistograms::Ignored,
    };
    engine
        .windows((range, arg_at(call, 0)), &factors, false, grid, smooth)?
        .without_name()
        .map(Out::Rows)
}

/// Source: Prometheus `funcDoubleExponentialSmoothing`.
fn smooth(window: &Window<'_>) -> Option<f64> {
    let ([first, second, ..], [level, trend]) = (window.samples, window.args) else {
        return None;
    };
    let (mut before, mut smoothed) = (0.0, first.value);
    let mut slope = second.value - first.value;
    for (i, sample) in window.samples.iter().enumerate().skip(1) {
        if i > 1 {
            slope = trend * (smoothed - before) + (1.0 - trend) * slope;
        }
        (before, smoothed) = (
            smoothed,
            level * sample.value + (1.0 - level) * (smoothed + slope),
        );
    }
    Some(smoothed)
}
