//! The samples that a query may hold at one time.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use super::EvalError;
use crate::Cancel;

/// Counts the samples and cells that a query holds, and asks whether it has to stop.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    used: Rc<Cell<usize>>,
    limit: usize,
    cancel: Arc<dyn Cancel>,
}

impl Budget {
    pub(crate) fn new(limit: usize, cancel: Arc<dyn Cancel>) -> Self {
        Self {
            used: Rc::default(),
            limit,
            cancel,
        }
    }

    /// What may still be taken.
    pub(crate) fn left(&self) -> usize {
        self.limit.saturating_sub(self.used.get())
    }

    /// A charge of nothing, which may grow.
    pub(crate) fn nothing(&self) -> Charge {
        Charge {
            budget: self.clone(),
            n: 0,
        }
    }

    /// Takes `n` until the charge is dropped.
    pub(crate) fn charge(&self, n: usize) -> Result<Charge, EvalError> {
        self.check()?;
        let mut charge = self.nothing();
        charge.grow(n)?;
        Ok(charge)
    }

    /// Fails if the caller wants the query to end.
    pub(crate) fn check(&self) -> Result<(), EvalError> {
        self.cancel.stop().map_or(Ok(()), |stop| Err(stop.into()))
    }

    pub(crate) fn too_many(&self) -> EvalError {
        EvalError::TooManySamples { limit: self.limit }
    }
}

/// Samples taken from a budget, given back when dropped.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Budget,
    n: usize,
}

impl Charge {
    /// Takes `n` more.
    pub(crate) fn grow(&mut self, n: usize) -> Result<(), EvalError> {
        if n > self.budget.left() {
            return Err(self.budget.too_many());
        }
        self.budget.used.set(self.budget.used.get() + n);
        self.n += n;
        Ok(())
    }
}

impl Charge {
    /// Gives `n` back.
    pub(crate) fn shrink(&mut self, n: usize) {
        let n = n.min(self.n);
        self.n -= n;
        self.budget.used.set(self.budget.used.get().saturating_sub(n));
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.budget
            .used
            .set(self.budget.used.get().saturating_sub(self.n));
    }
}
