//! The `…_over_time` family.

use super::Kind::{AnyWindow, MixedWindow, NamedWindow, Window as Over};
use super::{Function, arg, arg_at, function, native};
use crate::promql::EvalError;
use crate::promql::ast::{Call, Expr};
use crate::promql::engine::{Engine, OverWindow, Window};
use crate::promql::rows::{Grid, Rows};
use crate::promql::stats::{self, Mean, Sum, Variance};

pub(super) const FUNCTIONS: &[Function] = &[
    function("avg_over_time", MixedWindow(avg, native::avg_over_time)),
    function("sum_over_time", MixedWindow(sum, native::sum_over_time)),
    function(
        "count_over_time",
        AnyWindow(|window| Some(window.samples.len() as f64)),
    ),
    function("min_over_time", Over(min)),
    function("max_over_time", Over(max)),
    function("last_over_time", NamedWindow(|window| Some(window.last().value))),
    function(
        "first_over_time",
        NamedWindow(|window| Some(window.first().value)),
    ),
    function("present_over_time", AnyWindow(|_| Some(1.0))),
    function("stddev_over_time", Over(|window| variance(window).map(f64::sqrt))),
    function("stdvar_over_time", Over(variance)),
    function("quantile_over_time", Over(quantile)).takes("sm"),
    function("mad_over_time", Over(mad)),
    function(
        "ts_of_first_over_time",
        AnyWindow(|window| Some(seconds(window.first().t_ms))),
    ),
    function(
        "ts_of_last_over_time",
        AnyWindow(|window| Some(seconds(window.last().t_ms))),
    ),
    function(
        "ts_of_min_over_time",
        Over(|window| time_of(window, |value, best| value <= best)),
    ),
    function(
        "ts_of_max_over_time",
        Over(|window| time_of(window, |value, best| value >= best)),
    ),
];

/// Functions that look at the moment of evaluation.
const USE_TIME: [&str; 1] = ["predict_linear"];

/// Evaluates a function of a range; its other arguments are scalars.
pub(super) fn eval(engine: &Engine<'_>, call: &Call, grid: &Grid, f: OverWindow) -> Result<Rows, EvalError> {
    let name = call.function.name;
    let mut range = None;
    let mut scalars = Vec::new();
    for (i, expr) in call.args.iter().enumerate() {
        match expr {
            Expr::Range(found) => range = Some((found, arg_at(call, i))),
            other => scalars.push(engine.eval_scalar(other, grid)?),
        }
    }
    let Some(range) = range else {
        return Err(EvalError::InvalidType {
            got: arg(call, 0)?.value_type(),
        });
    };
    if name == "quantile_over_time" {
        scalars
            .iter()
            .for_each(|q| check_quantile(engine, arg_at(call, 0), q));
    }
    engine.windows(range, &scalars, USE_TIME.contains(&name), grid, f)
}

/// Warns of a quantile that is not one.
pub(crate) fn check_quantile(engine: &Engine<'_>, at: usize, values: &[f64]) {
    if let Some(q) = values.iter().find(|q| !(0.0..=1.0).contains(*q)) {
        let shown = crate::promql::format_value(*q);
        engine.warn(
            at,
            format!("quantile value should be between 0 and 1, got {shown}"),
        );
    }
}

fn seconds(t_ms: i64) -> f64 {
    t_ms as f64 / 1000.0
}

fn avg(window: &Window<'_>) -> Option<f64> {
    let mut mean = Mean::default();
    window.values().for_each(|v| mean.add(v));
    Some(mean.value())
}

fn sum(window: &Window<'_>) -> Option<f64> {
    let mut sum = Sum::default();
    window.values().for_each(|v| sum.add(v));
    Some(sum.value())
}

fn min(window: &Window<'_>) -> Option<f64> {
    window
        .values()
        .reduce(|best, v| if v < best || best.is_nan() { v } else { best })
}

fn max(window: &Window<'_>) -> Option<f64> {
    window
        .values()
        .reduce(|best, v| if v > best || best.is_nan() { v } else { best })
}

fn variance(window: &Window<'_>) -> Option<f64> {
    let mut variance = Variance::default();
    window.values().for_each(|v| variance.add(v));
    Some(variance.value())
}

fn quantile(window: &Window<'_>) -> Option<f64> {
    let mut values: Vec<f64> = window.values().collect();
    Some(stats::quantile(*window.args.first()?, &mut values))
}

/// Median of the distances from the median.
fn mad(window: &Window<'_>) -> Option<f64> {
    let mut values: Vec<f64> = window.values().collect();
    let median = stats::quantile(0.5, &mut values);
    values.iter_mut().for_each(|v| *v = (*v - median).abs());
    Some(stats::quantile(0.5, &mut values))
}

/// Time of the latest sample that is as good as the best.
fn time_of(window: &Window<'_>, at_least: fn(f64, f64) -> bool) -> Option<f64> {
    let better = window.samples.iter().copied().reduce(|best, s| {
        if at_least(s.value, best.value) || best.value.is_nan() {
            s
        } else {
            best
        }
    });
    better.map(|sample| seconds(sample.t_ms))
}
