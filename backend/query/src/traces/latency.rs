//! Durations in buckets, for percentiles.

/// Buckets in each doubling.
const PARTS: u64 = 16;

/// Durations in sixteen buckets for each doubling, so that a percentile is within a sixteenth (6.25 %) of the true one.
///
/// Memory: 8 bytes for each bucket that is not empty, 976 of them at most.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Latency {
    /// Bucket and count, ascending.
    buckets: Vec<(u16, u32)>,
    count: u64,
}

impl Latency {
    /// Adds a duration; true if it took a bucket that was empty before.
    pub(super) fn add(&mut self, ns: u64) -> bool {
        self.add_n(bucket(ns), 1)
    }

    fn add_n(&mut self, bucket: u16, n: u32) -> bool {
        self.count += u64::from(n);
        match self.buckets.binary_search_by_key(&bucket, |(known, _)| *known) {
            Ok(at) => {
                self.buckets[at].1 = self.buckets[at].1.saturating_add(n);
                false
            }
            Err(at) => {
                self.buckets.insert(at, (bucket, n));
                true
            }
        }
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (bucket, n) in &other.buckets {
            self.add_n(*bucket, *n);
        }
    }

    /// Durations added.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The duration in nanoseconds below which a share `q`, from 0 to 1, of the durations lie; nothing of nothing.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u64> {
        let rank = q.clamp(0.0, 1.0) * self.count as f64;
        let mut before = 0.0;
        for (bucket, n) in &self.buckets {
            let n = f64::from(*n);
            if before + n >= rank {
                let (low, width) = bounds(*bucket);
                return Some(low + (width as f64 * ((rank - before) / n)) as u64);
            }
            before += n;
        }
        None
    }
}

fn bucket(ns: u64) -> u16 {
    if ns < PARTS {
        return ns as u16;
    }
    let exponent = u64::from(ns.ilog2());
    let part = (ns >> (exponent - 4)) & (PARTS - 1);
    ((exponent - 3) * PARTS + part) as u16
}

/// Lower bound and width of a bucket.
fn bounds(bucket: u16) -> (u64, u64) {
    let bucket = u64::from(bucket);
    if bucket < PARTS {
        return (bucket, 1);
    }
    let exponent = bucket / PARTS + 3;
    let width = 1 << (exponent - 4);
    ((1 << exponent) + (bucket % PARTS) * width, width)
}

/// Rate, errors and durations of some spans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stats {
    /// Spans.
    pub count: u64,
    /// Those that failed.
    pub errors: u64,
    /// Their durations.
    pub latency: Latency,
}

impl Stats {
    /// Adds a span; true if that took memory.
    pub(super) fn add(&mut self, duration_ns: u64, failed: bool) -> bool {
        self.count += 1;
        self.errors += u64::from(failed);
        self.latency.add(duration_ns)
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.errors += other.errors;
        self.latency.merge(&other.latency);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_duration_is_in_its_bucket(ns: u64) {
            let (low, width) = bounds(bucket(ns));
            prop_assert!(low <= ns && ns - low < width);
            prop_assert!(width <= 1 || width <= low / PARTS);
        }

        #[test]
        fn percentiles_are_within_a_sixteenth(mut all in prop::collection::vec(1..10_000_000_000_u64, 1..300), q in 0.0..1.0_f64) {
            let mut latency = Latency::default();
            for ns in &all {
                latency.add(*ns);
            }
            all.sort_unstable();
            let rank = ((q * all.len() as f64).ceil() as usize).clamp(1, all.len());
            let exact = all[rank - 1] as f64;
            let found = latency.quantile(q).unwrap() as f64;
            prop_assert!((found - exact).abs() <= exact / 16.0 + 1.0, "{found} {exact}");
        }
    }

    #[test]
    fn nothing_has_no_percentile() {
        assert_eq!(Latency::default().quantile(0.5), None);
    }
}
