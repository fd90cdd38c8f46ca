//! Intermediate results: a table with a row for each series and a column for each step.
//!
//! Invariant: a cell without a value holds [`ABSENT`], and one with a histogram the number that [`histogram_cell`] makes of its place in
//! the engine's list. Both are signalling not-a-numbers, whose bits no computation makes and which selectors never let through from
//! outside. The cells are charged to the query's budget for as long as they live.

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

/// Upper half of the bits of a cell that stands for a histogram.
const HISTOGRAM: u64 = 0x7ff4_0000;

/// The cell that stands for the histogram at a place of the engine's list.
pub(crate) fn histogram_cell(place: u32) -> f64 {
    f64::from_bits(HISTOGRAM << 32 | u64::from(place))
}

/// The place of the histogram that a cell stands for.
pub(crate) fn histogram_place(cell: f64) -> Option<usize> {
    is_histogram(cell).then_some((cell.to_bits() & 0xffff_ffff) as usize)
}

/// Whether a cell stands for a histogram.
pub(crate) fn is_histogram(cell: f64) -> bool {
    cell.to_bits() >> 32 == HISTOGRAM
}

/// Whether a cell has a value that is a number, be it NaN.
pub(crate) fn is_number(cell: f64) -> bool {
    !is_reserved(cell)
}

/// Whether a value's bits are those of a positive signalling not-a-number, which have a meaning of their own in a table.
pub(crate) fn is_reserved(value: f64) -> bool {
    (0x7ff0_0000_0000_0001..0x7ff8_0000_0000_0000).contains(&value.to_bits())
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

    /// Replaces every number; histograms go.
    pub(crate) fn map(&mut self, mut f: impl FnMut(f64) -> f64) {
        for cell in &mut self.cells {
            *cell = if is_number(*cell) { f(*cell) } else { ABSENT };
        }
    }

    /// Replaces every number, told its column; `None` takes it away. Histograms go.
    pub(crate) fn map_steps(&mut self, mut f: impl FnMut(usize, f64) -> Option<f64>) {
        for row in self.cells.chunks_exact_mut(self.steps.max(1)) {
            for (i, cell) in row.iter_mut().enumerate() {
                *cell = is_number(*cell).then(|| f(i, *cell)).flatten().unwrap_or(ABSENT);
            }
        }
    }

    /// Takes histograms away; whether there were any.
    pub(crate) fn drop_histograms(&mut self) -> bool {
        let mut found = false;
        for cell in &mut self.cells {
            if is_histogram(*cell) {
                *cell = ABSENT;
                found = true;
            }
        }
        found
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
