//! The sink: which lines there are, and what is in them.
//!
//! Invariant: the line is finished in a buffer of the thread that logs, then handed over whole; no lock is held while it is made.
//! Not here: the forms (`json`, `text`), the writing.

use std::cell::Cell;
use std::sync::Arc;

use tracing_core::{Level, LevelFilter, Metadata};
use watchroom_capture::{EventRecord, Fields, ReloadableFilter, Scope, Sink, ThreadTag, security};
use watchroom_core::{Clock, Count, Ledger, Moment, Value};

use crate::number::push_duration;
use crate::text::Style;
use crate::{Writer, json, text};

mod builder;

pub use builder::{Color, Format, LogSinkBuilder, SpanLines, Timer};

/// Fields of spans that stand at the top of every line below.
pub(crate) const CORRELATION: [&str; 3] = ["request_id", "user_id", "tenant_id"];

/// Text that a thread's idle line buffer keeps, bytes.
const KEPT: usize = 64 * 1024;

/// Writes a line for each event, and for what is asked of the life of spans.
#[derive(Debug)]
pub struct LogSink {
    filter: ReloadableFilter,
    writer: Writer,
    json: bool,
    style: Style,
    spans: SpanLines,
    threads: bool,
    clock: Clock,
    start: Moment,
    ledger: Arc<Ledger>,
    counted: bool,
}

/// What one line says, besides its spans.
pub(crate) struct Line<'a> {
    pub(crate) metadata: &'static Metadata<'static>,
    pub(crate) time_unix_ns: u64,
    pub(crate) uptime_ns: u64,
    pub(crate) message: &'a str,
    fields: Option<&'a Fields>,
    /// `time.busy` and `time.idle` of a closing span.
    times: Option<(&'a str, &'a str)>,
}

impl<'a> Line<'a> {
    pub(crate) fn each_field(&self, mut each: impl FnMut(&'a str, Value<'a>)) {
        if let Some(fields) = self.fields {
            // A message that is no text has not been shown as the message.
            let shown =
                |(key, value): &(&str, Value<'_>)| *key == "message" && matches!(value, Value::Str(_));
            for (key, value) in fields.iter().filter(|field| !shown(field)) {
                each(key, value);
            }
        }
        if let Some((busy, idle)) = self.times {
            each("time.busy", Value::Str(busy));
            each("time.idle", Value::Str(idle));
        }
    }

    /// Whether the line itself has one of the correlation fields, as few have.
    pub(crate) fn has_correlation(&self) -> bool {
        self.fields.is_some_and(|fields| fields.has_any(&CORRELATION))
    }

    pub(crate) fn field(&self, key: &str) -> Option<Value<'a>> {
        self.fields.and_then(|fields| fields.get(key))
    }
}

thread_local! {
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// Busy and idle time of a closing span, as text.
    static TIMES: Cell<(Vec<u8>, Vec<u8>)> = const { Cell::new((Vec::new(), Vec::new())) };
}

impl LogSink {
    /// Settings of a sink that writes to `writer`: text, INFO and above, closing spans logged.
    #[must_use]
    pub fn builder(writer: Writer) -> LogSinkBuilder {
        LogSinkBuilder::new(writer)
    }

    /// Which events and spans are logged; it can be exchanged while the service runs.
    #[must_use]
    pub const fn filter(&self) -> &ReloadableFilter {
        &self.filter
    }

    /// Where the lines go: to flush it and to shut it down.
    #[must_use]
    pub const fn writer(&self) -> &Writer {
        &self.writer
    }

    fn write(&self, line: &Line<'_>, scope: Scope<'_>) {
        // During a thread's end a fresh buffer serves the single line.
        let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
        buffer.clear();
        let thread = self.threads.then(ThreadTag::current);
        let n_lines = if self.json {
            json::push_line(&mut buffer, line, scope, thread.as_ref());
            1
        } else {
            text::push_line(&mut buffer, line, scope, thread.as_ref(), self.style)
        };
        let taken = if security::is_security(line.metadata) {
            self.writer.append_security(&buffer, n_lines)
        } else {
            self.writer.append(&buffer, n_lines)
        };
        if taken && self.counted {
            self.ledger.count(count_of(*line.metadata.level()), 1);
        }
        buffer.shrink_to(KEPT);
        let _ = BUFFER.try_with(|own| own.set(buffer));
    }

    fn write_span(&self, scope: Scope<'_>, message: &str, time: Moment, times: Option<(&str, &str)>) {
        let Some(span) = scope.current() else { return };
        let line = Line {
            metadata: span.metadata,
            time_unix_ns: self.clock.unix_ns(time),
            uptime_ns: time.ns_since(self.start),
            message,
            fields: None,
            times,
        };
        self.write(&line, scope);
    }
}

const fn count_of(level: Level) -> Count {
    match level {
        Level::ERROR => Count::LinesError,
        Level::WARN => Count::LinesWarn,
        Level::INFO => Count::LinesInfo,
        Level::DEBUG => Count::LinesDebug,
        Level::TRACE => Count::LinesTrace,
    }
}

impl Sink for LogSink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.filter.enabled(metadata)
    }

    fn max_level(&self) -> LevelFilter {
        self.filter.max_level()
    }

    fn on_event(&self, event: &EventRecord<'_>, scope: Scope<'_>) {
        let line = Line {
            metadata: event.metadata,
            time_unix_ns: event.time_unix_ns,
            uptime_ns: event.time.ns_since(self.start),
            message: event.message(),
            fields: Some(event.fields),
            times: None,
        };
        self.write(&line, scope);
    }

    fn on_new(&self, scope: Scope<'_>) {
        let Some(span) = scope.current() else { return };
        self.write_span(scope, "new", span.start, None);
    }

    fn on_enter(&self, scope: Scope<'_>) {
        if self.spans.enter {
            self.write_span(scope, "enter", self.clock.now(), None);
        }
    }

    fn on_exit(&self, scope: Scope<'_>) {
        if self.spans.exit {
            self.write_span(scope, "exit", self.clock.now(), None);
        }
    }

    fn on_close(&self, scope: Scope<'_>) {
        let Some(span) = scope.current() else { return };
        let mut texts = TIMES.try_with(Cell::take).unwrap_or_default();
        texts.0.clear();
        texts.1.clear();
        push_duration(&mut texts.0, span.busy_ns);
        push_duration(&mut texts.1, span.idle_ns());
        let end = span
            .start
            .after(std::time::Duration::from_nanos(span.duration_ns));
        let busy = std::str::from_utf8(&texts.0).unwrap_or_default();
        let idle = std::str::from_utf8(&texts.1).unwrap_or_default();
        self.write_span(scope, "close", end, Some((busy, idle)));
        let _ = TIMES.try_with(|own| own.set(texts));
    }

    fn is_log(&self) -> bool {
        true
    }

    fn wants_new(&self) -> bool {
        self.spans.new
    }

    fn wants_close(&self) -> bool {
        self.spans.close
    }

    fn wants_busy(&self) -> bool {
        self.spans.close
    }

    fn wants_enter(&self) -> bool {
        self.spans.enter || self.spans.exit
    }
}
