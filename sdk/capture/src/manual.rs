//! Spans that are made by hand and not through `tracing`: for bridges of other tracing APIs.
//!
//! They are sampled, redacted, limited, kept, exported and told to sinks at their close as all others are, and may begin and end at times
//! that their makers name. They are not current anywhere, so no line is written inside of one.
//!
//! Invariant: ended once, at the latest when dropped. Not here: spans of `tracing`.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing_core::Metadata;
use watchroom_core::{Count, Moment, SpanContext, Value};

use crate::layer::{EXPORT, Shared};
use crate::visit::cut;
use crate::{Baggage, CaptureHandle, Fields, Link, RemoteContext, SpanKind, SpanRecord, Status, pool};

/// A span in the hands of its maker.
pub struct ManualSpan {
    shared: Arc<Shared>,
    context: SpanContext,
    baggage: Baggage,
    is_recording: bool,
    /// Absent once it has ended.
    record: Option<Box<SpanRecord>>,
}

impl fmt::Debug for ManualSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManualSpan")
            .field("context", &self.context)
            .field("ended", &self.record.is_none())
            .finish_non_exhaustive()
    }
}

impl CaptureHandle {
    /// Begins a span with the given parent, whatever is current; without one it begins a trace. `metadata` says for the filters where it
    /// comes from. Without a `start_unix_ns` it begins now.
    #[must_use]
    pub fn start_span(
        &self,
        metadata: &'static Metadata<'static>,
        name: &str,
        parent: impl Into<RemoteContext>,
        start_unix_ns: Option<u64>,
    ) -> ManualSpan {
        ManualSpan::start(self.shared(), metadata, name, parent.into(), start_unix_ns)
    }
}

impl ManualSpan {
    fn start(
        shared: &Arc<Shared>,
        metadata: &'static Metadata<'static>,
        name: &str,
        parent: RemoteContext,
        start_unix_ns: Option<u64>,
    ) -> Self {
        let now = shared.clock.now();
        let site = shared.callsite(metadata);
        let in_trace = shared.exporter.is_none() || site.interest & EXPORT != 0;
        let origin = shared.origin_under(parent, in_trace, now);
        let mut record = pool::take(metadata, origin.context.clone());
        record.parent = origin.parent;
        record.parent_remote = origin.parent_remote;
        record.start = now;
        record.start_unix_ns = start_unix_ns.unwrap_or_else(|| shared.clock.unix_ns(now));
        record.interest = site.interest;
        record.in_trace = in_trace;
        let is_held = !record.is_sampled()
            && shared.keep.as_ref().is_some_and(|keep| {
                shared.open_root(keep, &record, now);
                true
            });
        shared.ledger.count(Count::SpansStarted, 1);
        let mut span = Self {
            shared: Arc::clone(shared),
            is_recording: site.interest != 0 && (record.is_sampled() || is_held || !shared.sinks.is_empty()),
            context: origin.context,
            baggage: origin.baggage,
            record: Some(record),
        };
        span.set_name(name);
        span.copy_baggage();
        span
    }

    /// The span's own context.
    #[must_use]
    pub const fn context(&self) -> &SpanContext {
        &self.context
    }

    /// What came with the parent.
    #[must_use]
    pub const fn baggage(&self) -> &Baggage {
        &self.baggage
    }

    /// Whether anybody will see what is set.
    #[must_use]
    pub fn is_recording(&self) -> bool {
        self.is_recording && self.record.is_some()
    }

    fn recorded(&mut self) -> Option<(&Shared, &mut SpanRecord)> {
        if !self.is_recording {
            return None;
        }
        Some((&*self.shared, self.record.as_deref_mut()?))
    }

    fn copy_baggage(&mut self) {
        let keys = &self.shared.baggage_fields;
        if self.baggage.is_empty() || keys.is_empty() {
            return;
        }
        let (shared, baggage) = (Arc::clone(&self.shared), self.baggage.clone());
        for key in &*shared.baggage_fields {
            if let Some(value) = baggage.get(key) {
                self.set_attribute(key, value);
            }
        }
    }

    /// Gives it another name.
    pub fn set_name(&mut self, name: &str) {
        let Some((shared, record)) = self.recorded() else {
            return;
        };
        let mut text = std::mem::take(&mut record.name_override);
        text.clear();
        shared.redactor.value_into(name, &mut text);
        cut(&mut text, shared.limits.value_len, &shared.ledger);
        record.name_override = text;
    }

    /// Sets its role.
    pub fn set_kind(&mut self, kind: SpanKind) {
        if let Some((_, record)) = self.recorded() {
            record.kind = kind;
        }
    }

    /// Sets an attribute.
    pub fn set_attribute<'v>(&mut self, key: &str, value: impl Into<Value<'v>>) {
        let Some((shared, record)) = self.recorded() else {
            return;
        };
        if record.fields.position(key).is_none() && record.fields.len() >= shared.limits.attributes {
            record.dropped_attributes += 1;
            shared.ledger.count(Count::AttributesCut, 1);
            return;
        }
        let mut text = String::new();
        let value = shared.redacted(key, value.into(), &mut text);
        record.fields.set_named(key, value);
    }

    /// Sets the outcome: `Ok` is final, `Unset` changes nothing.
    pub fn set_status(&mut self, status: Status, description: &str) {
        let Some((shared, record)) = self.recorded() else {
            return;
        };
        match (record.status, status) {
            (Status::Ok, _) | (_, Status::Unset) => {}
            (_, Status::Ok) => {
                record.status = Status::Ok;
                record.status_description.clear();
            }
            (_, Status::Error) => {
                record.status = Status::Error;
                record.status_description.clear();
                shared
                    .redactor
                    .value_into(description, &mut record.status_description);
                cut(
                    &mut record.status_description,
                    shared.limits.value_len,
                    &shared.ledger,
                );
            }
        }
    }

    /// Links to another span.
    pub fn add_link(&mut self, to: SpanContext) {
        let Some((shared, record)) = self.recorded() else {
            return;
        };
        if record.links.len() < shared.limits.links {
            record.links.push(Link { context: to });
        } else {
            record.dropped_links += 1;
            shared.ledger.count(Count::LinksCut, 1);
        }
    }

    /// Adds an event; without a time it happens now.
    pub fn add_event(&mut self, name: &str, attributes: &[(&str, Value<'_>)], time_unix_ns: Option<u64>) {
        let Some((shared, record)) = self.recorded() else {
            return;
        };
        if record.events.len() >= shared.limits.events {
            record.dropped_events += 1;
            shared.ledger.count(Count::EventsCut, 1);
            return;
        }
        let mut fields = Fields::new();
        let mut text = String::new();
        fields.push("message", shared.redacted("message", Value::Str(name), &mut text));
        shared.push_attributes(&mut fields, attributes);
        let time = time_unix_ns.unwrap_or_else(|| shared.clock.now_unix_ns());
        record.events.push(record.metadata, time, &fields);
    }

    /// Ends it, now or at the given time; once it has ended nothing happens.
    pub fn end(&mut self, end_unix_ns: Option<u64>) {
        let Some(mut record) = self.record.take() else {
            return;
        };
        let shared = &*self.shared;
        record.duration_ns = match end_unix_ns {
            Some(end) => end.saturating_sub(record.start_unix_ns),
            None => shared.clock.now_unix_ns().saturating_sub(record.start_unix_ns),
        };
        // The moment of the end decides for how long its trace is remembered; it is now, whatever times its maker named.
        let ns_to_start = shared.clock.now().ns_since(Moment::default());
        record.start = Moment::default().after(Duration::from_nanos(
            ns_to_start.saturating_sub(record.duration_ns),
        ));
        shared.hand_over(record, None);
    }
}

impl Drop for ManualSpan {
    fn drop(&mut self) {
        self.end(None);
    }
}
