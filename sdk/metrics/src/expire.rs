//! Idle series of open label sets expire, so that their budget serves others.
//!
//! Invariant: a slot is given to a new series only after a whole expiry round in which nothing could find it; what it held then is its
//! baseline and is taken off. Counters and histograms expire when nothing was recorded. Gauges do if their declaration asks for it and
//! they were not set; without that, and up-down counters always, only if they are also zero, since what is not set again still holds.
//! Not here: when this runs (the façade calls [`Registry::expire`](crate::Registry::expire) now and then).

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use watchroom_core::Moment;

use crate::declaration::Kind;
use crate::family::Family;
use crate::snapshot::Row;

/// Least and most time between two rounds of one metric; in between, it is an eighth of its idle time.
const ROUND: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What a family remembers between rounds.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    /// What each series held, as a fingerprint, and since when.
    watched: HashMap<u32, (u64, Moment)>,
    quarantine: HashMap<u32, Leaving>,
    free: Vec<u32>,
    next: Option<Moment>,
}

/// A series that has ended, and whose slots may still be written by a thread that had found it before.
#[derive(Debug)]
pub(crate) struct Leaving {
    pub(crate) row: Option<Arc<Row>>,
    pub(crate) held: Box<[u64]>,
    pub(crate) at_unix_ns: u64,
}

impl Expiry {
    /// Whether the next round is due; then the one after it is planned.
    pub(crate) fn is_due(&mut self, now: Moment, idle: Duration) -> bool {
        if self.next.is_some_and(|next| now < next) {
            return false;
        }
        self.next = Some(now.after((idle / 8).clamp(ROUND.0, ROUND.1)));
        true
    }

    /// A number whose slots can serve a new series.
    pub(crate) fn take_free(&mut self) -> Option<u32> {
        self.free.pop()
    }

    /// The slots of a number can serve a new series.
    pub(crate) fn give_back(&mut self, series: u32) {
        self.free.push(series);
    }

    /// Ends the quarantine of the last round; the series that leave for good.
    pub(crate) fn end_quarantine(&mut self) -> HashMap<u32, Leaving> {
        std::mem::take(&mut self.quarantine)
    }

    /// Whether the series held the same for `idle`.
    pub(crate) fn is_idle(&mut self, series: u32, slots: &[u64], now: Moment, idle: Duration) -> bool {
        let held = fingerprint(slots);
        let (before, since) = self.watched.entry(series).or_insert((held, now));
        if *before != held {
            (*before, *since) = (held, now);
        }
        now.since(*since) >= idle
    }

    pub(crate) fn put_away(&mut self, series: u32, left: Leaving) {
        self.watched.remove(&series);
        self.quarantine.insert(series, left);
    }
}

/// Tells slots from what they were; that two states look alike is as likely as to guess a key of 64 bits.
fn fingerprint(slots: &[u64]) -> u64 {
    slots.iter().fold(0x9e37_79b9_7f4a_7c15, |hash: u64, slot| {
        let product = u128::from(hash ^ slot) * 0xd6e8_feb8_6659_fd93;
        ((product as u64) ^ ((product >> 64) as u64)).rotate_left(23)
    })
}

/// Whether a series of this kind that holds these slots may go.
pub(crate) fn may_expire(family: &Family, net: &[u64]) -> bool {
    match family.declaration.kind {
        Kind::Gauge | Kind::UpDownCounter => {
            let declared = family.declaration.kind == Kind::Gauge && family.declaration.expire.is_some();
            declared || family.value(net).as_f64() == 0.0
        }
        Kind::StateSet => family.declaration.expire.is_some(),
        Kind::Counter | Kind::Histogram | Kind::NativeHistogram => true,
        Kind::Info | Kind::Summary => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_counts_for_the_fingerprint() {
        let slots = [3_u64, 0, 7, 1.5_f64.to_bits()];
        let mut seen = std::collections::HashSet::from([fingerprint(&slots)]);
        for i in 0..slots.len() {
            for bit in 0..64 {
                let mut other = slots;
                other[i] ^= 1 << bit;
                assert!(seen.insert(fingerprint(&other)), "slot {i}, bit {bit}");
            }
        }
    }

    #[test]
    fn rounds_are_an_eighth_of_the_idle_time_apart_within_bounds() {
        let mut expiry = Expiry::default();
        let now = Moment::default();
        for (idle, every) in [(4, 1), (80, 10), (36_000, 60)] {
            expiry.next = None;
            let idle = Duration::from_secs(idle);
            assert!(expiry.is_due(now, idle));
            assert!(!expiry.is_due(
                now.after(Duration::from_secs(every) - Duration::from_nanos(1)),
                idle
            ));
            assert!(expiry.is_due(now.after(Duration::from_secs(every)), idle));
        }
    }
}
