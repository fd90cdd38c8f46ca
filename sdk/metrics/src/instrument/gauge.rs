//! A value that is set.
//!
//! A gauge has one slot that all threads share: the last one that sets it wins, so there is nothing to sum.

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::guard::Held;
use super::{InFlight, Instrument, declared, handle};
use crate::declaration::{Declaration, Kind};
use crate::error::{CardinalityError, RegisterError};
use crate::family::Family;
use crate::label::{LabelDeclaration, LabelSet, Labels};
use crate::number::{Number, ToValue};
use crate::registry::Registry;

/// A gauge, of `f64` or `i64`. What is only counted up and down by many threads is better an
/// [`UpDownCounter`](crate::UpDownCounter).
pub struct Gauge<L = (), V = f64> {
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> (L, V)>,
}

handle!(Gauge<L, V>);

impl<L, V> Clone for Gauge<L, V> {
    fn clone(&self) -> Self {
        Self {
            family: self.family.clone(),
            types: PhantomData,
        }
    }
}

impl<L: LabelSet, V: Number> Instrument for Gauge<L, V> {
    const KIND: Kind = Kind::Gauge;
    const LABELS: &'static [LabelDeclaration] = L::DECLARATIONS;

    fn declare(declaration: Declaration) -> Declaration {
        declared::<L>(declaration, Kind::Gauge, V::REPR)
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

#[derive(Clone, Copy)]
enum Change<V> {
    Set(V),
    Add(V),
}

fn apply<V: Number>(family: &Family, series: u32, change: Change<V>) {
    if let Some(slot) = family.gauge(series) {
        match change {
            Change::Set(value) => slot.store(value.bits(), Relaxed),
            Change::Add(n) => V::add_shared(slot, n),
        }
    }
}

pub(super) fn add_to<V: Number>(family: &Family, series: u32, n: V) {
    apply(family, series, Change::Add(n));
}

impl<L: LabelSet, V: Number> Gauge<L, V> {
    #[inline]
    fn change(&self, labels: &L::In<'_>, change: Change<V>) {
        if let Some(family) = &self.family {
            apply(family, family.target::<L>(labels), change);
        }
    }

    fn try_change(&self, labels: &L::In<'_>, change: Change<V>) -> Result<(), CardinalityError> {
        if let Some(family) = &self.family {
            apply(family, family.try_target::<L>(labels)?, change);
        }
        Ok(())
    }

    fn held(&self, labels: &L::In<'_>) -> InFlight<'_> {
        InFlight::new::<L>(self.family.as_ref().map(Held::Borrowed), labels)
    }

    fn held_owned(&self, labels: &L::In<'_>) -> InFlight<'static> {
        InFlight::new::<L>(self.family.clone().map(Held::Owned), labels)
    }
}

impl<V: Number> Gauge<(), V> {
    /// Sets the value.
    #[inline]
    pub fn set(&self, value: impl ToValue<V>) {
        self.change(&(), Change::Set(value.to_value()));
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.change(&(), Change::Add(V::ONE));
    }

    /// Takes one off.
    #[inline]
    pub fn dec(&self) {
        self.change(&(), Change::Add(V::ONE.negated()));
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, n: impl ToValue<V>) {
        self.change(&(), Change::Add(n.to_value()));
    }

    /// Takes `n` off.
    #[inline]
    pub fn sub(&self, n: impl ToValue<V>) {
        self.change(&(), Change::Add(n.to_value().negated()));
    }

    /// Adds one now and takes it off when the guard drops.
    pub fn track(&self) -> InFlight<'_> {
        self.held(&())
    }

    /// As [`Self::track`], for a guard that outlives the instrument.
    pub fn track_owned(&self) -> InFlight<'static> {
        self.held_owned(&())
    }
}

impl<L: Labels, V: Number> Gauge<L, V> {
    /// Sets the value.
    #[inline]
    pub fn set(&self, labels: L::In<'_>, value: impl ToValue<V>) {
        self.change(&labels, Change::Set(value.to_value()));
    }

    /// Adds one.
    #[inline]
    pub fn inc(&self, labels: L::In<'_>) {
        self.change(&labels, Change::Add(V::ONE));
    }

    /// Takes one off.
    #[inline]
    pub fn dec(&self, labels: L::In<'_>) {
        self.change(&labels, Change::Add(V::ONE.negated()));
    }

    /// Adds `n`.
    #[inline]
    pub fn add(&self, labels: L::In<'_>, n: impl ToValue<V>) {
        self.change(&labels, Change::Add(n.to_value()));
    }

    /// Takes `n` off.
    #[inline]
    pub fn sub(&self, labels: L::In<'_>, n: impl ToValue<V>) {
        self.change(&labels, Change::Add(n.to_value().negated()));
    }

    /// Sets the value, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_set(&self, labels: L::In<'_>, value: impl ToValue<V>) -> Result<(), CardinalityError> {
        self.try_change(&labels, Change::Set(value.to_value()))
    }

    /// Adds `n`, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_add(&self, labels: L::In<'_>, n: impl ToValue<V>) -> Result<(), CardinalityError> {
        self.try_change(&labels, Change::Add(n.to_value()))
    }

    /// Adds one now and takes it off when the guard drops.
    pub fn track(&self, labels: L::In<'_>) -> InFlight<'_> {
        self.held(&labels)
    }

    /// As [`Self::track`], for a guard that outlives the instrument.
    pub fn track_owned(&self, labels: L::In<'_>) -> InFlight<'static> {
        self.held_owned(&labels)
    }
}
