//! Functions of histograms of both kinds: `histogram_quantile`, `histogram_quantiles`, `histogram_fraction`. The buckets of a classic
//! histogram are series with the label `le`.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use watchroom_model::{Labels, METRIC_NAME, NativeHistogram};

use super::Kind::Vector;
use super::native::statistics;
use super::{Function, arg, arg_at, check_quantile, function};
use crate::promql::ast::Call;
use crate::promql::engine::{Engine, Out};
use crate::promql::rows::{ABSENT, Grid, Rows, is_histogram, is_number, present};
use crate::promql::{EvalError, WindowBounds, format_value, parse_value};

pub(super) const FUNCTIONS: &[Function] = &[
    function("histogram_quantile", Vector(histogram_quantile)).takes("sv"),
    function("histogram_quantiles", Vector(histogram_quantiles)).takes("vtss*"),
    function("histogram_fraction", Vector(histogram_fraction)).takes("ssv"),
];

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

fn histogram_quantile(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let quantiles = engine.eval_scalar(arg(call, 0)?, grid)?;
    let rows = engine.eval_rows(arg(call, 1)?, grid)?;
    check_quantile(engine, arg_at(call, 0), &quantiles);
    quantiles_of(engine, &rows, &quantiles, arg_at(call, 1))?
        .merged()
        .map(Out::Rows)
}

/// Several quantiles at once, told apart by a label.
fn histogram_quantiles(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let rows = engine.eval_rows(arg(call, 0)?, grid)?;
    let label = engine.eval_text(arg(call, 1)?)?;
    if !super::is_label_name(label) {
        return Err(EvalError::Argument {
            function: call.function.name,
            reason: format!("invalid label name {label:?}"),
        });
    }
    let mut out = Rows::new(grid.len, &engine.budget);
    let mut cells = vec![ABSENT; grid.len];
    for i in 2..call.args.len() {
        let quantiles = engine.eval_scalar(arg(call, i)?, grid)?;
        check_quantile(engine, arg_at(call, i), &quantiles);
        let given = quantiles_of(engine, &rows, &quantiles, arg_at(call, 0))?;
        let mut shown: Vec<f64> = quantiles;
        shown.sort_by(f64::total_cmp);
        shown.dedup_by(|a, b| a.to_bits() == b.to_bits());
        // Mostly one; a quantile that changes from step to step makes one series for each value.
        for q in shown {
            let here = engine.eval_scalar(arg(call, i)?, grid)?;
            for (row, labels) in given.labels.iter().enumerate() {
                for (step, cell) in cells.iter_mut().enumerate() {
                    let same = here[step].to_bits() == q.to_bits();
                    *cell = if same { given.row(row)[step] } else { ABSENT };
                }
                let mut builder = labels.to_builder();
                builder.set(label, &format_value(q));
                out.push_if_any(|| builder.build(), &cells)?;
            }
        }
    }
    out.merged().map(Out::Rows)
}

fn histogram_fraction(engine: &Engine<'_>, call: &Call, grid: &Grid) -> Result<Out, EvalError> {
    let lower = engine.eval_scalar(arg(call, 0)?, grid)?;
    let upper = engine.eval_scalar(arg(call, 1)?, grid)?;
    let rows = engine.eval_rows(arg(call, 2)?, grid)?;
    let version = engine.options.window;
    let classic = |step: usize, buckets: &mut Vec<Bucket>| {
        // Prometheus 2 knows fractions of native histograms only.
        (version == WindowBounds::LeftOpen).then(|| classic_fraction(lower[step], upper[step], buckets))
    };
    let native =
        |step: usize, h: &NativeHistogram| statistics::fraction(lower[step], upper[step], h, version);
    of_both(engine, &rows, arg_at(call, 2), classic, native)?
        .merged()
        .map(Out::Rows)
}

fn quantiles_of(engine: &Engine<'_>, rows: &Rows, quantiles: &[f64], at: usize) -> Result<Rows, EvalError> {
    let forced = Cell::new(false);
    let classic = |step: usize, buckets: &mut Vec<Bucket>| Some(quantile(quantiles[step], buckets, &forced));
    let native =
        |step: usize, h: &NativeHistogram| statistics::quantile(quantiles[step], h, engine.options.window);
    let out = of_both(engine, rows, at, classic, native)?;
    if forced.get() {
        let name = rows.labels.first().map_or("", |labels| labels.metric_name());
        let message = "input to histogram_quantile needed to be fixed for monotonicity";
        engine.info(at, format!("{message} for metric name {name:?}"));
    }
    Ok(out)
}

/// A number from each histogram of either kind at each step; where both kinds bear the same labels there is none.
fn of_both(
    engine: &Engine<'_>,
    rows: &Rows,
    at: usize,
    classic: impl Fn(usize, &mut Vec<Bucket>) -> Option<f64>,
    native: impl Fn(usize, &NativeHistogram) -> f64,
) -> Result<Rows, EvalError> {
    let mut out = Rows::new(rows.steps, &engine.budget);
    let mut cells = vec![ABSENT; rows.steps];
    let mut buckets = Vec::new();
    let mut places: HashMap<Labels, usize> = HashMap::new();
    for (labels, members) in histograms(rows) {
        for (step, cell) in cells.iter_mut().enumerate() {
            buckets.clear();
            let here = members.iter().map(|(bound, row)| Bucket {
                bound: *bound,
                count: rows.row(*row)[step],
            });
            buckets.extend(here.filter(|bucket| is_number(bucket.count)));
            *cell = match buckets.is_empty() {
                true => ABSENT,
                false => classic(step, &mut buckets).unwrap_or(ABSENT),
            };
        }
        places.insert(labels.clone(), out.len());
        out.push_if_any(|| labels.without(&[METRIC_NAME]), &cells)?;
        engine.budget.check()?;
    }
    if engine.has_no_histograms() {
        return Ok(out);
    }
    for (row, labels) in rows.labels.iter().enumerate() {
        if !rows.row(row).iter().any(|cell| is_histogram(*cell)) {
            continue;
        }
        for (cell, (step, from)) in cells.iter_mut().zip(rows.row(row).iter().enumerate()) {
            *cell = engine.histogram(*from).map_or(ABSENT, |h| native(step, &h));
        }
        if let Some(place) = places.get(labels).filter(|place| **place < out.len()) {
            for (cell, other) in cells.iter_mut().zip(out.row_mut(*place)) {
                if present(*cell) && present(*other) {
                    (*cell, *other) = (ABSENT, ABSENT);
                    let message = "vector contains a mix of classic and native histograms";
                    engine.warn(
                        at,
                        format!("{message} for metric name {:?}", labels.metric_name()),
                    );
                }
            }
        }
        out.push_if_any(|| labels.without(&[METRIC_NAME]), &cells)?;
        engine.budget.check()?;
    }
    Ok(out)
}

/// The share of observations between two values.
fn classic_fraction(lower: f64, upper: f64, buckets: &mut [Bucket]) -> f64 {
    make_rising(buckets);
    let Some(last) = buckets.last().filter(|last| last.bound == f64::INFINITY) else {
        return f64::NAN;
    };
    let total = last.count;
    let mut before = Bucket {
        bound: if buckets[0].bound > 0.0 {
            0.0
        } else {
            f64::NEG_INFINITY
        },
        count: 0.0,
    };
    let each = buckets.iter().map(|bucket| {
        let one = watchroom_model::Bucket {
            lower: before.bound,
            upper: bucket.bound,
            lower_inclusive: false,
            upper_inclusive: true,
            count: bucket.count - before.count,
        };
        before = *bucket;
        (one, true)
    });
    statistics::fraction_of(lower, upper, total, each)
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
fn quantile(q: f64, buckets: &mut Vec<Bucket>, forced: &Cell<bool>) -> f64 {
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
    if make_rising(buckets) {
        forced.set(true);
    }
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
