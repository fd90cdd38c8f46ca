//! Memory that reading one request may take, reserved as it is taken.
//!
//! Invariant: what is taken is reserved before; a request that takes more than its limit is refused for good, one for which there is
//! no room at the moment is refused for now.

use super::otlp::Refusal;
use crate::net::{BodyError, Budget, Received, Reservation};
use crate::state::State;

/// Bytes that are reserved at a time.
const STEP: usize = 256 << 10;

/// What one request may take.
#[derive(Debug)]
pub(crate) struct Allowance<'a> {
    budget: &'a Budget,
    reservation: Reservation,
    reserved: usize,
    taken: usize,
    limit: usize,
}

impl<'a> Allowance<'a> {
    /// What reading this body may take, beside the body.
    pub(crate) fn new(state: &'a State, body: &Received) -> Result<Self, Refusal> {
        // More than all that there is beside the body would be refused for ever, and so is not worth a retry.
        let left = state.budget.total().saturating_sub(body.reservation.bytes());
        Self::within(&state.budget, state.limits.max_decoded_bytes.min(left))
    }

    /// An allowance of `limit` bytes out of `budget`.
    pub(crate) fn within(budget: &'a Budget, limit: usize) -> Result<Self, Refusal> {
        Ok(Self {
            reservation: budget.reserve(0).ok_or(BodyError::Busy)?,
            budget,
            reserved: 0,
            taken: 0,
            limit,
        })
    }

    /// Takes `bytes`.
    pub(crate) fn take(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken > self.limit {
            return Err(Refusal::TooLarge(format!(
                "request takes more than {} bytes of memory once decoded; send smaller batches",
                self.limit
            )));
        }
        if self.taken > self.reserved {
            // No step goes beyond the limit: alone, a request runs into that and not into the budget.
            let more = (self.taken - self.reserved)
                .next_multiple_of(STEP)
                .min(self.limit - self.reserved);
            self.reservation
                .merge(self.budget.reserve(more).ok_or(BodyError::Busy)?);
            self.reserved += more;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_for_good_beyond_the_limit_and_for_now_beyond_the_budget() {
        let budget = Budget::new(4 * STEP as u64);
        let mut one = Allowance::within(&budget, 3 * STEP).unwrap();
        one.take(3 * STEP).unwrap();
        assert!(matches!(one.take(1), Err(Refusal::TooLarge(_))));
        let mut other = Allowance::within(&budget, 3 * STEP).unwrap();
        other.take(STEP).unwrap();
        assert!(matches!(other.take(1), Err(Refusal::Overloaded { .. })));
        drop(one);
        other.take(1).unwrap();
    }
}
