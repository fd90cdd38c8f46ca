//! Baggage of open spans, and its copies on lines and spans.
//!
//! Invariant: a span's baggage is as it came; a copy of it that a sink or an exporter sees has been redacted.
//! Not here: the format.

use watchroom_core::{Count, SpanContext, Value};
use watchroom_redact::Redactor;

use super::{CaptureLayer, Shared};
use crate::propagation::{Baggage, BaggageError};
use crate::table::Slot;
use crate::visit::cut;

impl CaptureLayer {
    pub(crate) fn redactor(&self) -> &Redactor {
        &self.shared.redactor
    }

    pub(crate) fn baggage_of(&self, id: u64) -> Option<Baggage> {
        let (_, slot) = self.shared.find(id)?;
        let state = slot.lock();
        state.record().map(|record| record.baggage.clone())
    }

    /// Context and baggage of a span, as they go out together. Whoever is told starts the span.
    pub(crate) fn identity_of(&self, id: u64) -> Option<(SpanContext, Baggage)> {
        let slot = self.shared.find_started(id)?;
        let state = slot.lock();
        let record = state.record()?;
        Some((record.context.clone(), record.baggage.clone()))
    }

    pub(crate) fn change_baggage(
        &self,
        id: u64,
        change: impl FnOnce(&Baggage) -> Result<Baggage, BaggageError>,
    ) -> Result<(), BaggageError> {
        let slot = self.shared.own(id).ok_or(BaggageError::NoSpan)?;
        {
            let mut state = slot.lock();
            let record = state.record_mut().ok_or(BaggageError::NoSpan)?;
            record.baggage = change(&record.baggage)?;
        }
        self.shared.copy_baggage(&slot, true);
        Ok(())
    }
}

impl Shared {
    /// Copies the members that a setting names: to fields, which lines and the exported span show, where the baggage comes in; to
    /// attributes of the exported span alone where it is inherited, since a line shows the fields of all spans around it.
    pub(super) fn copy_baggage(&self, slot: &Slot, comes_in: bool) {
        if self.baggage_fields.is_empty() {
            return;
        }
        let mut state = slot.lock();
        let Some(baggage) = state.record().map(|record| record.baggage.clone()) else {
            return;
        };
        for key in &*self.baggage_fields {
            let Some(value) = baggage.get(key) else { continue };
            let mut value = self.redactor.field(key, value).into_owned();
            cut(&mut value, self.limits.value_len, &self.ledger);
            let value = Value::Str(&value);
            if !comes_in {
                state.late.extra.set_named(key, value);
                continue;
            }
            let Some(record) = state.record_mut() else { return };
            if record.fields.position(key).is_some() || record.fields.len() < self.limits.attributes {
                record.fields.set_named(key, value);
            } else {
                record.dropped_attributes += 1;
                self.ledger.count(Count::AttributesCut, 1);
            }
        }
    }
}
