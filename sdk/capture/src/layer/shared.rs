//! What the layer and its handle share, and which sinks want what.
//!
//! Not here: what happens to spans and events.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use tracing_core::{LevelFilter, Metadata};
use watchroom_core::{Clock, Count, Ledger, Moment};
use watchroom_redact::Redactor;

use crate::callsite::{Callsite, Callsites};
use crate::foreign::ForeignContext;
use crate::keep::Keep;
use crate::light::Lights;
use crate::table::{Slot, Table};
use crate::visit::{CORRELATION, Rules, is_special};
use crate::{
    Capture, EventSampler, Fields, ReloadableFilter, Sampler, Sink, SpanExporter, SpanLimits, security,
};

/// Bit of the exporter among those of the sinks.
pub(crate) const EXPORT: u64 = 1 << 63;
/// Bits of the sinks.
pub(crate) const SINKS: u64 = EXPORT - 1;

pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) redactor: Redactor,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) sampler: Sampler,
    pub(crate) limits: SpanLimits,
    pub(crate) threads: bool,
    pub(crate) sinks: Vec<Arc<dyn Sink>>,
    pub(crate) exporter: Option<Arc<dyn SpanExporter>>,
    /// Another tracing API in the process.
    pub(crate) foreign: OnceLock<Arc<dyn ForeignContext>>,
    /// Spans of unsampled traces that may yet be exported.
    pub(crate) keep: Option<Keep>,
    pub(crate) export_filter: ReloadableFilter,
    /// Spans are captured for their context even where nobody exports them.
    context: bool,
    pub(crate) new_mask: u64,
    pub(crate) enter_mask: u64,
    pub(crate) close_mask: u64,
    pub(crate) busy_mask: u64,
    /// Sinks that are logs.
    log_mask: u64,
    event_sampler: Option<Arc<dyn EventSampler>>,
    pub(crate) table: Table,
    /// Open spans without a record.
    pub(crate) lights: Lights,
    pub(crate) callsites: Callsites,
    /// Keys of baggage that are copied to lines and spans.
    pub(crate) baggage_fields: Box<[String]>,
    pub(crate) closed: AtomicBool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(capture: Capture) -> Self {
        let Capture {
            clock,
            redactor,
            ledger,
            sampler,
            limits,
            attributes,
            sinks,
            exporter,
            export_filter,
            context,
            event_sampler,
            baggage_fields,
        } = capture;
        let mask = |wants: fn(&dyn Sink) -> bool| {
            let bits = sinks
                .iter()
                .enumerate()
                .map(|(idx, sink)| u64::from(wants(&**sink)) << idx);
            bits.fold(0, |mask, bit| mask | bit)
        };
        let busy_for_export = if attributes.inactivity { EXPORT } else { 0 };
        Self {
            new_mask: mask(|sink| sink.wants_new()),
            enter_mask: mask(|sink| sink.wants_enter()),
            close_mask: mask(|sink| sink.wants_close()),
            busy_mask: mask(|sink| sink.wants_busy()) | busy_for_export,
            log_mask: mask(|sink| sink.is_log()),
            event_sampler,
            foreign: OnceLock::new(),
            keep: exporter.as_ref().and(sampler.keep_rules()).map(Keep::new),
            clock,
            redactor,
            ledger,
            sampler,
            limits,
            threads: attributes.threads,
            sinks,
            exporter,
            export_filter,
            context,
            table: Table::new(),
            lights: Lights::default(),
            callsites: Callsites::new(),
            baggage_fields: baggage_fields.into(),
            closed: AtomicBool::new(false),
        }
    }

    /// Bits of those who want a callsite.
    pub(crate) fn interest(&self, metadata: &Metadata<'_>) -> u64 {
        let sinks = self
            .sinks
            .iter()
            .enumerate()
            .map(|(idx, sink)| u64::from(sink.enabled(metadata)) << idx);
        // No filter keeps a security event from a log.
        let always = if security::is_security(metadata) {
            self.log_mask
        } else {
            0
        };
        let wanted = self.exporter.is_some() || self.context && metadata.is_span();
        let export = wanted && self.export_filter.enabled(metadata);
        sinks.fold(if export { EXPORT | always } else { always }, |mask, bit| {
            mask | bit
        })
    }

    /// Facts of a callsite, out of the cache wherever they can be.
    #[inline]
    pub(crate) fn callsite(&self, metadata: &'static Metadata<'static>) -> Callsite {
        self.callsites.get(metadata, || self.decide_callsite(metadata))
    }

    #[inline(never)]
    fn decide_callsite(&self, metadata: &'static Metadata<'static>) -> Callsite {
        let mut callsite = Callsite {
            interest: self.interest(metadata),
            sensitive: 0,
            special: 0,
            correlation: 0,
            sampling: None,
        };
        if callsite.interest & self.log_mask != 0 && !security::is_security(metadata) {
            callsite.sampling = self
                .event_sampler
                .as_ref()
                .and_then(|sampler| sampler.key(metadata));
        }
        for field in metadata.fields().iter().take(64) {
            let bit = 1 << field.index();
            if metadata.is_span() && is_special(field.name()) {
                callsite.special |= bit;
            } else if self.redactor.is_sensitive_name(field.name()) {
                callsite.sensitive |= bit;
            }
            if metadata.is_span() && CORRELATION.contains(&field.name()) {
                callsite.correlation |= bit;
            }
        }
        callsite
    }

    pub(crate) fn max_level(&self) -> LevelFilter {
        let export = (self.exporter.is_some() || self.context).then(|| self.export_filter.max_level());
        self.sinks
            .iter()
            .map(|sink| sink.max_level())
            .chain(export)
            // Security events are seen whatever the filters say.
            .chain((self.log_mask != 0).then_some(LevelFilter::INFO))
            .max()
            .unwrap_or(LevelFilter::OFF)
    }

    pub(crate) fn rules(&self, callsite: Callsite, max_fields: usize) -> Rules<'_> {
        Rules {
            redactor: &self.redactor,
            ledger: &self.ledger,
            value_len: self.limits.value_len,
            max_fields,
            lazy: false,
            callsite,
        }
    }

    /// Redacts what waits for it, before somebody sees the fields.
    pub(crate) fn reveal(&self, fields: &mut Fields) {
        fields.reveal(&self.redactor, self.limits.value_len, &self.ledger);
    }

    /// Leaves the logs out of `told` if the sampler says so; it is asked once for all of them.
    pub(super) fn sampled(&self, told: u64, callsite: Callsite, now: impl FnOnce() -> Moment) -> u64 {
        match (callsite.sampling, &self.event_sampler) {
            (Some(key), Some(sampler)) if told & self.log_mask != 0 && !sampler.keep(key, now()) => {
                told & !self.log_mask
            }
            _ => told,
        }
    }

    /// As [`sampled`](Self::sampled), for lines of a span.
    pub(super) fn sampled_span(&self, told: u64, metadata: &'static Metadata<'static>) -> u64 {
        if told & self.log_mask == 0 || self.event_sampler.is_none() {
            return told;
        }
        self.sampled(told, self.callsite(metadata), || self.clock.now())
    }

    /// Which sinks of `mask` are told that a span is entered or left.
    pub(super) fn moment_of(&self, slot: &Slot, mask: u64) -> u64 {
        let told = slot.interest() & mask;
        if told & self.log_mask == 0 || self.event_sampler.is_none() {
            return told;
        }
        let metadata = slot.lock().record().map(|record| record.metadata);
        metadata.map_or(told, |metadata| self.sampled_span(told, metadata))
    }

    pub(crate) fn count_cut(&self, count: Count, n: u32) {
        if n > 0 {
            self.ledger.count(count, n.into());
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Relaxed)
    }
}
