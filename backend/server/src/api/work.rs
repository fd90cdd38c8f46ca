//! Runs queries off the event loop, few at a time, until their deadline or until nobody waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use watchroom_query::{Cancel, Stop};

use crate::clock;
use crate::state::{Shared, State};

/// Why a piece of work gave nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WorkError {
    #[error("too many queries are running; it did not come to its turn in time")]
    Busy,
    #[error("the query failed inside the server; its log tells more")]
    Failed,
}

/// Tells an evaluation when to end.
#[derive(Debug)]
pub(crate) struct Deadline {
    at: Instant,
    abandoned: AtomicBool,
}

impl Cancel for Deadline {
    fn stop(&self) -> Option<Stop> {
        if self.abandoned.load(Ordering::Relaxed) {
            Some(Stop::Cancelled)
        } else if clock::instant() >= self.at {
            Some(Stop::TimedOut)
        } else {
            None
        }
    }
}

/// Abandons the work when the future that waits for it is dropped.
struct Waiter(Arc<Deadline>);

impl Drop for Waiter {
    fn drop(&mut self) {
        self.0.abandoned.store(true, Ordering::Relaxed);
    }
}

/// Runs `work` on the blocking pool with `timeout` for waiting and working together.
pub(crate) async fn run<T: Send + 'static>(
    state: &Shared,
    timeout: Duration,
    work: impl FnOnce(&State, Arc<Deadline>) -> T + Send + 'static,
) -> Result<T, WorkError> {
    let timeout = timeout.min(state.limits.query_timeout);
    let deadline = Arc::new(Deadline {
        at: clock::deadline(timeout),
        abandoned: AtomicBool::new(false),
    });
    let _waiter = Waiter(Arc::clone(&deadline));
    state.counters.queries.add(1);
    let slot = tokio::time::timeout(timeout, Arc::clone(&state.query_slots).acquire_owned())
        .await
        .ok()
        .and_then(Result::ok)
        .ok_or(WorkError::Busy)?;
    let shared = Arc::clone(state);
    tokio::task::spawn_blocking(move || {
        let result = work(&shared, deadline);
        drop(slot);
        result
    })
    .await
    .map_err(|error| {
        tracing::error!(%error, "a query panicked");
        state.counters.queries_failed.add(1);
        WorkError::Failed
    })
}

/// Runs what is short but may wait for a lock or for the disk: off the event loop, and whatever queries are running.
pub(crate) async fn quick<T: Send + 'static>(
    state: &Shared,
    work: impl FnOnce(&State) -> T + Send + 'static,
) -> Result<T, WorkError> {
    let shared = Arc::clone(state);
    tokio::task::spawn_blocking(move || work(&shared))
        .await
        .map_err(|error| {
            tracing::error!(%error, "a lookup panicked");
            WorkError::Failed
        })
}

/// Runs `work` with the longest time that is allowed.
pub(crate) async fn run_default<T: Send + 'static>(
    state: &Shared,
    work: impl FnOnce(&State, Arc<Deadline>) -> T + Send + 'static,
) -> Result<T, WorkError> {
    run(state, state.limits.query_timeout, work).await
}
