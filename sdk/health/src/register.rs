//! A check on its way onto the board.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::board::HealthBoard;
use crate::component::Component;

pub(crate) type Answer = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// What is called in each round.
pub(crate) enum Check {
    Async(Arc<dyn Fn() -> Answer + Send + Sync>),
    Blocking(Arc<dyn Fn() -> Result<(), String> + Send + Sync>),
}

const INTERVAL: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(2);

/// Settings of a check; it starts when this is dropped, which is at the end of the statement.
#[derive(Debug)]
pub struct Registration {
    board: HealthBoard,
    component: Arc<Component>,
    check: Option<CheckBox>,
}

struct CheckBox(Check);

impl std::fmt::Debug for CheckBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Check")
    }
}

impl Registration {
    pub(crate) fn new(board: HealthBoard, component: Arc<Component>, check: Check) -> Self {
        component.set_interval(INTERVAL);
        component.set_timeout(TIMEOUT);
        Self {
            board,
            component,
            check: Some(CheckBox(check)),
        }
    }

    /// While the component is unhealthy, the service is not ready.
    pub fn critical(self) -> Self {
        self.component.critical.store(true, Relaxed);
        self
    }

    /// Says in every answer what the component is: `PostgreSQL, orders`.
    pub fn details(self, details: impl Into<String>) -> Self {
        self.component.set_details(self.board.redacted(details.into()));
        self
    }

    /// Sets the time from the end of a check to the next.
    pub fn interval(self, interval: Duration) -> Self {
        self.component.set_interval(interval);
        self
    }

    /// Sets the time after which a check counts as hung.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.component.set_timeout(timeout);
        self
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        if let Some(CheckBox(check)) = self.check.take() {
            self.board
                .runner()
                .start(&self.board, Arc::clone(&self.component), check);
        }
    }
}
