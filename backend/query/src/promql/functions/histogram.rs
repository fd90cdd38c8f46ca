//! Functions of classic histograms, whose buckets are series with the label `le`: `histogram_quantile`.
//!
//! Not here: native histograms; the model has none yet.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use watchroom_model::{Labels, METRIC_NAME};

use super::Kind::Vector;
use super::{Function, check_quantile, function, nth};
use crate::promql::ast::Expr;
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::{Grid, Rows, present};
use crate::promql::{EvalError, parse_value};

pub(super) const FUNCTIONS: &[Function] = &[function("histogram_quantile", Vector(histogram_quantile))];

/// Label with a bucket's upper bound.
const LE: &str = "le";

/// Difference between neighbours that is taken for rounding, as a share of the larger one.
const SMALL: f64 = 1e-12;

/// Upper bound of a bucket, and how many observations are at most that large.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    bound: f64,
    count: f64,
}

fn histogram_quantile(engine: &Engine<'_>, args: &[Expr], grid: &Grid) -> Result<Out, EvalError> {
    let quantiles = engine.eval_scalar(nth("histogram_quantile", args, 0)?, grid)?;
    let rows = engine.eval_rows(nth("histogram_quantile", args, 1)?, grid)?;
    check_quantile(engine, &quantiles);
    let mut out = Rows::new(grid.len, &engine.budget);
    let mut cells = vec![0.0; grid.len];
    let (mut buckets, mut forced) = (Vec::new(), false);
    for (labels, members) in histograms(&rows) {
        for (step, (cell, q)) in cells.iter_mut().zip(&quantiles).enumerate() {
            buckets.clear();
            let here = members.iter().map(|(bound, row)| Bucket {
                bound: *bound,
                count: rows.row(*row)[step],
            });
            buckets.extend(here.filter(|bucket| present(bucket.count)));
            *cell = if buckets.is_empty() {
                crate::promql::rows::ABSENT
            } else {
                quantile(*q, &mut buckets, &mut forced)
            };
        }
        out.push_if_any(|| labels.without(&[METRIC_NAME]), &cells)?;
        engine.budget.check()?;
    }
    if forced {
        engine.info("input to histogram_quantile needed to be fixed for monotonicity".into());
    }
    out.merged().map(Out::Rows)
}

/// Rows of each histogram with their bounds, rising. A row without a number in `le` belongs to none.
fn histograms(rows: &Rows) -> Vec<(Labels, Vec<(f64, usize)>)> {
    let mut index: HashMap<Labels, usize> = HashMap::new();
    let mut found: Vec<(Labels, Vec<(f64, usize)>)> = Vec::new();
    for (row, labels) in rows.labels.iter().enumerate() {
        let Some(bound) = labels.get(LE).and_then(parse_value) else {
            continue;
        };
        // The metric's name stays for now: histograms of two metrics must not be mixed.
        match index.entry(labels.without(&[LE])) {
            Entry::Occupied(entry) => found[*entry.get()].1.push((bound, row)),
            Entry::Vacant(entry) => {
                found.push((entry.key().clone(), vec![(bound, row)]));
                entry.insert(found.len() - 1);
            }
        }
    }
    for (_, members) in &mut found {
        members.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    found
}

/// The quantile, linear within a bucket; `forced` is set if counts had to be made to rise.
///
/// Source: Prometheus `BucketQuantile`.
fn quantile(q: f64, buckets: &mut Vec<Bucket>, forced: &mut bool) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if buckets.last().is_none_or(|last| last.bound != f64::INFINITY) {
        return f64::NAN;
    }
    // One bound may come in several spellings.
    buckets.dedup_by(|next, kept| {
        let same = next.bound == kept.bound;
        if same {
            kept.count += next.count;
        }
        same
    });
    *forced |= make_rising(buckets);
    let [.., below_last, last] = buckets[..] else {
        return f64::NAN;
    };
    if last.count == 0.0 || last.count.is_nan() {
        return f64::NAN;
    }
    let mut rank = q * last.count;
    let i = buckets[..buckets.len() - 1].partition_point(|bucket| bucket.count < rank);
    if i == buckets.len() - 1 {
        return below_last.bound;
    }
    if i == 0 && buckets[0].bound <= 0.0 {
        return buckets[0].bound;
    }
    let (end, mut count, mut start) = (buckets[i].bound, buckets[i].count, 0.0);
    if i > 0 {
        start = buckets[i - 1].bound;
        count -= buckets[i - 1].count;
        rank -= buckets[i - 1].count;
    }
    start + (end - start) * (rank / count)
}

/// Lifts each count to the one before it; whether any was lower by more than rounding.
fn make_rising(buckets: &mut [Bucket]) -> bool {
    let mut forced = false;
    let mut before = buckets[0].count;
    for bucket in &mut buckets[1..] {
        if bucket.count < before {
            forced |= (before - bucket.count) > SMALL * before.abs();
            bucket.count = before;
        }
        before = bucket.count;
    }
    forced
}
