//! A pool whose statements are observed.

use std::fmt;
use std::sync::{Arc, Weak};

use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use futures_util::StreamExt as _;
use sqlx::pool::PoolConnection;
use sqlx::{Describe, Either, Error, Execute, Executor, SqlStr};
use watchroom::metrics::snapshot::{Family, Value};
use watchroom::metrics::{Kind, Registry};

use crate::connection::Connection;
use crate::executor::Forwarded;
use crate::labels::Operation;
use crate::observe::{Observation, Shared};
use crate::statement::Statement;
use crate::system::System;
use crate::transaction::Transaction;

/// A pool of connections; made by [`SqlLayer::wrap`](crate::SqlLayer::wrap). Cloning it is cheap. `&Pool` is an `Executor`.
pub struct Pool<DB: System> {
    handle: Arc<Handle<DB>>,
}

/// Kept by the pool's owners only: the registry, which outlives them, must not keep the connections open.
struct Handle<DB: System> {
    pool: sqlx::Pool<DB>,
    shared: Arc<Shared>,
}

impl<DB: System> Clone for Pool<DB> {
    fn clone(&self) -> Self {
        Self {
            handle: Arc::clone(&self.handle),
        }
    }
}

impl<DB: System> fmt::Debug for Pool<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("name", &self.handle.shared.pool)
            .field("size", &self.handle.pool.size())
            .field("n_idle", &self.handle.pool.num_idle())
            .finish()
    }
}

impl<DB: System> Pool<DB> {
    pub(crate) fn new(pool: sqlx::Pool<DB>, shared: Arc<Shared>) -> Self {
        Self {
            handle: Arc::new(Handle { pool, shared }),
        }
    }

    /// sqlx's own pool. What goes through it is not observed.
    #[must_use]
    pub fn inner(&self) -> &sqlx::Pool<DB> {
        &self.handle.pool
    }

    /// Takes a connection, waiting for one as long as the pool's options say.
    ///
    /// # Errors
    /// As sqlx's own; a time-out is counted.
    pub async fn acquire(&self) -> Result<Connection<DB>, Error> {
        let connection = acquire(&self.handle.pool, &self.handle.shared).await?;
        Ok(Connection::new(connection, Arc::clone(&self.handle.shared)))
    }

    /// Begins a transaction; its `BEGIN` and its end have spans of their own.
    ///
    /// # Errors
    /// As sqlx's own.
    pub async fn begin(&self) -> Result<Transaction<'static, DB>, Error> {
        let shared = &self.handle.shared;
        let observation = Observation::begin(shared, Statement::of_driver(Operation::Begin));
        let (pool, of_wait) = (self.handle.pool.clone(), Arc::clone(shared));
        let begin = || -> BoxFuture<'static, _> {
            Box::pin(async move {
                let connection = acquire(&pool, &of_wait).await?;
                sqlx::Transaction::begin(connection, None).await
            })
        };
        let transaction = observation.future(begin, |_| 0).await?;
        Ok(Transaction::new(transaction, Arc::clone(shared)))
    }

    /// Closes the pool: waits for its connections to come back, and closes them.
    pub async fn close(&self) {
        self.handle.pool.close().await;
    }

    /// Has a registry show the pool's connections as long as the pool lives.
    pub(crate) fn register(&self, registry: &Registry) {
        let handle: Weak<Handle<DB>> = Arc::downgrade(&self.handle);
        registry.collect_fn(move |families| {
            let Some(handle) = handle.upgrade() else {
                return;
            };
            let (size, idle) = (u64::from(handle.pool.size()), handle.pool.num_idle() as u64);
            let name = &*handle.shared.pool;
            let state = |state| [("pool", name), ("state", state)];
            families.push(
                Family::new(
                    "db_client_connections",
                    Kind::Gauge,
                    "Connections of a pool, by state.",
                )
                .with(&state("idle"), Value::U64(idle.min(size)))
                .with(&state("used"), Value::U64(size.saturating_sub(idle))),
            );
            families.push(
                Family::new(
                    "db_client_connections_max",
                    Kind::Gauge,
                    "Connections that a pool may have.",
                )
                .with(
                    &[("pool", name)],
                    Value::U64(handle.pool.options().get_max_connections().into()),
                ),
            );
        });
    }
}

/// Waits for a connection, and enters how long.
async fn acquire<DB: System>(pool: &sqlx::Pool<DB>, shared: &Shared) -> Result<PoolConnection<DB>, Error> {
    let name = &*shared.pool;
    let waiting = shared.metrics.connection_pending_requests.track(name);
    let began = shared.clock.now();
    let result = pool.acquire().await;
    drop(waiting);
    shared
        .metrics
        .connection_wait
        .observe_duration(name, shared.clock.now().since(began));
    if matches!(result, Err(Error::PoolTimedOut)) {
        shared.metrics.connection_timeouts_total.inc(name);
    }
    result
}

impl<'p, DB: System> Executor<'p> for &'p Pool<DB>
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<DB::QueryResult, DB::Row>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Forwarded::<DB>::of(query);
        let handle = Arc::clone(&self.handle);
        let statement = Statement::new(query.text(), DB::DIALECT);
        Observation::begin(&self.handle.shared, statement).stream(|| {
            Box::pin(async_stream::try_stream! {
                let mut connection = acquire(&handle.pool, &handle.shared).await?;
                let mut answers = connection.fetch_many(query);
                while let Some(answer) = answers.next().await {
                    yield answer?;
                }
            })
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Forwarded::<DB>::of(query);
        let handle = Arc::clone(&self.handle);
        let statement = Statement::new(query.text(), DB::DIALECT);
        Observation::begin(&self.handle.shared, statement).future(
            || {
                Box::pin(async move {
                    let mut connection = acquire(&handle.pool, &handle.shared).await?;
                    connection.fetch_optional(query).await
                })
            },
            |row| u64::from(row.is_some()),
        )
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'p: 'e,
    {
        let handle = Arc::clone(&self.handle);
        Box::pin(async move {
            let mut connection = acquire(&handle.pool, &handle.shared).await?;
            connection.prepare_with(sql, parameters).await
        })
    }

    #[doc(hidden)]
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'p: 'e,
    {
        let handle = Arc::clone(&self.handle);
        Box::pin(async move {
            let mut connection = acquire(&handle.pool, &handle.shared).await?;
            connection.describe(sql).await
        })
    }
}
