//! A transaction whose statements and whose end are observed.

use std::fmt;
use std::sync::Arc;

use sqlx::{Connection as _, Error};

use crate::labels::{Operation, TransactionOutcome};
use crate::observe::{Observation, Shared};
use crate::statement::Statement;
use crate::system::System;

/// A transaction; rolled back when dropped. `&mut Transaction` is an `Executor`.
pub struct Transaction<'t, DB: System> {
    /// Dropped after the outcome has been entered.
    pub(crate) inner: sqlx::Transaction<'t, DB>,
    pub(crate) shared: Arc<Shared>,
    ending: Ending,
}

/// Enters how the transaction ended when it is dropped.
struct Ending {
    shared: Arc<Shared>,
    outcome: TransactionOutcome,
}

impl Drop for Ending {
    fn drop(&mut self) {
        let labels = (self.shared.place.system, self.outcome);
        self.shared.metrics.transactions_total.inc(labels);
    }
}

impl<DB: System> fmt::Debug for Transaction<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction")
            .field("pool", &self.shared.pool)
            .finish_non_exhaustive()
    }
}

impl<'t, DB: System> Transaction<'t, DB> {
    pub(crate) fn new(inner: sqlx::Transaction<'t, DB>, shared: Arc<Shared>) -> Self {
        Self {
            inner,
            ending: Ending {
                shared: Arc::clone(&shared),
                outcome: TransactionOutcome::Dropped,
            },
            shared,
        }
    }

    /// sqlx's own connection. What goes through it is not observed.
    pub fn inner_mut(&mut self) -> &mut DB::Connection {
        &mut self.inner
    }

    /// Begins a transaction within: a savepoint.
    ///
    /// # Errors
    /// As sqlx's own.
    pub async fn begin(&mut self) -> Result<Transaction<'_, DB>, Error> {
        let observation = Observation::begin(&self.shared, Statement::of_driver(Operation::Savepoint));
        let shared = Arc::clone(&self.shared);
        let connection: &mut DB::Connection = &mut self.inner;
        let transaction = observation.future(|| Box::pin(connection.begin()), |_| 0).await?;
        Ok(Transaction::new(transaction, shared))
    }

    /// Commits.
    ///
    /// # Errors
    /// As sqlx's own.
    pub async fn commit(self) -> Result<(), Error> {
        let Self {
            inner,
            shared,
            mut ending,
        } = self;
        let observation = Observation::begin(&shared, Statement::of_driver(Operation::Commit));
        let result = observation.future(|| Box::pin(inner.commit()), |()| 0).await;
        ending.outcome = match result {
            Ok(()) => TransactionOutcome::Committed,
            Err(_) => TransactionOutcome::Failed,
        };
        result
    }

    /// Rolls back.
    ///
    /// # Errors
    /// As sqlx's own.
    pub async fn rollback(self) -> Result<(), Error> {
        let Self {
            inner,
            shared,
            mut ending,
        } = self;
        let observation = Observation::begin(&shared, Statement::of_driver(Operation::Rollback));
        let result = observation.future(|| Box::pin(inner.rollback()), |()| 0).await;
        ending.outcome = match result {
            Ok(()) => TransactionOutcome::RolledBack,
            Err(_) => TransactionOutcome::Failed,
        };
        result
    }
}
