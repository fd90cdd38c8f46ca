//! The exporter as capture sees it: a taker of spans and a sink of events.
//!
//! Invariant: neither waits; an event is encoded at once, since its record is only lent.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_core::Metadata;
use watchroom_capture::{EventRecord, Scope, Sink, SpanAttributes, SpanExporter, SpanRecord, pool, security};
use watchroom_core::{Count, Reason};

use crate::report::PROBLEM_TARGET;
use crate::wire::{Batch, encode_log};
use crate::worker::Intake;

/// Takes closed spans.
#[derive(Debug)]
pub(crate) struct SpanIntake(pub(crate) Arc<Intake<Box<SpanRecord>>>);

impl SpanExporter for SpanIntake {
    fn export(&self, span: Box<SpanRecord>) {
        if let Some(span) = self.0.push(span) {
            pool::recycle(span);
        }
    }
}

/// Places in the queue, and bytes, that only security events use.
const SECURITY_ROOM: (usize, usize) = (256, 256 * 1024);

/// An encoded log record.
#[derive(Debug)]
pub(crate) struct EncodedLog {
    scope: &'static str,
    record: Vec<u8>,
}

impl EncodedLog {
    /// Moves it into a batch and its memory back into the store.
    pub(crate) fn encode(self, batch: &mut Batch, store: &LogStore) {
        batch.push(self.scope, "", 1, |out| out.extend_from_slice(&self.record));
        store.give_back(self.record);
    }
}

/// Memory of encoded log records: bounded in all, used again.
#[derive(Debug)]
pub(crate) struct LogStore {
    n_waiting: AtomicUsize,
    max_waiting: usize,
    idle: Mutex<Vec<Vec<u8>>>,
}

/// Idle buffers that are kept, and the size up to which they are.
const KEEP_BUFFERS: usize = 256;
const KEEP_BYTES: usize = 2_048;

impl LogStore {
    pub(crate) fn new(max_waiting: usize) -> Self {
        Self {
            n_waiting: AtomicUsize::new(0),
            max_waiting,
            idle: Mutex::default(),
        }
    }

    fn take(&self) -> Vec<u8> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.unwrap_or_else(|| Vec::with_capacity(512))
    }

    /// Enters bytes that are to wait; whether there is room for them.
    fn reserve(&self, n: usize, beyond: usize) -> bool {
        let before = self.n_waiting.fetch_add(n, Relaxed);
        let fits = before.saturating_add(n) <= self.max_waiting.saturating_add(beyond);
        if !fits {
            self.n_waiting.fetch_sub(n, Relaxed);
        }
        fits
    }

    fn give_back(&self, record: Vec<u8>) {
        self.n_waiting.fetch_sub(record.len(), Relaxed);
        self.reuse(record);
    }

    fn reuse(&self, mut record: Vec<u8>) {
        if record.capacity() <= KEEP_BYTES {
            record.clear();
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < KEEP_BUFFERS {
                idle.push(record);
            }
        }
    }
}

/// Takes events as log records.
pub(crate) struct LogSink<F> {
    pub(crate) intake: Arc<Intake<EncodedLog>>,
    pub(crate) store: Arc<LogStore>,
    pub(crate) attributes: SpanAttributes,
    pub(crate) max_bytes: usize,
    pub(crate) filter: F,
}

impl<F> fmt::Debug for LogSink<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSink").finish_non_exhaustive()
    }
}

impl<F> Sink for LogSink<F>
where
    F: Fn(&Metadata<'_>) -> bool + Send + Sync + 'static,
{
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() != PROBLEM_TARGET && (self.filter)(metadata)
    }

    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
        let mut record = self.store.take();
        encode_log(&mut record, event, scope, self.attributes);
        // Security events have room that no other record uses, and what is lost of them is counted apart.
        let is_security = security::is_security(event.metadata);
        let (places, bytes) = if is_security { SECURITY_ROOM } else { (0, 0) };
        if record.len() > self.max_bytes {
            self.intake.refuse(Reason::TooLarge);
        } else if !self.store.reserve(record.len(), bytes) {
            self.intake.refuse(Reason::QueueFull);
        } else {
            let item = EncodedLog {
                scope: event.metadata.target(),
                record,
            };
            match self.intake.push_beyond(item, places) {
                Some(item) => self.store.give_back(item.record),
                None => return,
            }
            record = Vec::new();
        }
        if is_security {
            self.intake.lane().ledger().count(Count::SecurityLost, 1);
        }
        self.store.reuse(record);
    }

    fn is_log(&self) -> bool {
        true
    }

    fn wants_close(&self) -> bool {
        false
    }
}
