//! The layer: what is observed, and where it is counted.

use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use watchroom::Clock;
use watchroom::metrics::{RegisterError, Registry};

use crate::metrics::SqlMetrics;
use crate::observe::Shared;
use crate::pool::Pool;
use crate::system::System;

/// Gives pools their light.
#[derive(Debug, Clone)]
pub struct SqlLayer {
    registry: Registry,
    metrics: Arc<SqlMetrics>,
    slow: Option<Duration>,
    clock: Clock,
}

impl SqlLayer {
    /// Declares the metrics. A statement is slow from one second on.
    ///
    /// # Errors
    /// [`RegisterError`] if another declaration has taken one of the names.
    pub fn new(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Self {
            registry: registry.clone(),
            metrics: Arc::new(SqlMetrics::register(registry)?),
            slow: Some(Duration::from_secs(1)),
            clock: Clock::system(),
        })
    }

    /// From when on a statement is told of at WARN; never if `None`.
    #[must_use]
    pub const fn slow_statements(mut self, threshold: Option<Duration>) -> Self {
        self.slow = threshold;
        self
    }

    /// The clock by which statements are timed: the machine's unless a test gives its own.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Puts the layer around a pool. `name` tells it from others in metrics and spans.
    ///
    /// sqlx's own lines of statements, which show literals, are turned off for connections that are made from now on; so hand over a pool
    /// that connects lazily, or one whose options have them off.
    pub fn wrap<DB: System>(&self, name: &str, pool: sqlx::Pool<DB>) -> Pool<DB> {
        let options = pool.connect_options();
        pool.set_connect_options((*options).clone().disable_statement_logging());
        let shared = Arc::new(Shared {
            metrics: Arc::clone(&self.metrics),
            pool: name.into(),
            place: DB::place(&options),
            slow: self.slow,
            clock: self.clock.clone(),
        });
        let pool = Pool::new(pool, shared);
        pool.register(&self.registry);
        pool
    }
}
