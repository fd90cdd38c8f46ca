//! Keeps the exporter's own traffic out of the traces that it exports.
//!
//! hyper and h2 use `tracing`. While their futures are polled or dropped, this thread's subscriber is none; at all other times
//! nothing is set, since a scoped subscriber anywhere makes `tracing` slower everywhere.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use tracing_core::{Dispatch, dispatcher};

/// A future without a subscriber.
pub(super) struct Suppressed<T>(Option<Pin<Box<dyn Future<Output = T> + Send>>>);

pub(super) fn suppressed<T>(future: impl Future<Output = T> + Send + 'static) -> Suppressed<T> {
    Suppressed(Some(Box::pin(future)))
}

/// Runs `work` without a subscriber.
pub(crate) fn silently<T>(work: impl FnOnce() -> T) -> T {
    let _none = dispatcher::set_default(&Dispatch::none());
    work()
}

impl<T> Future for Suppressed<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        silently(|| {
            let Some(future) = self.0.as_mut() else {
                return Poll::Pending;
            };
            let result = future.as_mut().poll(cx);
            if result.is_ready() {
                self.0 = None;
            }
            result
        })
    }
}

impl<T> Drop for Suppressed<T> {
    fn drop(&mut self) {
        silently(|| self.0 = None);
    }
}

/// Spawns hyper's background work onto the exporter's runtime.
#[derive(Debug, Clone, Copy)]
pub(super) struct Executor;

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    fn execute(&self, future: F) {
        tokio::spawn(suppressed(future));
    }
}
