//! The only place of the SDK where time is read.
//!
//! Invariant: one reading serves both the wall clock and durations; moments never run backwards, whatever is done to the
//! machine's clock. Not here: sleeping and timers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

mod system;

/// A reading of the clock: nanoseconds on a scale that never runs backwards. Only [`Clock::unix_ns`] gives it a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Moment(u64);

impl Moment {
    /// Nanoseconds from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub const fn ns_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Time from `earlier` to this moment; zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.ns_since(earlier))
    }

    /// This moment later by `duration`.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)),
        )
    }
}

/// Source of time. Cloning is cheap; every part of a service shares one.
#[derive(Debug, Clone, Default)]
pub struct Clock(Source);

#[derive(Debug, Clone, Default)]
enum Source {
    #[default]
    System,
    Manual(Arc<ManualClock>),
}

fn ns_of(duration: Duration) -> u64 {
    duration
        .as_secs()
        .wrapping_mul(1_000_000_000)
        .wrapping_add(u64::from(duration.subsec_nanos()))
}

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub const fn system() -> Self {
        Self(Source::System)
    }

    /// A clock that a test moves, and its hand.
    #[must_use]
    pub fn manual(unix_ns: u64) -> (Self, Arc<ManualClock>) {
        let hand = Arc::new(ManualClock {
            now_ns: AtomicU64::new(0),
            unix_ns: AtomicU64::new(unix_ns),
        });
        (Self(Source::Manual(Arc::clone(&hand))), hand)
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Moment {
        match &self.0 {
            Source::System => Moment(system::now_ns()),
            Source::Manual(hand) => Moment(hand.now_ns.load(Relaxed)),
        }
    }

    /// Nanoseconds since the epoch at `moment`.
    #[must_use]
    pub fn unix_ns(&self, moment: Moment) -> u64 {
        match &self.0 {
            Source::System => system::unix_ns_of_zero().wrapping_add(moment.0),
            Source::Manual(hand) => hand.unix_ns.load(Relaxed).wrapping_add(moment.0),
        }
    }

    /// Nanoseconds since the epoch, now.
    #[must_use]
    pub fn now_unix_ns(&self) -> u64 {
        self.unix_ns(self.now())
    }

    /// Follows a wall clock that has been set or steered; the exporter calls it with every batch, and where the
    /// processor's counter is in use, it happens by itself every second. Durations are not touched.
    pub fn resync(&self) {
        if let Source::System = &self.0 {
            system::resync();
        }
    }
}

/// The hand of a clock that only a test moves.
#[derive(Debug)]
pub struct ManualClock {
    now_ns: AtomicU64,
    unix_ns: AtomicU64,
}

impl ManualClock {
    /// Lets time pass.
    pub fn advance(&self, duration: Duration) {
        self.now_ns.fetch_add(ns_of(duration), Relaxed);
    }

    /// Sets the wall clock, as an operator would; durations are not touched.
    pub fn set_wall(&self, unix_ns: u64) {
        self.unix_ns
            .store(unix_ns.wrapping_sub(self.now_ns.load(Relaxed)), Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_survive_a_wall_clock_set_back() {
        let (clock, hand) = Clock::manual(1_000_000_000);
        let start = clock.now();
        hand.advance(Duration::from_millis(5));
        hand.set_wall(10);
        assert_eq!(clock.now().since(start), Duration::from_millis(5));
        assert_eq!(clock.now_unix_ns(), 10);
        assert_eq!(start.ns_since(clock.now()), 0);
    }

    #[test]
    fn the_system_clock_agrees_with_the_wall() {
        let clock = Clock::system();
        clock.resync();
        assert!(clock.now_unix_ns().abs_diff(system::wall_ns()) < 1_000_000_000);
        let earlier = clock.now();
        assert!(clock.now() >= earlier);
    }
}
