//! The subscriber around registry and layer, which keeps spans that nobody sees from both.
//!
//! A span that only the exporter wants, inside of a captured span whose trace the exporter does not get, has nobody to whom it could be
//! shown. It stands for the span around it (see `light`), which costs a tenth of a span with a record. Fields by which lines and calls are
//! correlated (`request_id`, `user_id`, `tenant_id`) are what they are in the span around it, or the span gets a record.
//!
//! Invariant: whatever runs inside of such a span has the ids, the baggage and the correlation fields that it would have had otherwise.
//! Not here: a stack with layers of others, which would not hear of such spans; it does without this subscriber.

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;

use tracing_core::field::Visit;
use tracing_core::span::{Attributes, Current, Id, Record};
use tracing_core::{Dispatch, Event, Field, Interest, LevelFilter, Metadata, Subscriber};
use watchroom_core::{Count, Value};

use crate::callsite::Callsite;
use crate::layer::{EXPORT, Shared};
use crate::light::is_light;
use crate::table::{SAMPLED, STARTED, SlotRef};
use crate::{CaptureHandle, context, current};

/// A registry with the capture layer on it, and no other layer.
pub struct CaptureSubscriber<S> {
    inner: S,
    shared: Arc<Shared>,
}

impl<S> fmt::Debug for CaptureSubscriber<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureSubscriber").finish_non_exhaustive()
    }
}

impl CaptureHandle {
    /// Keeps spans that nobody sees away from `inner`, a registry with this capture's layer on it and no other layer: those would not hear
    /// of such spans. A span is seen by nobody if only the exporter wants it and its trace is not sampled; inside of it, fields other than
    /// `request_id`, `user_id` and `tenant_id` are not to be found.
    ///
    /// ```
    /// # use tracing_subscriber::layer::SubscriberExt as _;
    /// let (layer, handle) = watchroom_capture::Capture::builder().build();
    /// let subscriber = handle.subscriber(tracing_subscriber::registry().with(layer));
    /// # drop(subscriber);
    /// ```
    pub fn subscriber<S: Subscriber>(&self, inner: S) -> CaptureSubscriber<S> {
        CaptureSubscriber {
            inner,
            shared: Arc::clone(self.shared()),
        }
    }
}

fn id_of(id: u64) -> Id {
    Id::from_u64(id)
}

impl<S: Subscriber> CaptureSubscriber<S> {
    /// The span that something is made in.
    fn around(&self, is_contextual: bool, given: Option<&Id>) -> Option<u64> {
        if is_contextual {
            current::current(self.shared.callsites.layer())
        } else {
            given.map(Id::into_u64)
        }
    }

    /// Makes a span that nobody sees, if it is one.
    fn light(&self, attrs: &Attributes<'_>, around: u64) -> Option<Id> {
        let shared = &*self.shared;
        let metadata = attrs.metadata();
        let site = shared.callsite(metadata);
        if site.interest != EXPORT
            || shared.keep.is_some()
            || shared.foreign.get().is_some()
            || context::has_remote_parent()
        {
            return None;
        }
        let (place, slot) = shared.find(around)?;
        if slot.has(SAMPLED) {
            return None;
        }
        if site.correlation != 0 {
            let mut same = Same::new(shared, &slot, site);
            attrs.record(&mut same);
            if !same.is_same {
                return None;
            }
        }
        // Another one of these keeps open what it stands for, and is held at less cost.
        let id = shared.lights.open(metadata, place, around)?;
        slot.set_flags(STARTED);
        if place != around {
            shared.lights.start(around);
        }
        self.clone_span(&id_of(around));
        shared.ledger.count(Count::SpansStarted, 1);
        Some(id_of(id))
    }
}

/// Whether the correlation fields among some values are what they are in the spans around.
struct Same<'a> {
    shared: &'a Shared,
    innermost: &'a SlotRef<'a>,
    site: Callsite,
    is_same: bool,
}

impl<'a> Same<'a> {
    const fn new(shared: &'a Shared, innermost: &'a SlotRef<'a>, site: Callsite) -> Self {
        Self {
            shared,
            innermost,
            site,
            is_same: true,
        }
    }

    fn concerns(&self, field: &Field) -> bool {
        // A callsite has at most 32 fields; what is beyond 64 counts as another value.
        self.is_same && (field.index() >= 64 || self.site.correlation >> field.index() & 1 != 0)
    }

    fn look(&mut self, field: &Field, value: Value<'_>) {
        if self.concerns(field) {
            self.is_same = self.shared.is_inherited(self.innermost, field.name(), value);
        }
    }
}

impl Visit for Same<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.look(field, Value::Str(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.look(field, Value::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.look(field, Value::U64(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.look(field, Value::Bool(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.look(field, Value::F64(value));
    }

    /// What has to be shown first is taken for another value: showing it runs a user's code, twice if it was another.
    fn record_debug(&mut self, field: &Field, _value: &dyn fmt::Debug) {
        self.is_same &= !self.concerns(field);
    }
}

impl Shared {
    /// Whether a field of the spans from `innermost` outwards has this value where it is first found. What has been redacted has it if it
    /// was redacted to the same text, which stays what it is when it is redacted again.
    fn is_inherited(&self, innermost: &SlotRef<'_>, key: &str, value: Value<'_>) -> bool {
        let mut next = Some(innermost.clone());
        while let Some(slot) = next {
            let is_same = slot
                .lock()
                .record()
                .and_then(|record| record.fields.is(key, value));
            if let Some(is_same) = is_same {
                return is_same;
            }
            next = slot.parent().and_then(|id| self.table.get(id));
        }
        false
    }
}

impl<S: Subscriber> Subscriber for CaptureSubscriber<S> {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.inner.enabled(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.inner.max_level_hint()
    }

    fn on_register_dispatch(&self, dispatch: &Dispatch) {
        self.inner.on_register_dispatch(dispatch);
    }

    fn event_enabled(&self, event: &Event<'_>) -> bool {
        self.inner.event_enabled(event)
    }

    fn new_span(&self, attrs: &Attributes<'_>) -> Id {
        let Some(around) = self.around(attrs.is_contextual(), attrs.parent()) else {
            return self.inner.new_span(attrs);
        };
        if let Some(id) = self.light(attrs, around) {
            return id;
        }
        let mut known = around;
        while let Some(place) = self.shared.lights.around(known) {
            self.shared.lights.start(known);
            known = place;
        }
        if known == around {
            return self.inner.new_span(attrs);
        }
        // The registry keeps the span around open that it knows.
        let attrs = Attributes::child_of(id_of(known), attrs.metadata(), attrs.values());
        current::made_in(around, || self.inner.new_span(&attrs))
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let id = span.into_u64();
        if !is_light(id) {
            return self.inner.record(span, values);
        }
        let shared = &*self.shared;
        if let Some(slot) = shared.table.get(id) {
            return shared.record(&slot, values);
        }
        let Some(metadata) = shared.callsite_of(id) else {
            return;
        };
        let site = shared.callsite(metadata);
        if site.correlation == 0 {
            return;
        }
        let Some((_, around)) = shared.find(id) else {
            return;
        };
        let mut same = Same::new(shared, &around, site);
        values.record(&mut same);
        if !same.is_same
            && let Some(slot) = shared.own(id)
        {
            shared.record(&slot, values);
        }
    }

    fn record_follows_from(&self, span: &Id, follows: &Id) {
        self.inner.record_follows_from(span, follows);
    }

    fn event(&self, event: &Event<'_>) {
        // Most events of a trace that nobody gets are for nobody either.
        if event.is_contextual()
            && self.shared.callsite(event.metadata()).interest == EXPORT
            && current::current(self.shared.callsites.layer())
                .is_some_and(|id| self.shared.lights.stands_for(id).is_some())
        {
            return;
        }
        self.inner.event(event);
    }

    fn enter(&self, span: &Id) {
        let id = span.into_u64();
        if is_light(id) {
            current::enter(self.shared.callsites.layer(), id);
            self.shared.lights.start(id);
        } else {
            self.inner.enter(span);
        }
    }

    fn exit(&self, span: &Id) {
        let id = span.into_u64();
        if is_light(id) {
            current::exit(self.shared.callsites.layer(), id);
        } else {
            self.inner.exit(span);
        }
    }

    fn clone_span(&self, span: &Id) -> Id {
        let id = span.into_u64();
        if is_light(id) {
            self.shared.lights.hold(id);
            span.clone()
        } else {
            self.inner.clone_span(span)
        }
    }

    fn try_close(&self, span: Id) -> bool {
        let id = span.into_u64();
        if !is_light(id) {
            return self.inner.try_close(span);
        }
        let Some((held, had_record)) = self.shared.lights.let_go(id) else {
            return false;
        };
        if had_record {
            self.shared.close_span(id);
        }
        self.try_close(id_of(held));
        true
    }

    fn current_span(&self) -> Current {
        match current::current(self.shared.callsites.layer()) {
            Some(id) if is_light(id) => match self.shared.callsite_of(id) {
                Some(metadata) => Current::new(id_of(id), metadata),
                None => Current::none(),
            },
            _ => self.inner.current_span(),
        }
    }

    #[expect(unsafe_code, reason = "the trait's way of finding the layer in a stack")]
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        // SAFETY: what `inner` points to lives in it, and so as long as `self`; what it is, `inner` answers for.
        unsafe { self.inner.downcast_raw(id) }
    }
}
