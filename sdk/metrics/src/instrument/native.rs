//! Observations in exponential buckets.
//!
//! The slots of a series are the zero bucket, the exponential buckets, and the sum. Scale and range are declared, so a bucket is found
//! without looking at what was observed before, and no series is ever rescaled.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use super::guard::Held;
use super::{Instrument, Timer, declared, handle};
use crate::declaration::{Declaration, Kind, Resolution};
use crate::error::{CardinalityError, RegisterError};
use crate::family::Family;
use crate::label::{LabelDeclaration, LabelSet, Labels};
use crate::number::{Repr, ToValue};
use crate::registry::Registry;

/// A histogram with exponential buckets of a declared [`Resolution`]: finer than declared bounds, and sent as an exponential
/// histogram by OTLP. Where a format has none, it shows one bucket for each doubling.
///
/// It is for what is not negative; a negative value counts as zero. What is not a number is left out.
///
/// Source: OpenTelemetry data model, exponential histogram.
pub struct NativeHistogram<L = ()> {
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> L>,
}

handle!(NativeHistogram<L>);

impl<L> Clone for NativeHistogram<L> {
    fn clone(&self) -> Self {
        Self {
            family: self.family.clone(),
            types: PhantomData,
        }
    }
}

impl<L: LabelSet> Instrument for NativeHistogram<L> {
    const KIND: Kind = Kind::NativeHistogram;
    const LABELS: &'static [LabelDeclaration] = L::DECLARATIONS;

    fn declare(declaration: Declaration) -> Declaration {
        declared::<L>(declaration, Kind::NativeHistogram, Repr::F64)
    }

    fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        Ok(Self {
            family: Some(registry.family(Self::declare(declaration))?),
            types: PhantomData,
        })
    }

    fn noop() -> Self {
        Self {
            family: None,
            types: PhantomData,
        }
    }
}

/// Slot of a value: 0 is the zero bucket.
fn slot(resolution: Resolution, value: f64) -> usize {
    let (min, max) = (
        i32::from(resolution.min_exponent),
        i32::from(resolution.max_exponent),
    );
    // A bucket includes its upper bound, so the next smaller number decides; below it there is no bound to hit.
    let below = value.next_down();
    if value <= 2_f64.powi(min) {
        return 0;
    }
    if value > 2_f64.powi(max) {
        return resolution.n_buckets();
    }
    let exponent = ((below.to_bits() >> 52) & 0x7ff) as i32 - 1023;
    let mantissa = f64::from_bits(below.to_bits() & ((1 << 52) - 1) | 1023 << 52);
    let n = 1_usize << resolution.scale;
    // Bounds between one and two: 2^(1/n), 2^(2/n), …
    let step = (1..n)
        .filter(|i| mantissa >= 2_f64.powf(*i as f64 / n as f64))
        .count();
    1 + usize::try_from(exponent - min).unwrap_or(0) * n + step
}

pub(super) fn observe_in(family: &Family, series: u32, value: f64) {
    if value.is_nan() {
        return;
    }
    let resolution = family.declaration.resolution;
    let slot = slot(resolution, value);
    family.add(series, slot, 1_u64);
    family.add(series, resolution.n_buckets() + 1, value);
    if family.exemplars_on() {
        // One for each doubling.
        family.maybe_exemplar(series, slot >> resolution.scale, value);
    }
}

impl<L: LabelSet> NativeHistogram<L> {
    fn record(&self, labels: &L::In<'_>, value: f64) {
        if let Some(family) = &self.family
            && !value.is_nan()
        {
            observe_in(family, family.target::<L>(labels), value);
        }
    }
}

impl NativeHistogram<()> {
    /// Observes a value.
    pub fn observe(&self, value: impl ToValue<f64>) {
        self.record(&(), value.to_value());
    }

    /// Observes a duration, in seconds.
    pub fn observe_duration(&self, duration: Duration) {
        self.record(&(), duration.as_secs_f64());
    }

    /// Starts to time something.
    pub fn start(&self) -> Timer<'_> {
        Timer::new::<()>(self.family.as_ref().map(Held::Borrowed), &())
    }
}

impl<L: Labels> NativeHistogram<L> {
    /// Observes a value.
    pub fn observe(&self, labels: L::In<'_>, value: impl ToValue<f64>) {
        self.record(&labels, value.to_value());
    }

    /// Observes a duration, in seconds.
    pub fn observe_duration(&self, labels: L::In<'_>, duration: Duration) {
        self.record(&labels, duration.as_secs_f64());
    }

    /// Observes a value, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_observe(&self, labels: L::In<'_>, value: impl ToValue<f64>) -> Result<(), CardinalityError> {
        if let Some(family) = &self.family {
            observe_in(family, family.try_target::<L>(&labels)?, value.to_value());
        }
        Ok(())
    }

    /// Starts to time something.
    pub fn start(&self, labels: L::In<'_>) -> Timer<'_> {
        Timer::new::<L>(self.family.as_ref().map(Held::Borrowed), &labels)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_between_the_bounds_of_its_bucket() {
        let resolution = Resolution::new(3, -4, 5);
        let mut value = 0.063;
        while value < 32.0 {
            let index = slot(resolution, value) as i32 - 1 - 4 * 8;
            let (low, high) = (
                2_f64.powf(f64::from(index) / 8.0),
                2_f64.powf(f64::from(index + 1) / 8.0),
            );
            assert!(
                low * 0.999_999 < value && value < high * 1.000_001,
                "{value} not in ({low}, {high}]"
            );
            value *= 1.0007;
        }
    }

    #[test]
    fn an_upper_bound_is_included_and_the_ends_catch_the_rest() {
        let resolution = Resolution::new(0, -1, 2);
        let slots =
            [-3.0, 0.0, 0.5, 0.6, 1.0, 1.1, 2.0, 4.0, 5.0, f64::INFINITY].map(|v| slot(resolution, v));
        assert_eq!(slots, [0, 0, 0, 1, 1, 2, 2, 3, 3, 3]);
    }
}
