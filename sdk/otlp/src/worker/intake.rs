//! The bounded queue in front of a signal's task, and the task's loop.
//!
//! Invariant: putting in never waits; what does not fit comes back and has been entered in the ledger. While the collector is busy, no
//! more than a batch of spans waits as it came in; the rest is encoded or on disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::time::Duration;

use tokio::time::Instant;
use watchroom_core::{Queue, Reason, queue};

use super::backlog::{Backlog, Parcel};
use super::{Courier, Lane};
use crate::report::ProblemKind;
use crate::wire::{Batch, Request};

/// The queue of one signal.
#[derive(Debug)]
pub(crate) struct Intake<T> {
    lane: Arc<Lane>,
    queue: Queue<T>,
    n_batch: usize,
    /// Length at which the queue is relieved to disk, if there is one and the collector is busy, and at which items are to be made
    /// smaller before they are put in.
    n_pressing: usize,
    /// Whether the last to come found it that long, but not full.
    is_backed_up: AtomicBool,
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
        let n_batch = n_batch.clamp(1, queue.capacity());
        Self {
            lane,
            n_batch,
            n_pressing: n_batch.max(queue.capacity() / 2),
            queue,
            is_backed_up: AtomicBool::new(false),
            n_entered: AtomicU64::new(0),
        }
    }

    pub(crate) const fn lane(&self) -> &Arc<Lane> {
        &self.lane
    }

    /// Whether many items wait, and there may be room for another.
    pub(crate) fn is_backed_up(&self) -> bool {
        self.is_backed_up.load(Relaxed)
    }

    fn set_backed_up(&self, now: bool) {
        // Written only when it changes, since all producers read it.
        if self.is_backed_up.load(Relaxed) != now {
            self.is_backed_up.store(now, Relaxed);
        }
    }

    /// Puts an item in; one that does not fit comes back.
    pub(crate) fn push(&self, item: T) -> Option<T> {
        self.push_beyond(item, 0)
    }

    /// As `push`, for an item that may also use a reserve of so many places.
    pub(crate) fn push_beyond(&self, item: T, reserve: usize) -> Option<T> {
        self.lane.accept(1);
        match self.queue.try_push_beyond(item, reserve) {
            Ok(len) => {
                self.n_entered.fetch_add(1, SeqCst);
                self.set_backed_up(len >= self.n_pressing);
                if len == self.n_batch || len == self.n_pressing {
                    self.lane.wake();
                }
                None
            }
            Err(queue::Rejected::Full(item)) => {
                self.set_backed_up(false);
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

    /// Waits until there is a batch, or until it is time for what there is, or for another attempt for what is in the spool.
    async fn wait_for_work(&self, delay: Duration, retry_due: Option<Instant>) {
        let due = Instant::now() + delay;
        let due = retry_due.map_or(due, |retry| retry.min(due));
        while !self.is_in_demand() && self.queue.len() < self.n_batch {
            if self.lane.sleep_until(due).await {
                break;
            }
        }
    }

    fn is_in_demand(&self) -> bool {
        self.lane.is_stopping() || self.lane.is_asked() || self.lane.is_round_asked()
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
pub(crate) async fn drain<T: Send>(
    intake: Arc<Intake<T>>,
    mut courier: Courier,
    resource: Arc<[u8]>,
    delay: Duration,
    max_request_bytes: usize,
    encodes_early: bool,
    encode: impl Fn(T, &mut Batch) + Send,
) {
    let lane = Arc::clone(&intake.lane);
    let mut packer = Packer {
        n_full: lane.ledger().dropped(lane.signal(), Reason::QueueFull),
        items: Vec::new(),
        batch: Batch::default(),
        packed: VecDeque::new(),
        intake,
        resource,
        max_request_bytes,
        encodes_early,
        encode,
    };
    courier.backlog().adopt(true);
    loop {
        packer.intake.wait_for_work(delay, courier.retry_due()).await;
        let round = lane.round_asked();
        courier.backlog().adopt(lane.is_round_asked());
        let has_ended = packer.send(&mut courier).await;
        let hurried = has_ended || lane.is_round_asked();
        while courier
            .forward(hurried, &mut |backlog| packer.relieve(backlog))
            .await
        {
            packer.relieve(courier.backlog());
        }
        lane.finish_round(round);
        if has_ended {
            return;
        }
    }
}

/// Makes requests of what is in the queue.
struct Packer<T, E> {
    intake: Arc<Intake<T>>,
    items: Vec<T>,
    batch: Batch,
    /// Batches that are encoded and wait for their turn; they keep their places in the queue.
    packed: VecDeque<Packed>,
    resource: Arc<[u8]>,
    max_request_bytes: usize,
    /// Whether an encoded item is much smaller than it was before.
    encodes_early: bool,
    encode: E,
    /// Units that the queue had no room for, as far as they have been reported.
    n_full: u64,
}

/// A batch out of the queue.
struct Packed {
    n_items: usize,
    requests: Vec<Request>,
}

impl<T, E> Packer<T, E>
where
    T: Send,
    E: Fn(T, &mut Batch) + Send,
{
    /// Has what waits delivered, batch by batch. Whether the queue is closed and empty.
    async fn send(&mut self, courier: &mut Courier) -> bool {
        let lane = Arc::clone(&self.intake.lane);
        loop {
            let Some((n, requests)) = self.next(courier.backlog()) else {
                return true;
            };
            courier
                .deliver(requests, &mut |backlog| self.relieve(backlog))
                .await;
            lane.advance(n);
            self.report_full(courier.backlog());
            let is_pressed = lane.is_stopping() || lane.is_asked() || !self.packed.is_empty();
            if n == 0 || (!is_pressed && self.intake.queue.len() < self.intake.n_batch) {
                return false;
            }
        }
    }

    /// Relieves the queue while the collector is busy: to disk if there is one, of everything once the exporter is stopping; else by
    /// encoding what waits, where that makes it a fraction of its size.
    fn relieve(&mut self, backlog: &mut Backlog) {
        if backlog.has_spool() {
            return self.spool(backlog);
        }
        while self.encodes_early && self.intake.queue.len() >= self.intake.n_batch {
            let Some(packed) = self.pack(backlog) else {
                return;
            };
            self.packed.push_back(packed);
        }
    }

    fn spool(&mut self, backlog: &mut Backlog) {
        let is_pressing =
            |intake: &Intake<T>| intake.queue.len() >= intake.n_pressing || intake.lane.is_stopping();
        while is_pressing(&self.intake) {
            let Some((n, requests)) = self.next(backlog) else {
                return;
            };
            for Request { body, n_units } in requests {
                let body = body.into();
                backlog.put_last(&Parcel { body, n_units });
            }
            self.intake.lane.advance(n);
            if n == 0 {
                return;
            }
        }
    }

    /// Takes the next batch in hand: the items that were in it and their requests. `None` once the queue is closed and empty.
    fn next(&mut self, backlog: &mut Backlog) -> Option<(u64, Vec<Request>)> {
        let packed = self.packed.pop_front().or_else(|| self.pack(backlog))?;
        self.intake.queue.free_places(packed.n_items);
        Some((packed.n_items as u64, packed.requests))
    }

    /// Takes a batch out of the queue, in which it keeps its places, and encodes it. `None` once the queue is closed and empty.
    fn pack(&mut self, backlog: &mut Backlog) -> Option<Packed> {
        let Self {
            intake, items, batch, ..
        } = self;
        intake.queue.pop_holding(items, intake.n_batch).ok()?;
        let n_items = items.len();
        intake.lane.take(n_items as u64);
        items.drain(..).for_each(|item| (self.encode)(item, batch));
        let max = self.max_request_bytes;
        let requests = batch.finish(&self.resource, max).collect();
        let n_too_large = batch.take_too_large();
        if n_too_large > 0 {
            intake.lane.dropped(Reason::TooLarge, n_too_large);
            backlog.raise(ProblemKind::TooLarge, n_too_large, || {
                format!("the limit of a request is {max} bytes")
            });
        }
        Some(Packed { n_items, requests })
    }

    fn report_full(&mut self, backlog: &mut Backlog) {
        let lane = &self.intake.lane;
        let n_full = lane.ledger().dropped(lane.signal(), Reason::QueueFull);
        if n_full > self.n_full {
            backlog.raise(ProblemKind::QueueFull, n_full - self.n_full, || {
                format!("it holds {}", self.intake.queue.capacity())
            });
            self.n_full = n_full;
        }
    }
}
