//! Runs checks: on the ambient tokio runtime, or on a thread of the board's own.
//!
//! Invariant: a check that panics or hangs ends in a result, not in the end of its rounds.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::board::{HealthBoard, WeakBoard};
use crate::component::Component;
use crate::register::{Answer, Check};

/// The board's own thread, made when it is first needed; it ends when the board does.
#[derive(Debug, Default)]
pub(crate) struct Runner(OnceLock<Option<Own>>);

#[derive(Debug)]
struct Own {
    handle: Handle,
    /// Dropped with the board: tells the thread to end.
    _alive: oneshot::Sender<()>,
}

impl Runner {
    pub(crate) fn start(&self, board: &HealthBoard, component: Arc<Component>, check: Check) {
        let rounds = rounds(board.downgrade(), Arc::clone(&component), check);
        match Handle::try_current().ok().or_else(|| self.own()) {
            Some(handle) => drop(handle.spawn(rounds)),
            None => board.enter(
                &component,
                Err("no thread could be made for the check".to_owned()),
                Default::default(),
            ),
        }
    }

    fn own(&self) -> Option<Handle> {
        self.0
            .get_or_init(Own::start)
            .as_ref()
            .map(|own| own.handle.clone())
    }
}

impl Own {
    fn start() -> Option<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .ok()?;
        let handle = runtime.handle().clone();
        let (alive, gone) = oneshot::channel::<()>();
        let run = move || {
            // An error means that the sender is gone, which is what is waited for.
            let _ = runtime.block_on(gone);
        };
        std::thread::Builder::new()
            .name("watchroom-health".to_owned())
            .spawn(run)
            .ok()?;
        Some(Self {
            handle,
            _alive: alive,
        })
    }
}

async fn rounds(board: WeakBoard, component: Arc<Component>, check: Check) {
    loop {
        let Some(began) = board.upgrade().map(|board| board.now()) else {
            return;
        };
        let result = one(&component, &check).await;
        let Some(board) = board.upgrade().filter(|_| !component.is_removed()) else {
            return;
        };
        let latency = board.now().since(began);
        board.enter(&component, result, latency);
        drop(board);
        tokio::time::sleep(component.interval()).await;
    }
}

async fn one(component: &Component, check: &Check) -> Result<(), String> {
    let timeout = component.timeout();
    let answer = match std::panic::catch_unwind(AssertUnwindSafe(check)) {
        Ok(answer) => Caught(answer),
        Err(_) => return Err(PANICKED.to_owned()),
    };
    match tokio::time::timeout(timeout, answer).await {
        Ok(result) => result,
        Err(_) => Err(format!(
            "the check has not answered within {} ms",
            timeout.as_millis()
        )),
    }
}

const PANICKED: &str = "the check panicked";

/// A check whose panics are its result.
struct Caught(Answer);

impl Future for Caught {
    type Output = Result<(), String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        std::panic::catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx)))
            .unwrap_or_else(|_| Poll::Ready(Err(PANICKED.to_owned())))
    }
}
