//! `sum` and `avg` of native histograms. A group with both histograms and numbers has no result at that step.

use watchroom_model::NativeHistogram;

use super::{Aggregation, Groups, fold};
use crate::promql::EvalError;
use crate::promql::ast::Aggregate;
use crate::promql::engine::Engine;
use crate::promql::rows::{ABSENT, Rows, is_histogram, is_number, present};

/// What a group has at a step.
#[derive(Clone)]
enum State {
    Nothing,
    Numbers,
    Histograms {
        sum: NativeHistogram,
        n: f64,
    },
    /// No result.
    Mixed,
}

pub(super) fn fold(engine: &Engine<'_>, node: &Aggregate, mut rows: Rows) -> Result<Rows, EvalError> {
    let groups = Groups::of(&rows, &node.grouping);
    let steps = rows.steps;
    let mut charge = engine
        .budget
        .charge(groups.len() * steps * size_of::<State>().div_ceil(8))?;
    let mut states = vec![State::Nothing; groups.len() * steps];
    for (row, group) in groups.of.iter().enumerate() {
        for (step, cell) in rows
            .row(row)
            .iter()
            .enumerate()
            .filter(|(_, cell)| present(**cell))
        {
            let state = &mut states[group * steps + step];
            match (&mut *state, engine.histogram(*cell)) {
                (State::Nothing, Some(histogram)) => {
                    charge.grow(histogram.weight())?;
                    *state = State::Histograms {
                        sum: (*histogram).clone(),
                        n: 1.0,
                    };
                }
                (State::Histograms { sum, n }, Some(histogram)) => match sum.add(&histogram) {
                    Ok(more) => {
                        (*sum, *n) = (more, *n + 1.0);
                    }
                    Err(_) => {
                        let message =
                            "vector contains a mix of histograms with exponential and custom buckets schemas";
                        engine.warn(node.at, message.into());
                        *state = State::Mixed;
                    }
                },
                (State::Nothing | State::Numbers, None) => *state = State::Numbers,
                (State::Mixed, _) => {}
                _ => {
                    let name = if node.op == Aggregation::Avg { "avg" } else { "sum" };
                    let message = "encountered a mix of histograms and floats for aggregation";
                    engine.warn(node.at, format!("{message} {name}"));
                    *state = State::Mixed;
                }
            }
        }
        engine.budget.check()?;
    }
    for (row, group) in groups.of.iter().enumerate() {
        for (step, cell) in rows.row_mut(row).iter_mut().enumerate() {
            if is_histogram(*cell) || matches!(states[group * steps + step], State::Mixed) {
                *cell = ABSENT;
            }
        }
    }
    let mut out = fold::eval(engine, node.op, &rows, groups)?;
    for (cell, state) in out.cells.iter_mut().zip(states) {
        if let State::Histograms { sum, n } = state {
            debug_assert!(!is_number(*cell), "a group has either histograms or numbers");
            let result = match node.op {
                Aggregation::Avg => sum.divide(n),
                _ => sum,
            };
            *cell = engine.hold(result)?;
        }
    }
    Ok(out)
}
