//! The trace context on its way in and out, as integrations use it, and the ledger that they count in.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use watchroom_capture::propagation;
use watchroom_capture::{Extractor, Injector};
use watchroom_core::{Ledger, SpanContext};

static LEDGER: OnceLock<Arc<Ledger>> = OnceLock::new();
static PROPAGATE: AtomicBool = AtomicBool::new(true);

/// The ledger of this process's telemetry. It counts before [`init`](crate::init) too.
pub fn ledger() -> &'static Arc<Ledger> {
    LEDGER.get_or_init(Arc::default)
}

pub(crate) fn set_propagate(on: bool) {
    PROPAGATE.store(on, Relaxed);
}

/// Reads the caller's context out of a carrier. Nothing there, something malformed (which is counted), or propagation turned off by
/// `OTEL_PROPAGATORS=none` is no context.
#[must_use]
pub fn extract(carrier: &(impl Extractor + ?Sized)) -> Option<SpanContext> {
    PROPAGATE
        .load(Relaxed)
        .then(|| propagation::extract(carrier, ledger()))
        .flatten()
}

/// Writes the context of the current span into a carrier.
pub fn inject(carrier: &mut (impl Injector + ?Sized)) {
    if PROPAGATE.load(Relaxed) {
        propagation::inject_current(carrier);
    }
}
