//! Aggregations that keep some of the series: `topk`, `bottomk`, `limitk`.

use std::cmp::Ordering;

use super::{Aggregation, Groups};
use crate::promql::EvalError;
use crate::promql::engine::Engine;
use crate::promql::rows::{ABSENT, Rows, present};

/// Shape: the series themselves, at the steps at which they are picked; with a single step in the order of their rank.
pub(super) fn eval(
    engine: &Engine<'_>,
    op: Aggregation,
    param: &[f64],
    mut rows: Rows,
    groups: &Groups,
) -> Result<Rows, EvalError> {
    let function = match op {
        Aggregation::TopK => "topk",
        Aggregation::BottomK => "bottomk",
        _ => "limitk",
    };
    let steps = rows.steps;
    let mut order = Vec::new();
    for members in groups.members() {
        let mut ranked: Vec<(f64, usize)> = Vec::with_capacity(members.len());
        for (step, k) in param.iter().enumerate() {
            if k.is_nan() || *k >= 9.2e18 {
                return Err(EvalError::Argument {
                    function,
                    reason: format!("{k} is not a number of series"),
                });
            }
            ranked.clear();
            ranked.extend(
                members
                    .iter()
                    .map(|row| (rows.cells[row * steps + step], *row))
                    .filter(|(v, _)| present(*v)),
            );
            let k = (*k as usize).min(ranked.len());
            rank(op, &mut ranked, k);
            if steps == 1 {
                order.extend(ranked[..k].iter().map(|(_, row)| *row));
            }
            for (_, row) in &ranked[k..] {
                rows.cells[row * steps + step] = ABSENT;
            }
        }
        engine.budget.check()?;
    }
    let mut out = Rows::new(steps, &engine.budget);
    if steps != 1 {
        order = (0..rows.len()).collect();
    }
    for row in order {
        out.push_if_any(|| rows.labels[row].clone(), rows.row(row))?;
    }
    Ok(out)
}

/// Brings the `k` to keep to the front, in order; not a number comes last, ties keep the order of the series.
fn rank(op: Aggregation, ranked: &mut [(f64, usize)], k: usize) {
    let compare = |a: &(f64, usize), b: &(f64, usize)| -> Ordering {
        let by_value = match op {
            Aggregation::TopK => b.0.partial_cmp(&a.0),
            Aggregation::BottomK => a.0.partial_cmp(&b.0),
            _ => Some(Ordering::Equal),
        };
        by_value
            .unwrap_or_else(|| a.0.is_nan().cmp(&b.0.is_nan()))
            .then(a.1.cmp(&b.1))
    };
    if k < ranked.len() && k > 0 {
        ranked.select_nth_unstable_by(k - 1, compare);
    }
    ranked[..k].sort_unstable_by(compare);
}
