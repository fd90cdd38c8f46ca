//! The layer: what `tracing` tells of spans and events becomes records, and records go to sinks and to the exporter.
//!
//! Invariant: a user's code runs before a lock is taken and never under one; sinks are called outside every lock, and what they emit
//! themselves is not captured. Not here: how values are read (`visit`), where records live (`table`).

use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;

use smallvec::SmallVec;
use tracing_core::span::{Attributes, Id, Record};
use tracing_core::{Event, Interest, Level, LevelFilter, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;
use watchroom_core::{Count, Moment};

use crate::foreign::SpanRef;
use crate::table::{BUSY, IN_TRACE, LAZY, SAMPLED, STARTED, SlotRef};
use crate::visit::{Rules, Visitor, with_scratch};
use crate::{EventRecord, current, pool};

mod baggage;
mod event;
mod fan_out;
mod find;
mod keeping;
mod origin;
mod shared;
mod span;

pub(crate) use shared::{EXPORT, SINKS, Shared};

/// The one layer of the SDK. [`Capture::build`](crate::Capture::build) makes it.
pub struct CaptureLayer {
    shared: Arc<Shared>,
}

impl fmt::Debug for CaptureLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureLayer").finish_non_exhaustive()
    }
}

impl CaptureLayer {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The span that the thread is in.
    pub(crate) fn current(&self) -> Option<u64> {
        current::current(self.shared.callsites.layer())
    }

    /// The nearest captured span at or above one that the registry knows.
    fn captured<S>(&self, id: u64, ctx: &Context<'_, S>) -> Option<(u64, SlotRef<'_>)>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if let Some(found) = self.shared.find(id) {
            return Some(found);
        }
        // Only where another layer wants spans that none of our sinks does.
        let id = Id::from_non_zero_u64(NonZeroU64::new(id)?);
        ctx.span(&id)?.scope().find_map(|span| {
            let id = span.id().into_u64();
            Some((id, self.shared.table.get(id)?))
        })
    }

    /// The nearest captured span around what is made: the given one, the current one, or none.
    fn around<S>(
        &self,
        is_contextual: bool,
        given: Option<&Id>,
        ctx: &Context<'_, S>,
    ) -> Option<(u64, SlotRef<'_>)>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let id = if is_contextual {
            self.current()
        } else {
            given.map(Id::into_u64)
        };
        self.captured(id?, ctx)
    }

    /// Whether an event is inside of a span without a record.
    fn is_in_light(&self, event: &Event<'_>) -> bool {
        let id = if event.is_contextual() {
            self.current()
        } else {
            event.parent().map(Id::into_u64)
        };
        id.is_some_and(|id| self.shared.lights.stands_for(id).is_some())
    }

    fn now_ns(&self) -> u64 {
        self.shared.clock.now().ns_since(Moment::default())
    }
}

impl<S> Layer<S> for CaptureLayer
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_span() {
            self.shared.callsites.declare_span(metadata);
        }
        if self.shared.callsite(metadata).interest == 0 {
            Interest::never()
        } else {
            Interest::always()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _ctx: Context<'_, S>) -> bool {
        self.shared.interest(metadata) != 0
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.shared.max_level())
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let shared = &*self.shared;
        let metadata = attrs.metadata();
        let site = shared.callsite(metadata);
        if site.interest == 0 {
            return;
        }
        let now = shared.clock.now();
        let around = match current::take_made_in() {
            Some(id) => shared.find(id),
            None => self.around(attrs.is_contextual(), attrs.parent(), &ctx),
        };
        let in_trace = shared.exporter.is_none() || site.interest & EXPORT != 0;
        let parent = around.as_ref().map(|(_, slot)| slot);
        let origin = shared.origin(parent, in_trace, attrs.is_contextual(), now);
        let around = around.map_or(0, |(id, _)| id);

        let mut record = pool::take(metadata, origin.context);
        record.parent = origin.parent;
        record.parent_remote = origin.parent_remote;
        record.start = now;
        record.start_unix_ns = shared.clock.unix_ns(now);
        record.interest = site.interest;
        record.in_trace = in_trace;
        let has_baggage = !origin.baggage.is_empty();
        record.baggage = origin.baggage;
        let mut flags = if in_trace { IN_TRACE } else { 0 };
        if record.is_sampled() {
            flags |= SAMPLED;
        } else if let Some(keep) = &shared.keep {
            flags |= SAMPLED;
            shared.open_root(keep, &record, now);
        }
        if site.interest & shared.busy_mask != 0 {
            flags |= BUSY;
        }
        let told = shared.sampled(site.interest & shared.new_mask, site, || now);
        if told != 0 {
            flags |= STARTED;
        }
        if flags & SAMPLED == 0 {
            flags |= LAZY;
        }
        shared.ledger.count(Count::SpansStarted, 1);

        with_scratch(|scratch| {
            let rules = Rules {
                lazy: flags & LAZY != 0,
                ..shared.rules(site, shared.limits.attributes)
            };
            let mut visitor = Visitor::into_fields(&mut record.fields, scratch, rules);
            attrs.record(&mut visitor);
            record.dropped_attributes = visitor.finish();
            scratch.special.apply(&mut record);
            let slot = shared
                .table
                .insert(id.into_u64(), around, site.interest, flags, record);
            if let Some(slot) = slot {
                shared.late(&slot, scratch);
                if has_baggage {
                    shared.copy_baggage(&slot, origin.parent_remote || around == 0);
                }
            }
        });
        if told != 0 {
            let spans = shared.lend(Some(id.into_u64()));
            shared.fan_out(told, &spans, None, |sink, scope| sink.on_new(scope));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _ctx: Context<'_, S>) {
        let shared = &*self.shared;
        if let Some(slot) = shared.table.get(id.into_u64()) {
            shared.record(&slot, values);
        }
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, _ctx: Context<'_, S>) {
        if let Some(context) = self.context_of(follows.into_u64()) {
            self.add_link(id.into_u64(), context);
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        let shared = &*self.shared;
        let metadata = event.metadata();
        let site = shared.callsite(metadata);
        if site.interest == 0 || fan_out::in_sink() {
            return;
        }
        let around = self
            .around(event.is_contextual(), event.parent(), &ctx)
            .map(|(_, slot)| slot);
        let export_to = if site.interest & EXPORT == 0 {
            None
        } else {
            around.as_ref().and_then(|slot| shared.place_in_trace(slot))
        };
        if let Some(slot) = &around
            && export_to.is_none()
            && *metadata.level() == Level::ERROR
            && (site.interest & EXPORT != 0 || shared.exporter.is_none())
            // It is that span that has failed, and not the one that it stands for.
            && !self.is_in_light(event)
        {
            shared.note_failure(slot);
        }
        let sinks = site.interest & SINKS;
        if sinks == 0 && export_to.is_none() {
            return;
        }
        let time = shared.clock.now();
        let sinks = shared.sampled(sinks, site, || time);
        if sinks == 0 && export_to.is_none() {
            return;
        }
        let time_unix_ns = shared.clock.unix_ns(time);
        with_scratch(|scratch| {
            let rules = shared.rules(site, shared.limits.attributes_per_event);
            let mut visitor = Visitor::new(scratch, rules);
            event.record(&mut visitor);
            visitor.finish();
            if let Some(slot) = &export_to {
                shared.add_to_span(slot, metadata, time_unix_ns, scratch);
            }
            if sinks != 0 {
                if let Some(slot) = &around {
                    slot.set_flags(STARTED);
                }
                let spans = shared.lend_from(around);
                let record = EventRecord {
                    metadata,
                    time_unix_ns,
                    time,
                    fields: &scratch.fields,
                };
                shared.fan_out(sinks, &spans, None, |sink, scope| sink.on_event(&record, scope));
            }
        });
    }

    fn on_enter(&self, id: &Id, _ctx: Context<'_, S>) {
        let shared = &*self.shared;
        current::enter(shared.callsites.layer(), id.into_u64());
        let Some(slot) = shared.table.get(id.into_u64()) else {
            return;
        };
        slot.set_flags(STARTED);
        if let Some(foreign) = shared.foreign.get() {
            foreign.enter(SpanRef::new(Arc::clone(&self.shared), id.into_u64()));
        }
        if slot.has(BUSY) {
            slot.enter(|| self.now_ns());
        }
        let told = shared.moment_of(&slot, shared.enter_mask);
        if told != 0 {
            let spans = shared.lend(Some(id.into_u64()));
            shared.fan_out(told, &spans, None, |sink, scope| sink.on_enter(scope));
        }
    }

    fn on_exit(&self, id: &Id, _ctx: Context<'_, S>) {
        let shared = &*self.shared;
        current::exit(shared.callsites.layer(), id.into_u64());
        if let Some(foreign) = shared.foreign.get() {
            foreign.exit(id.into_u64());
        }
        if shared.enter_mask | shared.busy_mask == 0 {
            return;
        }
        let Some(slot) = shared.table.get(id.into_u64()) else {
            return;
        };
        if slot.has(BUSY) {
            slot.exit(|| self.now_ns());
        }
        let told = shared.moment_of(&slot, shared.enter_mask);
        if told != 0 {
            let spans = shared.lend(Some(id.into_u64()));
            shared.fan_out(told, &spans, None, |sink, scope| sink.on_exit(scope));
        }
    }

    fn on_close(&self, id: Id, _ctx: Context<'_, S>) {
        self.shared.close_span(id.into_u64());
    }
}

/// Records lent to sinks; the usual depth needs no memory.
type Lent = SmallVec<[Arc<crate::table::Cell>; 8]>;
