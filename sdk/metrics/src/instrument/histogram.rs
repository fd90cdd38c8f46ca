//! Observations in declared buckets.
//!
//! The slots of a series are its buckets, the one above all bounds, and the sum.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::guard::Held;
use super::{Instrument, Timer, declared, handle, is_small};
use crate::declaration::{Declaration, Kind};
use crate::error::{CardinalityError, RegisterError};
use crate::exemplar::Exemplar;
use crate::family::Family;
use crate::fast::{Fast, LOOKING};
use crate::label::{LabelDeclaration, LabelSet, Labels};
use crate::number::{Number, Repr, ToValue};
use crate::registry::Registry;
use crate::thread;

/// Up to this many bounds are compared one and all, without a branch; more are halved.
const LINEAR: usize = 32;

/// A histogram with declared buckets. What is not a number is left out.
pub struct Histogram<L = ()> {
    fast: Arc<Fast>,
    bounds: Arc<[f64]>,
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> L>,
}

handle!(Histogram<L>);

impl<L> Clone for Histogram<L> {
    fn clone(&self) -> Self {
        Self {
            fast: Arc::clone(&self.fast),
            bounds: Arc::clone(&self.bounds),
            family: self.family.clone(),
            types: PhantomData,
        }
    }
}

impl<L: LabelSet> Instrument for Histogram<L> {
    const KIND: Kind = Kind::Histogram;
    const LABELS: &'static [LabelDeclaration] = L::DECLARATIONS;

    fn declare(declaration: Declaration) -> Declaration {
        declared::<L>(declaration, Kind::Histogram, Repr::F64)
    }

    fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        let family = registry.family(Self::declare(declaration))?;
        Ok(Self {
            fast: family.fast(),
            bounds: Arc::from(&**family.bounds),
            family: Some(family),
            types: PhantomData,
        })
    }

    fn noop() -> Self {
        Self {
            fast: Fast::none(),
            bounds: Arc::from([]),
            family: None,
            types: PhantomData,
        }
    }
}

/// The bucket of a value: how many bounds are below it.
#[inline(always)]
fn bucket(bounds: &[f64], value: f64) -> usize {
    if bounds.len() <= LINEAR {
        bounds.iter().map(|bound| usize::from(value > *bound)).sum()
    } else {
        bounds.partition_point(|bound| value > *bound)
    }
}

pub(super) fn observe_in(family: &Family, series: u32, value: f64) {
    if value.is_nan() {
        return;
    }
    let bucket = bucket(&family.bounds, value);
    family.add(series, bucket, 1_u64);
    family.add(series, family.bounds.len() + 1, value);
    if family.exemplars_on() {
        family.maybe_exemplar(series, bucket, value);
    }
}

/// As [`observe_in`], with the trace that the value belongs to; it is kept if the bucket wants one.
pub(super) fn observe_offering(family: &Family, series: u32, value: f64, exemplar: Exemplar) {
    let bucket = bucket(&family.bounds, value);
    family.add(series, bucket, 1_u64);
    family.add(series, family.bounds.len() + 1, value);
    family.offer_exemplar(series, bucket, exemplar);
}

impl<L: LabelSet> Histogram<L> {
    #[inline(always)]
    fn record(&self, labels: L::In<'_>, value: f64) {
        if const { is_small::<L>() }
            && !value.is_nan()
            && let Some(page) = thread::page()
        {
            let series = L::place(&labels);
            let (bucket, last) = (bucket(&self.bounds, value), self.bounds.len() + 1);
            let own = series * (last + 1);
            let place = self.fast.first() + own;
            if let Some(count) = page.get(place + bucket)
                && let Some(sum) = page.get(place + last)
            {
                u64::add_owned(count, 1);
                f64::add_owned(sum, value);
                return;
            }
            let place = place.wrapping_sub(LOOKING);
            if let Some(count) = page.get(place + bucket)
                && let Some(sum) = page.get(place + last)
            {
                u64::add_owned(count, 1);
                f64::add_owned(sum, value);
                if self.fast.may_want(own + bucket) {
                    self.look_for_exemplar(series, bucket, value);
                }
                return;
            }
        }
        self.record_slowly(&labels, value);
    }

    #[inline(never)]
    fn look_for_exemplar(&self, series: usize, bucket: usize, value: f64) {
        if let Some(family) = &self.family {
            family.maybe_exemplar(series as u32, bucket, value);
        }
    }

    #[inline(never)]
    fn record_slowly(&self, labels: &L::In<'_>, value: f64) {
        if let Some(family) = &self.family
            && !value.is_nan()
        {
            observe_in(family, family.target::<L>(labels), value);
        }
    }

    fn try_record(&self, labels: &L::In<'_>, value: f64) -> Result<(), CardinalityError> {
        if let Some(family) = &self.family {
            observe_in(family, family.try_target::<L>(labels)?, value);
        }
        Ok(())
    }

    fn record_with(&self, labels: &L::In<'_>, value: f64, exemplar: Exemplar) {
        if let Some(family) = &self.family
            && !value.is_nan()
        {
            let series = family.target::<L>(labels);
            observe_in(family, series, value);
            family.put_exemplar(series, bucket(&self.bounds, value), exemplar);
        }
    }
}

impl Histogram<()> {
    /// Observes a value.
    #[inline]
    pub fn observe(&self, value: impl ToValue<f64>) {
        self.record((), value.to_value());
    }

    /// Observes a duration, in seconds.
    #[inline]
    pub fn observe_duration(&self, duration: Duration) {
        self.record((), duration.as_secs_f64());
    }

    /// Observes a value and keeps the trace that it belongs to.
    pub fn observe_with_exemplar(&self, value: impl ToValue<f64>, exemplar: Exemplar) {
        self.record_with(&(), value.to_value(), exemplar);
    }

    /// Starts to time something.
    pub fn start(&self) -> Timer<'_> {
        Timer::new::<()>(self.family.as_ref().map(Held::Borrowed), &())
    }

    /// As [`Self::start`], for a timer that outlives the instrument.
    pub fn start_owned(&self) -> Timer<'static> {
        Timer::new::<()>(self.family.clone().map(Held::Owned), &())
    }
}

impl<L: Labels> Histogram<L> {
    /// Observes a value.
    #[inline]
    pub fn observe(&self, labels: L::In<'_>, value: impl ToValue<f64>) {
        self.record(labels, value.to_value());
    }

    /// Observes a duration, in seconds.
    #[inline]
    pub fn observe_duration(&self, labels: L::In<'_>, duration: Duration) {
        self.record(labels, duration.as_secs_f64());
    }

    /// Observes a value and keeps the trace that it belongs to.
    pub fn observe_with_exemplar(&self, labels: L::In<'_>, value: impl ToValue<f64>, exemplar: Exemplar) {
        self.record_with(&labels, value.to_value(), exemplar);
    }

    /// Observes a value, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_observe(&self, labels: L::In<'_>, value: impl ToValue<f64>) -> Result<(), CardinalityError> {
        self.try_record(&labels, value.to_value())
    }

    /// Starts to time something.
    pub fn start(&self, labels: L::In<'_>) -> Timer<'_> {
        Timer::new::<L>(self.family.as_ref().map(Held::Borrowed), &labels)
    }

    /// As [`Self::start`], for a timer that outlives the instrument.
    pub fn start_owned(&self, labels: L::In<'_>) -> Timer<'static> {
        Timer::new::<L>(self.family.clone().map(Held::Owned), &labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_belongs_to_the_bucket_below_it() {
        let bounds = [0.001, 0.01, 1.0];
        let places = [-1.0, 0.001, 0.0011, 0.01, 1.0, 1.1, f64::INFINITY].map(|v| bucket(&bounds, v));
        assert_eq!(places, [0, 0, 1, 1, 2, 3, 3]);
    }

    #[test]
    fn both_ways_of_searching_agree() {
        let bounds: Vec<f64> = (0..40).map(f64::from).collect();
        for i in 0..900 {
            let value = f64::from(i) / 20.0 - 2.0;
            let linear: usize = bounds.iter().map(|b| usize::from(value > *b)).sum();
            assert_eq!(bucket(&bounds, value), linear, "at {value}");
        }
    }
}
