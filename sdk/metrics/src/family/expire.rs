//! The end of idle series, and the new use of their slots.
//!
//! Invariant: nothing that was recorded is lost. A thread that has found a series just before it ends may write to it afterwards; such a
//! sample is found at the end of the quarantine, and brings its series back, or goes to the one that has taken its place, or to the
//! overflow series.

use std::time::Duration;

use watchroom_core::Moment;

use super::*;
use crate::expire::{Leaving, may_expire};

impl Family {
    /// Takes out the series that were idle for as long as the metric's declaration says, or else for `idle`; does so only now and then, by
    /// that time. How many.
    pub(crate) fn expire_when_due(&self, now: Moment, idle: Option<Duration>) -> usize {
        let Some(idle) = self.declaration.expire.or(idle) else {
            return 0;
        };
        if self.n_dense.is_some() || !lock(&self.meta).expiry.is_due(now, idle) {
            return 0;
        }
        self.expire(now, idle)
    }

    /// Takes out the series that were idle for `idle`. How many.
    pub(crate) fn expire(&self, now: Moment, idle: Duration) -> usize {
        if self.n_dense.is_some() {
            return 0;
        }
        let mut guard = lock(&self.meta);
        let meta = &mut *guard;
        let mut leaving = meta.expiry.end_quarantine();
        let mut n_expired = 0;
        for chunk in 0..N_CHUNKS {
            let Some((first, sums)) = self.sums(chunk) else {
                continue;
            };
            for (position, slots) in sums.chunks_exact(self.width).enumerate() {
                let number = (first + position) as u32;
                if let Some(left) = leaving.remove(&number) {
                    self.leave(meta, number, left, slots);
                    continue;
                }
                if number == self.overflow_series()
                    || !matches!(meta.rows.get(number as usize), Some(Some(_)))
                {
                    continue;
                }
                let net = self.net(meta, number, slots).unwrap_or_else(|| slots.to_vec());
                if meta.expiry.is_idle(number, slots, now, idle) && may_expire(self, &net) {
                    self.take_out(meta, number, slots);
                    n_expired += 1;
                }
            }
        }
        n_expired
    }

    fn take_out(&self, meta: &mut Meta, number: u32, slots: &[u64]) {
        self.index.remove(number);
        let own = number as usize * self.width;
        self.exemplars.forget(own..own + self.width);
        let row = Arc::make_mut(&mut meta.rows)
            .get_mut(number as usize)
            .and_then(Option::take);
        if let Some(row) = &row {
            meta.by_text.remove(row.text());
            for (seen, value) in meta.values.iter_mut().zip(row.values()) {
                if let Some(n) = seen.get_mut(value) {
                    *n -= 1;
                    if *n == 0 {
                        seen.remove(value);
                    }
                }
            }
        }
        self.n_series.fetch_sub(1, Relaxed);
        self.shared.release();
        let left = Leaving {
            row,
            held: slots.into(),
            at_unix_ns: self.shared.clock.now_unix_ns(),
        };
        meta.expiry.put_away(number, left);
    }

    /// The quarantine of a series ends: its slots serve others, unless somebody has written to them.
    fn leave(&self, meta: &mut Meta, number: u32, left: Leaving, slots: &[u64]) {
        if *left.held != *slots && self.is_brought_back(meta, number, &left, slots) {
            return;
        }
        if self.is_sharded() {
            meta.baselines.insert(number, slots.into());
        } else {
            // A gauge is set, not added up, so its slots can simply begin at zero.
            let (chunk, position) = self.locate(number);
            for offset in 0..self.width {
                let slot = self
                    .chunk(chunk)
                    .and_then(|cells| cells.shared(position * self.width + offset));
                if let Some(slot) = slot {
                    slot.store(0, Relaxed);
                }
            }
        }
        meta.expiry.give_back(number);
    }

    /// What was written to a series after its end finds its place. Whether the series is back.
    fn is_brought_back(&self, meta: &mut Meta, number: u32, left: &Leaving, slots: &[u64]) -> bool {
        let Some(row) = &left.row else { return false };
        let successor = meta.by_text.get(row.text()).copied();
        let into = match successor {
            Some(series) => series,
            None => match self.reserve(meta, row) {
                Ok(()) => {
                    if self.is_sharded() {
                        meta.baselines.insert(number, left.held.clone());
                    }
                    self.enter(meta, number, row.starting_at(left.at_unix_ns));
                    return true;
                }
                Err(scope) => self.overflow(scope),
            },
        };
        // What a gauge was set to before its successor was set is past.
        if self.is_sharded() {
            self.add_difference(into, &left.held, slots);
        }
        false
    }

    fn add_difference(&self, series: u32, before: &[u64], after: &[u64]) {
        for (offset, (before, after)) in before.iter().zip(after).enumerate() {
            if before == after {
                continue;
            }
            if self.is_float(offset) {
                self.add(series, offset, f64::from_bits(*after) - f64::from_bits(*before));
            } else {
                self.add(series, offset, after.wrapping_sub(*before));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use watchroom_core::{Clock, Value};

    use super::*;
    use crate::registry::Limits;

    const IDLE: Duration = Duration::from_secs(60);

    /// A family of open labels, a writer of one series and its number.
    fn family(
        kind: Kind,
        limit: usize,
    ) -> (
        Family,
        impl Fn(&Family, &str) -> u32,
        impl FnMut(&Family) -> usize,
    ) {
        let (clock, hand) = Clock::manual(1_000_000_000);
        let shared = Arc::new(Shared::new(
            Limits {
                per_metric: limit,
                total: 100,
            },
            clock.clone(),
        ));
        let declaration = Declaration {
            kind,
            repr: Repr::F64,
            dynamic: true,
            ..Declaration::new("late_total", "Late.").with_buckets(vec![1.0])
        };
        let find =
            |family: &Family, value: &str| family.target_dynamic([("l", Value::Str(value))].into_iter());
        let round = move |family: &Family| {
            hand.advance(IDLE);
            family.expire(clock.now(), IDLE)
        };
        (Family::new(declaration, shared), find, round)
    }

    fn shown(family: &Family) -> Vec<(String, f64)> {
        let snapshot = family.collect();
        let shown = snapshot.iter().map(|series| {
            let labels: Vec<_> = series.labels().map(|(_, value)| value).collect();
            (labels.join(","), series.value().as_f64())
        });
        shown.collect()
    }

    fn named(series: &[(&str, f64)]) -> Vec<(String, f64)> {
        series
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect()
    }

    #[test]
    fn a_sample_that_is_late_brings_its_series_back_with_what_came_late_alone() {
        for kind in [Kind::Counter, Kind::Histogram] {
            let (family, find, mut round) = family(kind, 10);
            let sum = family.width - 1;
            let series = find(&family, "a");
            family.add(series, sum, 40.0);
            assert_eq!((round(&family), round(&family)), (0, 1));
            assert_eq!(shown(&family), []);
            family.add(series, sum, 2.0);
            assert_eq!(shown(&family), [], "it shows when the quarantine ends");
            round(&family);
            assert_eq!(shown(&family), named(&[("a", 2.0)]));
            assert_eq!(find(&family, "a"), series);
            assert_eq!(family.n_series(), 1);
        }
    }

    #[test]
    fn a_sample_that_is_late_goes_to_the_series_that_has_come_back_meanwhile() {
        let (family, find, mut round) = family(Kind::Counter, 10);
        let series = find(&family, "a");
        family.add(series, 0, 40.0);
        round(&family);
        round(&family);
        let successor = find(&family, "a");
        assert_ne!(series, successor);
        family.add(successor, 0, 1.0);
        family.add(series, 0, 2.0);
        round(&family);
        assert_eq!(shown(&family), named(&[("a", 3.0)]));
        // The old slots serve another series, which begins at zero.
        let next = find(&family, "b");
        assert_eq!(next, series);
        family.add(next, 0, 5.0);
        assert_eq!(shown(&family), named(&[("b", 5.0), ("a", 3.0)]));
    }

    #[test]
    fn a_sample_that_is_late_overflows_where_there_is_no_room_for_its_series() {
        let (family, find, mut round) = family(Kind::Counter, 1);
        let series = find(&family, "a");
        family.add(series, 0, 40.0);
        round(&family);
        round(&family);
        family.add(find(&family, "b"), 0, 1.0);
        family.add(series, 0, 2.0);
        round(&family);
        assert_eq!(shown(&family), named(&[("b", 1.0), (crate::OVERFLOW, 2.0)]));
        assert_eq!(family.overflowed(), 1);
    }
}
