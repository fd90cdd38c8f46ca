//! The samples that both sides see.

use watchroom_model::{Labels, METRIC_NAME, Sample, SeriesData};

/// First sample; any time will do, this one is a multiple of an hour.
pub(crate) const START_MS: i64 = 1_699_999_200_000;
/// Two hours.
pub(crate) const LENGTH_MS: i64 = 7_200_000;

/// A generator of numbers that are the same on every machine (xorshift).
#[derive(Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Below `n`.
    pub(crate) fn below(&mut self, n: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % n
    }

    pub(crate) fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> &'a T {
        from[self.below(from.len() as u64) as usize]
    }
}

/// Counters with resets, gauges, a histogram, gaps, series that come and go. Values are exact in binary, and no two series
/// share one, so that neither the order of additions nor ties make a difference.
pub(crate) fn series() -> Vec<SeriesData> {
    let mut random = Random::new(7);
    let mut all = Vec::new();
    let mut id = 0;
    for job in ["api", "web"] {
        for instance in ["a", "b", "c"] {
            for (metric, counter) in [
                ("requests_total", true),
                ("errors_total", true),
                ("queue", false),
                ("temperature", false),
            ] {
                id += 1;
                let labels =
                    Labels::from_pairs([(METRIC_NAME, metric), ("job", job), ("instance", instance)]);
                all.push(SeriesData::floats(
                    labels,
                    walk(&mut random, counter, f64::from(id) / 64.0),
                ));
            }
        }
        id += 1;
        let labels = Labels::from_pairs([
            (METRIC_NAME, "build_info"),
            ("job", job),
            ("version", ["v1", "v2"][id as usize % 2]),
        ]);
        let samples = times(&mut random)
            .into_iter()
            .map(|t_ms| Sample { t_ms, value: 1.0 })
            .collect();
        all.push(SeriesData::floats(labels, samples));
        all.extend(histogram(&mut random, job));
    }
    all
}

/// Every 15 s with some jitter and gaps, beginning and ending at random.
fn times(random: &mut Random) -> Vec<i64> {
    let begin = random.below(4) as i64 * 600_000;
    let end = LENGTH_MS - random.below(4) as i64 * 600_000;
    let mut times = Vec::new();
    let mut t = begin;
    while t < end {
        times.push(START_MS + t + random.below(50) as i64);
        t += 15_000;
        if random.below(60) == 0 {
            t += random.below(40) as i64 * 15_000;
        }
    }
    times
}

fn walk(random: &mut Random, counter: bool, unique: f64) -> Vec<Sample> {
    let mut value = unique;
    times(random)
        .into_iter()
        .map(|t_ms| {
            if counter {
                value = if random.below(80) == 0 {
                    unique
                } else {
                    value + random.below(10) as f64
                };
            } else {
                value += random.below(21) as f64 - 10.0;
            }
            let odd = !counter && random.below(200) == 0;
            Sample {
                t_ms,
                value: if odd {
                    [f64::NAN, f64::INFINITY][random.below(2) as usize]
                } else {
                    value
                },
            }
        })
        .collect()
}

fn histogram(random: &mut Random, job: &str) -> Vec<SeriesData> {
    let times = times(random);
    let bounds = ["0.1", "0.5", "1", "2.5", "+Inf"];
    let mut counts = [0.0; 5];
    let mut samples: [Vec<Sample>; 5] = Default::default();
    for t_ms in times {
        let from = random.below(5) as usize;
        for (i, count) in counts.iter_mut().enumerate() {
            *count += if i >= from {
                random.below(3) as f64 + i as f64 * 3.0
            } else {
                0.0
            };
        }
        for i in 1..counts.len() {
            counts[i] = f64::max(counts[i], counts[i - 1]);
        }
        for (samples, value) in samples.iter_mut().zip(counts) {
            samples.push(Sample { t_ms, value });
        }
    }
    let series = bounds.into_iter().zip(samples);
    series
        .map(|(le, samples)| {
            let labels =
                Labels::from_pairs([(METRIC_NAME, "latency_seconds_bucket"), ("job", job), ("le", le)]);
            SeriesData::floats(labels, samples)
        })
        .collect()
}
