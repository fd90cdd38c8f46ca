//! The instruments, one file each.
//!
//! Every instrument is a handle: cloning it is cheap and gives the same metric; one that was never registered records nothing.
//! The fast path of those that shard their slots goes through [`Fast`](crate::fast::Fast): the thread's page and a slot in it, without
//! a lock or a branch on whether the instrument is registered.

mod counter;
mod dynamic;
mod gauge;
mod guard;
mod histogram;
mod info;
mod native;
mod reservoir;
mod sampled;
mod state_set;
mod up_down;

use std::borrow::Cow;

pub use counter::Counter;
pub use dynamic::{DynamicCounter, DynamicGauge, DynamicHistogram, DynamicLabels, DynamicUpDownCounter};
pub use gauge::Gauge;
pub use guard::{InFlight, Timer};
pub use histogram::Histogram;
pub use info::Info;
pub use native::NativeHistogram;
pub(crate) use reservoir::Core as ReservoirCore;
pub use reservoir::{Reservoir, ReservoirTimer};
pub use sampled::{SampledCounter, SampledHistogram, SampledTimer};
pub use state_set::StateSet;
pub use up_down::UpDownCounter;

use crate::declaration::{Declaration, Kind};
use crate::error::RegisterError;
use crate::family::MAX_SERIES;
use crate::label::{LabelDeclaration, LabelSet};
use crate::number::Repr;
use crate::registry::Registry;

/// What every instrument can do.
pub trait Instrument: Sized {
    /// What kind of metric it is.
    const KIND: Kind;

    /// Its labels.
    const LABELS: &'static [LabelDeclaration];

    /// Adds kind and labels to a declaration.
    fn declare(declaration: Declaration) -> Declaration;

    /// Registers a metric, or finds it if the same declaration was registered before.
    ///
    /// # Errors
    /// [`RegisterError`] if the name breaks the rules or clashes with another metric.
    fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError>;

    /// An instrument that records nothing.
    fn noop() -> Self;
}

fn declared<L: LabelSet>(declaration: Declaration, kind: Kind, repr: Repr) -> Declaration {
    Declaration {
        kind,
        repr,
        labels: Cow::Borrowed(L::DECLARATIONS),
        ..declaration
    }
}

/// Whether an index of these labels can be added to a base without thought of overflow; so it is for every dense family.
const fn is_small<L: LabelSet>() -> bool {
    !L::OPEN && L::N <= MAX_SERIES
}

/// `Debug` and `Default` of an instrument.
macro_rules! handle {
    ($handle:ident<$($param:ident $(: $bound:path)?),*>) => {
        impl<$($param $(: $bound)?),*> std::fmt::Debug for $handle<$($param),*> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let name = self.family.as_ref().map(|family| family.declaration.name());
                f.debug_tuple(stringify!($handle)).field(&name.unwrap_or("no-op")).finish()
            }
        }

        impl<$($param $(: $bound)?),*> Default for $handle<$($param),*>
        where
            Self: $crate::Instrument,
        {
            /// An instrument that records nothing.
            fn default() -> Self {
                <Self as $crate::Instrument>::noop()
            }
        }
    };
}

use handle;

/// What all dynamic instruments have.
macro_rules! handle_dynamic {
    ($handle:ident $(, $param:ident)?) => {
        impl<$($param)?> $handle<$($param)?> {
            fn of(family: Arc<Family>) -> Self {
                Self { family: Some(family), types: PhantomData }
            }

            /// An instrument that records nothing.
            #[must_use]
            pub const fn noop() -> Self {
                Self { family: None, types: PhantomData }
            }
        }

        impl<$($param)?> Clone for $handle<$($param)?> {
            fn clone(&self) -> Self {
                Self { family: self.family.clone(), types: PhantomData }
            }
        }

        impl<$($param)?> Default for $handle<$($param)?> {
            /// An instrument that records nothing.
            fn default() -> Self {
                Self::noop()
            }
        }

        impl<$($param)?> std::fmt::Debug for $handle<$($param)?> {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let name = self.family.as_ref().map(|family| family.declaration.name());
                f.debug_tuple(stringify!($handle)).field(&name.unwrap_or("no-op")).finish()
            }
        }
    };
}

use handle_dynamic;
