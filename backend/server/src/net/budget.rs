//! Memory for what is on its way into the store.
//!
//! Invariant: what is reserved at one time never exceeds the budget; a reservation is given back when it is dropped.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Unit of account.
const UNIT: usize = 1 << 10;

/// Bytes that requests in flight share.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    total: usize,
    units: Arc<Semaphore>,
}

/// A part of a [`Budget`].
#[derive(Debug)]
pub(crate) struct Reservation {
    permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// A budget of `bytes`.
    pub(crate) fn new(bytes: u64) -> Self {
        let units = usize::try_from(bytes).unwrap_or(usize::MAX) / UNIT;
        let units = units.clamp(1, Semaphore::MAX_PERMITS);
        Self {
            total: units * UNIT,
            units: Arc::new(Semaphore::new(units)),
        }
    }

    /// All that there is, in bytes.
    pub(crate) fn total(&self) -> usize {
        self.total
    }

    /// Reserves `bytes` if they are there.
    pub(crate) fn reserve(&self, bytes: usize) -> Option<Reservation> {
        let units = u32::try_from(bytes.div_ceil(UNIT)).ok()?;
        let permit = Arc::clone(&self.units).try_acquire_many_owned(units).ok()?;
        Some(Reservation { permit: Some(permit) })
    }
}

impl Reservation {
    /// What is reserved.
    pub(crate) fn bytes(&self) -> usize {
        self.permit
            .as_ref()
            .map_or(0, |permit| permit.num_permits() * UNIT)
    }

    /// Adds another part to this one.
    pub(crate) fn merge(&mut self, other: Self) {
        match (&mut self.permit, other.permit) {
            (Some(own), Some(more)) => own.merge(more),
            (own @ None, more) => *own = more,
            (Some(_), None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_more_than_it_has_and_takes_back() {
        let budget = Budget::new(10 * UNIT as u64);
        let mut first = budget.reserve(4 * UNIT).unwrap();
        first.merge(budget.reserve(5 * UNIT + 1).unwrap());
        assert!(budget.reserve(1).is_none());
        drop(first);
        assert!(budget.reserve(10 * UNIT).is_some());
    }
}
