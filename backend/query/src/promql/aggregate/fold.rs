//! Aggregations that take one value after the other: `sum`, `avg`, `count`, `min`, `max`, `group`, `stddev`, `stdvar`.

use super::{Aggregation, Groups};
use crate::promql::EvalError;
use crate::promql::engine::Engine;
use crate::promql::rows::{ABSENT, Rows, present};
use crate::promql::stats::{Mean, Sum, Variance};

/// State of one group at one step.
trait Fold: Clone {
    /// The first value.
    fn first(value: f64) -> Self;
    fn add(&mut self, value: f64);
    fn result(&self) -> f64;
}

pub(super) fn eval(
    engine: &Engine<'_>,
    op: Aggregation,
    rows: &Rows,
    groups: Groups,
) -> Result<Rows, EvalError> {
    match op {
        Aggregation::Avg => fold::<Mean>(engine, rows, groups),
        Aggregation::Count => fold::<Count>(engine, rows, groups),
        Aggregation::Min => fold::<Min>(engine, rows, groups),
        Aggregation::Max => fold::<Max>(engine, rows, groups),
        Aggregation::Group => fold::<One>(engine, rows, groups),
        Aggregation::Stddev => fold::<Stddev>(engine, rows, groups),
        Aggregation::Stdvar => fold::<Variance>(engine, rows, groups),
        _ => fold::<Sum>(engine, rows, groups),
    }
}

fn fold<F: Fold>(engine: &Engine<'_>, rows: &Rows, groups: Groups) -> Result<Rows, EvalError> {
    let steps = rows.steps;
    let words = size_of::<Option<F>>().div_ceil(8);
    let _charge = engine.budget.charge(groups.len() * steps * words)?;
    let mut states: Vec<Option<F>> = vec![None; groups.len() * steps];
    for (i, group) in groups.of.iter().enumerate() {
        let into = &mut states[group * steps..(group + 1) * steps];
        for (state, value) in into.iter_mut().zip(rows.row(i)) {
            if present(*value) {
                match state {
                    Some(state) => state.add(*value),
                    None => *state = Some(F::first(*value)),
                }
            }
        }
    }
    let mut out = Rows::filled(groups.labels, steps, &engine.budget)?;
    for (cell, state) in out.cells.iter_mut().zip(&states) {
        *cell = state.as_ref().map_or(ABSENT, F::result);
    }
    Ok(out)
}

impl Fold for Sum {
    fn first(value: f64) -> Self {
        let mut sum = Self::default();
        sum.add(value);
        sum
    }

    fn add(&mut self, value: f64) {
        Sum::add(self, value);
    }

    fn result(&self) -> f64 {
        self.value()
    }
}

impl Fold for Mean {
    fn first(value: f64) -> Self {
        let mut mean = Self::default();
        mean.add(value);
        mean
    }

    fn add(&mut self, value: f64) {
        Mean::add(self, value);
    }

    fn result(&self) -> f64 {
        self.value()
    }
}

impl Fold for Variance {
    fn first(value: f64) -> Self {
        let mut variance = Self::default();
        variance.add(value);
        variance
    }

    fn add(&mut self, value: f64) {
        Variance::add(self, value);
    }

    fn result(&self) -> f64 {
        self.value()
    }
}

#[derive(Clone)]
struct Stddev(Variance);

impl Fold for Stddev {
    fn first(value: f64) -> Self {
        Self(Variance::first(value))
    }

    fn add(&mut self, value: f64) {
        self.0.add(value);
    }

    fn result(&self) -> f64 {
        self.0.value().sqrt()
    }
}

#[derive(Clone)]
struct Count(f64);

impl Fold for Count {
    fn first(_: f64) -> Self {
        Self(1.0)
    }

    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }

    fn result(&self) -> f64 {
        self.0
    }
}

#[derive(Clone)]
struct One;

impl Fold for One {
    fn first(_: f64) -> Self {
        Self
    }

    fn add(&mut self, _: f64) {}

    fn result(&self) -> f64 {
        1.0
    }
}

/// Anything is smaller than not a number.
#[derive(Clone)]
struct Min(f64);

impl Fold for Min {
    fn first(value: f64) -> Self {
        Self(value)
    }

    fn add(&mut self, value: f64) {
        if value < self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }

    fn result(&self) -> f64 {
        self.0
    }
}

/// Anything is larger than not a number.
#[derive(Clone)]
struct Max(f64);

impl Fold for Max {
    fn first(value: f64) -> Self {
        Self(value)
    }

    fn add(&mut self, value: f64) {
        if value > self.0 || self.0.is_nan() {
            self.0 = value;
        }
    }

    fn result(&self) -> f64 {
        self.0
    }
}
