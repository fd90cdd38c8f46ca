//! Taking the current span along to other threads and tasks.
//!
//! Invariant: span and subscriber go together, so that it works with a scoped subscriber too.

use std::thread::JoinHandle;

use tracing::Span;

/// Makes of `f` a function that runs inside the span that is current now, on whatever thread.
///
/// ```
/// let (tx, rx) = std::sync::mpsc::channel::<Box<dyn FnOnce() + Send>>();
/// tx.send(Box::new(watchroom_capture::task::in_current_span(|| tracing::info!("with the sender's ids")))).unwrap();
/// std::thread::spawn(move || rx.recv().unwrap()()).join().unwrap();
/// ```
pub fn in_current_span<R>(f: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let span = Span::current();
    let dispatch = tracing::dispatcher::get_default(Clone::clone);
    move || tracing::dispatcher::with_default(&dispatch, || span.in_scope(f))
}

/// Starts a thread that runs inside the span that is current now.
pub fn thread<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
    std::thread::spawn(in_current_span(f))
}

#[cfg(feature = "tokio")]
mod tokio_tasks {
    use std::future::Future;

    use tokio::task::JoinHandle;
    use tracing::Instrument as _;
    use tracing::instrument::WithSubscriber as _;

    /// Starts a task on the current tokio runtime that runs inside the span that is current now.
    pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        tokio::spawn(future.in_current_span().with_current_subscriber())
    }

    /// Runs `f` on tokio's threads for blocking work, inside the span that is current now.
    pub fn spawn_blocking<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> JoinHandle<R> {
        tokio::task::spawn_blocking(super::in_current_span(f))
    }
}

#[cfg(feature = "tokio")]
pub use tokio_tasks::{spawn, spawn_blocking};
