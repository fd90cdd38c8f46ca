//! Intermediate results: a table with a row for each series and a column for each step.
//!
//! Invariant: a cell without a value holds [`ABSENT`], whose bits no computation makes; the cells are charged to the query's
//! budget for as long as they live.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use watchroom_model::{Labels, METRIC_NAME, STALE_NAN};

use super::EvalError;
use super::budget::{Budget, Charge};

/// The value of a cell without a value: the stale marker, which selectors never let through.
pub(crate) const ABSENT: f64 = f64::from_bits(STALE_NAN);

/// Whether a cell has a value.
pub(crate) fn present(value: f64) -> bool {
    value.to_bits() != STALE_NAN
}

/// Moments of evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Grid {
    pub start_ms: i64,
    pub step_ms: i64,
    pub len: usize,
}

impl Grid {
    /// A single moment.
    pub(crate) fn once(t_ms: i64) -> Self {
        Self {
            start_ms: t_ms,
            step_ms: 1,
            len: 1,
        }
    }

    pub(crate) fn time(&self, i: usize) -> i64 {
        self.start_ms + i as i64 * self.step_ms
    }

    pub(crate) fn times(&self) -> impl Iterator<Item = i64> {
        (0..self.len).map(|i| self.time(i))
    }
}

/// A table of values.
#[derive(Debug)]
pub(crate) struct Rows {
    pub labels: Vec<Labels>,
    /// Row after row.
    pub cells: Vec<f64>,
    /// Columns.
    pub steps: usize,
    charge: Charge,
}

impl Rows {
    /// An empty table.
    pub(crate) fn new(steps: usize, budget: &Budget) -> Self {
        Self {
            labels: Vec::new(),
            cells: Vec::new(),
            steps,
            charge: budget.nothing(),
        }
    }

    /// A table with absent cells.
    pub(crate) fn filled(labels: Vec<Labels>, steps: usize, budget: &Budget) -> Result<Self, EvalError> {
        let n = labels.len() * steps;
        let charge = budget.charge(n)?;
        Ok(Self {
            labels,
            cells: vec![ABSENT; n],
            steps,
            charge,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.labels.len()
    }

    pub(crate) fn row(&self, i: usize) -> &[f64] {
        &self.cells[i * self.steps..(i + 1) * self.steps]
    }

    pub(crate) fn row_mut(&mut self, i: usize) -> &mut [f64] {
        &mut self.cells[i * self.steps..(i + 1) * self.steps]
    }

    /// Adds a row of absent cells and hands it out.
    pub(crate) fn push(&mut self, labels: Labels) -> Result<&mut [f64], EvalError> {
        self.charge.grow(self.steps)?;
        self.labels.push(labels);
        self.cells.resize(self.cells.len() + self.steps, ABSENT);
        Ok(self.row_mut(self.labels.len() - 1))
    }

    /// Adds a row only if it has a value.
    pub(crate) fn push_if_any(
        &mut self,
        labels: impl FnOnce() -> Labels,
        cells: &[f64],
    ) -> Result<(), EvalError> {
        if cells.iter().any(|v| present(*v)) {
            self.push(labels())?.copy_from_slice(cells);
        }
        Ok(())
    }

    /// Replaces every value.
    pub(crate) fn map(&mut self, mut f: impl FnMut(f64) -> f64) {
        for cell in &mut self.cells {
            if present(*cell) {
                *cell = f(*cell);
            }
        }
    }

    /// Replaces every value, told its column; `None` takes it away.
    pub(crate) fn map_steps(&mut self, mut f: impl FnMut(usize, f64) -> Option<f64>) {
        for row in self.cells.chunks_exact_mut(self.steps.max(1)) {
            for (i, cell) in row.iter_mut().enumerate() {
                if present(*cell) {
                    *cell = f(i, *cell).unwrap_or(ABSENT);
                }
            }
        }
    }

    /// Replaces labels, then joins rows that have become the same series.
    pub(crate) fn relabel(mut self, f: impl FnMut(&Labels) -> Labels) -> Result<Self, EvalError> {
        self.labels = self.labels.iter().map(f).collect();
        self.merged()
    }

    /// Takes the metric's name away, as most operations do.
    pub(crate) fn without_name(mut self) -> Result<Self, EvalError> {
        // Rows of one metric cannot become the same series by losing its name.
        let one_metric = self
            .labels
            .windows(2)
            .all(|pair| pair[0].metric_name() == pair[1].metric_name());
        for labels in &mut self.labels {
            if labels.get(METRIC_NAME).is_some() {
                *labels = labels.without(&[METRIC_NAME]);
            }
        }
        if one_metric { Ok(self) } else { self.merged() }
    }

    /// Joins rows with the same labels.
    ///
    /// # Errors
    /// [`EvalError::DuplicateLabels`] if two of them have a value in the same column.
    pub(crate) fn merged(mut self) -> Result<Self, EvalError> {
        let mut first: HashMap<Labels, usize> = HashMap::with_capacity(self.len());
        let mut kept = 0;
        for i in 0..self.len() {
            match first.entry(self.labels[i].clone()) {
                Entry::Vacant(entry) => {
                    entry.insert(kept);
                    if kept != i {
                        self.labels.swap(kept, i);
                        self.cells
                            .copy_within(i * self.steps..(i + 1) * self.steps, kept * self.steps);
                    }
                    kept += 1;
                }
                Entry::Occupied(entry) => {
                    let (head, tail) = self.cells.split_at_mut(i * self.steps);
                    let into = &mut head[entry.get() * self.steps..(entry.get() + 1) * self.steps];
                    for (to, from) in into.iter_mut().zip(&tail[..self.steps]) {
                        if !present(*from) {
                            continue;
                        }
                        if present(*to) {
                            return Err(EvalError::DuplicateLabels {
                                labels: entry.key().to_string(),
                            });
                        }
                        *to = *from;
                    }
                }
            }
        }
        self.labels.truncate(kept);
        self.cells.truncate(kept * self.steps);
        Ok(self)
    }
}
