//! A histogram of durations with fixed bounds.

/// Upper bounds in seconds, from a tenth of a millisecond to ten seconds, and how they are shown.
const BOUNDS: [(f64, &str); 16] = [
    (0.0001, "0.0001"),
    (0.00025, "0.00025"),
    (0.0005, "0.0005"),
    (0.001, "0.001"),
    (0.0025, "0.0025"),
    (0.005, "0.005"),
    (0.01, "0.01"),
    (0.025, "0.025"),
    (0.05, "0.05"),
    (0.1, "0.1"),
    (0.25, "0.25"),
    (0.5, "0.5"),
    (1.0, "1"),
    (2.5, "2.5"),
    (5.0, "5"),
    (10.0, "10"),
];

/// Durations in seconds.
#[derive(Debug, Default)]
pub(super) struct Histogram {
    /// Counts between bounds, the last for what is above all.
    counts: [u64; BOUNDS.len() + 1],
    sum: f64,
}

impl Histogram {
    pub(super) fn observe(&mut self, seconds: f64) {
        let i = BOUNDS.partition_point(|(bound, _)| *bound < seconds);
        self.counts[i] += 1;
        self.sum += seconds;
    }

    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    pub(super) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// `le` and how many observations are at or below it.
    pub(super) fn cumulative(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let les = BOUNDS.iter().map(|(_, le)| *le).chain(["+Inf"]);
        les.zip(self.counts.iter().scan(0, |below, count| {
            *below += count;
            Some(*below)
        }))
    }
}
