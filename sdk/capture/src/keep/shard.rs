//! One part of the buffer: the traces of some ids.
//!
//! Invariant: `bytes` is the sum over the traces, and never above `max_bytes`. Not here: which part a trace belongs to.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use watchroom_core::{Moment, TraceId};

use super::{Closed, Held, KeepRules, Records};
use crate::SpanRecord;

/// What the book-keeping of an open trace takes: its entries in the map and in the order of age, with the room that both leave free.
const TRACE_BYTES: usize = 256;

/// A trace with an open local root.
#[derive(Debug)]
struct Trace {
    /// Tells it from an earlier one with the same id.
    number: u64,
    n_roots: u32,
    /// One of its roots was worth it: nothing is held any more.
    is_kept: bool,
    spans: Records,
    bytes: usize,
}

#[derive(Debug)]
pub(super) struct Shard {
    max_bytes: usize,
    max_traces: usize,
    late: Duration,
    traces: HashMap<TraceId, Trace>,
    /// Open traces by age; some are closed by now.
    by_age: VecDeque<(TraceId, u64)>,
    next_number: u64,
    bytes: usize,
    /// Kept traces, and until when they are remembered.
    kept: HashMap<TraceId, Moment>,
    kept_by_age: VecDeque<(TraceId, Moment)>,
}

impl Shard {
    pub(super) fn new(rules: KeepRules, n_shards: usize) -> Self {
        Self {
            max_bytes: rules.max_bytes / n_shards,
            max_traces: (rules.max_traces / n_shards).max(1),
            late: rules.late,
            traces: HashMap::new(),
            by_age: VecDeque::new(),
            next_number: 0,
            bytes: 0,
            kept: HashMap::new(),
            kept_by_age: VecDeque::new(),
        }
    }

    pub(super) fn open(&mut self, id: TraceId, now: Moment) -> Records {
        if let Some(trace) = self.traces.get_mut(&id) {
            trace.n_roots = trace.n_roots.saturating_add(1);
            return Records::new();
        }
        let mut evicted = Records::new();
        while self.traces.len() >= self.max_traces || self.bytes + TRACE_BYTES > self.max_bytes {
            if !self.evict(None, now, &mut evicted) {
                return evicted;
            }
        }
        let number = self.next_number;
        self.next_number += 1;
        let trace = Trace {
            number,
            n_roots: 1,
            is_kept: self.is_remembered(id, now),
            spans: Records::new(),
            bytes: TRACE_BYTES,
        };
        self.bytes += TRACE_BYTES;
        self.traces.insert(id, trace);
        self.by_age.push_back((id, number));
        if self.by_age.len() > 2 * self.traces.len() + 64 {
            let traces = &self.traces;
            self.by_age
                .retain(|(id, number)| traces.get(id).is_some_and(|trace| trace.number == *number));
        }
        evicted
    }

    pub(super) fn cancel(&mut self, id: TraceId) {
        let Some(trace) = self.traces.get_mut(&id) else {
            return;
        };
        trace.n_roots = trace.n_roots.saturating_sub(1);
        if trace.n_roots == 0 && trace.spans.is_empty() {
            self.remove(id);
        }
    }

    pub(super) fn close(
        &mut self,
        record: Box<SpanRecord>,
        is_root: bool,
        is_worth_it: bool,
        now: Moment,
    ) -> Closed {
        let id = record.context.trace_id;
        let mut closed = Closed::default();
        let Some(trace) = self.traces.get_mut(&id) else {
            // The root has closed, or the trace was evicted: then the root is judged alone.
            if is_worth_it {
                self.remember(id, now);
                closed.kept.push(record);
            } else if self.is_remembered(id, now) {
                closed.kept.push(record);
            } else {
                closed.dropped.push(record);
            }
            return closed;
        };
        trace.is_kept |= is_worth_it;
        if is_root {
            trace.n_roots = trace.n_roots.saturating_sub(1);
        }
        let is_over = is_root && trace.n_roots == 0;
        if trace.is_kept {
            closed.kept = std::mem::take(&mut trace.spans);
            closed.kept.push(record);
            self.bytes -= trace.bytes - TRACE_BYTES;
            trace.bytes = TRACE_BYTES;
            if is_over {
                self.remove(id);
                self.remember(id, now);
            }
        } else if is_over {
            closed.dropped = self.remove(id);
            closed.dropped.push(record);
        } else {
            self.hold(record, now, &mut closed);
        }
        closed
    }

    fn hold(&mut self, record: Box<SpanRecord>, now: Moment, closed: &mut Closed) {
        let id = record.context.trace_id;
        let bytes = record.memory() + size_of::<Box<SpanRecord>>() * 2;
        if TRACE_BYTES + bytes > self.max_bytes {
            return closed.evicted.push(record);
        }
        while self.bytes + bytes > self.max_bytes {
            // A trace that fills the buffer alone keeps what it has.
            if !self.evict(Some(id), now, &mut closed.evicted) {
                return closed.evicted.push(record);
            }
        }
        if let Some(trace) = self.traces.get_mut(&id) {
            trace.spans.push(record);
            trace.bytes += bytes;
            self.bytes += bytes;
        }
    }

    /// Lets the oldest trace go that is not `spared`. Whether there was one.
    fn evict(&mut self, spared: Option<TraceId>, now: Moment, evicted: &mut Records) -> bool {
        let mut own = None;
        let victim = loop {
            let Some((id, number)) = self.by_age.pop_front() else {
                break None;
            };
            match self.traces.get(&id) {
                Some(trace) if trace.number != number => {}
                Some(_) if spared == Some(id) => own = Some((id, number)),
                Some(trace) => break Some((id, trace.is_kept)),
                None => {}
            }
        };
        if let Some(own) = own {
            self.by_age.push_front(own);
        }
        let Some((id, is_kept)) = victim else { return false };
        if is_kept {
            self.remember(id, now);
        }
        evicted.append(&mut self.remove(id));
        true
    }

    fn remove(&mut self, id: TraceId) -> Records {
        let Some(trace) = self.traces.remove(&id) else {
            return Records::new();
        };
        self.bytes -= trace.bytes;
        trace.spans
    }

    fn remember(&mut self, id: TraceId, now: Moment) {
        let until = now.after(self.late);
        self.kept.insert(id, until);
        self.kept_by_age.push_back((id, until));
        while let Some((id, until)) = self.kept_by_age.front().copied() {
            if self.kept_by_age.len() <= self.max_traces && until > now {
                break;
            }
            self.kept_by_age.pop_front();
            // A trace that was remembered again stays for its later entry.
            if self.kept.get(&id) == Some(&until) {
                self.kept.remove(&id);
            }
        }
    }

    fn is_remembered(&self, id: TraceId, now: Moment) -> bool {
        self.kept.get(&id).is_some_and(|until| *until > now)
    }

    pub(super) fn clear(&mut self) -> Records {
        self.by_age = VecDeque::new();
        self.kept = HashMap::new();
        self.kept_by_age = VecDeque::new();
        self.bytes = 0;
        let traces = std::mem::take(&mut self.traces);
        traces.into_values().flat_map(|trace| trace.spans).collect()
    }

    pub(super) fn held(&self) -> Held {
        Held {
            traces: self.traces.len(),
            spans: self.traces.values().map(|trace| trace.spans.len()).sum(),
            bytes: self.bytes,
        }
    }
}
