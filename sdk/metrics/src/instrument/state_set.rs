//! Which of a closed set of states something is in.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::{Instrument, declared};
use crate::declaration::{Declaration, Kind};
use crate::error::RegisterError;
use crate::family::Family;
use crate::label::{Domain, Label, LabelDeclaration, LabelSet, Labels};
use crate::number::Repr;
use crate::registry::Registry;

/// A state set over the closed label `S`: one series for each state, of which the present one has the value 1. It shows from the
/// first `set` on; the label that tells the state is named as the metric.
pub struct StateSet<S, L = ()> {
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> (S, L)>,
}

impl<S, L> Clone for StateSet<S, L> {
    fn clone(&self) -> Self {
        Self {
            family: self.family.clone(),
            types: PhantomData,
        }
    }
}

impl<S, L> fmt::Debug for StateSet<S, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .family
            .as_ref()
            .map_or("no-op", |family| family.declaration.name());
        f.debug_tuple("StateSet").field(&name).finish()
    }
}

impl<S, L> Default for StateSet<S, L> {
    fn default() -> Self {
        Self {
            family: None,
            types: PhantomData,
        }
    }
}

impl<S: Label, L: LabelSet> Instrument for StateSet<S, L> {
    const KIND: Kind = Kind::StateSet;
    const LABELS: &'static [LabelDeclaration] = L::DECLARATIONS;

    fn declare(declaration: Declaration) -> Declaration {
        let states = const {
            match S::DOMAIN {
                Domain::Closed(states) => states,
                Domain::Open { .. } => panic!("the states of a state set are a closed set: an enum"),
            }
        };
        Declaration {
            states,
            ..declared::<L>(declaration, Kind::StateSet, Repr::U64)
        }
    }

    fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        Ok(Self {
            family: Some(registry.family(Self::declare(declaration))?),
            types: PhantomData,
        })
    }

    fn noop() -> Self {
        Self::default()
    }
}

impl<S: Label, L: LabelSet> StateSet<S, L> {
    fn change(&self, labels: &L::In<'_>, state: &S::In<'_>) {
        if let Some(family) = &self.family
            && let Some(slot) = family.gauge(family.target::<L>(labels))
        {
            slot.store(S::index(state) as u64 + 1, Relaxed);
        }
    }
}

impl<S: Label> StateSet<S> {
    /// Sets the present state.
    pub fn set(&self, state: S::In<'_>) {
        self.change(&(), &state);
    }
}

impl<S: Label, L: Labels> StateSet<S, L> {
    /// Sets the present state.
    pub fn set(&self, labels: L::In<'_>, state: S::In<'_>) {
        self.change(&labels, &state);
    }
}
