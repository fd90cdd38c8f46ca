//! A bounded queue from many producers to the thread of an exporter or a writer.
//!
//! Invariant: `try_push` never waits for room, `push_within` never longer than it is told; nothing runs under the lock but moves
//! of items. Not here: what happens to items that do not fit (the caller enters them in the ledger).

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::{Clock, Moment};

/// Why an item was not taken; the item comes back.
#[derive(Debug, thiserror::Error)]
pub enum Rejected<T> {
    /// There was no room.
    #[error("the queue is full")]
    Full(T),
    /// The queue has been closed.
    #[error("the queue is closed")]
    Closed(T),
}

/// The queue was closed and has been emptied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the queue is closed and empty")]
pub struct Closed;

/// A bounded queue of `T`.
///
/// ```
/// # use watchroom_core::Queue;
/// # use std::time::Duration;
/// let queue = Queue::new(2);
/// queue.try_push(1).unwrap();
/// let mut batch = Vec::new();
/// queue.pop_batch(&mut batch, 10, 1, Duration::ZERO).unwrap();
/// assert_eq!(batch, [1]);
/// ```
#[derive(Debug)]
pub struct Queue<T> {
    state: Mutex<State<T>>,
    not_empty: Condvar,
    not_full: Condvar,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
    /// Length at which the consumer wants to be woken; `usize::MAX` while it is not waiting.
    wake_at: usize,
    /// Set by [`Queue::wake`]: the consumer returns with what there is.
    nudged: bool,
    producers_waiting: usize,
    /// Places of items that have been taken out, but keep their places.
    held: usize,
}

impl<T> State<T> {
    fn n_taken(&self) -> usize {
        self.items.len() + self.held
    }
}

impl<T> Queue<T> {
    /// A queue with room for `capacity` items (at least one).
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            state: Mutex::new(State {
                items: VecDeque::new(),
                closed: false,
                wake_at: usize::MAX,
                nudged: false,
                producers_waiting: 0,
                held: 0,
            }),
            not_empty: Condvar::new(),
            not_full: Condvar::new(),
            capacity: capacity.max(1),
        }
    }

    /// Moves of items cannot leave the state half done, so a poisoned lock is taken as it is.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an item in, or gives it back at once. Returns the length after.
    ///
    /// # Errors
    /// [`Rejected::Full`] or [`Rejected::Closed`], with the item.
    pub fn try_push(&self, item: T) -> Result<usize, Rejected<T>> {
        self.try_push_beyond(item, 0)
    }

    /// As [`try_push`](Self::try_push), for an item that may also use a reserve of so many places beyond the capacity.
    ///
    /// # Errors
    /// [`Rejected::Full`] or [`Rejected::Closed`], with the item.
    pub fn try_push_beyond(&self, item: T, reserve: usize) -> Result<usize, Rejected<T>> {
        let state = self.lock();
        if state.closed {
            return Err(Rejected::Closed(item));
        }
        if state.n_taken() >= self.capacity.saturating_add(reserve) {
            return Err(Rejected::Full(item));
        }
        Ok(self.put(state, item))
    }

    /// Puts an item in, waiting for room at most `bound`.
    ///
    /// # Errors
    /// [`Rejected::Full`] after `bound`, or [`Rejected::Closed`], with the item.
    pub fn push_within(&self, item: T, bound: Duration) -> Result<usize, Rejected<T>> {
        let mut state = self.lock();
        if !state.closed && state.n_taken() >= self.capacity && !bound.is_zero() {
            state.producers_waiting += 1;
            state = self
                .not_full
                .wait_timeout_while(state, bound, |s| !s.closed && s.n_taken() >= self.capacity)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
            state.producers_waiting -= 1;
        }
        if state.closed {
            return Err(Rejected::Closed(item));
        }
        if state.n_taken() >= self.capacity {
            return Err(Rejected::Full(item));
        }
        Ok(self.put(state, item))
    }

    fn put(&self, mut state: MutexGuard<'_, State<T>>, item: T) -> usize {
        state.items.push_back(item);
        let len = state.items.len();
        let wake = len >= state.wake_at;
        drop(state);
        if wake {
            self.not_empty.notify_one();
        }
        len
    }

    /// Moves up to `max` items into `out`. Waits until there are `enough` of them, but not longer than `timeout`; then returns
    /// with what there is, perhaps nothing. Returns at once when the queue is closed or [woken](Self::wake).
    ///
    /// # Errors
    /// [`Closed`] once the queue is closed and empty.
    pub fn pop_batch(
        &self,
        out: &mut Vec<T>,
        max: usize,
        enough: usize,
        timeout: Duration,
    ) -> Result<(), Closed> {
        let enough = enough.clamp(1, self.capacity);
        let mut state = self.lock();
        if state.items.len() < enough && !state.closed && !state.nudged && !timeout.is_zero() {
            state.wake_at = enough;
            state = self
                .not_empty
                .wait_timeout_while(state, timeout, |s| {
                    s.items.len() < enough && !s.closed && !s.nudged
                })
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
            state.wake_at = usize::MAX;
        }
        state.nudged = false;
        if state.closed && state.items.is_empty() {
            return Err(Closed);
        }
        let n = state.items.len().min(max);
        out.extend(state.items.drain(..n));
        let wake_producers = state.producers_waiting > 0 && n > 0;
        drop(state);
        if wake_producers {
            self.not_full.notify_all();
        }
        Ok(())
    }

    /// Moves up to `max` items into `out`, whose places stay taken until they are [given back](Self::free_places): for a consumer that
    /// keeps items in a smaller form. Never waits.
    ///
    /// # Errors
    /// [`Closed`] once the queue is closed and empty.
    pub fn pop_holding(&self, out: &mut Vec<T>, max: usize) -> Result<(), Closed> {
        let mut state = self.lock();
        if state.closed && state.items.is_empty() {
            return Err(Closed);
        }
        let n = state.items.len().min(max);
        out.extend(state.items.drain(..n));
        state.held += n;
        Ok(())
    }

    /// Gives back places that [`pop_holding`](Self::pop_holding) has kept.
    pub fn free_places(&self, n: usize) {
        let mut state = self.lock();
        state.held = state.held.saturating_sub(n);
        let wake_producers = state.producers_waiting > 0;
        drop(state);
        if wake_producers {
            self.not_full.notify_all();
        }
    }

    /// Lets a waiting consumer return at once: used to flush and to shut down.
    pub fn wake(&self) {
        self.lock().nudged = true;
        self.not_empty.notify_all();
    }

    /// Takes no more items; what is in can still be popped.
    pub fn close(&self) {
        self.lock().closed = true;
        self.not_empty.notify_all();
        self.not_full.notify_all();
    }

    /// Items in the queue.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Whether the queue is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Room for how many items.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.capacity
    }

    /// Waits until the queue is empty, or until `deadline`. Whether it is empty.
    pub fn wait_empty(&self, clock: &Clock, deadline: Moment) -> bool {
        loop {
            if self.is_empty() {
                return true;
            }
            if clock.now() >= deadline {
                return false;
            }
            self.wake();
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn gives_the_item_back_when_full_or_closed() {
        let queue = Queue::new(1);
        assert_eq!(queue.try_push("a").unwrap(), 1);
        assert!(matches!(queue.try_push("b"), Err(Rejected::Full("b"))));
        assert!(matches!(
            queue.push_within("b", Duration::from_millis(1)),
            Err(Rejected::Full("b"))
        ));
        queue.close();
        assert!(matches!(queue.try_push("b"), Err(Rejected::Closed("b"))));
        let mut out = Vec::new();
        queue.pop_batch(&mut out, 10, 1, Duration::MAX).unwrap();
        assert_eq!(out, ["a"]);
        assert_eq!(queue.pop_batch(&mut out, 10, 1, Duration::MAX), Err(Closed));
    }

    #[test]
    fn items_that_are_held_keep_their_places() {
        let queue = Queue::new(2);
        let mut out = Vec::new();
        queue.try_push(1).unwrap();
        queue.pop_holding(&mut out, 10).unwrap();
        queue.try_push(2).unwrap();
        assert!(matches!(queue.try_push(3), Err(Rejected::Full(3))));
        queue.free_places(1);
        assert_eq!(queue.try_push(3).unwrap(), 2);
        queue.close();
        queue.pop_holding(&mut out, 10).unwrap();
        assert_eq!(out, [1, 2, 3]);
        assert_eq!(queue.pop_holding(&mut out, 10), Err(Closed));
    }

    #[test]
    fn keeps_the_order_and_hands_over_in_batches() {
        let queue = Queue::new(10);
        (0..10).for_each(|i| {
            queue.try_push(i).unwrap();
        });
        let mut out = Vec::new();
        queue.pop_batch(&mut out, 4, 1, Duration::ZERO).unwrap();
        assert_eq!(out, [0, 1, 2, 3]);
        assert_eq!(queue.len(), 6);
    }

    #[test]
    fn a_waiting_producer_gets_the_room_that_the_consumer_makes() {
        let queue = Arc::new(Queue::new(1));
        queue.try_push(1).unwrap();
        let producer = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || queue.push_within(2, Duration::from_secs(30)).is_ok()
        });
        let mut out = Vec::new();
        while out.len() < 2 {
            queue.pop_batch(&mut out, 1, 1, Duration::from_secs(30)).unwrap();
        }
        assert!(producer.join().unwrap());
        assert_eq!(out, [1, 2]);
    }

    #[test]
    fn wake_ends_a_wait_for_more() {
        let queue = Arc::new(Queue::new(10));
        queue.try_push(1).unwrap();
        let consumer = std::thread::spawn({
            let queue = Arc::clone(&queue);
            move || {
                let mut out = Vec::new();
                queue
                    .pop_batch(&mut out, 10, 10, Duration::from_secs(60))
                    .unwrap();
                out
            }
        });
        queue.wake();
        assert_eq!(consumer.join().unwrap(), [1]);
    }
}
