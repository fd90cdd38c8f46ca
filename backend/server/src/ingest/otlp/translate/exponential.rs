//! Exponential histograms: native ones, and, where that is asked for, classic ones.
//!
//! A native histogram has the sender's buckets, at most as fine as schema 8. Of a classic one the rule is: buckets are merged until their
//! bounds grow by a factor of √2 or more (schema 1 or less), and then every bound of that schema inside the range in use becomes an
//! `le`. Bounds of one schema are the same for every point, and those of a coarser one are among them, so that series stay comparable
//! over time and between senders. Zeros are counted below the zero threshold, and what is negative under the negative bounds.
//!
//! Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility", "Exponential Histograms".

use watchroom_model::{EXPONENTIAL_SCHEMAS, NativeHistogram};

use super::super::wire::{Buckets, ExponentialHistogramDataPoint};
use super::metrics::Histogram;

/// Finest schema of a classic histogram.
const MAX_CLASSIC_SCHEMA: i8 = 1;
/// Finest scale that a sender may use.
const MAX_SCALE: i32 = 20;
/// Most buckets of one sign.
const MAX_BUCKETS: usize = 4096;

/// Takes a point over as a native histogram.
pub(super) fn native(point: ExponentialHistogramDataPoint) -> Result<NativeHistogram, &'static str> {
    let (coarsest, finest) = EXPONENTIAL_SCHEMAS.into_inner();
    if !(i32::from(coarsest)..=MAX_SCALE).contains(&point.scale) {
        return Err("scale of the exponential histogram is not between -4 and 20");
    }
    if !(point.zero_threshold >= 0.0 && point.zero_threshold.is_finite()) {
        return Err("zero threshold of the exponential histogram is negative or not finite");
    }
    let scale = point.scale.min(i32::from(finest));
    let shift = point.scale - scale;
    Ok(NativeHistogram {
        schema: scale as i8,
        zero_threshold: point.zero_threshold,
        zero_count: point.zero_count as f64,
        count: point.count as f64,
        sum: point.sum.unwrap_or(0.0),
        positive: merged(point.positive.as_ref(), shift)?,
        negative: merged(point.negative.as_ref(), shift)?,
        ..NativeHistogram::default()
    })
}

/// Counts by index after `shift` halvings of the resolution. The index of a bucket is that of its upper bound, one more than OTLP's.
fn merged(buckets: Option<&Buckets>, shift: i32) -> Result<Vec<(i32, f64)>, &'static str> {
    let Some(buckets) = buckets else {
        return Ok(Vec::new());
    };
    if buckets.bucket_counts.len() > MAX_BUCKETS {
        return Err("exponential histogram has more than 4096 buckets of one sign");
    }
    let mut merged: Vec<(i32, f64)> = Vec::new();
    for (i, count) in buckets
        .bucket_counts
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
    {
        let index = ((i64::from(buckets.offset) + i as i64) >> shift) + 1;
        let index = i32::try_from(index)
            .map_err(|_| "exponential histogram has a bucket beyond the range of a number")?;
        match merged.last_mut() {
            Some((last, total)) if *last == index => *total += *count as f64,
            _ => merged.push((index, *count as f64)),
        }
    }
    Ok(merged)
}

/// Turns the buckets into explicit ones.
pub(crate) fn classic(histogram: &NativeHistogram) -> Histogram {
    let mut coarse = histogram.to_schema(MAX_CLASSIC_SCHEMA);
    for side in [&mut coarse.positive, &mut coarse.negative] {
        fill(side);
    }
    // The zero bucket stands for itself, and below it the bounds of what is negative.
    let zero = coarse.zero_count > 0.0 || !coarse.negative.is_empty();
    let mut buckets: Vec<(f64, u64)> = coarse
        .buckets()
        .filter(|bucket| bucket.lower > -coarse.zero_threshold || bucket.upper < coarse.zero_threshold)
        .map(|bucket| (bucket.upper, bucket.count as u64))
        .collect();
    buckets.retain(|(bound, _)| bound.is_finite() && *bound != f64::MAX);
    if zero {
        buckets.push((coarse.zero_threshold, coarse.zero_count as u64));
    }
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    buckets.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        earlier.1 += if same { later.1 } else { 0 };
        same
    });
    Histogram {
        buckets,
        count: coarse.count as u64,
        sum: Some(coarse.sum),
    }
}

/// Adds the empty buckets between the first and the last.
fn fill(side: &mut Vec<(i32, f64)>) {
    let (Some((first, _)), Some((last, _))) = (side.first().copied(), side.last().copied()) else {
        return;
    };
    if last.abs_diff(first) as usize >= MAX_BUCKETS {
        return;
    }
    let mut filled: Vec<(i32, f64)> = (first..=last).map(|index| (index, 0.0)).collect();
    for (index, count) in &*side {
        filled[index.abs_diff(first) as usize].1 = *count;
    }
    *side = filled;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(scale: i32, offset: i32, counts: &[u64]) -> ExponentialHistogramDataPoint {
        ExponentialHistogramDataPoint {
            scale,
            count: counts.iter().sum(),
            positive: Some(Buckets {
                offset,
                bucket_counts: counts.to_vec(),
            }),
            ..ExponentialHistogramDataPoint::default()
        }
    }

    fn explicit(point: ExponentialHistogramDataPoint) -> Vec<(f64, u64)> {
        classic(&native(point).unwrap()).buckets
    }

    #[test]
    fn a_native_histogram_has_the_senders_buckets() {
        let mut both = point(2, -1, &[3, 0, 2]);
        both.negative = Some(Buckets {
            offset: 4,
            bucket_counts: vec![1],
        });
        (both.zero_count, both.zero_threshold, both.sum) = (4, 0.25, Some(1.5));
        let native = native(both).unwrap();
        assert_eq!(
            (native.positive, native.negative),
            (vec![(0, 3.0), (2, 2.0)], vec![(5, 1.0)])
        );
        assert_eq!(
            (
                native.schema,
                native.sum,
                native.zero_count,
                native.zero_threshold
            ),
            (2, 1.5, 4.0, 0.25)
        );
    }

    #[test]
    fn a_scale_too_fine_is_merged() {
        // Scale 10 has four buckets to one of schema 8.
        let native = native(point(10, -4, &[1; 12])).unwrap();
        assert_eq!(
            (native.schema, native.positive),
            (8, vec![(0, 4.0), (1, 4.0), (2, 4.0)])
        );
    }

    #[test]
    fn keeps_the_bounds_of_a_coarse_scale() {
        assert_eq!(explicit(point(0, 1, &[3, 0, 2])), [(4.0, 3), (8.0, 0), (16.0, 2)]);
    }

    #[test]
    fn merges_a_fine_scale_without_losing_a_count() {
        // Scale 3 has eight buckets to a doubling; four of them make one of scale 1.
        let buckets = explicit(point(3, -4, &[1; 12]));
        let bounds: Vec<f64> = buckets.iter().map(|(bound, _)| *bound).collect();
        assert_eq!(bounds, [1.0, std::f64::consts::SQRT_2, 2.0]);
        assert_eq!(buckets.iter().map(|(_, n)| n).sum::<u64>(), 12);
    }

    #[test]
    fn orders_negatives_zeros_and_positives() {
        let mut both = point(0, 0, &[5]);
        both.negative = Some(Buckets {
            offset: 0,
            bucket_counts: vec![1, 2],
        });
        both.zero_count = 4;
        assert_eq!(explicit(both), [(-2.0, 2), (-1.0, 1), (0.0, 4), (2.0, 5)]);
    }

    #[test]
    fn refuses_what_no_sender_means() {
        assert!(native(point(21, 0, &[1])).is_err());
        assert!(native(point(-5, 0, &[1])).is_err());
        assert!(native(point(0, 0, &vec![1; MAX_BUCKETS + 1])).is_err());
        assert!(native(point(0, i32::MAX, &[1, 1])).is_err());
        let extreme = native(point(-4, i32::MAX - 2, &[1, 1])).unwrap();
        assert!(classic(&extreme).buckets.is_empty());
    }
}
