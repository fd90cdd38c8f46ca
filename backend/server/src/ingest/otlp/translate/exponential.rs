//! Exponential histograms as classic ones.
//!
//! The rule: buckets are merged until their bounds grow by a factor of √2 or more (scale 1 or less), and then every bound of that
//! scale inside the range in use becomes an `le`. Bounds of one scale are the same for every point, and those of a lower scale are
//! among them, so that series stay comparable over time and between senders. Zeros are counted below the zero threshold, and what is
//! negative under the negative bounds.
//! Not here: native histograms, which the model does not have.

use super::super::wire::{Buckets, ExponentialHistogramDataPoint};
use super::metrics::Histogram;

/// Finest scale that is kept.
const MAX_SCALE: i32 = 1;
/// Scales beyond which bounds leave the range of a double.
const SCALES: std::ops::RangeInclusive<i32> = -10..=20;
/// Most buckets of one sign.
const MAX_BUCKETS: usize = 4096;

/// Turns the buckets into explicit ones.
pub(super) fn explicit(point: ExponentialHistogramDataPoint) -> Result<Histogram, &'static str> {
    if !SCALES.contains(&point.scale) {
        return Err("scale of the exponential histogram is not between -10 and 20");
    }
    if !(point.zero_threshold >= 0.0 && point.zero_threshold.is_finite()) {
        return Err("zero threshold of the exponential histogram is negative or not finite");
    }
    let scale = point.scale.min(MAX_SCALE);
    let shift = point.scale - scale;
    let positive = merged(point.positive.as_ref(), shift)?;
    let negative = merged(point.negative.as_ref(), shift)?;
    // The bucket of index i holds (base^i, base^(i+1)], where base is 2^(2^-scale).
    let bound = |index: i64| (index as f64 * 2f64.powi(-scale)).exp2();
    let mut buckets: Vec<(f64, u64)> = Vec::new();
    for (index, count) in negative.iter().rev() {
        buckets.push((-bound(*index), *count));
    }
    if point.zero_count > 0 || !negative.is_empty() {
        buckets.push((point.zero_threshold, point.zero_count));
    }
    for (index, count) in &positive {
        buckets.push((bound(index + 1), *count));
    }
    buckets.retain(|(bound, _)| bound.is_finite());
    buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    buckets.dedup_by(|later, earlier| {
        let same = later.0 == earlier.0;
        earlier.1 += if same { later.1 } else { 0 };
        same
    });
    Ok(Histogram {
        buckets,
        count: point.count,
        sum: point.sum,
    })
}

/// Counts by index after `shift` halvings of the resolution, empty buckets in between included.
fn merged(buckets: Option<&Buckets>, shift: i32) -> Result<Vec<(i64, u64)>, &'static str> {
    let Some(buckets) = buckets else {
        return Ok(Vec::new());
    };
    if buckets.bucket_counts.len() > MAX_BUCKETS {
        return Err("exponential histogram has more than 4096 buckets of one sign");
    }
    let mut merged: Vec<(i64, u64)> = Vec::new();
    for (i, count) in buckets.bucket_counts.iter().enumerate() {
        let index = (i64::from(buckets.offset) + i as i64) >> shift;
        match merged.last_mut() {
            Some((last, total)) if *last == index => *total = total.saturating_add(*count),
            _ => merged.push((index, *count)),
        }
    }
    Ok(merged)
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

    #[test]
    fn keeps_the_bounds_of_a_coarse_scale() {
        let histogram = explicit(point(0, 1, &[3, 0, 2])).unwrap();
        assert_eq!(histogram.buckets, [(4.0, 3), (8.0, 0), (16.0, 2)]);
    }

    #[test]
    fn merges_a_fine_scale_without_losing_a_count() {
        // Scale 3 has eight buckets to a doubling; four of them make one of scale 1.
        let histogram = explicit(point(3, -4, &[1; 12])).unwrap();
        let bounds: Vec<f64> = histogram.buckets.iter().map(|(bound, _)| *bound).collect();
        assert_eq!(bounds.len(), 3);
        assert!(
            (bounds[0] - 1.0).abs() < 1e-12 && (bounds[2] - 2.0).abs() < 1e-12,
            "{bounds:?}"
        );
        assert_eq!(histogram.buckets.iter().map(|(_, n)| n).sum::<u64>(), 12);
    }

    #[test]
    fn orders_negatives_zeros_and_positives() {
        let mut both = point(0, 0, &[5]);
        both.negative = Some(Buckets {
            offset: 0,
            bucket_counts: vec![1, 2],
        });
        both.zero_count = 4;
        let histogram = explicit(both).unwrap();
        assert_eq!(histogram.buckets, [(-2.0, 2), (-1.0, 1), (0.0, 4), (2.0, 5)]);
    }

    #[test]
    fn refuses_what_no_sender_means() {
        assert!(explicit(point(21, 0, &[1])).is_err());
        assert!(explicit(point(0, 0, &vec![1; MAX_BUCKETS + 1])).is_err());
        let extreme = explicit(point(-10, i32::MAX, &[1, 1])).unwrap();
        assert!(extreme.buckets.is_empty());
    }
}
