//! Idle series of open label sets expire, so that their budget serves others.
//!
//! Invariant: a slot is given to a new series only after a whole expiry round in which nothing could find it; what it held then is its
//! baseline and is taken off. Counters and histograms expire when nothing was recorded; gauges and up-down counters only if they are
//! also zero, since a gauge that is not set again still holds.
//! Not here: when this runs (the façade calls [`Registry::expire_idle`](crate::Registry::expire_idle) now and then).

use std::collections::HashMap;
use std::time::Duration;

use watchroom_core::Moment;

use crate::declaration::Kind;
use crate::family::Family;

/// What a family remembers between rounds.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    /// What each series held, and since when.
    watched: HashMap<u32, (Box<[u64]>, Moment)>,
    quarantine: Vec<u32>,
    free: Vec<u32>,
}

impl Expiry {
    /// A number whose slots can serve a new series.
    pub(crate) fn take_free(&mut self) -> Option<u32> {
        self.free.pop()
    }

    /// Ends the quarantine of the last round; the numbers that are free from now on.
    pub(crate) fn end_quarantine(&mut self) -> Vec<u32> {
        let freed = std::mem::take(&mut self.quarantine);
        self.free.extend(&freed);
        freed
    }

    /// Whether the series held the same for `idle`.
    pub(crate) fn is_idle(&mut self, series: u32, slots: &[u64], now: Moment, idle: Duration) -> bool {
        match self.watched.get_mut(&series) {
            Some((before, since)) if **before == *slots => now.since(*since) >= idle,
            Some(entry) => {
                *entry = (slots.into(), now);
                false
            }
            None => {
                self.watched.insert(series, (slots.into(), now));
                false
            }
        }
    }

    pub(crate) fn put_away(&mut self, series: u32) {
        self.watched.remove(&series);
        self.quarantine.push(series);
    }
}

/// Whether a series of this kind that holds these slots may go.
pub(crate) fn may_expire(family: &Family, net: &[u64]) -> bool {
    match family.declaration.kind {
        Kind::Gauge | Kind::UpDownCounter => family.value(net).as_f64() == 0.0,
        Kind::Counter | Kind::Histogram | Kind::NativeHistogram => true,
        Kind::Info | Kind::StateSet => false,
    }
}
