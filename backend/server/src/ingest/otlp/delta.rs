//! From points to samples: deltas are added up, histograms and summaries taken apart.
//!
//! Invariant: the state kept for deltas is bounded; a series whose state was given up starts again from its next delta, which reads
//! as the reset of a counter.

use std::collections::HashMap;

use watchroom_model::{Labels, METRIC_NAME, Sample, stale_nan};
use watchroom_query::promql::format_value;

use super::rejected::Rejected;
use super::translate::{Histogram, Point, PointValue};

/// Most series of delta temporality that are followed at a time.
const MAX_SERIES: usize = 100_000;
/// Most bounds kept of one histogram.
const MAX_BOUNDS: usize = 1_024;
/// Time after which a series that sent nothing may be given up.
const IDLE_MS: i64 = 10 * 60 * 1000;

/// Adds deltas up and writes points as samples.
#[derive(Debug, Default)]
pub(crate) struct DeltaAccumulator {
    series: HashMap<Labels, State>,
}

#[derive(Debug)]
struct State {
    t_ms: i64,
    total: Total,
}

#[derive(Debug)]
enum Total {
    Number(f64),
    Histogram(Histogram),
}

impl DeltaAccumulator {
    /// Writes the samples of the points.
    pub(crate) fn samples(&mut self, points: Vec<Point>, rejected: &mut Rejected) -> Vec<(Labels, Sample)> {
        let mut samples = Vec::with_capacity(points.len() * 2);
        for mut point in points {
            if point.delta
                && !point.stale
                && let Err(reason) = self.accumulate(&mut point)
            {
                rejected.one(reason);
                continue;
            }
            write(&point, &mut samples);
        }
        samples
    }

    /// Replaces a delta by the total so far.
    fn accumulate(&mut self, point: &mut Point) -> Result<(), &'static str> {
        if !self.series.contains_key(&point.labels) && self.series.len() >= MAX_SERIES {
            let horizon = point.t_ms - IDLE_MS;
            self.series.retain(|_, state| state.t_ms >= horizon);
            if self.series.len() >= MAX_SERIES {
                return Err("too many series of delta temporality");
            }
        }
        let state = self.series.entry(point.labels.clone()).or_insert_with(|| State {
            t_ms: i64::MIN,
            total: match point.value {
                PointValue::Histogram(_) => Total::Histogram(Histogram::default()),
                _ => Total::Number(0.0),
            },
        });
        if point.t_ms <= state.t_ms {
            return Err("delta is not newer than the one before");
        }
        match (&mut state.total, &mut point.value) {
            (Total::Number(total), PointValue::Number(value)) => {
                *total += *value;
                *value = *total;
            }
            (Total::Histogram(total), PointValue::Histogram(value)) => {
                add(total, value)?;
                value.clone_from(total);
            }
            _ => return Err("series was of another kind before"),
        }
        state.t_ms = point.t_ms;
        Ok(())
    }
}

/// Adds a histogram to the total; the total has the bounds of both afterwards.
fn add(total: &mut Histogram, delta: &Histogram) -> Result<(), &'static str> {
    let mut buckets: Vec<(f64, u64)> = total.buckets.iter().chain(&delta.buckets).copied().collect();
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    buckets.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        if same {
            earlier.1 = earlier.1.saturating_add(later.1);
        }
        same
    });
    if buckets.len() > MAX_BOUNDS {
        return Err("histogram of delta temporality has had more than 1024 bounds");
    }
    total.buckets = buckets;
    total.count = total.count.saturating_add(delta.count);
    total.sum = match (total.sum, delta.sum) {
        (Some(a), Some(b)) => Some(a + b),
        (None, sum) | (sum, None) => sum,
    };
    Ok(())
}

fn write(point: &Point, samples: &mut Vec<(Labels, Sample)>) {
    let mut push = |labels: Labels, value: f64| {
        let value = if point.stale { stale_nan() } else { value };
        samples.push((
            labels,
            Sample {
                t_ms: point.t_ms,
                value,
            },
        ));
    };
    let family = point.labels.metric_name();
    let named = |suffix: &str, extra: Option<(&str, &str)>| {
        let mut labels = point.labels.to_builder();
        labels.set(METRIC_NAME, &format!("{family}{suffix}"));
        if let Some((name, value)) = extra {
            labels.set(name, value);
        }
        labels.build()
    };
    match &point.value {
        PointValue::Number(value) => push(point.labels.clone(), *value),
        PointValue::Histogram(histogram) => {
            let mut below = 0u64;
            for (bound, count) in &histogram.buckets {
                below = below.saturating_add(*count);
                push(
                    named("_bucket", Some(("le", &format_value(*bound)))),
                    below as f64,
                );
            }
            push(named("_bucket", Some(("le", "+Inf"))), histogram.count as f64);
            if let Some(sum) = histogram.sum {
                push(named("_sum", None), sum);
            }
            push(named("_count", None), histogram.count as f64);
        }
        PointValue::Summary {
            quantiles,
            sum,
            count,
        } => {
            for (quantile, value) in quantiles {
                push(named("", Some(("quantile", &format_value(*quantile)))), *value);
            }
            push(named("_sum", None), *sum);
            push(named("_count", None), *count as f64);
        }
    }
}

#[cfg(test)]
mod tests {
    use watchroom_model::is_stale;

    use super::*;

    fn point(t_ms: i64, value: PointValue) -> Point {
        Point {
            labels: Labels::from_pairs([(METRIC_NAME, "m"), ("a", "b")]),
            t_ms,
            delta: true,
            stale: false,
            value,
        }
    }

    fn shown(samples: &[(Labels, Sample)]) -> Vec<String> {
        samples
            .iter()
            .map(|(labels, sample)| format!("{labels} {}", sample.value))
            .collect()
    }

    #[test]
    fn adds_deltas_up_and_refuses_an_old_one() {
        let mut accumulator = DeltaAccumulator::default();
        let mut rejected = Rejected::default();
        let points = [(1, 2.0), (2, 3.0), (2, 9.0)]
            .map(|(t, value)| point(t, PointValue::Number(value)))
            .to_vec();
        let samples = accumulator.samples(points, &mut rejected);
        assert_eq!(shown(&samples), [r#"m{a="b"} 2"#, r#"m{a="b"} 5"#]);
        assert_eq!(rejected.message(), "delta is not newer than the one before (1)");
    }

    #[test]
    fn a_bound_that_a_delta_lacks_keeps_its_count() {
        let mut accumulator = DeltaAccumulator::default();
        let histogram = |t, buckets: &[(f64, u64)], count| {
            point(
                t,
                PointValue::Histogram(Histogram {
                    buckets: buckets.to_vec(),
                    count,
                    sum: Some(1.5),
                }),
            )
        };
        let points = vec![
            histogram(1, &[(1.0, 1), (2.0, 1)], 3),
            histogram(2, &[(2.0, 4), (4.0, 1)], 5),
        ];
        let samples = accumulator.samples(points, &mut Rejected::default());
        assert_eq!(
            shown(&samples[5..]),
            [
                r#"m_bucket{a="b", le="1"} 1"#,
                r#"m_bucket{a="b", le="2"} 6"#,
                r#"m_bucket{a="b", le="4"} 7"#,
                r#"m_bucket{a="b", le="+Inf"} 8"#,
                r#"m_sum{a="b"} 3"#,
                r#"m_count{a="b"} 8"#,
            ]
        );
    }

    #[test]
    fn a_point_without_value_ends_its_series() {
        let mut ended = point(1, PointValue::Number(0.0));
        ended.stale = true;
        let samples = DeltaAccumulator::default().samples(vec![ended], &mut Rejected::default());
        assert!(is_stale(samples[0].1.value));
    }
}
