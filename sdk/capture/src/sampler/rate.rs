//! A token bucket without a lock.
//!
//! Invariant: in any stretch of time no more tokens go out than `burst` and what the rate makes of the time.
//! Not here: who asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use watchroom_core::Moment;

const SECOND_NS: f64 = 1e9;

/// So many a second.
///
/// The bucket is kept as the one moment at which it will be full again, which each token moves on by the time that it takes to make one.
///
/// Source: the virtual scheduling form of the generic cell rate algorithm, ITU-T I.371.
#[derive(Debug, Clone)]
pub struct RateLimit {
    per_second: f64,
    burst: f64,
    /// Time that makes a token, nanoseconds.
    interval_ns: u64,
    /// How far ahead the full bucket may lie, nanoseconds.
    ahead_ns: u64,
    full_at_ns: Arc<AtomicU64>,
}

impl PartialEq for RateLimit {
    fn eq(&self, other: &Self) -> bool {
        (self.per_second, self.burst) == (other.per_second, other.burst)
    }
}

impl RateLimit {
    /// `per_second` tokens a second, `burst` of them at once after a rest (one at least). A rate of 0, below, or no number gives none.
    #[must_use]
    pub fn new(per_second: f64, burst: f64) -> Self {
        let per_second = if per_second.is_finite() {
            per_second.max(0.0)
        } else {
            0.0
        };
        let burst = if burst.is_finite() { burst.max(1.0) } else { 1.0 };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative; what is too large becomes the largest, which is never reached"
        )]
        let (interval_ns, ahead_ns) = (
            (SECOND_NS / per_second) as u64,
            ((burst - 1.0) * SECOND_NS / per_second) as u64,
        );
        Self {
            per_second,
            burst,
            interval_ns,
            ahead_ns,
            full_at_ns: Arc::default(),
        }
    }

    /// Tokens a second.
    #[must_use]
    pub const fn per_second(&self) -> f64 {
        self.per_second
    }

    /// Tokens at once after a rest.
    #[must_use]
    pub const fn burst(&self) -> f64 {
        self.burst
    }

    /// Takes a token, if there is one.
    #[must_use]
    pub fn take(&self, now: Moment) -> bool {
        if self.per_second == 0.0 {
            return false;
        }
        let now_ns = now.ns_since(Moment::default());
        let latest = now_ns.saturating_add(self.ahead_ns);
        self.full_at_ns
            .fetch_update(Relaxed, Relaxed, |full_at| {
                (full_at <= latest).then(|| full_at.max(now_ns).saturating_add(self.interval_ns))
            })
            .is_ok()
    }
}
