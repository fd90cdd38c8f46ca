//! Functions of each value by itself: rounding, logarithms, trigonometry, clamping.

use super::Kind::{Map, MapWith, Scalar};
use super::{Function, arg, function};
use crate::promql::EvalError;
use crate::promql::ast::Call;
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::Grid;
use crate::promql::stats;

pub(super) const FUNCTIONS: &[Function] = &[
    function("abs", Map(f64::abs)),
    function("ceil", Map(f64::ceil)),
    function("floor", Map(f64::floor)),
    function("sqrt", Map(f64::sqrt)),
    function("exp", Map(f64::exp)),
    function("ln", Map(f64::ln)),
    function("log2", Map(f64::log2)),
    function("log10", Map(f64::log10)),
    function("sgn", Map(sgn)),
    function("sin", Map(f64::sin)),
    function("cos", Map(f64::cos)),
    function("tan", Map(f64::tan)),
    function("asin", Map(f64::asin)),
    function("acos", Map(f64::acos)),
    function("atan", Map(f64::atan)),
    function("sinh", Map(f64::sinh)),
    function("cosh", Map(f64::cosh)),
    function("tanh", Map(f64::tanh)),
    function("asinh", Map(f64::asinh)),
    function("acosh", Map(f64::acosh)),
    function("atanh", Map(f64::atanh)),
    function("deg", Map(f64::to_degrees)),
    function("rad", Map(f64::to_radians)),
    function(
        "pi",
        Scalar(|engine, _, grid| engine.scalar(vec![std::f64::consts::PI; grid.len])),
    ),
    function("round", MapWith(round)).takes("vs?"),
    function("clamp", MapWith(clamp)).takes("vss"),
    function(
        "clamp_min",
        MapWith(|value, args| Some(stats::max(*args.first()?, value))),
    )
    .takes("vs"),
    function(
        "clamp_max",
        MapWith(|value, args| Some(stats::min(*args.first()?, value))),
    )
    .takes("vs"),
    function(
        "max_of",
        Scalar(|engine, call, grid| pairwise(engine, call, grid, stats::max)),
    )
    .takes("ss"),
    function(
        "min_of",
        Scalar(|engine, call, grid| pairwise(engine, call, grid, stats::min)),
    )
    .takes("ss"),
];

fn pairwise(engine: &Engine<'_>, call: &Call, grid: &Grid, f: fn(f64, f64) -> f64) -> Result<Out, EvalError> {
    let mut values = engine.eval_scalar(arg(call, 0)?, grid)?;
    let others = engine.eval_scalar(arg(call, 1)?, grid)?;
    values
        .iter_mut()
        .zip(others)
        .for_each(|(value, other)| *value = f(*value, other));
    engine.scalar(values)
}

/// Evaluates a function of a vector's values and scalars.
pub(super) fn with_args(
    engine: &Engine<'_>,
    call: &Call,
    grid: &Grid,
    f: fn(f64, &[f64]) -> Option<f64>,
) -> Result<Out, EvalError> {
    let mut rows = engine.eval_rows(arg(call, 0)?, grid)?;
    let scalars: Vec<Vec<f64>> = call
        .args
        .iter()
        .skip(1)
        .map(|expr| engine.eval_scalar(expr, grid))
        .collect::<Result<_, _>>()?;
    let mut args = vec![0.0; scalars.len()];
    rows.map_steps(|step, value| {
        for (arg, values) in args.iter_mut().zip(&scalars) {
            *arg = values[step];
        }
        f(value, &args)
    });
    rows.without_name().map(Out::Rows)
}

/// 1, -1, or the value itself where it has no sign.
fn sgn(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

/// To the nearest multiple, halves upwards.
fn round(value: f64, args: &[f64]) -> Option<f64> {
    // Dividing by the inverse is more precise than multiplying, for tenths and the like.
    let inverse = 1.0 / args.first().copied().unwrap_or(1.0);
    Some((value * inverse + 0.5).floor() / inverse)
}

fn clamp(value: f64, args: &[f64]) -> Option<f64> {
    let [low, high] = args else { return None };
    if high < low {
        return None;
    }
    Some(stats::max(*low, stats::min(*high, value)))
}
