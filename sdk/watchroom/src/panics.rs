//! Panics: logged through capture, so redacted; flushed at once where the process is about to end.
//!
//! Invariant: a panic is never silent. Where no log line shows it — no sink, a filter without its target, telemetry has ended — it goes
//! to stderr, redacted, as the standard hook that is replaced would have shown it.

use std::io::Write as _;
use std::panic::{self, PanicHookInfo};
use std::sync::Weak;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use tracing::level_filters::LevelFilter;
use watchroom_log::{PANIC_TARGET, panic_message};
use watchroom_redact::Redactor;

use crate::telemetry::Inner;

/// Time that an aborting process gives to the flush.
const FLUSH: Duration = Duration::from_secs(2);

/// Installs the hook. It replaces the standard one, which prints messages as they are.
pub(crate) fn install(inner: Weak<Inner>, redactor: Redactor) {
    let log = watchroom_log::panic_hook(None);
    panic::set_hook(Box::new(move |info| {
        let inner = inner.upgrade();
        log(info);
        if !inner.as_deref().is_some_and(shows_panics) {
            show(info, &redactor);
        }
        // With unwinding, the guard flushes when `main` ends; without, there is no later.
        if aborts(info)
            && let Some(inner) = inner
        {
            inner.flush(FLUSH);
        }
    }));
}

/// Whether the process ends with this panic: unwinding is turned off, or cannot go on, as out of an `extern "C"` function and in a
/// destructor that runs because of another panic.
fn aborts(info: &PanicHookInfo<'_>) -> bool {
    // `PanicHookInfo::can_unwind` is not stable, but `Debug` shows it. A release of Rust that shows it otherwise fails our tests.
    cfg!(panic = "abort") || format!("{info:?}").contains("can_unwind: false")
}

/// Whether a panic becomes a log line that somebody can see here.
fn shows_panics(inner: &Inner) -> bool {
    let passes = |filter: &watchroom_capture::ReloadableFilter| {
        filter.get().level_of(PANIC_TARGET) >= LevelFilter::ERROR
    };
    !inner.ended.load(SeqCst) && !inner.writers.is_empty() && inner.log_filter.as_ref().is_some_and(passes)
}

fn show(info: &PanicHookInfo<'_>, redactor: &Redactor) {
    let thread = std::thread::current();
    let name = redactor.value(thread.name().unwrap_or("unnamed"));
    let place = info
        .location()
        .map(|place| format!(" at {place}"))
        .unwrap_or_default();
    let message = redactor.value(panic_message(info));
    // There is nobody left to tell of a stderr that is closed.
    let _ = writeln!(std::io::stderr(), "thread '{name}' panicked{place}: {message}");
}
