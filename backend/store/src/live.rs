//! Live log lines: what is appended, handed to whoever listens.
//!
//! Invariant: an append never waits for a listener; a full queue loses its oldest line and counts it.
//! Not here: filtering, which is the listener's.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use watchroom_model::LogLine;

/// Lines kept for one listener.
const CAPACITY: usize = 4_096;

/// Receives the log lines appended after it was made. Dropping it ends it.
#[derive(Debug)]
pub struct LogSubscription(Arc<Queue>);

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    filled: Condvar,
    missed: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    lines: VecDeque<LogLine>,
    waker: Option<Waker>,
    closed: bool,
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogSubscription {
    /// Takes up to `max` lines without waiting.
    #[must_use]
    pub fn take(&self, max: usize) -> Vec<LogLine> {
        let mut state = self.0.state();
        let n = max.min(state.lines.len());
        state.lines.drain(..n).collect()
    }

    /// Waits for a line; `None` once `timeout` has passed or the store is closed.
    #[must_use]
    pub fn recv_timeout(&self, timeout: Duration) -> Option<LogLine> {
        let (mut state, _) = self
            .0
            .filled
            .wait_timeout_while(self.0.state(), timeout, |state| {
                state.lines.is_empty() && !state.closed
            })
            .unwrap_or_else(PoisonError::into_inner);
        state.lines.pop_front()
    }

    /// Asynchronous form: ready with `None` once the store is closed and all is taken. One task at a time is woken.
    pub fn poll_recv(&self, cx: &mut Context<'_>) -> Poll<Option<LogLine>> {
        let mut state = self.0.state();
        match state.lines.pop_front() {
            Some(line) => Poll::Ready(Some(line)),
            None if state.closed => Poll::Ready(None),
            None => {
                state.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// Lines lost because this listener was too slow.
    #[must_use]
    pub fn missed(&self) -> u64 {
        self.0.missed.load(Ordering::Relaxed)
    }
}

/// The listeners of one store.
#[derive(Debug, Default)]
pub(crate) struct LiveLogs {
    queues: Mutex<Vec<Weak<Queue>>>,
    missed: AtomicU64,
}

impl LiveLogs {
    pub(crate) fn subscribe(&self) -> LogSubscription {
        let queue = Arc::new(Queue::default());
        self.queues().push(Arc::downgrade(&queue));
        LogSubscription(queue)
    }

    /// Whether anybody listens, as far as is known.
    pub(crate) fn is_listened_to(&self) -> bool {
        !self.queues().is_empty()
    }

    pub(crate) fn publish(&self, lines: &[LogLine]) {
        self.queues().retain(|queue| {
            let Some(queue) = queue.upgrade() else {
                return false;
            };
            let mut state = queue.state();
            // Of a batch larger than the queue only its newest lines could stay.
            let skipped = lines.len().saturating_sub(CAPACITY);
            let displaced = (state.lines.len() + lines.len() - skipped).saturating_sub(CAPACITY);
            state.lines.drain(..displaced);
            state.lines.extend(lines[skipped..].iter().cloned());
            let lost = (skipped + displaced) as u64;
            let waker = state.waker.take();
            drop(state);
            if lost > 0 {
                queue.missed.fetch_add(lost, Ordering::Relaxed);
                self.missed.fetch_add(lost, Ordering::Relaxed);
            }
            queue.filled.notify_all();
            if let Some(waker) = waker {
                waker.wake();
            }
            true
        });
    }

    pub(crate) fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    pub(crate) fn close(&self) {
        for queue in self.queues().drain(..).filter_map(|queue| queue.upgrade()) {
            let mut state = queue.state();
            state.closed = true;
            let waker = state.waker.take();
            drop(state);
            queue.filled.notify_all();
            if let Some(waker) = waker {
                waker.wake();
            }
        }
    }

    fn queues(&self) -> MutexGuard<'_, Vec<Weak<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use watchroom_model::{Labels, Resource, Severity};

    use super::*;

    fn line(time_ns: u64) -> LogLine {
        LogLine {
            time_ns,
            stream: Labels::empty(),
            severity: Severity::Info,
            body: "x".into(),
            attributes: Vec::new(),
            trace_id: None,
            span_id: None,
            resource: Arc::new(Resource::new(Vec::new())),
        }
    }

    #[test]
    fn hands_lines_over_in_order_and_ends_when_closed() {
        let live = LiveLogs::default();
        let subscription = live.subscribe();
        live.publish(&[line(1), line(2)]);
        assert_eq!(subscription.take(1)[0].time_ns, 1);
        assert_eq!(
            subscription
                .recv_timeout(Duration::from_secs(9))
                .map(|line| line.time_ns),
            Some(2)
        );
        live.close();
        assert_eq!(subscription.recv_timeout(Duration::from_secs(9)), None);
    }

    #[test]
    fn a_slow_listener_loses_the_oldest_lines_and_they_are_counted() {
        let live = LiveLogs::default();
        let subscription = live.subscribe();
        let many: Vec<_> = (0..CAPACITY as u64 + 10).map(line).collect();
        live.publish(&many);
        live.publish(&many[..5]);
        assert_eq!((subscription.missed(), live.missed()), (15, 15));
        let lines = subscription.take(usize::MAX);
        assert_eq!((lines.len(), lines[0].time_ns), (CAPACITY, 15));
    }
}
