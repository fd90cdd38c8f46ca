//! The thread, its runtime, and the end of both.
//!
//! Invariant: the end comes within the time given to the stop, but for the disk; what is left then is in the spool, or entered as
//! dropped.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use watchroom_core::Reason;

use super::intake::AnyIntake;
use super::{Lane, Progress};
use crate::config::ProblemHook;
use crate::report::Problem;
use crate::transport;

/// Name of the thread.
const THREAD_NAME: &str = "watchroom-otlp";

/// Looking up a host's name blocks; each signal may do so on a thread that lives as long as that takes.
const MAX_LOOKUPS: usize = 3;

/// Time beyond its own that a stop gets for the disk. Whoever has called for the stop does not wait for that; but a process that still
/// runs need not lose what a busy machine has kept from the disk.
const LINGER: Duration = Duration::from_secs(5);

/// Time that the last reports of problems get once everything else has ended.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// Part of the time of a stop in which what is left is brought to the spool: a quarter, but not more than this.
const MAX_SPOOLING_TIME: Duration = Duration::from_millis(500);

/// Asks the thread to end.
#[derive(Debug, Default)]
pub(crate) struct Control {
    grace: Mutex<Option<Duration>>,
    stop: Notify,
}

impl Control {
    /// Asks the thread to deliver what is left within `grace`, and to end. Only the first call counts; whether this was it.
    pub(crate) fn stop(&self, grace: Duration) -> bool {
        let mut asked = self.grace.lock().unwrap_or_else(PoisonError::into_inner);
        let is_first = asked.is_none();
        asked.get_or_insert(grace);
        drop(asked);
        self.stop.notify_one();
        is_first
    }

    async fn stopped(&self) -> Duration {
        loop {
            if let Some(grace) = *self.grace.lock().unwrap_or_else(PoisonError::into_inner) {
                return grace;
            }
            self.stop.notified().await;
        }
    }
}

/// What runs on the thread.
#[derive(Default)]
pub(crate) struct Tasks {
    pub(crate) futures: Vec<Pin<Box<dyn Future<Output = ()> + Send>>>,
    pub(crate) lanes: Vec<Arc<Lane>>,
    pub(crate) intakes: Vec<Arc<dyn AnyIntake>>,
    pub(crate) hook: Option<(ProblemHook, Receiver<Problem>)>,
}

/// Says that the thread has ended, however it ended.
struct Finish(Arc<Progress>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}

/// Starts the thread; returns once its runtime stands.
pub(crate) fn spawn(
    tasks: Tasks,
    control: Arc<Control>,
    progress: Arc<Progress>,
) -> io::Result<JoinHandle<()>> {
    let (report, ready) = sync_channel(1);
    let thread = thread::Builder::new()
        .name(THREAD_NAME.to_owned())
        .spawn(move || {
            let _finish = Finish(progress);
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_io()
                .enable_time()
                .max_blocking_threads(MAX_LOOKUPS)
                .thread_name("watchroom-dns")
                .build();
            match runtime {
                Ok(runtime) => {
                    let _ = report.send(Ok(()));
                    runtime.block_on(run(tasks, &control));
                    // Connections end here, and a name that is still being looked up is not waited for.
                    transport::silently(|| runtime.shutdown_background());
                }
                Err(error) => {
                    let _ = report.send(Err(error));
                }
            }
        })?;
    match ready.recv() {
        Ok(Ok(())) => Ok(thread),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(io::Error::other("the thread ended before it was ready")),
    }
}

async fn run(tasks: Tasks, control: &Control) {
    let Tasks {
        futures,
        lanes,
        intakes,
        hook,
    } = tasks;
    let mut handles: Vec<_> = futures.into_iter().map(tokio::spawn).collect();
    let reports = tokio::spawn(async move {
        if let Some((hook, mut problems)) = hook {
            while let Some(problem) = problems.recv().await {
                // What a service does with a report must not end the exporter.
                let _ = catch_unwind(AssertUnwindSafe(|| hook(&problem)));
            }
        }
    });
    let grace = control.stopped().await;
    let deadline = Instant::now() + (grace - MAX_SPOOLING_TIME.min(grace / 4));
    lanes.iter().for_each(|lane| lane.stop(deadline));
    let all = async {
        for handle in &mut handles {
            // A task that has panicked has ended too; what it left is counted below.
            let _ = handle.await;
        }
    };
    // What is left goes to the spool then, if there is one: no more than the disk is waited for.
    let linger = if lanes.iter().any(|lane| lane.has_spool()) {
        LINGER
    } else {
        Duration::ZERO
    };
    let reason = match tokio::time::timeout(grace + linger, all).await {
        Ok(()) => Reason::SinkFailed,
        Err(_) => Reason::ShutdownTimeout,
    };
    handles.iter().for_each(tokio::task::JoinHandle::abort);
    intakes.iter().for_each(|intake| intake.abandon(reason));
    lanes.iter().for_each(|lane| lane.abandon(reason));
    // The tasks held the senders of problems; once they are gone, the last report has been read.
    drop(handles);
    let _ = tokio::time::timeout(LAST_WORDS.min(grace), reports).await;
}
