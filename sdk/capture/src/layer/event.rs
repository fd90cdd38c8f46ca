//! Events as parts of the exported span: limits, exceptions, status.
//!
//! The rules are those of `tracing-opentelemetry` 0.34 at its defaults, since programs rely on them: an ERROR event fails its span; a
//! `dyn Error` puts `exception.*` on event and span; a field `error` on an event without a message makes it an `exception` event.
//! Not here: what sinks are told.

use std::fmt::Write as _;

use tracing_core::{Level, Metadata};
use watchroom_core::{Count, SpanId, TraceId, Value};

use super::Shared;
use crate::table::{FAILED, IN_TRACE, SAMPLED, STARTED, Slot, SlotRef};
use crate::visit::{ErrorKind, Scratch};
use crate::{Fields, SpanRecord, Status, ThreadTag};

const EXCEPTION_MESSAGE: &str = "exception.message";
const EXCEPTION_STACKTRACE: &str = "exception.stacktrace";

impl Shared {
    /// The nearest span that has a place in a sampled trace.
    pub(super) fn place_in_trace<'a>(&'a self, innermost: &SlotRef<'a>) -> Option<SlotRef<'a>> {
        let mut slot = innermost.clone();
        while !slot.has(IN_TRACE) {
            slot = self.table.get(slot.parent()?)?;
        }
        slot.has(SAMPLED).then_some(slot)
    }

    /// Notes that the nearest span that has a place in its trace has failed, if that trace is not sampled: metrics and whoever keeps
    /// failures ask for it when the span closes.
    pub(super) fn note_failure<'a>(&'a self, innermost: &SlotRef<'a>) {
        let mut slot = innermost.clone();
        while !slot.has(IN_TRACE) {
            match slot.parent().and_then(|parent| self.table.get(parent)) {
                Some(parent) => slot = parent,
                None => return,
            }
        }
        if !slot.has(SAMPLED) {
            slot.set_flags(FAILED);
        }
    }

    /// Adds what has been visited as an event of a span.
    pub(super) fn add_to_span(
        &self,
        slot: &Slot,
        metadata: &'static Metadata<'static>,
        time_unix_ns: u64,
        scratch: &mut Scratch,
    ) {
        let is_exception = self.rewrite_error(scratch);
        let fields = if scratch.exported.is_empty() {
            &scratch.fields
        } else {
            &scratch.exported
        };
        let description = match scratch.exported.get(EXCEPTION_MESSAGE) {
            Some(Value::Str(text)) if is_exception => text,
            _ => "",
        };
        let mut state = slot.lock();
        let late = &mut state.late;
        if late.events.len() < self.limits.events {
            late.events.push(metadata, time_unix_ns, fields);
        } else {
            late.dropped_events += 1;
            self.ledger.count(Count::EventsCut, 1);
        }
        if is_exception || *metadata.level() == Level::ERROR {
            late.set_status(Status::Error, description);
        }
        if scratch.error.kind == ErrorKind::Dyn {
            set_exception(&mut late.extra, scratch);
        }
    }

    /// Fills `exported` where the span's event differs from what was visited. Whether it has become an exception that fails the span.
    fn rewrite_error(&self, scratch: &mut Scratch) -> bool {
        let Scratch {
            fields,
            exported,
            error,
            ..
        } = scratch;
        match error.kind {
            ErrorKind::None => false,
            ErrorKind::Dyn => {
                push_exception(exported, &error.message, &error.chain);
                exported.extend_from(fields);
                false
            }
            ErrorKind::Text | ErrorKind::Shown => {
                let Some(Value::Str(text)) = fields.get("error") else {
                    return false;
                };
                if fields.position("message").is_some() {
                    return false;
                }
                exported.push("message", Value::Str("exception"));
                exported.push_text(EXCEPTION_MESSAGE, self.limits.value_len, |out| {
                    if error.kind == ErrorKind::Text {
                        // Writing to a String does not fail. The quotes are the stock layer's.
                        let _ = write!(out, "{text:?}");
                    } else {
                        out.push_str(text);
                    }
                });
                for (key, value) in fields.iter().filter(|(key, _)| *key != "error") {
                    exported.push_named(key, value);
                }
                true
            }
        }
    }

    /// What a new span gets at its close: thread, status, exception.
    pub(super) fn late(&self, slot: &Slot, scratch: &Scratch) {
        if self.threads {
            let ThreadTag { id, name } = ThreadTag::current();
            let mut state = slot.lock();
            state.late.extra.push("thread.id", Value::U64(id));
            if let Some(name) = name.as_deref() {
                state.late.extra.push("thread.name", Value::Str(name));
            }
        }
        self.late_values(slot, scratch);
    }

    /// What the values of a span mean for its close.
    pub(super) fn late_values(&self, slot: &Slot, scratch: &Scratch) {
        let is_error = scratch.error.kind == ErrorKind::Dyn;
        let status = scratch.special.status;
        if is_error || status.is_some() {
            let mut state = slot.lock();
            if let Some(status) = status {
                state.late.set_status(status, &scratch.special.description);
            }
            if is_error {
                set_exception(&mut state.late.extra, scratch);
            }
        }
    }
}

impl crate::visit::Special {
    /// What the `otel.*` fields say of a span that is seen while it lives.
    pub(super) fn apply(&self, record: &mut SpanRecord) {
        if !self.any {
            return;
        }
        if !self.name.is_empty() {
            record.name_override.clone_from(&self.name);
        }
        if let Some(kind) = self.kind {
            record.kind = kind;
        }
    }
}

fn push_exception(fields: &mut Fields, message: &str, chain: &str) {
    fields.push(EXCEPTION_MESSAGE, Value::Str(message));
    if !chain.is_empty() {
        fields.push(EXCEPTION_STACKTRACE, Value::Str(chain));
    }
}

fn set_exception(extra: &mut Fields, scratch: &Scratch) {
    extra.set(EXCEPTION_MESSAGE, Value::Str(&scratch.error.message));
    if !scratch.error.chain.is_empty() {
        extra.set(EXCEPTION_STACKTRACE, Value::Str(&scratch.error.chain));
    }
}

impl super::CaptureLayer {
    /// Ids of the nearest span that has a place in a trace that is exported.
    pub(crate) fn exported_of(&self, id: u64) -> Option<(TraceId, SpanId)> {
        let shared = &*self.shared;
        shared.exporter.as_ref()?;
        let (_, slot) = shared.find(id)?;
        let slot = shared.place_in_trace(&slot)?;
        // As for whoever reads the context: who has been told the ids must not find them changed.
        slot.set_flags(STARTED);
        let state = slot.lock();
        let context = &state.record()?.context;
        Some((context.trace_id, context.span_id))
    }
}
