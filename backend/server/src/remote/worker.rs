//! Empties a queue into its store.
//!
//! Invariant: what is taken off the queue was taken by the store or is counted as dropped.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;

use super::queue::Item;
use super::send::Sent;
use super::split;
use super::stores::Remote;
use crate::state::stopped;

/// Most bytes of one request, before compression, unless a single item has more.
const MAX_REQUEST: usize = 1 << 20;
/// Shortest and longest pause after a failure.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// Longest pause that a store can ask for.
const MAX_ASKED: Duration = Duration::from_secs(60);
/// Most requests that are spent on finding what of a refused one is wrong.
const MAX_PIECES: usize = 128;

/// What a request came to after every retry.
enum Settled {
    Taken,
    Refused {
        reason: String,
        divisible: bool,
    },
    /// The server stops, and the store does not take it.
    Stopped,
}

/// Sends what comes until the server stops and the queue is empty or the store does not answer.
pub(super) async fn run(remote: Arc<Remote>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = remote.queue.wait() => {}
            () = stopped(&mut stop) => {}
        }
        let mut items = remote.queue.peek(MAX_REQUEST);
        if !remote.writer.form.is_mergeable() {
            items.truncate(1);
        }
        if items.is_empty() {
            if *stop.borrow() {
                return;
            }
            continue;
        }
        let request = merge(&items);
        let n: usize = items.iter().map(|item| item.n).sum();
        match settle(&remote, &request, n, &mut stop).await {
            Settled::Taken => {}
            Settled::Refused { reason, divisible } => {
                if !find_fault(&remote, request, n, reason, divisible, &mut stop).await {
                    return;
                }
            }
            Settled::Stopped => return,
        }
        remote.queue.pop(items.len());
        remote.spool.gone(*remote.queue.left().borrow());
    }
}

fn merge(items: &[Item]) -> Bytes {
    match items {
        [one] => one.bytes.clone(),
        many => {
            let mut all = BytesMut::with_capacity(many.iter().map(|item| item.bytes.len()).sum());
            many.iter().for_each(|item| all.extend_from_slice(&item.bytes));
            all.freeze()
        }
    }
}

/// Sends until the store has taken or refused it.
async fn settle(remote: &Remote, request: &Bytes, n: usize, stop: &mut watch::Receiver<bool>) -> Settled {
    let counters = &remote.counters;
    let mut pause = PAUSES.0;
    loop {
        counters.requests.add(1);
        match remote.writer.send(request).await {
            Sent::Taken { refused, reason } => {
                remote.health.wrote(remote, Ok(()));
                let refused = refused.min(n);
                counters.sent.add((n - refused) as u64);
                if refused > 0 {
                    counters.refused.add(refused as u64);
                    tracing::warn!(
                        store = remote.name(),
                        refused,
                        reason,
                        "remote store refused a part of what it was sent"
                    );
                }
                return Settled::Taken;
            }
            Sent::Refused { reason, divisible } => {
                // The store works; it is what was sent that is not good.
                remote.health.wrote(remote, Ok(()));
                return Settled::Refused { reason, divisible };
            }
            Sent::Later { reason, after } => {
                counters.retries.add(1);
                remote.health.wrote(remote, Err(reason));
                if *stop.borrow() {
                    return Settled::Stopped;
                }
                let wait = after.map_or(pause, |asked| asked.clamp(pause, MAX_ASKED));
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    // Once more, and then no more.
                    () = stopped(stop) => {}
                }
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    }
}

/// Cuts a refused request into halves until what is wrong stands alone, and drops that. Tells whether it came to an end.
async fn find_fault(
    remote: &Remote,
    request: Bytes,
    n: usize,
    reason: String,
    divisible: bool,
    stop: &mut watch::Receiver<bool>,
) -> bool {
    let mut budget = MAX_PIECES;
    // Pieces that are known to be refused, and those that have yet to be sent; the earliest last.
    let mut pieces = vec![(request, n, Some((reason, divisible)))];
    while let Some((piece, n, refused)) = pieces.pop() {
        let (reason, divisible) = match refused {
            Some(refused) => refused,
            None => match settle(remote, &piece, n, stop).await {
                Settled::Taken => continue,
                Settled::Refused { reason, divisible } => (reason, divisible),
                Settled::Stopped => return false,
            },
        };
        let halves = (divisible && budget >= 2)
            .then(|| split::halves(&piece))
            .flatten();
        match halves {
            Some((first, second)) => {
                budget -= 2;
                for half in [second, first] {
                    let n = split::count(remote.signal, &half);
                    pieces.push((half, n, None));
                }
            }
            None => {
                remote.counters.refused.add(n as u64);
                tracing::warn!(
                    store = remote.name(),
                    dropped = n,
                    reason,
                    "remote store refused what it was sent"
                );
            }
        }
    }
    true
}
