//! A panic as a log record: location, thread, backtrace, and the message after redaction.
//!
//! Invariant: the message goes the way of every event, through capture. Not here: installing the hook, flushing after it.

use std::backtrace::Backtrace;
use std::panic::PanicHookInfo;

/// Bytes of a backtrace that are kept, up to the last whole line: less than the redactor's limit, beyond which all would go.
const BACKTRACE_MAX: usize = 48 * 1024;

/// Target of the records that panics become.
pub const PANIC_TARGET: &str = "panic";

/// A hook as `std::panic::set_hook` takes it.
pub type PanicHook = Box<dyn Fn(&PanicHookInfo<'_>) + Sync + Send + 'static>;

/// A hook that logs a panic at ERROR under the target `panic`, inside the spans that are current.
///
/// The hook does not call the one before it unless that is given as `next`: the standard one prints the message as it is, and
/// nothing is to reach an output round the redactor.
#[must_use]
pub fn panic_hook(next: Option<PanicHook>) -> PanicHook {
    Box::new(move |info| {
        log(info);
        if let Some(next) = &next {
            next(info);
        }
    })
}

/// What a panic said, as it was said: to be redacted before it is shown.
#[must_use]
pub fn panic_message<'a>(info: &'a PanicHookInfo<'_>) -> &'a str {
    let payload = info.payload();
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a value that is no text")
}

fn log(info: &PanicHookInfo<'_>) {
    let message = panic_message(info);
    let thread = std::thread::current();
    let location = info.location().map(ToString::to_string).unwrap_or_default();
    let mut backtrace = Backtrace::force_capture().to_string();
    if backtrace.len() > BACKTRACE_MAX {
        let end = backtrace.as_bytes()[..BACKTRACE_MAX]
            .iter()
            .rposition(|byte| *byte == b'\n')
            .unwrap_or(0);
        backtrace.truncate(end);
    }
    tracing::error!(
        target: PANIC_TARGET,
        location = location.as_str(),
        thread = thread.name().unwrap_or("unnamed"),
        backtrace = backtrace.as_str(),
        "panicked: {message}"
    );
}
