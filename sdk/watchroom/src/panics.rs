//! Panics: logged through capture, so redacted; flushed at once where the process is about to end.

use std::panic;
use std::time::Duration;

use crate::telemetry::Inner;

/// Time that an aborting process gives to the flush.
const FLUSH: Duration = Duration::from_secs(2);

/// Installs the hook. It replaces the standard one, which prints messages as they are.
pub(crate) fn install(inner: std::sync::Weak<Inner>) {
    let log = watchroom_log::panic_hook(None);
    panic::set_hook(Box::new(move |info| {
        log(info);
        // With unwinding, the guard flushes when `main` ends; without, there is no later.
        if cfg!(panic = "abort")
            && let Some(inner) = inner.upgrade()
        {
            inner.flush(FLUSH);
        }
    }));
}
