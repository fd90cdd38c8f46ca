//! Reading a family while others write it.

use std::collections::BTreeMap;
use std::ops::Range;

use super::*;
use crate::snapshot::{self, ExponentialValue, HistogramValue, Series, Value};

/// What becomes of the slots of a series.
enum Shown {
    Yes,
    No,
    Overflow,
}

fn own_exemplars(all: &BTreeMap<usize, Exemplar>, slots: Range<usize>) -> Option<Box<[Exemplar]>> {
    let own: Box<[Exemplar]> = all.range(slots).map(|(_, exemplar)| *exemplar).collect();
    (!own.is_empty()).then_some(own)
}

impl Family {
    /// What the family holds now.
    pub(crate) fn collect(&self) -> snapshot::Family {
        let mut meta = lock(&self.meta);
        let exemplars = self.exemplars.collect();
        let mut series = Vec::with_capacity(self.n_series() + 1);
        let mut overflow: Option<Vec<u64>> = None;
        let n_rows = meta.rows.len();
        for chunk in 0..N_CHUNKS {
            let Some((first, sums)) = self.sums(chunk) else {
                continue;
            };
            for (position, slots) in sums.chunks_exact(self.width).enumerate() {
                let number = first + position;
                if number >= n_rows {
                    break;
                }
                match self.is_shown(&mut meta, number, slots) {
                    Shown::No => {}
                    Shown::Overflow => self.fold(overflow.get_or_insert_with(|| vec![0; self.width]), slots),
                    Shown::Yes => {
                        let row = number as u32;
                        let value = match self.net(&meta, row, slots) {
                            Some(net) => self.value(&net),
                            None => self.value(slots),
                        };
                        // Built in each branch by itself, so that a plain number is written in place and not copied.
                        if exemplars.is_empty() {
                            series.push(Series {
                                row,
                                value,
                                exemplars: None,
                            });
                        } else {
                            let own = number * self.width..(number + 1) * self.width;
                            series.push(Series {
                                row,
                                value,
                                exemplars: own_exemplars(&exemplars, own),
                            });
                        }
                    }
                }
            }
        }
        if let Some(slots) = overflow {
            let place = self.overflow_series();
            if let Some(row) = Arc::make_mut(&mut meta.rows).get_mut(place as usize) {
                row.get_or_insert_with(|| self.overflow_row());
            }
            series.push(Series {
                row: place,
                value: self.value(&slots),
                exemplars: None,
            });
        }
        let rows = Arc::clone(&meta.rows);
        drop(meta);
        snapshot::Family::of(&self.declaration, rows, series)
    }

    /// The slots of a chunk, summed over the threads, and the number of its first series.
    pub(super) fn sums(&self, chunk: usize) -> Option<(usize, Vec<u64>)> {
        let cells = self.chunks.get(chunk)?.get()?;
        let first = if self.n_dense.is_some() {
            0
        } else {
            (FIRST_CHUNK << chunk) - FIRST_CHUNK
        };
        Some((first, cells.sum(self.floats())))
    }

    fn is_shown(&self, meta: &mut Meta, number: usize, slots: &[u64]) -> Shown {
        if number == self.overflow_series() as usize {
            return if self.overflowed.load(Relaxed) > 0 {
                Shown::Overflow
            } else {
                Shown::No
            };
        }
        if self.n_dense.is_none() {
            return match meta.rows.get(number) {
                Some(Some(_)) => Shown::Yes,
                _ => Shown::No,
            };
        }
        match self.states.get(number).map(|state| state.load(Relaxed)) {
            Some(ADMITTED) => Shown::Yes,
            // A gauge is admitted when it is set, so a zero of another kind, too, was never recorded.
            Some(_) if self.is_sharded() && slots.iter().any(|slot| *slot != 0) => {
                match self.admit_locked(meta, number) {
                    Ok(_) => Shown::Yes,
                    Err(_) => Shown::Overflow,
                }
            }
            _ => Shown::No,
        }
    }

    /// Samples that went to the overflow series, and those that a dense family adds to it when it is collected.
    pub(crate) fn overflowed(&self) -> u64 {
        let direct = self.overflowed.load(Relaxed);
        let denied = self.states.iter().any(|state| state.load(Relaxed) == DENIED);
        if !denied || !self.is_sharded() {
            return direct;
        }
        let Some((_, sums)) = self.sums(0) else {
            return direct;
        };
        let series = self.states.iter().zip(sums.chunks_exact(self.width));
        let denied = series.filter(|(state, _)| state.load(Relaxed) == DENIED);
        denied
            .map(|(_, slots)| self.n_samples(slots))
            .fold(direct, u64::saturating_add)
    }

    /// How many samples made these slots. A counter does not know; its own amount stands for it.
    fn n_samples(&self, slots: &[u64]) -> u64 {
        match self.declaration.kind {
            Kind::Histogram | Kind::NativeHistogram => slots.iter().take(self.width - 1).sum(),
            _ if self.declaration.repr == Repr::F64 => slots.iter().map(|s| f64::from_bits(*s) as u64).sum(),
            _ => slots.iter().fold(0, |sum: u64, slot| sum.wrapping_add(*slot)),
        }
    }

    fn fold(&self, into: &mut [u64], slots: &[u64]) {
        for (i, (sum, slot)) in into.iter_mut().zip(slots).enumerate() {
            *sum = if self.is_float(i) {
                (f64::from_bits(*sum) + f64::from_bits(*slot)).to_bits()
            } else {
                sum.wrapping_add(*slot)
            };
        }
    }

    /// The slots less what they held for the series that had them before.
    pub(super) fn net(&self, meta: &Meta, series: u32, slots: &[u64]) -> Option<Vec<u64>> {
        let baseline = meta.baselines.get(&series)?;
        let minus = |(i, (slot, base)): (usize, (&u64, &u64))| {
            if self.is_float(i) {
                (f64::from_bits(*slot) - f64::from_bits(*base)).to_bits()
            } else {
                slot.wrapping_sub(*base)
            }
        };
        Some(slots.iter().zip(baseline).enumerate().map(minus).collect())
    }

    #[inline(always)]
    fn number(&self, bits: u64) -> Value {
        match self.declaration.repr {
            Repr::U64 => Value::U64(bits),
            Repr::I64 => Value::I64(bits as i64),
            Repr::F64 => Value::F64(f64::from_bits(bits)),
        }
    }

    #[inline(always)]
    pub(crate) fn value(&self, slots: &[u64]) -> Value {
        let (first, last) = (
            slots.first().copied().unwrap_or(0),
            slots.last().copied().unwrap_or(0),
        );
        match self.declaration.kind {
            Kind::Counter | Kind::Gauge | Kind::Info | Kind::Summary => self.number(first),
            Kind::StateSet => Value::U64(first),
            Kind::UpDownCounter => self.number(match self.declaration.repr {
                Repr::F64 => (f64::from_bits(first) - f64::from_bits(last)).to_bits(),
                _ => first.wrapping_sub(last),
            }),
            Kind::Histogram => Value::Histogram(self.histogram(slots, f64::from_bits(last))),
            Kind::NativeHistogram => Value::Exponential(self.exponential(slots, f64::from_bits(last))),
        }
    }

    #[inline(never)]
    fn histogram(&self, slots: &[u64], sum: f64) -> Box<HistogramValue> {
        let counts: Box<[u64]> = slots.iter().take(self.width - 1).copied().collect();
        Box::new(HistogramValue {
            count: counts.iter().sum(),
            sum,
            bounds: Arc::clone(&self.bounds),
            counts,
        })
    }

    #[inline(never)]
    fn exponential(&self, slots: &[u64], sum: f64) -> Box<ExponentialValue> {
        let zero = slots.first().copied().unwrap_or(0);
        let counts = slots.iter().skip(1).take(self.width - 2).copied();
        Box::new(ExponentialValue::new(
            self.declaration.resolution,
            zero,
            counts,
            sum,
        ))
    }
}
