//! What a signal's task shares with the threads that feed it and with those that wait for a flush.
//!
//! Invariant: each unit that is accepted leaves exactly once, as delivered, as dropped for one reason, or to disk; the ledger is right at any
//! time at which nothing is under way.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};
use watchroom_core::{Clock, Ledger, Reason, Signal};

/// The state of one signal.
#[derive(Debug)]
pub(crate) struct Lane {
    signal: Signal,
    ledger: Arc<Ledger>,
    clock: Clock,
    progress: Arc<Progress>,
    wake: Notify,
    stopping: AtomicBool,
    /// A flush asks not to wait out a pause of our own making.
    hurry: AtomicBool,
    /// How far a flush wants it to be, and how far it is; what is counted is up to the signal.
    asked: AtomicU64,
    reached: AtomicU64,
    /// Rounds that flushes ask for, and those done: with a spool, what is in it is tried once in each.
    rounds_asked: AtomicU64,
    rounds_done: AtomicU64,
    /// Units taken out of the queue and not yet delivered, dropped or spooled.
    in_flight: AtomicU64,
    has_spool: bool,
    /// Once stopping: when the last attempt ends, so that there is time to spool what is left.
    deadline: OnceLock<Instant>,
}

/// What happens to a task that waits for its collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// There is something to look at.
    Woken,
    /// The time of a shutdown has run out.
    Deadline,
}

impl Lane {
    pub(crate) fn new(
        signal: Signal,
        ledger: Arc<Ledger>,
        clock: Clock,
        progress: Arc<Progress>,
        has_spool: bool,
    ) -> Self {
        Self {
            signal,
            ledger,
            clock,
            progress,
            wake: Notify::new(),
            stopping: AtomicBool::new(false),
            hurry: AtomicBool::new(false),
            asked: AtomicU64::new(0),
            reached: AtomicU64::new(0),
            rounds_asked: AtomicU64::new(0),
            rounds_done: AtomicU64::new(0),
            in_flight: AtomicU64::new(0),
            has_spool,
            deadline: OnceLock::new(),
        }
    }

    pub(crate) const fn signal(&self) -> Signal {
        self.signal
    }

    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    pub(crate) const fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Enters units that have come in.
    pub(super) fn accept(&self, n: u64) {
        self.ledger.accept(self.signal, n);
        self.ledger.enter_queue(self.signal, n);
    }

    /// Enters units that left without having been taken out of the queue by the task.
    pub(super) fn refuse(&self, reason: Reason, n: u64) {
        self.ledger.leave_queue(self.signal, n);
        self.ledger.enter_dropped(self.signal, reason, n);
    }

    /// Enters that the task holds units.
    pub(super) fn take(&self, n: u64) {
        self.in_flight.fetch_add(n, SeqCst);
    }

    /// Enters units in the task's hands as delivered.
    pub(super) fn delivered(&self, n: u64) {
        self.in_flight.fetch_sub(n, SeqCst);
        self.ledger.leave_queue(self.signal, n);
        self.ledger.deliver(self.signal, n);
    }

    /// Enters units in the task's hands as dropped.
    pub(super) fn dropped(&self, reason: Reason, n: u64) {
        self.in_flight.fetch_sub(n, SeqCst);
        self.refuse(reason, n);
    }

    /// Enters units in the task's hands as waiting on disk.
    pub(super) fn spooled(&self, n: u64) {
        self.in_flight.fetch_sub(n, SeqCst);
        self.ledger.leave_queue(self.signal, n);
        self.ledger.enter_spool(self.signal, n);
    }

    /// Enters units that waited on disk as being in the task's hands.
    pub(super) fn unspooled(&self, n: u64) {
        self.ledger.leave_spool(self.signal, n);
        self.ledger.enter_queue(self.signal, n);
        self.take(n);
    }

    /// Enters units that waited on disk as dropped.
    pub(super) fn lost_from_spool(&self, reason: Reason, n: u64) {
        self.ledger.leave_spool(self.signal, n);
        self.ledger.enter_dropped(self.signal, reason, n);
    }

    /// Enters units that another process has left on disk.
    pub(super) fn adopt(&self, n: u64) {
        self.ledger.accept(self.signal, n);
        self.ledger.enter_spool(self.signal, n);
    }

    /// Enters what the task held when it was ended.
    pub(super) fn abandon(&self, reason: Reason) {
        self.refuse(reason, self.in_flight.swap(0, SeqCst));
    }

    /// Asks the task to reach a count; [`has_reached`](Self::has_reached) tells when it has.
    pub(crate) fn ask(&self, count: u64) {
        self.asked.fetch_max(count, SeqCst);
        if !self.has_reached(count) {
            self.hurry.store(true, SeqCst);
            self.wake.notify_one();
        }
    }

    /// Asks for one more than was asked for before; returns the count to wait for.
    pub(crate) fn ask_once_more(&self) -> u64 {
        let count = self.asked.fetch_add(1, SeqCst) + 1;
        self.hurry.store(true, SeqCst);
        self.wake.notify_one();
        count
    }

    /// Asks for another attempt for what is in the spool, if there is one; returns the round to wait for.
    pub(crate) fn ask_round(&self) -> u64 {
        if !self.has_spool {
            return 0;
        }
        let round = self.rounds_asked.fetch_add(1, SeqCst) + 1;
        self.wake.notify_one();
        round
    }

    pub(super) fn is_round_asked(&self) -> bool {
        self.rounds_done.load(SeqCst) < self.rounds_asked.load(SeqCst)
    }

    pub(super) fn round_asked(&self) -> u64 {
        self.rounds_asked.load(SeqCst)
    }

    pub(super) fn finish_round(&self, round: u64) {
        if self.rounds_done.fetch_max(round, SeqCst) < round {
            self.progress.announce();
        }
    }

    pub(crate) fn has_done(&self, round: u64) -> bool {
        self.rounds_done.load(SeqCst) >= round
    }

    pub(crate) fn has_reached(&self, count: u64) -> bool {
        self.reached.load(SeqCst) >= count
    }

    pub(super) fn is_asked(&self) -> bool {
        self.reached.load(SeqCst) < self.asked.load(SeqCst)
    }

    pub(super) fn asked(&self) -> u64 {
        self.asked.load(SeqCst)
    }

    pub(super) fn reach(&self, count: u64) {
        self.reached.fetch_max(count, SeqCst);
        self.progress.announce();
    }

    pub(super) fn advance(&self, n: u64) {
        self.reached.fetch_add(n, SeqCst);
        self.progress.announce();
    }

    /// Lets the task deliver what there is and end. With a spool no attempt lasts beyond `deadline`.
    pub(super) fn stop(&self, deadline: Instant) {
        if self.has_spool {
            let _ = self.deadline.set(deadline);
        }
        self.stopping.store(true, SeqCst);
        self.hurry.store(true, SeqCst);
        self.wake.notify_one();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.stopping.load(SeqCst)
    }

    pub(super) const fn has_spool(&self) -> bool {
        self.has_spool
    }

    pub(super) fn is_past_deadline(&self) -> bool {
        self.deadline
            .get()
            .is_some_and(|deadline| *deadline <= Instant::now())
    }

    /// Waits until something happens that concerns a task which waits for its collector.
    pub(super) async fn event(&self) -> Event {
        match self.deadline.get() {
            Some(deadline) if self.sleep_until(*deadline).await => Event::Deadline,
            Some(_) => Event::Woken,
            None => {
                self.wake.notified().await;
                Event::Woken
            }
        }
    }

    pub(super) fn take_hurry(&self) -> bool {
        self.hurry.swap(false, SeqCst)
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Waits until it is woken, or until a moment. Whether that moment has come.
    pub(super) async fn sleep_until(&self, moment: Instant) -> bool {
        timeout_at(moment, self.wake.notified()).await.is_err()
    }
}

/// Lets threads wait for the tasks.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    finished: Mutex<bool>,
    changed: Condvar,
}

impl Progress {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.finished.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn announce(&self) {
        // Whoever looked before the change is waiting once the lock is free.
        drop(self.lock());
        self.changed.notify_all();
    }

    /// Says that the thread has ended, or is about to.
    pub(super) fn finish(&self) {
        *self.lock() = true;
        self.changed.notify_all();
    }

    pub(crate) fn is_finished(&self) -> bool {
        *self.lock()
    }

    /// Waits until `done` or until the thread has ended, but not longer than `timeout`. Whether it came to that.
    pub(crate) fn wait(&self, timeout: Duration, done: impl Fn() -> bool) -> bool {
        let waited = self
            .changed
            .wait_timeout_while(self.lock(), timeout, |finished| !*finished && !done());
        let (finished, result) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(finished);
        !result.timed_out()
    }
}
