//! `time` and `timestamp`.

use super::Kind::{Scalar, Vector};
use super::{Function, function, nth};
use crate::promql::EvalError;
use crate::promql::ast::Expr;
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::Grid;

pub(super) const FUNCTIONS: &[Function] = &[
    function(
        "time",
        Scalar(|engine, _, grid| engine.scalar(grid.times().map(|t| t as f64 / 1000.0).collect())),
    ),
    function("timestamp", Vector(timestamp)),
];

/// The time of the sample itself if the argument is a selector, else the moment of evaluation.
fn timestamp(engine: &Engine<'_>, args: &[Expr], grid: &Grid) -> Result<Out, EvalError> {
    let rows = match nth("timestamp", args, 0)? {
        Expr::Selector(selector) => {
            engine.instant_rows(selector, grid, |sample| sample.t_ms as f64 / 1000.0)?
        }
        other => {
            let mut rows = engine.eval_rows(other, grid)?;
            rows.map_steps(|step, _| Some(grid.time(step) as f64 / 1000.0));
            rows
        }
    };
    rows.without_name().map(Out::Rows)
}
