//! From points to samples: deltas are added up, histograms and summaries taken apart.
//!
//! Invariant: the state kept for deltas is bounded; a series whose state was given up starts again from its next delta, which reads
//! as the reset of a counter.

use std::collections::HashMap;

use watchroom_model::{
    EXPONENTIAL_SCHEMAS, HistogramSample, Labels, METRIC_NAME, NativeHistogram, ResetHint, Sample, stale_nan,
};
use watchroom_query::promql::format_value;

use super::rejected::Rejected;
use super::translate::{Histogram, Point, PointValue, classic_histogram};
use crate::config::ExponentialHistograms;

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
    /// What exponential histograms become.
    form: ExponentialHistograms,
}

/// What points come down to.
#[derive(Debug, Default)]
pub(crate) struct Samples {
    pub(crate) floats: Vec<(Labels, Sample)>,
    pub(crate) histograms: Vec<(Labels, HistogramSample)>,
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
    Native(NativeHistogram),
}

impl DeltaAccumulator {
    /// One without any state.
    pub(crate) fn new(form: ExponentialHistograms) -> Self {
        Self {
            series: HashMap::new(),
            form,
        }
    }

    /// Writes the samples of the points.
    pub(crate) fn samples(&mut self, points: Vec<Point>, rejected: &mut Rejected) -> Samples {
        let mut samples = Samples::default();
        samples.floats.reserve(points.len() * 2);
        for mut point in points {
            if point.delta
                && !point.stale
                && let Err(reason) = self.accumulate(&mut point)
            {
                rejected.one(reason);
                continue;
            }
            if let (PointValue::Native(histogram), ExponentialHistograms::Classic) = (&point.value, self.form)
            {
                point.value = PointValue::Histogram(classic_histogram(histogram));
            }
            write(point, &mut samples);
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
                PointValue::Native(ref first) => Total::Native(NativeHistogram {
                    schema: first.schema,
                    zero_threshold: first.zero_threshold,
                    ..NativeHistogram::default()
                }),
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
            (Total::Native(total), PointValue::Native(value)) => {
                *total = bounded(
                    total
                        .add(value)
                        .map_err(|_| "histogram has other buckets than before")?,
                );
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

/// At a resolution that leaves no more buckets than there may be bounds.
fn bounded(mut total: NativeHistogram) -> NativeHistogram {
    total.reset = ResetHint::Unknown;
    while total.positive.len() + total.negative.len() > MAX_BOUNDS
        && total.schema > *EXPONENTIAL_SCHEMAS.start()
    {
        total = total.to_schema(total.schema - 1);
    }
    total
}

fn write(point: Point, samples: &mut Samples) {
    let t_ms = point.t_ms;
    let mut push = |labels: Labels, value: f64| {
        let value = if point.stale { stale_nan() } else { value };
        samples.floats.push((labels, Sample { t_ms, value }));
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
        // The marker ends numbers and histograms alike.
        PointValue::Native(_) if point.stale => push(point.labels.clone(), 0.0),
        PointValue::Native(histogram) => {
            let histogram = histogram.clone().into();
            let sample = HistogramSample { t_ms, histogram };
            samples.histograms.push((point.labels.clone(), sample));
        }
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

    fn shown(samples: &Samples) -> Vec<String> {
        let floats = samples
            .floats
            .iter()
            .map(|(labels, sample)| format!("{labels} {}", sample.value));
        let histograms = samples
            .histograms
            .iter()
            .map(|(labels, sample)| format!("{labels} {}", sample.histogram));
        floats.chain(histograms).collect()
    }

    fn native(count: f64, positive: &[(i32, f64)]) -> PointValue {
        PointValue::Native(NativeHistogram {
            count,
            sum: count * 2.0,
            positive: positive.to_vec(),
            ..NativeHistogram::default()
        })
    }

    #[test]
    fn native_histograms_are_added_up_in_either_form() {
        let points = || {
            vec![
                point(1, native(3.0, &[(1, 3.0)])),
                point(2, native(2.0, &[(1, 1.0), (3, 1.0)])),
            ]
        };
        let samples = DeltaAccumulator::default().samples(points(), &mut Rejected::default());
        assert_eq!(
            shown(&samples),
            [
                r#"m{a="b"} {count:3, sum:6, (1,2]:3}"#,
                r#"m{a="b"} {count:5, sum:10, (1,2]:4, (4,8]:1}"#,
            ]
        );
        let mut classic = DeltaAccumulator::new(ExponentialHistograms::Classic);
        let samples = classic.samples(points(), &mut Rejected::default());
        assert_eq!(
            shown(&samples)[4..],
            [
                r#"m_bucket{a="b", le="2"} 4"#,
                r#"m_bucket{a="b", le="4"} 4"#,
                r#"m_bucket{a="b", le="8"} 5"#,
                r#"m_bucket{a="b", le="+Inf"} 5"#,
                r#"m_sum{a="b"} 10"#,
                r#"m_count{a="b"} 5"#,
            ]
        );
    }

    #[test]
    fn the_buckets_of_a_total_are_bounded() {
        let fine: Vec<(i32, f64)> = (0..3_000).map(|i| (i, 1.0)).collect();
        let total = bounded(NativeHistogram {
            schema: 8,
            positive: fine,
            ..NativeHistogram::default()
        });
        assert_eq!((total.schema, total.positive.len()), (6, 751));
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
            shown(&samples)[5..],
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
        let mut also = point(1, native(1.0, &[]));
        also.stale = true;
        let samples = DeltaAccumulator::default().samples(vec![ended, also], &mut Rejected::default());
        assert_eq!(samples.floats.len(), 2);
        assert!(samples.floats.iter().all(|(_, sample)| is_stale(sample.value)));
    }
}
