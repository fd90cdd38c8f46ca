//! Runs checks.
//!
//! One thread of the board's own keeps time: it starts rounds, gives up on what does not answer, and enters results. The checks
//! themselves run elsewhere: on the tokio runtime that was current when they were registered, else on a second thread of the
//! board's; blocking ones on a thread for each round. So neither a check nor a runtime that hangs can hold up the verdict on it.
//!
//! Invariant: a check that panics or hangs ends in a result, not in the end of its rounds; a check never runs twice at a time.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::board::{HealthBoard, WeakBoard};
use crate::component::Component;
use crate::register::Check;

/// The board's own threads, made when they are first needed; they end when the board does.
#[derive(Debug, Default)]
pub(crate) struct Runner {
    time: OnceLock<Option<Own>>,
    checks: OnceLock<Option<Own>>,
}

#[derive(Debug)]
struct Own {
    handle: Handle,
    /// Dropped with the board: tells the thread to end.
    _alive: oneshot::Sender<()>,
}

impl Runner {
    pub(crate) fn start(&self, board: &HealthBoard, component: Arc<Component>, check: Check) {
        let time = own(&self.time, "watchroom-health");
        let home = match check {
            Check::Blocking(_) => time.clone(),
            Check::Async(_) => Handle::try_current()
                .ok()
                .or_else(|| own(&self.checks, "watchroom-checks")),
        };
        let (Some(time), Some(home)) = (time, home) else {
            let error = "no thread could be made for the check".to_owned();
            board.enter(&component, Err(error), Duration::ZERO);
            return;
        };
        drop(time.spawn(rounds(board.downgrade(), component, check, home)));
    }
}

fn own(slot: &OnceLock<Option<Own>>, name: &str) -> Option<Handle> {
    slot.get_or_init(|| Own::start(name))
        .as_ref()
        .map(|own| own.handle.clone())
}

impl Own {
    fn start(name: &str) -> Option<Self> {
        // All, so that a check finds the network wherever the build has it: to reach somebody is what most checks are for.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .ok()?;
        let handle = runtime.handle().clone();
        let (alive, gone) = oneshot::channel::<()>();
        let run = move || {
            // An error means that the sender is gone, which is what is waited for.
            let _ = runtime.block_on(gone);
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(run)
            .ok()?;
        Some(Self {
            handle,
            _alive: alive,
        })
    }
}

type Result = std::result::Result<(), String>;

/// A round that has been started.
struct Round {
    result: Pin<Box<dyn Future<Output = Result> + Send>>,
    /// Asks an async check to end; one that blocks does not hear it.
    abort: Option<tokio::task::AbortHandle>,
}

impl Round {
    fn abort(&self) {
        if let Some(abort) = &self.abort {
            abort.abort();
        }
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        self.abort();
    }
}

async fn rounds(board: WeakBoard, component: Arc<Component>, check: Check, home: Handle) {
    let mut hung = None;
    loop {
        let Some(began) = board.upgrade().map(|board| board.now()) else {
            return;
        };
        let result = round(&component, &check, &home, &mut hung).await;
        let Some(board) = board.upgrade().filter(|_| !component.is_removed()) else {
            return;
        };
        let latency = board.now().since(began);
        board.enter(&component, result, latency);
        drop(board);
        if component.removed_within(component.interval()).await {
            return;
        }
    }
}

/// One round. A check that hung before must have ended before it is called again; what it says so late counts for nothing.
async fn round(component: &Component, check: &Check, home: &Handle, hung: &mut Option<Round>) -> Result {
    let timeout = component.timeout();
    let no_answer = || {
        Err(format!(
            "the check has not answered within {} ms",
            timeout.as_millis()
        ))
    };
    if let Some(old) = hung {
        if tokio::time::timeout(timeout, &mut old.result).await.is_err() {
            return no_answer();
        }
        *hung = None;
    }
    let mut round = begin(component, check, home);
    match tokio::time::timeout(timeout, &mut round.result).await {
        Ok(result) => result,
        Err(_) => {
            round.abort();
            *hung = Some(round);
            no_answer()
        }
    }
}

fn begin(component: &Component, check: &Check, home: &Handle) -> Round {
    match check {
        Check::Async(check) => {
            let check = Arc::clone(check);
            let task = home.spawn(async move { check().await });
            Round {
                abort: Some(task.abort_handle()),
                result: Box::pin(async move {
                    match task.await {
                        Ok(result) => result,
                        Err(error) => match error.try_into_panic() {
                            Ok(panic) => Err(panicked(panic.as_ref())),
                            Err(_) => Err("the runtime that the check ran on has ended".to_owned()),
                        },
                    }
                }),
            }
        }
        Check::Blocking(check) => {
            let check = Arc::clone(check);
            let (answer, answered) = oneshot::channel();
            let run = move || {
                let result = std::panic::catch_unwind(AssertUnwindSafe(|| check()))
                    .unwrap_or_else(|panic| Err(panicked(panic.as_ref())));
                // Nobody waits if the board is gone.
                let _ = answer.send(result);
            };
            let thread = std::thread::Builder::new()
                .name(format!("health-{}", component.name))
                .spawn(run);
            Round {
                abort: None,
                result: Box::pin(async move {
                    thread.map_err(|error| format!("no thread could be made for the check: {error}"))?;
                    answered
                        .await
                        .unwrap_or_else(|_| Err("the check ended without an answer".to_owned()))
                }),
            }
        }
    }
}

fn panicked(panic: &(dyn Any + Send)) -> String {
    let message = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    message.map_or_else(
        || "the check panicked".to_owned(),
        |message| format!("the check panicked: {message}"),
    )
}
