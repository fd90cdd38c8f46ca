//! Between scalars and vectors: `scalar`, `vector`.

use watchroom_model::Labels;

use super::Kind::{Scalar, Vector};
use super::{Function, arg, function};
use crate::promql::EvalError;
use crate::promql::ast::Call;
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::{Grid, Rows, is_number};

pub(super) const FUNCTIONS: &[Function] = &[
    function("scalar", Scalar(scalar)).takes("v"),
    function("vector", Vector(vector)).takes("s"),
];

/// The value of the only series; not a number if there is none or more than one.
fn scalar(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let rows = engine.eval_rows(arg(call, 0)?, grid)?;
    let value_at = |step: usize| {
        let mut values = (0..rows.len())
            .map(|i| rows.row(i)[step])
            .filter(|v| is_number(*v));
        match (values.next(), values.next()) {
            (Some(only), None) => only,
            _ => f64::NAN,
        }
    };
    engine.scalar((0..grid.len).map(value_at).collect())
}

fn vector(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let values = engine.eval_scalar(arg(call, 0)?, grid)?;
    let mut rows = Rows::new(grid.len, &engine.budget);
    rows.push(Labels::empty())?.copy_from_slice(&values);
    Ok(Out::Rows(rows))
}
