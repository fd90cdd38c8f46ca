//! Ratios and rates.
//!
//! Invariant: a decision takes no lock and no memory; a rate lets no more through in any span of time than burst plus time by rate.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use watchroom_core::ids::next_random;

/// A share of lines, each decided by chance: a pattern in what is logged cannot coincide with one in what is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ratio(f64);

/// So many in a unit of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Rate {
    n: f64,
    unit: Unit,
    /// As many as in one unit where none is given.
    burst: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
}

impl Unit {
    const fn ns(self) -> f64 {
        match self {
            Self::Second => 1e9,
            Self::Minute => 60e9,
            Self::Hour => 3_600e9,
        }
    }
}

/// Above this the clock cannot tell lines apart.
const MAX_PER_UNIT: f64 = 1e9;

impl Ratio {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        const WHAT: &str = "expected a ratio from 0% to 100%, or from 0 to 1";
        let (digits, whole) = match text.strip_suffix('%') {
            Some(digits) => (digits, 100.0),
            None => (text, 1.0),
        };
        let Ok(number) = digits.parse::<f64>() else {
            return Err(super::WHAT);
        };
        if !(0.0..=whole).contains(&number) {
            return Err(WHAT);
        }
        Ok(Self(number / whole))
    }

    /// Random numbers below this are kept; none if all are.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a ratio from 0 to 1 of 2^64; the cast saturates"
    )]
    pub(super) fn threshold(self) -> Option<u64> {
        (self.0 < 1.0).then_some((self.0 * 18_446_744_073_709_551_616.0) as u64)
    }
}

impl Rate {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let (number, rest) = text.split_once('/').ok_or(super::WHAT)?;
        let (unit, burst) = match rest.split_once('+') {
            Some((unit, burst)) => (unit, Some(burst)),
            None => (rest, None),
        };
        let unit = match unit {
            "s" => Unit::Second,
            "m" => Unit::Minute,
            "h" => Unit::Hour,
            _ => return Err("expected a rate that ends in /s, /m or /h"),
        };
        let n = number.parse::<f64>().unwrap_or(f64::NAN);
        if !(n > 0.0 && n <= MAX_PER_UNIT) {
            return Err("expected a rate above 0 (0% keeps nothing) and of at most 1000000000");
        }
        let burst = burst
            .map(|digits| digits.parse().ok().filter(|n| *n > 0))
            .map(|burst: Option<u32>| burst.ok_or("expected a burst that is a whole number of at least 1"))
            .transpose()?;
        Ok(Self { n, unit, burst })
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive and bounded above by parse; a cast from float saturates"
    )]
    pub(super) fn bucket(self) -> Bucket {
        let interval_ns = (self.unit.ns() / self.n).max(1.0);
        let burst = self.burst.map_or_else(|| self.n.ceil().max(1.0), f64::from);
        Bucket {
            interval_ns: interval_ns as u64,
            tolerance_ns: (interval_ns * burst) as u64,
            next_ns: AtomicU64::new(0),
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Six digits after the point, without trailing zeros: 0.1 * 100.0 shows as 10, not as 10.000000000000002.
        let text = format!("{:.6}", self.0 * 100.0);
        write!(f, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Second => 's',
            Unit::Minute => 'm',
            Unit::Hour => 'h',
        };
        write!(f, "{}/{unit}", self.n)?;
        self.burst.map_or(Ok(()), |burst| write!(f, "+{burst}"))
    }
}

/// Whether chance keeps one.
pub(super) fn chance(threshold: u64) -> bool {
    next_random() < threshold
}

/// A rate's state: one number that all threads move.
///
/// Source: the generic cell rate algorithm, ITU-T I.371, in its virtual scheduling form.
#[derive(Debug)]
pub(super) struct Bucket {
    interval_ns: u64,
    tolerance_ns: u64,
    /// When the next line would come if lines came evenly.
    next_ns: AtomicU64,
}

impl Bucket {
    pub(super) fn take(&self, now_ns: u64) -> bool {
        let latest = now_ns.saturating_add(self.tolerance_ns);
        let step = |next: u64| {
            let next = next.max(now_ns).saturating_add(self.interval_ns);
            (next <= latest).then_some(next)
        };
        self.next_ns.fetch_update(Relaxed, Relaxed, step).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_lets_its_burst_through_then_its_rate_and_never_more() {
        let bucket = Rate::parse("10/s+3").unwrap().bucket();
        let taken = |now_ms: u64| (0..100).filter(|_| bucket.take(now_ms * 1_000_000)).count();
        assert_eq!(taken(0), 3);
        assert_eq!(taken(99), 0);
        assert_eq!(taken(100), 1);
        assert_eq!(taken(350), 2);
        assert_eq!(taken(60_000), 3);
        // One line each 50 ms for 10 s: every second one.
        let evenly = (0..200)
            .filter(|n| bucket.take((100_000 + n * 50) * 1_000_000))
            .count();
        assert!((100..=103).contains(&evenly), "{evenly}");
    }

    #[test]
    fn without_a_burst_a_units_worth_comes_at_once() {
        for (text, expected) in [("5/s", 5), ("2.5/m", 3), ("0.1/h", 1)] {
            let bucket = Rate::parse(text).unwrap().bucket();
            assert_eq!((0..100).filter(|_| bucket.take(0)).count(), expected, "{text}");
        }
    }

    #[test]
    fn threads_together_get_no_more_than_one_would() {
        let bucket = Rate::parse("1/h+1000").unwrap().bucket();
        let n: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..1_000).filter(|_| bucket.take(5)).count()))
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(n, 1_000);
    }

    #[test]
    fn a_ratio_keeps_about_its_share() {
        let kept = |text: &str| {
            let threshold = Ratio::parse(text).unwrap().threshold();
            (0..100_000).filter(|_| threshold.is_none_or(chance)).count()
        };
        assert_eq!(kept("0%"), 0);
        assert_eq!(kept("100%"), 100_000);
        // Ten standard deviations.
        assert!(kept("10%").abs_diff(10_000) < 950);
    }
}
