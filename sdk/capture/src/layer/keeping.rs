//! The exporter's door, and what waits before it.
//!
//! Invariant: nothing waits unless keeping is on; no lock is held while a span is exported. Not here: what is worth keeping (`keep`).

use std::time::Duration;

use watchroom_core::{Count, Moment, Reason, Signal};

use super::Shared;
use super::origin::with_sampled;
use crate::keep::{Closed, Keep, Records, is_local_root};
use crate::{SpanRecord, pool};

impl Shared {
    /// A span has closed: sinks are told, then it goes to the exporter or its trace is judged.
    pub(crate) fn hand_over(&self, mut record: Box<SpanRecord>, parent: Option<u64>) {
        let told = self.sampled_span(record.interest & self.close_mask, record.metadata);
        if told != 0 || record.is_sampled() || self.keep.is_some() {
            self.reveal(&mut record.fields);
        }
        if told != 0 {
            let spans = self.lend(parent);
            self.fan_out(told, &spans, Some(&record), |sink, scope| sink.on_close(scope));
        }
        if record.is_sampled() {
            self.export(record);
        } else {
            match &self.keep {
                Some(keep) if record.in_trace => self.judge(keep, record),
                _ => pool::recycle(record),
            }
        }
    }

    /// Hands a span of a sampled trace to the exporter.
    pub(super) fn export(&self, record: Box<SpanRecord>) {
        self.ledger.count(Count::SpansSampled, 1);
        match &self.exporter {
            Some(exporter) if record.in_trace && !self.is_closed() => exporter.export(record),
            Some(_) if record.in_trace => {
                self.ledger.accept(Signal::Spans, 1);
                self.ledger.enter_dropped(Signal::Spans, Reason::AfterShutdown, 1);
                pool::recycle(record);
            }
            _ => pool::recycle(record),
        }
    }

    #[cold]
    pub(crate) fn open_root(&self, keep: &Keep, record: &SpanRecord, now: Moment) {
        if is_local_root(record) {
            self.evict(keep.open(record.context.trace_id, now));
        }
    }

    /// A span of an unsampled trace has closed: it waits, or its trace is decided.
    #[cold]
    pub(super) fn judge(&self, keep: &Keep, record: Box<SpanRecord>) {
        let now = record.start.after(Duration::from_nanos(record.duration_ns));
        let Closed {
            kept,
            dropped,
            evicted,
        } = keep.close(record, now);
        for mut record in kept {
            record.context.flags = with_sampled(record.context.flags, true);
            self.ledger.count(Count::SpansKept, 1);
            self.export(record);
        }
        dropped.into_iter().for_each(pool::recycle);
        self.evict(evicted);
    }

    fn evict(&self, records: Records) {
        if !records.is_empty() {
            self.ledger.count(Count::SpansEvicted, records.len() as u64);
            records.into_iter().for_each(pool::recycle);
        }
    }

    /// Exports nothing more.
    pub(crate) fn close(&self) {
        self.closed.store(true, std::sync::atomic::Ordering::Relaxed);
        if let Some(keep) = &self.keep {
            self.evict(keep.end());
        }
    }
}
