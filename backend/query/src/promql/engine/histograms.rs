//! The native histograms that cells of an evaluation stand for.
//!
//! Invariant: the list grows while a node is evaluated and is then cut to what the node's result refers to, so that it never holds more
//! than the results at hand need; what it holds is charged to the query's budget.

use std::cell::RefCell;
use std::sync::Arc;

use watchroom_model::{HistogramSample, NativeHistogram, Point, Sample, SeriesData};

use super::{Engine, Out};
use crate::promql::EvalError;
use crate::promql::budget::{Budget, Charge};
use crate::promql::rows::{histogram_cell, histogram_place};

/// A list of histograms.
#[derive(Debug)]
pub(super) struct Held {
    list: RefCell<Vec<Arc<NativeHistogram>>>,
    charge: RefCell<Charge>,
}

impl Held {
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            list: RefCell::default(),
            charge: RefCell::new(budget.nothing()),
        }
    }
}

impl Engine<'_> {
    /// Whether no cell stands for a histogram.
    pub(crate) fn has_no_histograms(&self) -> bool {
        self.held.list.borrow().is_empty()
    }

    /// Keeps a histogram and gives the cell that stands for it.
    pub(crate) fn hold(&self, histogram: impl Into<Arc<NativeHistogram>>) -> Result<f64, EvalError> {
        let histogram = histogram.into();
        let mut list = self.held.list.borrow_mut();
        let place = u32::try_from(list.len()).map_err(|_| self.budget.too_many())?;
        self.held.charge.borrow_mut().grow(histogram.weight())?;
        list.push(histogram);
        Ok(histogram_cell(place))
    }

    /// The histogram that a cell stands for.
    pub(crate) fn histogram(&self, cell: f64) -> Option<Arc<NativeHistogram>> {
        let place = histogram_place(cell)?;
        self.held.list.borrow().get(place).cloned()
    }

    /// Number of histograms held, to be given to [`Engine::settle`] once a node is done.
    pub(super) fn n_held(&self) -> usize {
        self.held.list.borrow().len()
    }

    /// Lets go of the histograms held since there were `base` of them, but for those that `out` refers to.
    pub(super) fn settle(&self, base: usize, out: &mut Out) {
        let mut list = self.held.list.borrow_mut();
        if list.len() == base {
            return;
        }
        let young = list.split_off(base);
        let mut moved: Vec<Option<f64>> = vec![None; young.len()];
        if let Out::Rows(rows) = out {
            for cell in &mut rows.cells {
                let place = histogram_place(*cell).and_then(|place| place.checked_sub(base));
                let Some(place) = place.filter(|place| *place < young.len()) else {
                    continue;
                };
                *cell = *moved[place].get_or_insert_with(|| {
                    list.push(young[place].clone());
                    // There were no more of them before, and those fit.
                    histogram_cell((list.len() - 1) as u32)
                });
            }
        }
        let gone = young.iter().zip(&moved).filter(|(_, moved)| moved.is_none());
        let weight = gone.map(|(histogram, _)| histogram.weight()).sum();
        self.held.charge.borrow_mut().shrink(weight);
    }

    /// Puts the histograms of a series among its samples, as cells.
    pub(super) fn box_histograms(&self, series: &mut SeriesData) -> Result<(), EvalError> {
        if series.histograms.is_empty() {
            return Ok(());
        }
        for HistogramSample { t_ms, histogram } in std::mem::take(&mut series.histograms) {
            let value = self.hold(histogram)?;
            series.samples.push(Sample { t_ms, value });
        }
        series.samples.sort_by_key(|sample| sample.t_ms);
        Ok(())
    }

    /// The other way round, for a result.
    pub(super) fn unbox_histograms(&self, series: &mut SeriesData) {
        if self.has_no_histograms() {
            return;
        }
        let (histograms, samples) = (&mut series.histograms, &mut series.samples);
        samples.retain(|sample| match self.histogram(sample.value) {
            Some(histogram) => {
                histograms.push(HistogramSample {
                    t_ms: sample.t_ms,
                    histogram,
                });
                false
            }
            None => true,
        });
    }

    /// A cell as a sample of a result.
    pub(super) fn point(&self, t_ms: i64, cell: f64) -> Point {
        match self.histogram(cell) {
            Some(histogram) => Point::Histogram(HistogramSample { t_ms, histogram }),
            None => Point::Float(Sample { t_ms, value: cell }),
        }
    }
}
