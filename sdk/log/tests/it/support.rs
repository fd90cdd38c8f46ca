//! A log that writes to memory, on a clock that the test moves.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{Capture, Filter, SpanExporter, SpanRecord};
use watchroom_core::clock::ManualClock;
use watchroom_core::{Clock, Ledger};
use watchroom_log::{LogSink, LogSinkBuilder, Writer};

/// 2026-01-02T03:04:05.678Z.
pub(crate) const START_NS: u64 = 1_767_323_045_678_000_000;

#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl io::Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Context of each span that was exported, by name.
#[derive(Default)]
pub(crate) struct Exported(pub(crate) Mutex<Vec<(String, String, String)>>);

impl SpanExporter for Exported {
    fn export(&self, span: Box<SpanRecord>) {
        let ids = (
            span.name().to_owned(),
            span.context.trace_id.to_string(),
            span.context.span_id.to_string(),
        );
        self.0.lock().unwrap().push(ids);
    }
}

pub(crate) struct Log {
    pub(crate) hand: Arc<ManualClock>,
    pub(crate) sink: Arc<LogSink>,
    pub(crate) exported: Arc<Exported>,
    memory: Memory,
}

impl Log {
    /// Everything that has been written so far.
    pub(crate) fn take(&self) -> String {
        assert!(self.sink.writer().flush(Duration::from_secs(30)));
        String::from_utf8(std::mem::take(&mut *self.memory.0.lock().unwrap())).unwrap()
    }

    /// What has been written, with ids and place in the source replaced by words.
    pub(crate) fn masked(&self) -> String {
        let mut text = self.take();
        for (name, trace_id, span_id) in self.exported.0.lock().unwrap().iter() {
            text = text
                .replace(trace_id, "TRACE")
                .replace(span_id, &format!("SPAN-{name}"));
        }
        text
    }
}

/// Runs `work` with a log made by `configure`.
pub(crate) fn log(configure: impl FnOnce(LogSinkBuilder) -> LogSinkBuilder, work: impl FnOnce(&Log)) -> Log {
    let time = Clock::manual(START_NS);
    log_with(time, Arc::default(), configure, |capture| capture, work)
}

/// As [`log`], with a clock, a ledger and a capture of the test's own.
pub(crate) fn log_with(
    (clock, hand): (Clock, Arc<ManualClock>),
    ledger: Arc<Ledger>,
    configure: impl FnOnce(LogSinkBuilder) -> LogSinkBuilder,
    configure_capture: impl FnOnce(Capture) -> Capture,
    work: impl FnOnce(&Log),
) -> Log {
    let memory = Memory::default();
    let writer = Writer::builder()
        .ledger(Arc::clone(&ledger))
        .spawn(memory.clone())
        .unwrap();
    let sink = Arc::new(configure(LogSink::builder(writer).clock(clock.clone())).build());
    let exported = Arc::new(Exported::default());
    let capture = Capture::builder()
        .clock(clock)
        .ledger(ledger)
        .sink(Arc::clone(&sink) as _)
        .exporter(Arc::clone(&exported) as _)
        .export_filter(Filter::parse("info").unwrap());
    let (layer, _handle) = configure_capture(capture).build();
    let log = Log {
        hand,
        sink,
        exported,
        memory,
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || work(&log));
    log
}
