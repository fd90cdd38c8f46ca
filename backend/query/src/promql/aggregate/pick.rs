//! Aggregations that keep some of the series: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use std::cmp::Ordering;

use watchroom_model::Labels;

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

/// Keeps the share of the series that `param` tells; a negative one keeps those that the share of one more would not.
///
/// Which ones depends on their labels alone, so that they are the same at every step and in every query.
pub(super) fn ratio(engine: &Engine<'_>, at: usize, param: &[f64], rows: &mut Rows) -> Result<(), EvalError> {
    let steps = rows.steps;
    for (step, ratio) in param.iter().enumerate() {
        if ratio.is_nan() {
            return Err(EvalError::Argument {
                function: "limit_ratio",
                reason: "the ratio is not a number".into(),
            });
        }
        if !(-1.0..=1.0).contains(ratio) {
            let cut = ratio.clamp(-1.0, 1.0);
            let message = format!("ratio value should be between -1 and 1, got {ratio}, capping to {cut}");
            engine.warn(at, message);
        }
        for row in 0..rows.len() {
            let place = place(&rows.labels[row]);
            let kept = match *ratio >= 0.0 {
                true => place < *ratio,
                false => place >= 1.0 + ratio,
            };
            if !kept {
                rows.cells[row * steps + step] = ABSENT;
            }
        }
        engine.budget.check()?;
    }
    Ok(())
}

/// A number from 0 to below 1 that labels stand at (FNV-1a, its bits mixed).
fn place(labels: &Labels) -> f64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        for byte in text.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= hash >> 33;
    (hash >> 11) as f64 / (1_u64 << 53) as f64
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
