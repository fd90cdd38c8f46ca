//! `time`, `timestamp`, and the moments of the evaluation: `start`, `end`, `step`, `range`.

use super::Kind::{Scalar, Vector};
use super::{Function, arg, function};
use crate::promql::EvalError;
use crate::promql::ast::{Call, Expr};
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::{Grid, present};

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "time",
        Scalar(|engine, _, grid| engine.scalar(grid.times().map(|t| t as f64 / 1000.0).collect())),
    ),
    function("timestamp", Vector(timestamp)),
    function(
        "start",
        Scalar(|engine, _, grid| constant(engine, grid, engine.bounds.0)),
    ),
    function(
        "end",
        Scalar(|engine, _, grid| constant(engine, grid, engine.bounds.1)),
    ),
    function(
        "step",
        Scalar(|engine, _, grid| constant(engine, grid, engine.times.step_ms)),
    ),
    function(
        "range",
        Scalar(|engine, _, grid| constant(engine, grid, engine.times.range_ms)),
    ),
];

fn constant(engine: &Engine<'_>, grid: &Grid, ms: i64) -> Result<Out, EvalError> {
    engine.scalar(vec![ms as f64 / 1000.0; grid.len])
}

/// The time of the sample itself if the argument is a selector, else the moment of evaluation.
fn timestamp(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let rows = match arg(call, 0)? {
        Expr::Selector(selector) => {
            engine.instant_rows(selector, grid, |sample| sample.t_ms as f64 / 1000.0)?
        }
        other => {
            let mut rows = engine.eval_rows(other, grid)?;
            for (i, cell) in rows
                .cells
                .iter_mut()
                .enumerate()
                .filter(|(_, cell)| present(**cell))
            {
                *cell = grid.time(i % grid.len.max(1)) as f64 / 1000.0;
            }
            rows
        }
    };
    rows.without_name().map(Out::Rows)
}
