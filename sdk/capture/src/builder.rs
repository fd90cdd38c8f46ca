//! Building capture: what it is made of, the layer for the subscriber, and the handle for everybody else.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tracing_core::Metadata;
use watchroom_core::{Clock, Ledger, SpanContext};
use watchroom_redact::Redactor;

use crate::foreign::ForeignContext;
use crate::keep::{Held, Keep};
use crate::layer::Shared;
use crate::propagation::{self, Extractor};
use crate::thread;
use crate::{
    CaptureLayer, EventSampler, Filter, ReloadableFilter, Sampler, Sink, SpanAttributes, SpanExporter,
    SpanLimits, filter,
};

/// Sinks that one capture serves; [`Capture::sink`] says what becomes of more.
pub const MAX_SINKS: usize = 62;

/// Capture in the making.
///
/// ```
/// use tracing_subscriber::layer::SubscriberExt as _;
/// use watchroom_capture::{Capture, Sampler};
///
/// let (layer, handle) = Capture::builder().sampler(Sampler::AlwaysOn).build();
/// let subscriber = tracing_subscriber::registry().with(layer);
/// tracing::subscriber::with_default(subscriber, || tracing::info_span!("work").in_scope(|| ()));
/// assert!(!handle.is_shut_down());
/// ```
pub struct Capture {
    pub(crate) clock: Clock,
    pub(crate) redactor: Redactor,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) sampler: Sampler,
    pub(crate) limits: SpanLimits,
    pub(crate) attributes: SpanAttributes,
    pub(crate) sinks: Vec<Arc<dyn Sink>>,
    pub(crate) exporter: Option<Arc<dyn SpanExporter>>,
    pub(crate) export_filter: ReloadableFilter,
    pub(crate) context: bool,
    pub(crate) event_sampler: Option<Arc<dyn EventSampler>>,
    pub(crate) baggage_fields: Vec<String>,
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture")
            .field("sampler", &self.sampler)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Capture {
    /// Everything at its default: the machine's clock, the default redactor, a ledger of its own, every new trace sampled, no sink.
    #[must_use]
    pub fn builder() -> Self {
        Self {
            clock: Clock::system(),
            redactor: Redactor::default(),
            ledger: Arc::default(),
            sampler: Sampler::default(),
            limits: SpanLimits::default(),
            attributes: SpanAttributes::default(),
            sinks: Vec::new(),
            exporter: None,
            export_filter: Filter::level(tracing_core::LevelFilter::DEBUG).into(),
            context: false,
            event_sampler: None,
            baggage_fields: Vec::new(),
        }
    }

    /// Where time is read.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// What every value goes through.
    #[must_use]
    pub fn redactor(mut self, redactor: Redactor) -> Self {
        self.redactor = redactor;
        self
    }

    /// Where counts are entered.
    #[must_use]
    pub fn ledger(mut self, ledger: Arc<Ledger>) -> Self {
        self.ledger = ledger;
        self
    }

    /// Which traces are kept. With [`Sampler::KeepErrorOrSlow`] and an exporter, spans of the others wait until their trace is over.
    #[must_use]
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        self.sampler = sampler;
        self
    }

    /// How much a span may hold.
    #[must_use]
    pub fn limits(mut self, limits: SpanLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Which of a span's circumstances are exported. Give the exporter the same.
    #[must_use]
    pub fn attributes(mut self, attributes: SpanAttributes) -> Self {
        self.attributes = attributes;
        self
    }

    /// Adds a sink. Beyond [`MAX_SINKS`] a sink is not added.
    #[must_use]
    pub fn sink(mut self, sink: Arc<dyn Sink>) -> Self {
        if self.sinks.len() < MAX_SINKS {
            self.sinks.push(sink);
        }
        self
    }

    /// Where closed spans of sampled traces go.
    #[must_use]
    pub fn exporter(mut self, exporter: Arc<dyn SpanExporter>) -> Self {
        self.exporter = Some(exporter);
        self
    }

    /// Which spans and events are exported as traces; DEBUG and above by default, whatever the log's level is. A span that the filter
    /// leaves out has no place in the trace: its children hang on its parent.
    #[must_use]
    pub fn export_filter(mut self, filter: impl Into<ReloadableFilter>) -> Self {
        self.export_filter = filter.into();
        self
    }

    /// Which events become log records, of those that the filters let through; all by default. It is asked once for each event, and
    /// holds for all sinks that are logs.
    #[must_use]
    pub fn event_sampler(mut self, sampler: Arc<dyn EventSampler>) -> Self {
        self.event_sampler = Some(sampler);
        self
    }

    /// Captures every span that the export filter lets through even where there is no exporter and no sink wants it. Then what is
    /// passed on to other services, and the ids on a line inside of the span, do not depend on the log's level.
    #[must_use]
    pub const fn keep_context(mut self) -> Self {
        self.context = true;
        self
    }

    /// Copies members of baggage, by their keys, to fields of the span with which they come in (so that log lines show them) and to
    /// attributes of the exported spans inside of it. None by default: what callers send is not ours to show.
    #[must_use]
    pub fn baggage_fields(mut self, keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.baggage_fields = keys.into_iter().map(Into::into).collect();
        self
    }

    /// The layer, to be put on a `tracing_subscriber::Registry`, and its handle. Callsites that no sink and no exporter wants are
    /// disabled for the whole subscriber.
    #[must_use]
    pub fn build(self) -> (CaptureLayer, CaptureHandle) {
        thread::redact_names_with(&self.redactor);
        let shared = Arc::new(Shared::new(self));
        (CaptureLayer::new(Arc::clone(&shared)), CaptureHandle { shared })
    }
}

/// What the rest of the SDK holds of capture. Cloning it is cheap.
#[derive(Clone)]
pub struct CaptureHandle {
    shared: Arc<Shared>,
}

impl fmt::Debug for CaptureHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CaptureHandle")
            .field("shut_down", &self.is_shut_down())
            .finish_non_exhaustive()
    }
}

impl CaptureHandle {
    /// Hands no more spans to the exporter: those that close later are entered in the ledger as come after the shutdown. Sinks are
    /// still told of events and do the same with theirs.
    pub fn shutdown(&self) {
        self.shared.close();
    }

    /// Whether [`shutdown`](Self::shutdown) has been called.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.shared.closed.load(Relaxed)
    }

    pub(crate) const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Joins another tracing API to this capture, for the rest of its life. Whether it was the first.
    pub fn join(&self, foreign: Arc<dyn ForeignContext>) -> bool {
        self.shared.foreign.set(foreign).is_ok()
    }

    /// Spans that wait for the end of their trace, where the sampler keeps errors and slow traces.
    #[must_use]
    pub fn held(&self) -> Held {
        self.shared.keep.as_ref().map(Keep::held).unwrap_or_default()
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.shared.ledger
    }

    /// The redactor.
    #[must_use]
    pub fn redactor(&self) -> &Redactor {
        &self.shared.redactor
    }

    /// The clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Which spans and events are exported as traces; it can be exchanged.
    #[must_use]
    pub fn export_filter(&self) -> &ReloadableFilter {
        &self.shared.export_filter
    }

    /// The spans that the code declares, captured or not, by target and name: those that the program has come by so far.
    #[must_use]
    pub fn spans(&self) -> Vec<&'static Metadata<'static>> {
        self.shared.callsites.spans()
    }

    /// Reads the caller's span out of a carrier, from the W3C Trace Context; what is malformed is counted in this capture's ledger.
    /// [`Propagators::extract`](crate::propagation::Propagators::extract) reads other formats and baggage.
    #[must_use]
    pub fn extract(&self, carrier: &(impl Extractor + ?Sized)) -> Option<SpanContext> {
        propagation::extract(carrier, &self.shared.ledger)
    }

    /// Has every sink asked again which callsites it wants; for sinks whose filter is not a [`ReloadableFilter`].
    pub fn filters_changed(&self) {
        filter::renew();
    }
}
