//! Where a new span comes from: its ids, its parent, its trace's sampling decision, its baggage.
//!
//! Invariant: the sampling decision is made here, once for each local root, and nowhere else but in `set_parent` before anybody has seen
//! the span. Not here: what the span holds.

use watchroom_core::{Moment, SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use super::Shared;
use crate::context;
use crate::propagation::{Baggage, Decision, RemoteContext};
use crate::table::{STARTED, SlotRef};

/// What a new span takes over.
pub(crate) struct Origin {
    pub(crate) context: SpanContext,
    pub(crate) parent: Option<SpanId>,
    pub(crate) parent_remote: bool,
    pub(crate) baggage: Baggage,
}

/// The other flags are passed on as they came.
pub(super) const fn with_sampled(flags: TraceFlags, sampled: bool) -> TraceFlags {
    TraceFlags(flags.0 & !TraceFlags::SAMPLED | sampled as u8)
}

/// Whether what another API holds as current is a span, and not the one that is ours anyhow.
#[cold]
fn is_another(current: &RemoteContext, parent: Option<&SlotRef<'_>>) -> bool {
    let Some(span) = &current.span else { return false };
    let ours = parent.and_then(|slot| {
        let state = slot.lock();
        state.record().map(|record| record.context.span_id)
    });
    ours != Some(span.span_id)
}

impl Shared {
    /// Of a span that is made inside of `parent`, or inside of nothing, unless a caller is waiting for its span, or another API has a span
    /// current that was begun inside of `parent`.
    pub(super) fn origin(
        &self,
        parent: Option<&SlotRef<'_>>,
        in_trace: bool,
        is_contextual: bool,
        now: Moment,
    ) -> Origin {
        match (context::take_remote_parent(), self.foreign.get()) {
            (None, None) => self.local(parent, in_trace, None, now),
            (Some(remote), _) => self.called(remote, parent, in_trace, now),
            (None, Some(foreign)) => match is_contextual.then(|| foreign.current()) {
                Some(current) if is_another(&current, parent) => self.called(current, None, in_trace, now),
                _ => self.local(parent, in_trace, None, now),
            },
        }
    }

    /// Of a span that is made under the given parent, whatever is current.
    pub(crate) fn origin_under(&self, parent: RemoteContext, in_trace: bool, now: Moment) -> Origin {
        self.called(parent, None, in_trace, now)
    }

    #[cold]
    fn called(
        &self,
        remote: RemoteContext,
        parent: Option<&SlotRef<'_>>,
        in_trace: bool,
        now: Moment,
    ) -> Origin {
        let RemoteContext {
            span,
            baggage,
            decision,
        } = remote;
        let Some(span) = span else {
            let told = match decision {
                Decision::WithoutIds(sampled) => Some(sampled),
                Decision::InFlags | Decision::Deferred => None,
            };
            let mut origin = self.local(parent, in_trace, told, now);
            if !baggage.is_empty() {
                origin.baggage = baggage;
            }
            return origin;
        };
        let sampled = self.decide(&span, decision, now);
        Origin {
            parent: Some(span.span_id),
            parent_remote: span.remote,
            context: SpanContext {
                span_id: if in_trace { SpanId::random() } else { span.span_id },
                flags: with_sampled(span.flags, sampled),
                remote: false,
                ..span
            },
            baggage,
        }
    }

    /// Of this process's own spans none is asked about again: the root of their trace was.
    pub(super) fn decide(&self, parent: &SpanContext, decision: Decision, now: Moment) -> bool {
        if !parent.remote {
            return parent.is_sampled();
        }
        let known = (decision != Decision::Deferred).then_some(parent);
        self.sampler.decide(known, parent.trace_id, now)
    }

    fn local(&self, parent: Option<&SlotRef<'_>>, in_trace: bool, told: Option<bool>, now: Moment) -> Origin {
        let inherited = parent.and_then(|slot| {
            // A child has seen its parent's ids.
            slot.set_flags(STARTED);
            let state = slot.lock();
            let parent = state.record()?;
            let span_id = if in_trace {
                SpanId::random()
            } else {
                parent.context.span_id
            };
            let (id, remote) = parent.as_parent();
            Some(Origin {
                context: SpanContext {
                    trace_id: parent.context.trace_id,
                    span_id,
                    flags: parent.context.flags,
                    remote: false,
                    state: parent.context.state.clone(),
                },
                parent: id,
                parent_remote: remote,
                baggage: parent.baggage.clone(),
            })
        });
        inherited.unwrap_or_else(|| {
            let trace_id = TraceId::random();
            let sampled = told.unwrap_or_else(|| self.sampler.decide(None, trace_id, now));
            Origin {
                context: SpanContext {
                    trace_id,
                    span_id: SpanId::random(),
                    flags: TraceFlags::with_sampled(sampled),
                    remote: false,
                    state: TraceState::EMPTY,
                },
                parent: None,
                parent_remote: false,
                baggage: Baggage::EMPTY,
            }
        })
    }
}
