//! What programs do with a span beyond `tracing`: the other side of `SpanExt`.
//!
//! Invariant: values are redacted before they are written. Not here: the trait.

use watchroom_core::{Count, SpanContext, Value};
use watchroom_redact::Redactor;

use super::origin::with_sampled;
use super::{CaptureLayer, Shared};
use crate::context::SetParentError;
use crate::keep::is_local_root;
use crate::propagation::RemoteContext;
use crate::table::{IN_TRACE, STARTED};
use crate::visit::{CORRELATION, cut, with_scratch};
use crate::{Fields, Link, Status};

impl CaptureLayer {
    pub(crate) fn context_of(&self, id: u64) -> Option<SpanContext> {
        let slot = self.shared.find_started(id)?;
        let state = slot.lock();
        state.record().map(|record| record.context.clone())
    }

    pub(crate) fn field_of(&self, id: u64, key: &str) -> Option<String> {
        let spans = self.shared.lend(Some(id));
        let found = spans.iter().rev().find_map(|span| span.record()?.fields.get(key));
        found.map(|value| value.to_string())
    }

    /// Whoever reads the ids marks the span as started and then takes its lock; so a parent that is set under the lock, of a span
    /// without the mark, has been seen by nobody.
    pub(crate) fn set_parent(&self, id: u64, parent: RemoteContext) -> Result<(), SetParentError> {
        let shared = &*self.shared;
        let RemoteContext {
            span,
            baggage,
            decision,
        } = parent;
        let slot = shared.own(id).ok_or(SetParentError::Disabled)?;
        let mut state = slot.lock();
        if slot.has(STARTED) {
            return Err(SetParentError::Started);
        }
        let record = state.record_mut().ok_or(SetParentError::Disabled)?;
        if !baggage.is_empty() {
            record.baggage = baggage;
        }
        let Some(parent) = span else { return Ok(()) };
        let sampled = shared.decide(&parent, decision, shared.clock.now());
        if let Some(keep) = &shared.keep
            && !record.is_sampled()
            && is_local_root(record)
        {
            keep.cancel(record.context.trace_id);
        }
        record.context.trace_id = parent.trace_id;
        record.context.flags = with_sampled(parent.flags, sampled);
        record.context.state = parent.state;
        if !slot.has(IN_TRACE) {
            record.context.span_id = parent.span_id;
        }
        record.parent = Some(parent.span_id);
        record.parent_remote = parent.remote;
        slot.set_sampled(sampled || shared.keep.is_some());
        if let Some(keep) = &shared.keep
            && !sampled
        {
            shared.open_root(keep, record, record.start);
        }
        Ok(())
    }

    pub(crate) fn set_attribute(&self, id: u64, key: &str, value: Value<'_>) {
        let shared = &*self.shared;
        let slot = match CORRELATION.contains(&key) {
            true => shared.own(id),
            false => shared.table.get(id),
        };
        let Some(slot) = slot else { return };
        let mut text = String::new();
        let value = shared.redacted(key, value, &mut text);
        let mut state = slot.lock();
        let Some(record) = state.record_mut() else { return };
        if record.fields.position(key).is_some() || record.fields.len() < shared.limits.attributes {
            record.fields.set_named(key, value);
        } else {
            record.dropped_attributes += 1;
            shared.ledger.count(Count::AttributesCut, 1);
        }
    }

    pub(crate) fn set_status(&self, id: u64, status: Status, description: &str) {
        let Some(slot) = self.shared.table.get(id) else {
            return;
        };
        let mut text = String::new();
        self.shared.redactor.value_into(description, &mut text);
        cut(&mut text, self.shared.limits.value_len, &self.shared.ledger);
        slot.lock().late.set_status(status, &text);
    }

    pub(crate) fn add_link(&self, id: u64, to: SpanContext) {
        let Some(slot) = self.shared.table.get(id) else {
            return;
        };
        let late = &mut slot.lock().late;
        if late.links.len() < self.shared.limits.links {
            late.links.push(Link { context: to });
        } else {
            late.dropped_links += 1;
            self.shared.ledger.count(Count::LinksCut, 1);
        }
    }

    pub(crate) fn add_event(&self, id: u64, name: &str, attributes: &[(&str, Value<'_>)]) {
        let shared = &*self.shared;
        let slot = shared.table.get(id).and_then(|slot| shared.place_in_trace(&slot));
        let Some(slot) = slot else {
            return;
        };
        let Some(metadata) = slot.lock().record().map(|record| record.metadata) else {
            return;
        };
        with_scratch(|scratch| {
            let mut text = String::new();
            let name = shared.redacted("message", Value::Str(name), &mut text);
            scratch.fields.push("message", name);
            shared.push_attributes(&mut scratch.fields, attributes);
            let now = shared.clock.now_unix_ns();
            let mut state = slot.lock();
            let late = &mut state.late;
            if late.events.len() < shared.limits.events {
                late.events.push(metadata, now, &scratch.fields);
            } else {
                late.dropped_events += 1;
                shared.ledger.count(Count::EventsCut, 1);
            }
        });
    }

    pub(crate) fn set_name(&self, id: u64, name: &str) {
        let shared = &*self.shared;
        let Some(slot) = shared.table.get(id) else { return };
        let mut text = String::new();
        shared.redactor.value_into(name, &mut text);
        cut(&mut text, shared.limits.value_len, &shared.ledger);
        if let Some(record) = slot.lock().record_mut() {
            record.name_override = text;
        }
    }
}

impl Shared {
    pub(crate) fn push_attributes(&self, fields: &mut Fields, attributes: &[(&str, Value<'_>)]) {
        let n_room = self.limits.attributes_per_event;
        for (key, value) in attributes.iter().take(n_room) {
            let mut text = String::new();
            fields.push_named(key, self.redacted(key, *value, &mut text));
        }
        let n_cut = attributes.len().saturating_sub(n_room);
        self.count_cut(Count::AttributesCut, u32::try_from(n_cut).unwrap_or(u32::MAX));
    }

    /// A value as it may be shown: by its key, by itself, not too long.
    pub(crate) fn redacted<'a>(&self, key: &str, value: Value<'a>, text: &'a mut String) -> Value<'a> {
        if self.redactor.is_sensitive_name(key) {
            self.redactor.count_redaction();
            return Value::Str(Redactor::REDACTED);
        }
        let Value::Str(raw) = value else { return value };
        self.redactor.named_into(key, raw, text);
        cut(text, self.limits.value_len, &self.ledger);
        Value::Str(text)
    }
}
