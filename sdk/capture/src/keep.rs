//! Keeping what the head sampler left out and turned out to be worth it: traces whose local root failed or was slow.
//!
//! Spans of an unsampled trace are held when they close, until the trace's local roots have closed too. Then all are exported as sampled
//! ones, or all go. What was decided for is remembered for a while, for children that close after their root; those of a trace that was
//! not kept are simply not sampled.
//!
//! Invariant: held memory never exceeds [`KeepRules::max_bytes`], held traces never [`KeepRules::max_traces`]; beyond either the oldest
//! trace goes, counted by spans. The locks are held for moves of pointers, never while a span is exported.
//! Not here: the exporter; services elsewhere, each of which keeps its own part of the trace by its own local root.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use watchroom_core::{Moment, TraceId};

use crate::{SpanRecord, Status};

mod shard;

use shard::Shard;

/// What is kept though the head sampler said no, and what the question may cost.
///
/// Memory: `max_bytes` bounds the held records with all their buffers and the book-keeping of traces that are open; what is remembered of
/// kept traces comes on top with 100 bytes a trace, `max_traces` at most. A usual span of five
/// short fields takes some 700 bytes. The buffer has up to four parts, a trace belongs to one: so much of it, a quarter, can one trace take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepRules {
    /// A root that lasts this long or longer is slow.
    pub slow: Duration,
    /// Bytes that held spans may take.
    pub max_bytes: usize,
    /// Traces that may be open at once.
    pub max_traces: usize,
    /// For how long a kept trace is remembered for spans that close after its root.
    pub late: Duration,
}

impl Default for KeepRules {
    fn default() -> Self {
        Self {
            slow: Duration::from_secs(1),
            max_bytes: 8 << 20,
            max_traces: 4_096,
            late: Duration::from_secs(30),
        }
    }
}

/// What is held at present.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Held {
    /// Traces whose local root is open.
    pub traces: usize,
    /// Spans that wait for it.
    pub spans: usize,
    /// Their memory and that of the book-keeping.
    pub bytes: usize,
}

pub(crate) type Records = Vec<Box<SpanRecord>>;

/// What comes of a span that closed.
#[derive(Debug, Default)]
pub(crate) struct Closed {
    /// To be exported, in the order in which they closed.
    pub(crate) kept: Records,
    /// Not worth it.
    pub(crate) dropped: Records,
    /// Undecided ones that had to go.
    pub(crate) evicted: Records,
}

/// Shards have this much memory at least, so that a small bound is one buffer.
const SHARD_BYTES: usize = 1 << 20;
const MAX_SHARDS: usize = 4;

/// The buffer.
#[derive(Debug)]
pub(crate) struct Keep {
    slow_ns: u64,
    shards: Box<[Mutex<Shard>]>,
    /// Set when the end has come: then nothing is held.
    n_closed: AtomicUsize,
}

/// Whether a span is the first of its trace in this process.
pub(crate) const fn is_local_root(record: &SpanRecord) -> bool {
    record.in_trace && (record.parent.is_none() || record.parent_remote)
}

impl Keep {
    pub(crate) fn new(rules: KeepRules) -> Self {
        let n_shards = (rules.max_bytes / SHARD_BYTES)
            .clamp(1, MAX_SHARDS)
            .min(rules.max_traces.max(1));
        let shard = || Mutex::new(Shard::new(rules, n_shards));
        Self {
            slow_ns: u64::try_from(rules.slow.as_nanos()).unwrap_or(u64::MAX),
            shards: (0..n_shards).map(|_| shard()).collect(),
            n_closed: AtomicUsize::new(0),
        }
    }

    fn shard(&self, trace: TraceId) -> Option<&Mutex<Shard>> {
        // The upper half, since ids whose lower half decides on sampling are not all here.
        let hash = (trace.get() >> 64) as u64 ^ (trace.get() as u64).rotate_left(17);
        self.shards.get((hash % self.shards.len() as u64) as usize)
    }

    fn with<R: Default>(&self, trace: TraceId, f: impl FnOnce(&mut Shard) -> R) -> R {
        let Some(shard) = self.shard(trace) else {
            return R::default();
        };
        if self.n_closed.load(Relaxed) != 0 {
            return R::default();
        }
        // A panic under the lock is a defect of ours; what it leaves is still bounded.
        f(&mut shard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A local root has been made. Returns what had to go for it.
    #[must_use]
    pub(crate) fn open(&self, trace: TraceId, now: Moment) -> Records {
        self.with(trace, |shard| shard.open(trace, now))
    }

    /// A local root has become something else before anybody saw it.
    pub(crate) fn cancel(&self, trace: TraceId) {
        self.with(trace, |shard| shard.cancel(trace));
    }

    /// A span has closed.
    #[must_use]
    pub(crate) fn close(&self, mut record: Box<SpanRecord>, now: Moment) -> Closed {
        if self.n_closed.load(Relaxed) != 0 {
            return Closed {
                evicted: vec![record],
                ..Closed::default()
            };
        }
        // It has gone where it had to.
        record.baggage = crate::Baggage::EMPTY;
        let is_root = is_local_root(&record);
        let is_worth_it = is_root && (record.status == Status::Error || record.duration_ns >= self.slow_ns);
        self.with(record.context.trace_id, |shard| {
            shard.close(record, is_root, is_worth_it, now)
        })
    }

    /// Gives up what is held and holds nothing any more.
    #[must_use]
    pub(crate) fn end(&self) -> Records {
        self.n_closed.store(1, Relaxed);
        let lock = |shard: &Mutex<Shard>| shard.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.shards.iter().flat_map(lock).collect()
    }

    pub(crate) fn held(&self) -> Held {
        self.shards.iter().fold(Held::default(), |sum, shard| {
            let held = shard.lock().unwrap_or_else(PoisonError::into_inner).held();
            Held {
                traces: sum.traces + held.traces,
                spans: sum.spans + held.spans,
                bytes: sum.bytes + held.bytes,
            }
        })
    }
}
