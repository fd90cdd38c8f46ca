//! Instruments whose labels are named with each recording, for what is known only at run time.
//!
//! Invariant: a recording of a known series allocates nothing; series come within the same budgets as those of declared labels.
//! Not here: what reads such metrics out of events (`watchroom-spanmetrics`).

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use watchroom_core::Value;

use super::{handle_dynamic, histogram, up_down};
use crate::declaration::{Declaration, Kind};
use crate::error::{CardinalityError, RegisterError};
use crate::exemplar::Exemplar;
use crate::family::Family;
use crate::number::{Number, Repr, ToValue};
use crate::registry::Registry;

/// Labels of one recording: names and values, in any order. An array of pairs is one, `[("queue", "mail")]`, and so is an iterator that
/// can be cloned.
///
/// Values are texts, integers, floating point numbers and truth values; what is not allowed in a name becomes `_`.
pub trait DynamicLabels<'a> {
    /// The labels.
    fn labels(self) -> impl Iterator<Item = (&'a str, Value<'a>)> + Clone;
}

impl<'a, I, V> DynamicLabels<'a> for I
where
    I: IntoIterator<Item = (&'a str, V)>,
    I::IntoIter: Clone,
    V: Into<Value<'a>>,
{
    fn labels(self) -> impl Iterator<Item = (&'a str, Value<'a>)> + Clone {
        self.into_iter().map(|(name, value)| (name, value.into()))
    }
}

fn family(
    registry: &Registry,
    declaration: Declaration,
    kind: Kind,
    repr: Repr,
) -> Result<Arc<Family>, RegisterError> {
    registry.family(Declaration {
        kind,
        repr,
        labels: (&[]).into(),
        dynamic: true,
        ..declaration
    })
}

/// A [`Counter`](crate::Counter) whose labels are named with each recording.
///
/// Samples beyond its limits ([`Declaration::with_limit`], the registry's) go to one series with the label `overflow="__overflow__"`.
///
/// ```
/// use watchroom_metrics::{Declaration, DynamicCounter, Registry};
///
/// let registry = Registry::default();
/// let declaration = Declaration::new("jobs_total", "Jobs.").with_limit(200);
/// let jobs: DynamicCounter = DynamicCounter::register(&registry, declaration)?;
/// jobs.inc([("queue", "mail"), ("tenant", "a")]);
/// jobs.inc_by([("shard", 7)], 3);
/// # Ok::<(), watchroom_metrics::RegisterError>(())
/// ```
pub struct DynamicCounter<V = u64> {
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> V>,
}

/// An [`UpDownCounter`](crate::UpDownCounter) whose labels are named with each recording.
pub struct DynamicUpDownCounter<V = i64> {
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> V>,
}

/// A [`Gauge`](crate::Gauge) whose labels are named with each recording.
pub struct DynamicGauge<V = f64> {
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> V>,
}

/// A [`Histogram`](crate::Histogram) whose labels are named with each recording. Its declaration has the buckets.
pub struct DynamicHistogram {
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> f64>,
}

handle_dynamic!(DynamicCounter, V);
handle_dynamic!(DynamicUpDownCounter, V);
handle_dynamic!(DynamicGauge, V);
handle_dynamic!(DynamicHistogram);

impl<V: Number> DynamicCounter<V> {
    /// Registers a metric, or finds it if the same declaration was registered before.
    ///
    /// # Errors
    /// [`RegisterError`] if the name breaks the rules or clashes with another metric.
    pub fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        family(registry, declaration, Kind::Counter, V::REPR).map(Self::of)
    }

    /// Adds one.
    pub fn inc<'a>(&self, labels: impl DynamicLabels<'a>) {
        self.inc_by(labels, V::ONE);
    }

    /// Adds `n`; what is negative or not a number is left out.
    pub fn inc_by<'a>(&self, labels: impl DynamicLabels<'a>, n: V) {
        if let Some(family) = &self.family
            && n >= V::ZERO
        {
            let series = family.target_dynamic(labels.labels());
            family.add(series, 0, n);
            if family.exemplars_on() {
                family.maybe_exemplar(series, 0, super::counter::as_f64(n));
            }
        }
    }

    /// Adds `n` and keeps the trace that it belongs to.
    pub fn inc_with_exemplar<'a>(&self, labels: impl DynamicLabels<'a>, n: V, exemplar: Exemplar) {
        if let Some(family) = &self.family
            && n >= V::ZERO
        {
            let series = family.target_dynamic(labels.labels());
            family.add(series, 0, n);
            family.offer_exemplar(series, 0, exemplar);
        }
    }

    /// Adds `n`, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_inc_by<'a>(&self, labels: impl DynamicLabels<'a>, n: V) -> Result<(), CardinalityError> {
        if let Some(family) = &self.family {
            let series = family.try_target_dynamic(labels.labels())?;
            if n >= V::ZERO {
                family.add(series, 0, n);
            }
        }
        Ok(())
    }
}

impl<V: Number> DynamicUpDownCounter<V> {
    /// Registers a metric, or finds it if the same declaration was registered before.
    ///
    /// # Errors
    /// [`RegisterError`] if the name breaks the rules or clashes with another metric.
    pub fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        family(registry, declaration, Kind::UpDownCounter, V::REPR).map(Self::of)
    }

    /// Adds `n`, which may be negative; what is not a number is left out.
    pub fn add<'a>(&self, labels: impl DynamicLabels<'a>, n: V) {
        if let Some(family) = &self.family
            && (n >= V::ZERO || n < V::ZERO)
        {
            up_down::add_to(family, family.target_dynamic(labels.labels()), n);
        }
    }

    /// Adds `n`, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_add<'a>(&self, labels: impl DynamicLabels<'a>, n: V) -> Result<(), CardinalityError> {
        if let Some(family) = &self.family {
            let series = family.try_target_dynamic(labels.labels())?;
            if n >= V::ZERO || n < V::ZERO {
                up_down::add_to(family, series, n);
            }
        }
        Ok(())
    }
}

impl<V: Number> DynamicGauge<V> {
    /// Registers a metric, or finds it if the same declaration was registered before.
    ///
    /// # Errors
    /// [`RegisterError`] if the name breaks the rules or clashes with another metric.
    pub fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        family(registry, declaration, Kind::Gauge, V::REPR).map(Self::of)
    }

    /// Sets the value.
    pub fn set<'a>(&self, labels: impl DynamicLabels<'a>, value: impl ToValue<V>) {
        if let Some(family) = &self.family
            && let Some(slot) = family.gauge(family.target_dynamic(labels.labels()))
        {
            slot.store(value.to_value().bits(), Relaxed);
        }
    }

    /// Sets the value, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_set<'a>(
        &self,
        labels: impl DynamicLabels<'a>,
        value: impl ToValue<V>,
    ) -> Result<(), CardinalityError> {
        if let Some(family) = &self.family
            && let Some(slot) = family.gauge(family.try_target_dynamic(labels.labels())?)
        {
            slot.store(value.to_value().bits(), Relaxed);
        }
        Ok(())
    }
}

impl DynamicHistogram {
    /// Registers a metric, or finds it if the same declaration was registered before.
    ///
    /// # Errors
    /// [`RegisterError`] if the name breaks the rules or clashes with another metric, or if the declaration has no buckets.
    pub fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        family(registry, declaration, Kind::Histogram, Repr::F64).map(Self::of)
    }

    /// Observes a value; what is not a number is left out.
    pub fn observe<'a>(&self, labels: impl DynamicLabels<'a>, value: impl ToValue<f64>) {
        let value = value.to_value();
        if let Some(family) = &self.family
            && !value.is_nan()
        {
            histogram::observe_in(family, family.target_dynamic(labels.labels()), value);
        }
    }

    /// Observes a value and keeps the trace that it belongs to.
    pub fn observe_with_exemplar<'a>(
        &self,
        labels: impl DynamicLabels<'a>,
        value: impl ToValue<f64>,
        exemplar: Exemplar,
    ) {
        let value = value.to_value();
        if let Some(family) = &self.family
            && !value.is_nan()
        {
            histogram::observe_offering(family, family.target_dynamic(labels.labels()), value, exemplar);
        }
    }

    /// Observes a value, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_observe<'a>(
        &self,
        labels: impl DynamicLabels<'a>,
        value: impl ToValue<f64>,
    ) -> Result<(), CardinalityError> {
        if let Some(family) = &self.family {
            let series = family.try_target_dynamic(labels.labels())?;
            histogram::observe_in(family, series, value.to_value());
        }
        Ok(())
    }
}
