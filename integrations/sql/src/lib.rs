//! sqlx with its light: each statement has a CLIENT span with its shape, its time is a metric, and a slow one is told of; the pool shows
//! its connections, who waits for them, and who waited in vain.
//!
//! ```no_run
//! # #[cfg(feature = "sqlite")]
//! # async fn example(telemetry: watchroom::Telemetry) -> Result<(), Box<dyn std::error::Error>> {
//! let layer = watchroom_sql::SqlLayer::new(telemetry.metrics())?;
//! let pool = layer.wrap("orders", sqlx::SqlitePool::connect_lazy("sqlite://orders.db")?);
//!
//! let n: i64 = sqlx::query_scalar("SELECT count(*) FROM orders WHERE state = ?").bind("open").fetch_one(&pool).await?;
//! let mut transaction = pool.begin().await?;
//! sqlx::query("DELETE FROM orders WHERE id = ?").bind(7).execute(&mut transaction).await?;
//! transaction.commit().await?;
//! # Ok(()) }
//! ```
//!
//! `&Pool`, `&mut Connection` and `&mut Transaction` are sqlx's `Executor`s; `&mut *connection` does not compile, so that no statement goes
//! round the layer by accident.
//!
//! Metrics: `db_client_operation_duration_seconds` by `operation`, `system`, `outcome`; `db_client_returned_rows` by `operation`, `system`;
//! `db_client_slow_statements_total`; `db_client_transactions_total` by `outcome`; `db_client_connections` by `pool`, `state`,
//! `db_client_connections_max`, `db_client_connection_pending_requests`, `db_client_connection_wait_seconds`,
//! `db_client_connection_timeouts_total` by `pool`.
//!
//! Invariant: nothing that was bound or written as a literal reaches a span, a metric or a line: of a statement only its
//! [shape](watchroom::redact::sql) is shown, of an error only its code and its kind. sqlx's own lines of statements, which hold literals, are
//! off for connections that are made once the pool is wrapped: wrap a pool that connects lazily.
//! Not here: migrations and listeners; they take the pool itself, [`Pool::inner`].

mod connection;
mod error;
mod executor;
mod labels;
mod layer;
mod metrics;
mod observe;
mod pool;
mod statement;
mod system;
mod transaction;

pub use connection::Connection;
pub use layer::SqlLayer;
pub use pool::Pool;
pub use system::System;
pub use transaction::Transaction;
