//! From an id to the place of a span, whether it has a record of its own or stands for the one around it.
//!
//! Not here: which spans have none (`subscriber`).

use std::sync::PoisonError;

use tracing_core::Metadata;
use tracing_core::span::Record;
use watchroom_core::{Count, SpanContext, SpanId};

use super::Shared;
use crate::table::{IN_TRACE, LAZY, STARTED, Slot, SlotRef};
use crate::visit::{Rules, Visitor, with_scratch};
use crate::{SpanRecord, pool};

/// Text of an open span that waits to be redacted, bytes; a span that goes on for long gets new values again and again.
const RAW_MAX: usize = 8 * 1024;

impl Shared {
    /// The span of an id, or the nearest around it that has a record, with its own id.
    pub(crate) fn find(&self, id: u64) -> Option<(u64, SlotRef<'_>)> {
        let mut id = id;
        while let Some(around) = self.lights.stands_for(id) {
            id = around;
        }
        Some((id, self.table.get(id)?))
    }

    /// As [`find`](Self::find), for somebody who is told the ids and must not find them changed. The mark comes before the lock: see
    /// `set_parent`.
    pub(super) fn find_started(&self, id: u64) -> Option<SlotRef<'_>> {
        self.lights.start(id);
        let (_, slot) = self.find(id)?;
        slot.set_flags(STARTED);
        Some(slot)
    }

    /// The place of a span; one without a record gets one now.
    pub(crate) fn own(&self, id: u64) -> Option<SlotRef<'_>> {
        self.table.get(id).or_else(|| self.light_up(id))
    }

    /// Callsite of a span without a record.
    pub(crate) fn callsite_of(&self, id: u64) -> Option<&'static Metadata<'static>> {
        self.callsites.metadata(self.lights.callsite(id)?)
    }

    /// Gives a span a record that has none. Its fields have not been kept, and count as cut.
    #[cold]
    fn light_up(&self, id: u64) -> Option<SlotRef<'_>> {
        let metadata = self.callsite_of(id)?;
        let site = self.callsite(metadata);
        let lights = &self.lights.getting_record;
        let _turn = lights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = self.table.get(id) {
            return Some(slot);
        }
        let (around, parent) = self.find(id)?;
        parent.set_flags(STARTED);
        let now = self.clock.now();
        let mut record = {
            let state = parent.lock();
            let parent = state.record()?;
            let context = SpanContext {
                span_id: SpanId::random(),
                remote: false,
                ..parent.context.clone()
            };
            let mut record = pool::take(metadata, context);
            (record.parent, record.parent_remote) = parent.as_parent();
            record.baggage = parent.baggage.clone();
            record
        };
        record.start = now;
        record.start_unix_ns = self.clock.unix_ns(now);
        record.interest = site.interest;
        let n_cut = u32::try_from(metadata.fields().len()).unwrap_or(u32::MAX);
        record.dropped_attributes = n_cut;
        self.count_cut(Count::AttributesCut, n_cut);
        let started = if self.lights.has_started(id) { STARTED } else { 0 };
        let slot = self
            .table
            .insert(id, around, site.interest, IN_TRACE | started, record);
        self.lights.light_up(id);
        slot
    }

    /// Values that a span gets after it was made.
    pub(crate) fn record(&self, slot: &Slot, values: &Record<'_>) {
        let Some(metadata) = slot.lock().record().map(|record| record.metadata) else {
            return;
        };
        let rules = Rules {
            lazy: slot.has(LAZY),
            ..self.rules(self.callsite(metadata), self.limits.attributes)
        };
        with_scratch(|scratch| {
            let mut visitor = Visitor::new(scratch, rules);
            values.record(&mut visitor);
            visitor.finish();
            {
                let mut state = slot.lock();
                let Some(record) = state.record_mut() else { return };
                let n_cut = record.fields.merge(&scratch.fields, self.limits.attributes);
                record.dropped_attributes += n_cut;
                self.count_cut(Count::AttributesCut, n_cut);
                scratch.special.apply(record);
                if record.fields.raw_len() > RAW_MAX {
                    self.reveal(&mut record.fields);
                }
            }
            self.late_values(slot, scratch);
        });
    }

    /// Whether anybody is told of a span that closes.
    fn is_seen(&self, record: &SpanRecord) -> bool {
        record.is_sampled() || record.interest & self.close_mask != 0 || self.keep.is_some()
    }

    /// A span has closed.
    pub(crate) fn close_span(&self, id: u64) {
        let Some((mut record, parent)) = self.table.remove(id) else {
            return;
        };
        if self.is_seen(&record) {
            record.duration_ns = self.clock.now().ns_since(record.start);
            self.hand_over(record, parent);
        } else {
            pool::recycle(record);
        }
    }
}
