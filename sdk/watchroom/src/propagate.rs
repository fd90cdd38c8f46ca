//! The caller's context on its way in and ours on its way out, as integrations use them, and the ledger that they count in.

use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use watchroom_capture::propagation::{Propagators, RemoteContext};
use watchroom_capture::{Extractor, Injector};
use watchroom_core::Ledger;

static LEDGER: OnceLock<Arc<Ledger>> = OnceLock::new();
/// The chosen formats in bits; none are chosen before the start, when the defaults hold.
static CHOSEN: OnceLock<AtomicU16> = OnceLock::new();

/// The ledger of this process's telemetry. It counts before [`init`](crate::init) too.
pub fn ledger() -> &'static Arc<Ledger> {
    LEDGER.get_or_init(Arc::default)
}

fn chosen() -> &'static AtomicU16 {
    CHOSEN.get_or_init(|| Propagators::default().to_bits().into())
}

pub(crate) fn set_propagators(propagators: Propagators) {
    chosen().store(propagators.to_bits(), Relaxed);
}

fn propagators() -> Propagators {
    Propagators::from_bits(chosen().load(Relaxed))
}

/// Reads the caller's span and baggage out of a carrier, in the formats of the setting `traces.propagators` (OTEL_PROPAGATORS). What is
/// not there or malformed (which is counted) is left out.
#[must_use]
pub fn extract(carrier: &(impl Extractor + ?Sized)) -> RemoteContext {
    propagators().extract(carrier, ledger())
}

/// Writes the current span and its baggage into a carrier, in the formats of the setting `traces.propagators` (OTEL_PROPAGATORS).
pub fn inject(carrier: &mut (impl Injector + ?Sized)) {
    propagators().inject_current(carrier);
}
