//! A sum that grows and shrinks.
//!
//! Each series has two slots, what was added and what was taken off, so that a series that is back at zero is still known.

use std::marker::PhantomData;
use std::sync::Arc;

use super::guard::Held;
use super::{InFlight, Instrument, declared, handle, is_small};
use crate::declaration::{Declaration, Kind};
use crate::error::{CardinalityError, RegisterError};
use crate::family::Family;
use crate::fast::{Fast, LOOKING};
use crate::label::{LabelDeclaration, LabelSet, Labels};
use crate::number::{Number, ToValue};
use crate::registry::Registry;
use crate::thread;

/// An up-down counter, of `i64` or `f64`: for what is counted up and down by many threads and never set. It is as cheap as a
/// [`Counter`](crate::Counter) and shows as a gauge.
pub struct UpDownCounter<L = (), V = i64> {
    fast: Arc<Fast>,
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> (L, V)>,
}

handle!(UpDownCounter<L, V>);

impl<L, V> Clone for UpDownCounter<L, V> {
    fn clone(&self) -> Self {
        Self {
            fast: Arc::clone(&self.fast),
            family: self.family.clone(),
            types: PhantomData,
        }
    }
}

impl<L: LabelSet, V: Number> Instrument for UpDownCounter<L, V> {
    const KIND: Kind = Kind::UpDownCounter;
    const LABELS: &'static [LabelDeclaration] = L::DECLARATIONS;

    fn declare(declaration: Declaration) -> Declaration {
        declared::<L>(declaration, Kind::UpDownCounter, V::REPR)
    }

    fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        let family = registry.family(Self::declare(declaration))?;
        Ok(Self {
            fast: family.fast(),
            family: Some(family),
            types: PhantomData,
        })
    }

    fn noop() -> Self {
        Self {
            fast: Fast::none(),
            family: None,
            types: PhantomData,
        }
    }
}

/// Slot and amount of a change.
#[inline(always)]
fn change<V: Number>(n: V) -> (usize, V) {
    if n >= V::ZERO { (0, n) } else { (1, n.negated()) }
}

pub(super) fn add_to<V: Number>(family: &Family, series: u32, n: V) {
    let (offset, amount) = change(n);
    family.add(series, offset, amount);
}

impl<L: LabelSet, V: Number> UpDownCounter<L, V> {
    #[inline(always)]
    fn change(&self, labels: L::In<'_>, n: V) {
        let (offset, amount) = change(n);
        if const { is_small::<L>() }
            && amount > V::ZERO
            && let Some(page) = thread::page()
            && let Some(slot) = page.get((self.fast.first() & !LOOKING) + 2 * L::place(&labels) + offset)
        {
            V::add_owned(slot, amount);
        } else {
            self.change_slowly(&labels, n);
        }
    }

    #[inline(never)]
    fn change_slowly(&self, labels: &L::In<'_>, n: V) {
        if let Some(family) = &self.family
            && (n >= V::ZERO || n < V::ZERO)
        {
            add_to(family, family.target::<L>(labels), n);
        }
    }

    fn try_change(&self, labels: &L::In<'_>, n: V) -> Result<(), CardinalityError> {
        if let Some(family) = &self.family {
            let series = family.try_target::<L>(labels)?;
            if n >= V::ZERO || n < V::ZERO {
                add_to(family, series, n);
            }
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

impl<V: Number> UpDownCounter<(), V> {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.change((), V::ONE);
    }

    /// Takes one off.
    #[inline]
    pub fn dec(&self) {
        self.change((), V::ONE.negated());
    }

    /// Adds `n`, which may be negative.
    #[inline]
    pub fn add(&self, n: impl ToValue<V>) {
        self.change((), n.to_value());
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

impl<L: Labels, V: Number> UpDownCounter<L, V> {
    /// Adds one.
    #[inline]
    pub fn inc(&self, labels: L::In<'_>) {
        self.change(labels, V::ONE);
    }

    /// Takes one off.
    #[inline]
    pub fn dec(&self, labels: L::In<'_>) {
        self.change(labels, V::ONE.negated());
    }

    /// Adds `n`, which may be negative.
    #[inline]
    pub fn add(&self, labels: L::In<'_>, n: impl ToValue<V>) {
        self.change(labels, n.to_value());
    }

    /// Adds `n`, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_add(&self, labels: L::In<'_>, n: impl ToValue<V>) -> Result<(), CardinalityError> {
        self.try_change(&labels, n.to_value())
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
