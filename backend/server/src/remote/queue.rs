//! What a remote store has not taken yet.
//!
//! Invariant: no more bytes than the limit are held; what is being sent counts until it was taken; items leave in the order in which they
//! came.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use tokio::sync::{Notify, watch};

use crate::state::lock;

/// Memory of an item besides its bytes.
const OVERHEAD: usize = 64;

/// A bounded queue of encoded requests.
#[derive(Debug)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    limit: usize,
    more: Notify,
    /// Number of the last item that left.
    left: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Inner {
    items: VecDeque<Item>,
    bytes: usize,
    /// Samples, spans or lines of all items.
    n: usize,
    /// Number of the last item that came.
    last: u64,
}

/// An encoded request.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Protobuf, not compressed.
    pub(super) bytes: Bytes,
    /// Samples, spans or lines.
    pub(super) n: usize,
}

/// There is no room at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full {
    pub(super) bytes: usize,
    pub(super) limit: usize,
}

/// How full a queue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) bytes: usize,
    pub(super) limit: usize,
    pub(super) n: usize,
}

impl Queue {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            inner: Mutex::default(),
            limit,
            more: Notify::new(),
            left: watch::Sender::new(0),
        }
    }

    /// Puts an item at the end and gives it a number. One that is larger than the whole queue is let into an empty one.
    pub(super) fn push(&self, item: Item) -> Result<u64, Full> {
        let size = item.bytes.len() + OVERHEAD;
        let mut inner = lock(&self.inner);
        if inner.bytes + size > self.limit && !inner.items.is_empty() {
            return Err(Full {
                bytes: inner.bytes,
                limit: self.limit,
            });
        }
        inner.bytes += size;
        inner.n += item.n;
        inner.last += 1;
        inner.items.push_back(item);
        let number = inner.last;
        drop(inner);
        self.more.notify_one();
        Ok(number)
    }

    /// The oldest items, up to so many bytes or one; they stay until [`Queue::pop`].
    pub(super) fn peek(&self, max_bytes: usize) -> Vec<Item> {
        let inner = lock(&self.inner);
        let mut sum = 0;
        let fitting = inner.items.iter().enumerate().take_while(|(i, item)| {
            sum += item.bytes.len();
            *i == 0 || sum <= max_bytes
        });
        fitting.map(|(_, item)| item.clone()).collect()
    }

    /// Lets the oldest items go.
    pub(super) fn pop(&self, n_items: usize) {
        let mut inner = lock(&self.inner);
        let n_items = n_items.min(inner.items.len());
        for item in inner.items.drain(..n_items).collect::<Vec<_>>() {
            inner.bytes -= item.bytes.len() + OVERHEAD;
            inner.n -= item.n;
        }
        let left = inner.last - inner.items.len() as u64;
        drop(inner);
        self.left.send_replace(left);
    }

    /// Ready once there may be something in it.
    pub(super) async fn wait(&self) {
        if lock(&self.inner).items.is_empty() {
            self.more.notified().await;
        }
    }

    /// Follows the number of the last item that left.
    pub(super) fn left(&self) -> watch::Receiver<u64> {
        self.left.subscribe()
    }

    pub(super) fn level(&self) -> Level {
        let inner = lock(&self.inner);
        Level {
            bytes: inner.bytes,
            limit: self.limit,
            n: inner.n,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(size: usize) -> Item {
        Item {
            bytes: Bytes::from(vec![0; size]),
            n: 2,
        }
    }

    #[test]
    fn is_bounded_and_counts_what_is_being_sent() {
        let queue = Queue::new(1_000);
        assert_eq!(queue.push(item(300)), Ok(1));
        assert_eq!(queue.push(item(300)), Ok(2));
        assert!(queue.push(item(300)).is_err());
        assert_eq!(queue.peek(10).len(), 1);
        assert_eq!(queue.peek(600).len(), 2);
        assert_eq!((queue.level().n, queue.level().bytes), (4, 728));
        assert!(queue.push(item(300)).is_err());
        let left = queue.left();
        queue.pop(1);
        assert_eq!(*left.borrow(), 1);
        assert_eq!(queue.push(item(300)), Ok(3));
        queue.pop(5);
        assert_eq!((*left.borrow(), queue.level().n, queue.level().bytes), (3, 0, 0));
    }

    #[test]
    fn what_is_larger_than_the_queue_comes_in_alone() {
        let queue = Queue::new(100);
        assert!(queue.push(item(500)).is_ok());
        assert!(queue.push(item(1)).is_err());
    }
}
