//! `quantile`: a quantile over the series of a group.

use super::Groups;
use crate::promql::EvalError;
use crate::promql::engine::Engine;
use crate::promql::functions::check_quantile;
use crate::promql::rows::{Rows, present};
use crate::promql::stats;

pub(super) fn eval(
    engine: &Engine<'_>,
    at: usize,
    param: &[f64],
    rows: &Rows,
    groups: Groups,
) -> Result<Rows, EvalError> {
    check_quantile(engine, at, param);
    let members = groups.members();
    let mut out = Rows::filled(groups.labels, rows.steps, &engine.budget)?;
    let mut values = Vec::new();
    for (group, members) in members.iter().enumerate() {
        for (step, q) in param.iter().enumerate() {
            values.clear();
            values.extend(
                members
                    .iter()
                    .map(|row| rows.row(*row)[step])
                    .filter(|v| present(*v)),
            );
            if !values.is_empty() {
                out.row_mut(group)[step] = stats::quantile(*q, &mut values);
            }
        }
        engine.budget.check()?;
    }
    Ok(out)
}
