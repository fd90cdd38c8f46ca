//! Binary operators.

mod matching;
mod native;
mod operator;
mod set;

pub(crate) use operator::Operator;

use super::EvalError;
use super::ast::Binary;
use super::engine::{Engine, Out};
use super::rows::{ABSENT, Grid, Rows, is_histogram};

/// Evaluates a binary operator.
pub(crate) fn eval(engine: &Engine<'_>, node: &Binary, grid: &Grid) -> Result<Out, EvalError> {
    let lhs = engine.eval(&node.lhs, grid)?;
    let rhs = engine.eval(&node.rhs, grid)?;
    match (lhs, rhs) {
        (Out::Scalar(mut lhs), Out::Scalar(rhs)) => {
            for (l, r) in lhs.values.iter_mut().zip(&rhs.values) {
                *l = node.op.number(*l, *r);
            }
            Ok(Out::Scalar(lhs))
        }
        (Out::Rows(rows), Out::Scalar(scalar)) => {
            with_scalar(engine, node, rows, &scalar.values, false).map(Out::Rows)
        }
        (Out::Scalar(scalar), Out::Rows(rows)) => {
            with_scalar(engine, node, rows, &scalar.values, true).map(Out::Rows)
        }
        (Out::Rows(lhs), Out::Rows(rhs)) => match node.op {
            Operator::And | Operator::Or | Operator::Unless => set::eval(engine, node, lhs, &rhs),
            _ => matching::eval(engine, node, &lhs, &rhs, grid),
        }
        .map(Out::Rows),
        (Out::Text(_), _) | (_, Out::Text(_)) => Err(EvalError::InvalidType {
            got: super::ValueType::String,
        }),
    }
}

/// A vector and a scalar: each value by itself.
fn with_scalar(
    engine: &Engine<'_>,
    node: &Binary,
    mut rows: Rows,
    scalar: &[f64],
    scalar_first: bool,
) -> Result<Rows, EvalError> {
    let mut of_histograms = Vec::new();
    if !engine.has_no_histograms() {
        for (i, cell) in rows
            .cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| is_histogram(**cell))
        {
            let number = scalar[i % rows.steps];
            let (l, r) = if scalar_first {
                (number, *cell)
            } else {
                (*cell, number)
            };
            of_histograms.push((i, native::combine(engine, node, l, r)?.unwrap_or(ABSENT)));
        }
    }
    rows.map_steps(|i, value| {
        let (l, r) = if scalar_first {
            (scalar[i], value)
        } else {
            (value, scalar[i])
        };
        if node.op.is_comparison() && !node.as_bool {
            return node.op.holds(l, r).then_some(value);
        }
        Some(node.op.number(l, r))
    });
    for (i, cell) in of_histograms {
        rows.cells[i] = cell;
    }
    if node.as_bool || node.op.drops_name_with_scalar() {
        rows.without_name()
    } else {
        Ok(rows)
    }
}
