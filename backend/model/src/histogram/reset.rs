//! Whether a counter began anew between two histograms.

use super::arithmetic::alike;
use super::{NativeHistogram, ResetHint};

impl NativeHistogram {
    /// Whether this cannot be `before` gone on counting.
    ///
    /// Source: Prometheus, "Counter reset considerations" of native histograms.
    #[must_use]
    pub fn is_reset_after(&self, before: &Self) -> bool {
        match self.reset {
            ResetHint::Reset => return true,
            ResetHint::NotReset => return false,
            ResetHint::Unknown | ResetHint::Gauge => {}
        }
        if self.count < before.count || self.is_custom() != before.is_custom() {
            return true;
        }
        if self.is_custom() {
            return self.bounds != before.bounds || falls(&self.positive, &before.positive);
        }
        // A finer resolution or a narrower zero bucket comes only from a restart.
        if self.schema > before.schema || self.zero_threshold < before.zero_threshold {
            return true;
        }
        let (now, before) = alike(self, before);
        // The wider zero bucket would cut a bucket of the one before in two.
        now.zero_threshold != self.zero_threshold
            || now.zero_count < before.zero_count
            || falls(&now.positive, &before.positive)
            || falls(&now.negative, &before.negative)
    }
}

/// Whether a bucket counts less than before.
fn falls(now: &[(i32, f64)], before: &[(i32, f64)]) -> bool {
    let mut rest = now.iter();
    let mut here = rest.next();
    before.iter().any(|(index, count)| {
        // Both ascend, and mostly in step.
        while here.is_some_and(|(i, _)| i < index) {
            here = rest.next();
        }
        let found = here.filter(|(i, _)| i == index);
        found.map_or(0.0, |(_, count)| *count) < *count
    })
}
