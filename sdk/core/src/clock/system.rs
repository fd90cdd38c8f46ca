//! The machine's time: the operating system's monotonic clock, read by way of the processor's counter where that can be trusted.
//!
//! Reading the system's clock takes about 25 ns, the counter (TSC) 10: that is a tenth of a span's whole cost. It is trusted where
//! the Linux kernel keeps its own time by it, for then the kernel has found that it runs at a constant rate, goes on in idle states
//! and agrees between processors. Its rate is learnt from the system's clock during the first 50 ms, to within a millionth; from
//! then on moments are counted with it. Once a second somebody who reads the time compares it with the system's clock; if the
//! two have come apart, the counter is given up for good. The same reading steers the date.
//!
//! Invariant: a thread never sees time run backwards, also not when the source changes; one multiplication turns ticks into time, with
//! numbers that are written once. Not here: what asks for the time.

use std::sync::OnceLock;
use std::sync::atomic::{
    AtomicBool, AtomicU64, Ordering::AcqRel, Ordering::Acquire, Ordering::Relaxed, Ordering::Release,
};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// How long the counter is watched before its rate is believed, nanoseconds.
const LEARN_NS: u64 = 50_000_000;
/// Time between two comparisons, nanoseconds.
const COMPARE_NS: u64 = 1_000_000_000;
/// The share of the time between two comparisons by which the clocks may come apart: the system's clock is steered by up to 0.5 ‰.
const APART: u64 = 500;
/// What reading two clocks one after the other may add to that, on a machine with other work, nanoseconds.
const SLACK_NS: u64 = 2_000_000;

/// Nanoseconds of a tick times 2³²; zero while the counter is not in use. The numbers below were written before it.
static RATE: AtomicU64 = AtomicU64::new(0);
/// A reading of the counter and the moment at which it was taken.
static BASE_TICKS: AtomicU64 = AtomicU64::new(0);
static BASE_NS: AtomicU64 = AtomicU64::new(0);
/// The last comparison: reading of the counter, and the system's clock.
static COMPARED_TICKS: AtomicU64 = AtomicU64::new(0);
static COMPARED_NS: AtomicU64 = AtomicU64::new(0);
/// Ticks from a comparison to the next.
static COMPARE_TICKS: AtomicU64 = AtomicU64::new(0);
/// The counter is not to be used, or not any more.
static GIVEN_UP: AtomicBool = AtomicBool::new(false);
/// Nanoseconds from the epoch to moment zero, which is the machine's first reading.
static UNIX_NS: AtomicU64 = AtomicU64::new(0);
/// What is added to the system's clock after the counter has been given up, so that time goes on from there.
static AHEAD_NS: AtomicU64 = AtomicU64::new(0);
/// Somebody learns or compares.
static BUSY: AtomicBool = AtomicBool::new(false);

struct Start {
    instant: Instant,
    /// Reading of the counter; none where it is not to be trusted.
    ticks: Option<u64>,
}

fn start() -> &'static Start {
    static START: OnceLock<Start> = OnceLock::new();
    START.get_or_init(|| {
        let trusted = counter::is_trusted();
        let (ticks, instant) = pair();
        UNIX_NS.store(wall_ns(), Relaxed);
        Start {
            instant,
            ticks: trusted.then_some(ticks),
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
fn instant() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub(super) fn wall_ns() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
}

/// Nanoseconds of the system's clock at a reading of it.
fn system_ns(instant: Instant) -> u64 {
    super::ns_of(instant.saturating_duration_since(start().instant))
}

/// Both clocks at nearly the same time, the counter first: the best of several tries, since the thread may lose its processor in between.
fn pair() -> (u64, Instant) {
    let mut best = (counter::ticks(), instant());
    let mut width = counter::ticks().wrapping_sub(best.0);
    for _ in 0..4 {
        let read = (counter::ticks(), instant());
        let read_width = counter::ticks().wrapping_sub(read.0);
        if read_width < width {
            (best, width) = (read, read_width);
        }
    }
    best
}

/// Nanoseconds since the machine's first reading.
#[inline]
pub(super) fn now_ns() -> u64 {
    let rate = RATE.load(Acquire);
    if rate != 0 {
        let ticks = counter::ticks();
        // A counter that was set back is far ahead of the last comparison, as numbers that wrap have it.
        if ticks.wrapping_sub(COMPARED_TICKS.load(Relaxed)) < COMPARE_TICKS.load(Relaxed) {
            return counted_ns(ticks, rate);
        }
    }
    now_ns_slowly()
}

/// Nanoseconds since the epoch at moment zero.
#[inline]
pub(super) fn unix_ns_of_zero() -> u64 {
    match UNIX_NS.load(Relaxed) {
        0 => {
            start();
            UNIX_NS.load(Relaxed)
        }
        ns => ns,
    }
}

#[inline]
fn counted_ns(ticks: u64, rate: u64) -> u64 {
    let since_base = ticks.saturating_sub(BASE_TICKS.load(Relaxed));
    let ns = (u128::from(since_base) * u128::from(rate)) >> 32;
    BASE_NS.load(Relaxed).wrapping_add(ns as u64)
}

#[cold]
fn now_ns_slowly() -> u64 {
    let start = start();
    let rate = RATE.load(Acquire);
    if rate != 0 {
        let alone = !BUSY.swap(true, AcqRel);
        if alone {
            compare(rate);
            BUSY.store(false, Release);
        }
        if RATE.load(Acquire) != 0 {
            return counted_ns(counter::ticks(), rate);
        }
    }
    let ns = system_ns(instant());
    let learning = start.ticks.is_some() && !GIVEN_UP.load(Relaxed) && ns >= LEARN_NS;
    if learning && !BUSY.swap(true, AcqRel) {
        learn(start);
        BUSY.store(false, Release);
    }
    ns.wrapping_add(AHEAD_NS.load(Acquire))
}

/// Begins to count with the counter.
fn learn(start: &Start) {
    let Some(first) = start.ticks.filter(|_| RATE.load(Acquire) == 0) else {
        return;
    };
    let (ticks, instant) = pair();
    let (ns, n_ticks) = (system_ns(instant), ticks.saturating_sub(first));
    let rate = (u128::from(ns) << 32)
        .checked_div(u128::from(n_ticks))
        .unwrap_or(0);
    // From 100 MHz to 40 GHz; anything else is no counter to measure with.
    let is_sound = (1 << 32) / 40..(1 << 32) * 10;
    match u64::try_from(rate) {
        Ok(rate) if is_sound.contains(&rate) => {
            BASE_TICKS.store(ticks, Relaxed);
            // The system's clock was read after the counter: what is counted is ahead by that, never behind.
            BASE_NS.store(ns, Relaxed);
            COMPARED_TICKS.store(ticks, Relaxed);
            COMPARED_NS.store(ns, Relaxed);
            let n_ticks = (u128::from(COMPARE_NS) << 32) / u128::from(rate);
            COMPARE_TICKS.store(u64::try_from(n_ticks).unwrap_or(u64::MAX), Relaxed);
            RATE.store(rate, Release);
        }
        // Not to be tried again.
        _ => GIVEN_UP.store(true, Relaxed),
    }
}

/// Compares the counter with the system's clock since the last comparison, and follows the wall clock.
fn compare(rate: u64) {
    let (ticks, instant) = pair();
    let compared = COMPARED_TICKS.load(Relaxed);
    let n_ticks = COMPARE_TICKS.load(Relaxed);
    if ticks.abs_diff(compared) < n_ticks {
        // Somebody else was faster.
        return;
    }
    let system = system_ns(instant);
    let (counted, counted_before) = (counted_ns(ticks, rate), counted_ns(compared, rate));
    let by_counter = counted.saturating_sub(counted_before);
    let by_system = system.saturating_sub(COMPARED_NS.load(Relaxed));
    if by_counter.abs_diff(by_system) > by_system / APART + SLACK_NS {
        // Time goes on at the pace of the system's clock from the latest that anybody has been told.
        let told = counted.min(counted_before.saturating_add(COMPARE_NS));
        AHEAD_NS.store(told.saturating_sub(system), Release);
        GIVEN_UP.store(true, Relaxed);
        RATE.store(0, Release);
    } else {
        COMPARED_TICKS.store(ticks, Relaxed);
        COMPARED_NS.store(system, Relaxed);
    }
    let now = match RATE.load(Relaxed) {
        0 => system.wrapping_add(AHEAD_NS.load(Relaxed)),
        _ => counted,
    };
    UNIX_NS.store(wall_ns().wrapping_sub(now), Relaxed);
}

/// Follows a wall clock that has been set or steered.
pub(super) fn resync() {
    let now = now_ns();
    UNIX_NS.store(wall_ns().wrapping_sub(now), Relaxed);
}

/// Where the counter is, and whether it is to be trusted.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
mod counter {
    /// The kernel has tested the counter before it keeps its own time by it, and leaves it when it finds it unsteady.
    pub(super) fn is_trusted() -> bool {
        const CLOCK_SOURCE: &str = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
        std::fs::read(CLOCK_SOURCE).is_ok_and(|name| name.trim_ascii() == b"tsc")
    }

    #[inline]
    #[expect(
        unsafe_code,
        reason = "the processor's counter has no safe way to it; it saves 15 of 25 ns a reading"
    )]
    pub(super) fn ticks() -> u64 {
        // SAFETY: the instruction belongs to every x86-64 processor, reads no memory and changes none. Where the operating system
        // forbids it to programs (it may, by a flag of the process), it does not keep the program's own clock by it either, and the
        // program would not have come this far: the system's library reads the same counter for `clock_gettime`.
        unsafe { core::arch::x86_64::_rdtsc() }
    }
}

/// Elsewhere the system's clock is read.
#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
mod counter {
    pub(super) const fn is_trusted() -> bool {
        false
    }

    pub(super) const fn ticks() -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads until the counter is in use, or for as long as it takes to know that it will not be.
    fn learnt() -> bool {
        let begin = instant();
        while RATE.load(Acquire) == 0 && begin.elapsed().as_nanos() < 4 * u128::from(LEARN_NS) {
            now_ns();
        }
        RATE.load(Acquire) != 0
    }

    #[test]
    fn time_does_not_run_backwards_while_the_rate_is_learnt_and_after() {
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut last = now_ns();
                    let begin = instant();
                    while begin.elapsed().as_nanos() < 2 * u128::from(LEARN_NS) {
                        let now = now_ns();
                        assert!(now >= last, "{now} after {last}");
                        last = now;
                    }
                });
            }
        });
    }

    #[test]
    fn durations_are_those_of_the_system_clock_to_a_thousandth() {
        let counted = learnt();
        let trusted = start().ticks.is_some();
        assert!(counted || !trusted, "the counter is trusted and not used");
        // Each of the two is measured around the other, so that a pause between two readings changes neither test.
        let (outer, inner) = (now_ns(), instant());
        while inner.elapsed().as_millis() < 30 {
            now_ns();
        }
        let inner = inner.elapsed().as_nanos() as u64;
        let outer = now_ns() - outer;
        assert!(outer + outer / 1_000 >= inner, "{outer} counted, {inner} passed");
        let outer = instant();
        let begin = now_ns();
        while outer.elapsed().as_millis() < 30 {
            now_ns();
        }
        let inner = now_ns() - begin;
        let outer = outer.elapsed().as_nanos() as u64;
        assert!(inner <= outer + outer / 1_000, "{inner} counted, {outer} passed");
    }

    #[test]
    fn ticks_become_time_without_loss_over_years() {
        let (ticks_per_s, years) = (3_000_000_000_u64, 20 * 365 * 86_400);
        let rate = (1_000_000_000_u128 << 32) / u128::from(ticks_per_s);
        let ns = (u128::from(ticks_per_s * years) * rate) >> 32;
        assert!(ns.abs_diff(u128::from(years) * 1_000_000_000) < 1_000_000_000);
    }
}
