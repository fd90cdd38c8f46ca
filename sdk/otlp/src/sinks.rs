//! The exporter as capture sees it: a taker of spans and a sink of events.
//!
//! Invariant: neither waits; an event is encoded at once, since its record is only lent; a span only if many wait.

use std::cell::Cell;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing_core::Metadata;
use watchroom_capture::{EventRecord, Scope, Sink, SpanAttributes, SpanExporter, SpanRecord, pool, security};
use watchroom_core::{Count, Reason};

use crate::report::PROBLEM_TARGET;
use crate::wire::{Batch, encode_log, encode_span};
use crate::worker::Intake;

/// Takes closed spans.
#[derive(Debug)]
pub(crate) struct SpanIntake {
    pub(crate) intake: Arc<Intake<WaitingSpan>>,
    pub(crate) store: Arc<Store>,
    pub(crate) attributes: SpanAttributes,
}

/// A span in the queue. A record takes a kilobyte and more, so once the queue is half full a span is encoded by the thread that
/// closes it, to a fifth of that, and the record is used again at once.
#[derive(Debug)]
pub(crate) enum WaitingSpan {
    Record(Box<SpanRecord>),
    Encoded(Encoded),
}

impl SpanIntake {
    fn encode(&self, span: &SpanRecord) -> Option<Encoded> {
        with_scratch(|record| {
            encode_span(record, span, self.attributes);
            let scope = span.metadata.target();
            self.store.put(record, 0).map(|place| Encoded { scope, place })
        })
    }
}

impl SpanExporter for SpanIntake {
    fn export(&self, span: Box<SpanRecord>) {
        let encoded = self.intake.is_backed_up().then(|| self.encode(&span)).flatten();
        let refused = match encoded {
            Some(encoded) => {
                pool::recycle(span);
                self.intake.push(WaitingSpan::Encoded(encoded))
            }
            None => self.intake.push(WaitingSpan::Record(span)),
        };
        match refused {
            Some(WaitingSpan::Record(span)) => pool::recycle(span),
            Some(WaitingSpan::Encoded(encoded)) => self.store.take(encoded.place, |_| ()),
            None => {}
        }
    }
}

impl WaitingSpan {
    /// Moves it into a batch.
    pub(crate) fn encode(self, batch: &mut Batch, store: &Store, attributes: SpanAttributes) {
        match self {
            Self::Record(span) => {
                batch.push(span.metadata.target(), "", 1, |out| {
                    encode_span(out, &span, attributes)
                });
                pool::recycle(span);
            }
            Self::Encoded(encoded) => encoded.encode(batch, store),
        }
    }
}

/// Places in the queue, and bytes, that only security events use.
const SECURITY_ROOM: (usize, usize) = (256, 256 * 1024);

/// An encoded record, whose bytes wait in the store.
#[derive(Debug)]
pub(crate) struct Encoded {
    scope: &'static str,
    place: Place,
}

impl Encoded {
    /// Copies it into a batch; its memory goes back to the store.
    pub(crate) fn encode(self, batch: &mut Batch, store: &Store) {
        store.take(self.place, |record| {
            batch.push(self.scope, "", 1, |out| out.extend_from_slice(record));
        });
    }
}

/// Where a record lies in the store.
#[derive(Debug, Clone, Copy)]
struct Place {
    chunk: usize,
    start: usize,
    len: usize,
}

/// Memory of encoded records of one signal: one after the other in chunks that are used again, bounded in all.
#[derive(Debug)]
pub(crate) struct Store {
    max_waiting: usize,
    chunks: Mutex<Chunks>,
}

#[derive(Debug, Default)]
struct Chunks {
    chunks: Vec<Chunk>,
    /// The one that is being filled, once there is one.
    current: usize,
    idle: Vec<usize>,
    /// Bytes that have been put in and not been taken.
    n_waiting: usize,
}

#[derive(Debug, Default)]
struct Chunk {
    bytes: Vec<u8>,
    /// Records in it that have not been taken.
    n_waiting: usize,
}

/// Size of a chunk; a longer record has one for itself.
const CHUNK_BYTES: usize = 16 * 1_024;
/// Idle chunks that keep their memory.
const KEEP_CHUNKS: usize = 4;

impl Store {
    pub(crate) fn new(max_waiting: usize) -> Self {
        Self {
            max_waiting,
            chunks: Mutex::default(),
        }
    }

    /// Nothing but copies of bytes happens under the lock, so a poisoned one is taken as it is.
    fn lock(&self) -> MutexGuard<'_, Chunks> {
        self.chunks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a record in, if there is room for it, or would be with so many bytes more.
    fn put(&self, record: &[u8], beyond: usize) -> Option<Place> {
        let mut chunks = self.lock();
        let n_waiting = chunks.n_waiting.saturating_add(record.len());
        if n_waiting > self.max_waiting.saturating_add(beyond) {
            return None;
        }
        chunks.n_waiting = n_waiting;
        Some(chunks.put(record))
    }

    /// Lends a record out and gives its memory back.
    fn take(&self, place: Place, read: impl FnOnce(&[u8])) {
        let mut chunks = self.lock();
        let chunk = chunks.chunks.get(place.chunk);
        let bytes = chunk.and_then(|chunk| chunk.bytes.get(place.start..place.start + place.len));
        read(bytes.unwrap_or_default());
        chunks.give_back(place);
    }
}

impl Chunks {
    fn put(&mut self, record: &[u8]) -> Place {
        let fits = |chunk: &Chunk| chunk.bytes.len() + record.len() <= CHUNK_BYTES;
        if !self.chunks.get(self.current).is_some_and(fits) {
            self.next_chunk(record.len());
        }
        let chunk = &mut self.chunks[self.current];
        let start = chunk.bytes.len();
        chunk.bytes.extend_from_slice(record);
        chunk.n_waiting += 1;
        Place {
            chunk: self.current,
            start,
            len: record.len(),
        }
    }

    fn next_chunk(&mut self, len: usize) {
        // The present one may have been emptied while it was current.
        if self
            .chunks
            .get(self.current)
            .is_some_and(|chunk| chunk.n_waiting == 0)
        {
            self.chunks[self.current].bytes.clear();
        } else {
            self.current = self.idle.pop().unwrap_or_else(|| {
                self.chunks.push(Chunk::default());
                self.chunks.len() - 1
            });
        }
        let bytes = &mut self.chunks[self.current].bytes;
        bytes.reserve_exact(len.max(CHUNK_BYTES));
    }

    fn give_back(&mut self, place: Place) {
        self.n_waiting = self.n_waiting.saturating_sub(place.len);
        let Some(chunk) = self.chunks.get_mut(place.chunk) else {
            return;
        };
        chunk.n_waiting = chunk.n_waiting.saturating_sub(1);
        if chunk.n_waiting == 0 && place.chunk != self.current {
            chunk.bytes.clear();
            if self.idle.len() >= KEEP_CHUNKS || chunk.bytes.capacity() > CHUNK_BYTES {
                chunk.bytes = Vec::new();
            }
            self.idle.push(place.chunk);
        }
    }
}

thread_local! {
    /// Where a record is encoded before it is known whether it fits.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Bytes that a thread's idle scratch buffer keeps.
const KEEP_SCRATCH: usize = 16 * 1_024;

/// Lends an empty buffer. During a thread's end a fresh one serves the single record.
fn with_scratch<T>(work: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let mut record = SCRATCH.try_with(Cell::take).unwrap_or_default();
    record.clear();
    let result = work(&mut record);
    record.shrink_to(KEEP_SCRATCH);
    let _ = SCRATCH.try_with(|own| own.set(record));
    result
}

/// Takes events as log records.
pub(crate) struct LogSink<F> {
    pub(crate) intake: Arc<Intake<Encoded>>,
    pub(crate) store: Arc<Store>,
    pub(crate) attributes: SpanAttributes,
    pub(crate) max_bytes: usize,
    pub(crate) filter: F,
}

impl<F> fmt::Debug for LogSink<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LogSink").finish_non_exhaustive()
    }
}

impl<F> LogSink<F> {
    /// Puts a record in the queue; whether there was no room for it.
    fn is_lost(&self, event: &EventRecord<'_>, record: &[u8]) -> bool {
        // Security events have room that no other record uses, and what is lost of them is counted apart.
        let is_security = security::is_security(event.metadata);
        let (places, bytes) = if is_security { SECURITY_ROOM } else { (0, 0) };
        if record.len() > self.max_bytes {
            self.intake.refuse(Reason::TooLarge);
            return true;
        }
        let Some(place) = self.store.put(record, bytes) else {
            self.intake.refuse(Reason::QueueFull);
            return true;
        };
        let scope = event.metadata.target();
        let left = self.intake.push_beyond(Encoded { scope, place }, places);
        if let Some(item) = &left {
            self.store.take(item.place, |_| ());
        }
        left.is_some()
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
        let is_lost = with_scratch(|record| {
            encode_log(record, event, scope, self.attributes);
            self.is_lost(event, record)
        });
        if is_lost && security::is_security(event.metadata) {
            self.intake.lane().ledger().count(Count::SecurityLost, 1);
        }
    }

    fn is_log(&self) -> bool {
        true
    }

    fn wants_close(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_out_as_they_went_in_in_whatever_order_and_the_memory_is_used_again() {
        let store = Store::new(1 << 20);
        let record = |n: usize| vec![n as u8; n * 37 % 900];
        for round in 0..20 {
            let mut places: Vec<_> = (0..400).map(|n| (n, store.put(&record(n), 0).unwrap())).collect();
            if round % 2 == 1 {
                places.reverse();
            }
            for (n, place) in places {
                store.take(place, |bytes| assert_eq!(bytes, record(n)));
            }
        }
        let chunks = store.lock();
        assert_eq!(chunks.n_waiting, 0);
        let held: usize = chunks.chunks.iter().map(|chunk| chunk.bytes.capacity()).sum();
        assert!(held <= (KEEP_CHUNKS + 1) * CHUNK_BYTES, "{held}");
        assert!(chunks.chunks.len() < 40, "{}", chunks.chunks.len());
    }

    #[test]
    fn what_waits_is_bounded_and_a_long_record_has_a_chunk_for_itself() {
        let store = Store::new(100_000);
        let long = vec![7; 90_000];
        let place = store.put(&long, 0).unwrap();
        assert!(store.put(&[1; 10_001], 0).is_none(), "beyond the bound");
        let short = store.put(&[1; 10_000], 0).unwrap();
        assert!(store.put(&[2; 5], 5).is_some(), "within a reserve");
        store.take(place, |bytes| assert_eq!(bytes, long));
        store.take(short, |bytes| assert_eq!(bytes, [1; 10_000]));
        store.put(&long, 0).unwrap();
    }
}
