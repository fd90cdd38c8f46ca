//! A part of the traces that follows the load.
//!
//! Invariant: never more than `peak` a second; the part is the same for one load, so that services under one load choose the same traces.
//! Not here: traces that come with a decision.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use watchroom_core::{Moment, TraceId};

use super::{RateLimit, Ratio};

const WINDOW_NS: u64 = 1_000_000_000;

/// Keeps every trace up to `base` a second. When there are more, `load` a second, it keeps `√(base · load)` of them, `peak` at most: with
/// a hundred times the load ten times the traces. Which ones, their ids decide.
///
/// The load is that of the last second, the present one by so much of it as has passed; within a burst the present second counts alone.
#[derive(Debug, Clone)]
pub struct Adaptive {
    base: f64,
    peak: f64,
    /// What a burst that the load does not show yet may take.
    limit: RateLimit,
    load: Arc<Load>,
}

/// Number of a second in the upper half, traces that began in it in the lower.
#[derive(Debug, Default)]
struct Load {
    current: AtomicU64,
    previous: AtomicU64,
}

impl PartialEq for Adaptive {
    fn eq(&self, other: &Self) -> bool {
        (self.base, self.peak) == (other.base, other.peak)
    }
}

impl Adaptive {
    /// Traces a second: those that are always kept, and the most that are. A peak below the base counts as the base.
    #[must_use]
    pub fn new(base: f64, peak: f64) -> Self {
        let sane = |rate: f64| if rate.is_finite() { rate.max(0.0) } else { 0.0 };
        let base = sane(base);
        let peak = sane(peak).max(base);
        Self {
            base,
            peak,
            limit: RateLimit::new(peak, peak),
            load: Arc::default(),
        }
    }

    /// Traces a second that are always kept.
    #[must_use]
    pub const fn base(&self) -> f64 {
        self.base
    }

    /// Traces a second that are kept at most.
    #[must_use]
    pub const fn peak(&self) -> f64 {
        self.peak
    }

    /// The part that is kept of `load` traces a second.
    #[must_use]
    pub fn part(&self, load: f64) -> f64 {
        if load <= self.base {
            return 1.0;
        }
        ((self.base * load).sqrt().min(self.peak) / load).min(1.0)
    }

    pub(super) fn decide(&self, trace_id: TraceId, now: Moment) -> bool {
        let load = self.load.begin(now);
        Ratio::new(self.part(load)).keeps(trace_id) && self.limit.take(now)
    }
}

impl Load {
    /// Counts a trace; traces a second, this one among them.
    fn begin(&self, now: Moment) -> f64 {
        let now_ns = now.ns_since(Moment::default());
        // Seconds of the process's clock: 2³² of them are 136 years.
        let second = (now_ns / WINDOW_NS) & u64::from(u32::MAX);
        let mut before = self.current.load(Relaxed);
        let n = loop {
            let (of, n) = (before >> 32, before & u64::from(u32::MAX));
            let n = if of == second {
                (n + 1).min(u32::MAX.into())
            } else {
                1
            };
            match self
                .current
                .compare_exchange_weak(before, second << 32 | n, Relaxed, Relaxed)
            {
                Ok(_) if of != second => {
                    self.previous.store(before, Relaxed);
                    break n;
                }
                Ok(_) => break n,
                Err(now) => before = now,
            }
        };
        let previous = self.previous.load(Relaxed);
        let n_before = if (previous >> 32).wrapping_add(1) == second {
            previous & u64::from(u32::MAX)
        } else {
            0
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "counts below 2³² and parts of a second"
        )]
        let (n, n_before, left) = (
            n as f64,
            n_before as f64,
            1.0 - (now_ns % WINDOW_NS) as f64 / WINDOW_NS as f64,
        );
        n_before * left + n
    }
}
