//! The bounded queue in front of a signal's task, and the task's loop.
//!
//! Invariant: putting in never waits; what does not fit comes back and has been entered in the ledger.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

use tokio::time::Instant;
use watchroom_core::{Queue, Reason, queue};

use super::{Courier, Lane};
use crate::report::ProblemKind;
use crate::wire::Batch;

/// The queue of one signal.
#[derive(Debug)]
pub(crate) struct Intake<T> {
    lane: Arc<Lane>,
    queue: Queue<T>,
    n_batch: usize,
    /// Items that have gone in, ever: how far a flush wants the lane to be.
    n_entered: AtomicU64,
}

/// What a flush and a stop need of an intake, whatever is in it.
pub(crate) trait AnyIntake: Send + Sync {
    /// Takes no more.
    fn close(&self);
    /// Asks for everything that is in now; returns the count to wait for.
    fn ask(&self) -> u64;
    /// Drops what is left, for this reason. Only after the task has ended.
    fn abandon(&self, reason: Reason);
}

impl<T> Intake<T> {
    pub(crate) fn new(lane: Arc<Lane>, capacity: usize, n_batch: usize) -> Self {
        let queue = Queue::new(capacity);
        Self {
            lane,
            n_batch: n_batch.clamp(1, queue.capacity()),
            queue,
            n_entered: AtomicU64::new(0),
        }
    }

    pub(crate) const fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Puts an item in; one that does not fit comes back.
    pub(crate) fn push(&self, item: T) -> Option<T> {
        self.lane.accept(1);
        match self.queue.try_push(item) {
            Ok(len) => {
                self.n_entered.fetch_add(1, SeqCst);
                if len == self.n_batch {
                    self.lane.wake();
                }
                None
            }
            Err(queue::Rejected::Full(item)) => {
                self.lane.refuse(Reason::QueueFull, 1);
                Some(item)
            }
            Err(queue::Rejected::Closed(item)) => {
                self.lane.refuse(Reason::AfterShutdown, 1);
                Some(item)
            }
        }
    }

    /// Refuses an item before it is put in.
    pub(crate) fn refuse(&self, reason: Reason) {
        self.lane.accept(1);
        self.lane.refuse(reason, 1);
    }

    async fn wait_for_work(&self, delay: Duration) {
        let due = Instant::now() + delay;
        while !self.lane.is_stopping() && !self.lane.is_asked() && self.queue.len() < self.n_batch {
            if self.lane.sleep_until(due).await {
                break;
            }
        }
    }
}

impl<T: Send> AnyIntake for Intake<T> {
    fn close(&self) {
        self.queue.close();
    }

    fn ask(&self) -> u64 {
        let count = self.n_entered.load(SeqCst);
        self.lane.ask(count);
        count
    }

    fn abandon(&self, reason: Reason) {
        self.queue.close();
        let mut left = Vec::new();
        while self
            .queue
            .pop_batch(&mut left, usize::MAX, 1, Duration::ZERO)
            .is_ok()
        {}
        self.lane.refuse(reason, left.len() as u64);
        self.lane.abandon(reason);
    }
}

/// The task: takes batches out, encodes them, has them delivered; ends once the queue is closed and empty.
pub(crate) async fn drain<T>(
    intake: Arc<Intake<T>>,
    mut courier: Courier,
    resource: Arc<[u8]>,
    delay: Duration,
    max_request_bytes: usize,
    encode: impl Fn(T, &mut Batch),
) {
    let lane = Arc::clone(&intake.lane);
    let mut items = Vec::with_capacity(intake.n_batch);
    let mut batch = Batch::default();
    let mut n_full = lane.ledger().dropped(lane.signal(), Reason::QueueFull);
    loop {
        intake.wait_for_work(delay).await;
        loop {
            if intake
                .queue
                .pop_batch(&mut items, intake.n_batch, 1, Duration::ZERO)
                .is_err()
            {
                return;
            }
            let n = items.len() as u64;
            if n == 0 {
                break;
            }
            lane.take(n);
            items.drain(..).for_each(|item| encode(item, &mut batch));
            let requests: Vec<_> = batch.finish(&resource, max_request_bytes).collect();
            let n_too_large = batch.take_too_large();
            if n_too_large > 0 {
                lane.dropped(Reason::TooLarge, n_too_large);
                courier.raise(ProblemKind::TooLarge, n_too_large, || {
                    format!("the limit of a request is {max_request_bytes} bytes")
                });
            }
            for request in requests {
                courier.deliver(request).await;
            }
            lane.advance(n);
            let n_full_now = lane.ledger().dropped(lane.signal(), Reason::QueueFull);
            if n_full_now > n_full {
                courier.raise(ProblemKind::QueueFull, n_full_now - n_full, || {
                    format!("it holds {}", intake.queue.capacity())
                });
                n_full = n_full_now;
            }
            if !lane.is_stopping() && !lane.is_asked() && intake.queue.len() < intake.n_batch {
                break;
            }
        }
    }
}
