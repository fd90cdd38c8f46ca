//! One component: its settings and what its last check said.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use watchroom_core::Moment;

use crate::HealthBoard;

/// State of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Not checked yet.
    Starting,
    /// The last check was good.
    Healthy,
    /// The last check failed, hung or panicked, or there has been none for too long.
    Unhealthy,
}

impl State {
    /// The word of the JSON answer.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
        }
    }
}

/// What the last check said.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) state: State,
    pub(crate) at: Moment,
    pub(crate) latency: Duration,
    pub(crate) last_error: Option<String>,
}

#[derive(Debug)]
pub(crate) struct Component {
    pub(crate) name: String,
    pub(crate) critical: AtomicBool,
    /// Milliseconds; zero for a component whose state is told, not checked.
    interval_ms: AtomicU64,
    timeout_ms: AtomicU64,
    removed: AtomicBool,
    /// Wakes the rounds when the component is removed.
    gone: Notify,
    details: OnceLock<String>,
    outcome: Mutex<Outcome>,
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Component {
    pub(crate) fn new(name: String, now: Moment) -> Self {
        let outcome = Outcome {
            state: State::Starting,
            at: now,
            latency: Duration::ZERO,
            last_error: None,
        };
        Self {
            name,
            critical: AtomicBool::new(false),
            interval_ms: AtomicU64::new(0),
            timeout_ms: AtomicU64::new(0),
            removed: AtomicBool::new(false),
            gone: Notify::new(),
            details: OnceLock::new(),
            outcome: Mutex::new(outcome),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_interval(&self, interval: Duration) {
        self.interval_ms.store(ms(interval).max(1), Relaxed);
    }

    pub(crate) fn set_timeout(&self, timeout: Duration) {
        self.timeout_ms.store(ms(timeout).max(1), Relaxed);
    }

    pub(crate) fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms.load(Relaxed))
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms.load(Relaxed))
    }

    pub(crate) fn remove(&self) {
        self.removed.store(true, Relaxed);
        self.gone.notify_one();
    }

    /// Waits for the removal, at most for `duration`. Whether the component has been removed.
    pub(crate) async fn removed_within(&self, duration: Duration) -> bool {
        // An error means that the time is over.
        let _ = tokio::time::timeout(duration, self.gone.notified()).await;
        self.is_removed()
    }

    /// Sets the text that says what the component is; a second one is not taken.
    pub(crate) fn set_details(&self, details: String) {
        let _ = self.details.set(details);
    }

    pub(crate) fn details(&self) -> Option<&str> {
        self.details.get().map(String::as_str)
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.removed.load(Relaxed)
    }

    /// Enters a result. The state before it.
    pub(crate) fn enter(&self, result: Result<(), String>, at: Moment, latency: Duration) -> State {
        let mut outcome = self.lock();
        let before = outcome.state;
        outcome.at = at;
        outcome.latency = latency;
        match result {
            Ok(()) => outcome.state = State::Healthy,
            Err(error) => {
                outcome.state = State::Unhealthy;
                outcome.last_error = Some(error);
            }
        }
        before
    }

    /// What is known now. A result that is older than two rounds of the check can have taken is not believed.
    pub(crate) fn outcome(&self, now: Moment) -> Outcome {
        let mut outcome = self.lock().clone();
        let age = now.since(outcome.at);
        let is_checked = self.interval_ms.load(Relaxed) > 0;
        let patience = 2 * (self.interval() + self.timeout()) + Duration::from_secs(1);
        if is_checked && age > patience {
            outcome.state = State::Unhealthy;
            outcome.last_error = Some(format!("the check has not answered for {} s", age.as_secs()));
        }
        outcome
    }
}

/// Tells the state of a component that knows it best itself.
#[derive(Debug, Clone)]
pub struct Reporter {
    pub(crate) board: HealthBoard,
    pub(crate) component: std::sync::Arc<Component>,
}

impl Reporter {
    /// Marks the component as critical: while it is unhealthy, the service is not ready.
    #[must_use]
    pub fn critical(self) -> Self {
        self.component.critical.store(true, Relaxed);
        self
    }

    /// Says in every answer what the component is.
    #[must_use]
    pub fn details(self, details: impl Into<String>) -> Self {
        self.component.set_details(self.board.redacted(details.into()));
        self
    }

    /// All is well.
    pub fn healthy(&self) {
        self.board.enter(&self.component, Ok(()), Duration::ZERO);
    }

    /// Something is wrong.
    pub fn unhealthy(&self, reason: impl Into<String>) {
        self.board
            .enter(&self.component, Err(reason.into()), Duration::ZERO);
    }
}
