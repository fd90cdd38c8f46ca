//! A connection whose statements are observed, and what connections and transactions share.

use std::fmt;
use std::sync::Arc;

use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Error};

use crate::labels::Operation;
use crate::observe::{Observation, Shared};
use crate::statement::Statement;
use crate::system::System;
use crate::transaction::Transaction;

/// A connection that goes back to its pool when it is dropped. `&mut Connection` is an `Executor`.
pub struct Connection<DB: System> {
    pub(crate) inner: PoolConnection<DB>,
    pub(crate) shared: Arc<Shared>,
}

impl<DB: System> fmt::Debug for Connection<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("pool", &self.shared.pool)
            .finish_non_exhaustive()
    }
}

impl<DB: System> Connection<DB> {
    pub(crate) const fn new(inner: PoolConnection<DB>, shared: Arc<Shared>) -> Self {
        Self { inner, shared }
    }

    /// sqlx's own connection. What goes through it is not observed.
    pub fn inner_mut(&mut self) -> &mut DB::Connection {
        &mut self.inner
    }

    /// Begins a transaction on this connection.
    ///
    /// # Errors
    /// As sqlx's own.
    pub async fn begin(&mut self) -> Result<Transaction<'_, DB>, Error> {
        let observation = Observation::begin(&self.shared, Statement::of_driver(Operation::Begin));
        let shared = Arc::clone(&self.shared);
        let connection: &mut DB::Connection = &mut self.inner;
        let transaction = observation.future(|| Box::pin(connection.begin()), |_| 0).await?;
        Ok(Transaction::new(transaction, shared))
    }
}

/// Makes `&mut` of a type that holds a connection an observed `Executor`. By database, since the compiler does not get to the end of the
/// general case.
#[cfg(any(feature = "sqlite", feature = "postgres"))]
macro_rules! observed_executor {
    ($db:ty, $target:ty $(, $lifetime:lifetime)?) => {
        impl<'c $(, $lifetime)?> sqlx::Executor<'c> for &'c mut $target {
            type Database = $db;

            fn fetch_many<'e, 'q: 'e, E>(
                self,
                query: E,
            ) -> futures_core::stream::BoxStream<
                'e,
                Result<sqlx::Either<<$db as sqlx::Database>::QueryResult, <$db as sqlx::Database>::Row>, sqlx::Error>,
            >
            where
                'c: 'e,
                E: 'q + sqlx::Execute<'q, $db>,
            {
                let query = crate::executor::Forwarded::<$db>::of(query);
                let statement =
                    crate::statement::Statement::new(query.text(), <$db as crate::system::sealed::System>::DIALECT);
                let observation = crate::observe::Observation::begin(&self.shared, statement);
                let connection = &mut *self.inner;
                observation.stream(move || sqlx::Executor::fetch_many(connection, query))
            }

            fn fetch_optional<'e, 'q: 'e, E>(
                self,
                query: E,
            ) -> futures_core::future::BoxFuture<'e, Result<Option<<$db as sqlx::Database>::Row>, sqlx::Error>>
            where
                'c: 'e,
                E: 'q + sqlx::Execute<'q, $db>,
            {
                let query = crate::executor::Forwarded::<$db>::of(query);
                let statement =
                    crate::statement::Statement::new(query.text(), <$db as crate::system::sealed::System>::DIALECT);
                let observation = crate::observe::Observation::begin(&self.shared, statement);
                let connection = &mut *self.inner;
                observation.future(
                    move || sqlx::Executor::fetch_optional(connection, query),
                    |row| u64::from(row.is_some()),
                )
            }

            fn prepare_with<'e>(
                self,
                sql: sqlx::SqlStr,
                parameters: &'e [<$db as sqlx::Database>::TypeInfo],
            ) -> futures_core::future::BoxFuture<'e, Result<<$db as sqlx::Database>::Statement, sqlx::Error>>
            where
                'c: 'e,
            {
                sqlx::Executor::prepare_with(&mut *self.inner, sql, parameters)
            }

            #[doc(hidden)]
            fn describe<'e>(
                self,
                sql: sqlx::SqlStr,
            ) -> futures_core::future::BoxFuture<'e, Result<sqlx::Describe<$db>, sqlx::Error>>
            where
                'c: 'e,
            {
                sqlx::Executor::describe(&mut *self.inner, sql)
            }
        }
    };
}

#[cfg(feature = "sqlite")]
observed_executor!(sqlx::Sqlite, Connection<sqlx::Sqlite>);
#[cfg(feature = "sqlite")]
observed_executor!(sqlx::Sqlite, Transaction<'t, sqlx::Sqlite>, 't);
#[cfg(feature = "postgres")]
observed_executor!(sqlx::Postgres, Connection<sqlx::Postgres>);
#[cfg(feature = "postgres")]
observed_executor!(sqlx::Postgres, Transaction<'t, sqlx::Postgres>, 't);
