//! The server's clock.
//!
//! Invariant: the only place of this crate that reads time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Nanoseconds since the epoch.
#[expect(clippy::disallowed_methods, reason = "this is the server's clock")]
pub(crate) fn now_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// Milliseconds since the epoch.
pub(crate) fn now_ms() -> i64 {
    ns_to_ms(now_ns())
}

/// Milliseconds of a moment given in nanoseconds.
pub(crate) fn ns_to_ms(ns: u64) -> i64 {
    i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)
}

/// A moment for measuring durations.
#[expect(clippy::disallowed_methods, reason = "this is the server's clock")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// A moment `timeout` from now.
pub(crate) fn deadline(timeout: Duration) -> Instant {
    let now = instant();
    now.checked_add(timeout)
        .unwrap_or(now + Duration::from_secs(86_400))
}
