//! A sum that only grows.

use std::marker::PhantomData;
use std::sync::Arc;

use super::{Instrument, declared, handle, is_small};
use crate::declaration::{Declaration, Kind};
use crate::error::{CardinalityError, RegisterError};
use crate::exemplar::Exemplar;
use crate::family::Family;
use crate::fast::{Fast, LOOKING};
use crate::label::{LabelDeclaration, LabelSet, Labels};
use crate::number::Number;
use crate::registry::Registry;
use crate::thread;

/// A counter: `Counter` without labels, `Counter<Method>`, `Counter<(Method, Outcome)>`; of `u64`, or of `f64` with
/// `Counter<Method, f64>`.
///
/// With closed labels a recording is an index and an add into a slot of the calling thread. In a counter of `f64` what is negative or
/// not a number is left out.
pub struct Counter<L = (), V = u64> {
    fast: Arc<Fast>,
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> (L, V)>,
}

handle!(Counter<L, V>);

impl<L, V> Clone for Counter<L, V> {
    fn clone(&self) -> Self {
        Self {
            fast: Arc::clone(&self.fast),
            family: self.family.clone(),
            types: PhantomData,
        }
    }
}

impl<L: LabelSet, V: Number> Instrument for Counter<L, V> {
    const KIND: Kind = Kind::Counter;
    const LABELS: &'static [LabelDeclaration] = L::DECLARATIONS;

    fn declare(declaration: Declaration) -> Declaration {
        declared::<L>(declaration, Kind::Counter, V::REPR)
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

impl<L: LabelSet, V: Number> Counter<L, V> {
    #[inline(always)]
    fn add(&self, labels: L::In<'_>, n: V) {
        if const { is_small::<L>() }
            && n > V::ZERO
            && let Some(page) = thread::page()
        {
            let series = L::place(&labels);
            let place = self.fast.first() + series;
            if let Some(slot) = page.get(place) {
                V::add_owned(slot, n);
                return;
            }
            std::hint::cold_path();
            if let Some(slot) = page.get(place.wrapping_sub(LOOKING)) {
                V::add_owned(slot, n);
                if self.fast.may_want(series) {
                    self.look_for_exemplar(series, n);
                }
                return;
            }
        }
        self.add_slowly(&labels, n);
    }

    #[inline(never)]
    fn look_for_exemplar(&self, series: usize, n: V) {
        if let Some(family) = &self.family {
            family.maybe_exemplar(series as u32, 0, as_f64(n));
        }
    }

    /// Open labels, a thread's first write, zero, and instruments that record nothing.
    #[inline(never)]
    fn add_slowly(&self, labels: &L::In<'_>, n: V) {
        let Some(family) = &self.family else { return };
        if n >= V::ZERO {
            let series = family.target::<L>(labels);
            family.add(series, 0, n);
            if family.exemplars_on() {
                family.maybe_exemplar(series, 0, as_f64(n));
            }
        }
    }

    fn try_add(&self, labels: &L::In<'_>, n: V) -> Result<(), CardinalityError> {
        if let Some(family) = &self.family {
            let series = family.try_target::<L>(labels)?;
            if n >= V::ZERO {
                family.add(series, 0, n);
            }
        }
        Ok(())
    }

    fn add_with(&self, labels: &L::In<'_>, n: V, exemplar: Exemplar) {
        if let Some(family) = &self.family
            && n >= V::ZERO
        {
            let series = family.target::<L>(labels);
            family.add(series, 0, n);
            family.put_exemplar(series, 0, exemplar);
        }
    }
}

pub(super) fn as_f64<V: Number>(n: V) -> f64 {
    match V::REPR {
        crate::number::Repr::U64 => n.bits() as f64,
        crate::number::Repr::I64 => n.bits() as i64 as f64,
        crate::number::Repr::F64 => f64::from_bits(n.bits()),
    }
}

impl<V: Number> Counter<(), V> {
    /// Adds one.
    #[inline]
    pub fn inc(&self) {
        self.add((), V::ONE);
    }

    /// Adds `n`.
    #[inline]
    pub fn inc_by(&self, n: V) {
        self.add((), n);
    }

    /// Adds `n` and keeps the trace that it belongs to.
    pub fn inc_with_exemplar(&self, n: V, exemplar: Exemplar) {
        self.add_with(&(), n, exemplar);
    }
}

impl<L: Labels, V: Number> Counter<L, V> {
    /// Adds one.
    #[inline]
    pub fn inc(&self, labels: L::In<'_>) {
        self.add(labels, V::ONE);
    }

    /// Adds `n`. Adding zero makes the series show.
    #[inline]
    pub fn inc_by(&self, labels: L::In<'_>, n: V) {
        self.add(labels, n);
    }

    /// Adds `n` and keeps the trace that it belongs to.
    pub fn inc_with_exemplar(&self, labels: L::In<'_>, n: V, exemplar: Exemplar) {
        self.add_with(&labels, n, exemplar);
    }

    /// Adds one, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_inc(&self, labels: L::In<'_>) -> Result<(), CardinalityError> {
        self.try_add(&labels, V::ONE)
    }

    /// Adds `n`, unless the series would exceed a limit.
    ///
    /// # Errors
    /// [`CardinalityError`]; then nothing is recorded.
    pub fn try_inc_by(&self, labels: L::In<'_>, n: V) -> Result<(), CardinalityError> {
        self.try_add(&labels, n)
    }
}
