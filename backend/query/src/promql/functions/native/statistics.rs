//! Quantiles, fractions and variance of buckets.
//!
//! Within a bucket observations are taken to be spread evenly on a logarithmic scale; in the zero bucket, in given bounds, and in
//! Prometheus 2, evenly as they are.
//!
//! Source: Prometheus `HistogramQuantile`, `HistogramFraction`, `histogramVariance`.

use watchroom_model::{Bucket, NativeHistogram};

use crate::promql::WindowBounds;
use crate::promql::stats::Sum;

/// The quantile of a histogram.
pub(crate) fn quantile(q: f64, histogram: &NativeHistogram, version: WindowBounds) -> f64 {
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    if q.is_nan() || histogram.count == 0.0 {
        return f64::NAN;
    }
    // Observations that are not a number are counted, but stand in no bucket; then only the way from below is right.
    let from_below = version == WindowBounds::Closed || histogram.sum.is_nan() || q < 0.5;
    let mut rank = if from_below { q } else { 1.0 - q } * histogram.count;
    let mut found: Option<Bucket> = None;
    let mut seen = 0.0;
    let mut look = |bucket: Bucket| {
        if bucket.count != 0.0 {
            seen += bucket.count;
            found = Some(bucket);
        }
        seen >= rank && found.is_some()
    };
    let _ = match from_below {
        true => histogram.buckets().any(&mut look),
        false => histogram.buckets().rev().any(&mut look),
    };
    let Some(bucket) = found else {
        return f64::NAN;
    };
    let bucket = narrowed(bucket, histogram);
    if histogram.is_custom() {
        if bucket.lower == f64::NEG_INFINITY {
            return bucket.upper;
        }
        if bucket.upper == f64::INFINITY {
            return bucket.lower;
        }
    }
    seen = seen.min(histogram.count);
    if seen < rank {
        return match histogram.sum.is_nan() && version == WindowBounds::LeftOpen {
            true => f64::NAN,
            false => bucket.upper,
        };
    }
    rank = if from_below {
        rank - (seen - bucket.count)
    } else {
        seen - rank
    };
    let share = rank / bucket.count;
    if is_linear(bucket, histogram, version) {
        return bucket.lower + (bucket.upper - bucket.lower) * share;
    }
    let (low, high) = (bucket.lower.abs().log2(), bucket.upper.abs().log2());
    match bucket.lower > 0.0 {
        true => (low + (high - low) * share).exp2(),
        false => -(high + (low - high) * (1.0 - share)).exp2(),
    }
}

/// The share of observations between two values.
pub(crate) fn fraction(lower: f64, upper: f64, histogram: &NativeHistogram, version: WindowBounds) -> f64 {
    let buckets = histogram.buckets().map(|bucket| {
        let bucket = narrowed(bucket, histogram);
        (bucket, is_linear(bucket, histogram, version))
    });
    fraction_of(lower, upper, histogram.count, buckets)
}

/// The share of `count` observations in buckets from low to high, each with whether observations are spread evenly in it.
pub(crate) fn fraction_of(
    lower: f64,
    upper: f64,
    count: f64,
    buckets: impl Iterator<Item = (Bucket, bool)>,
) -> f64 {
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let (mut below_lower, mut below_upper) = (None, None);
    let mut rank = 0.0;
    for (bucket, linear) in buckets {
        for (limit, below) in [(lower, &mut below_lower), (upper, &mut below_upper)] {
            if below.is_none() && bucket.lower >= limit {
                *below = Some(rank);
            } else if below.is_none() && bucket.upper > limit {
                *below = Some(rank + bucket.count * share_below(limit, bucket, linear));
            }
        }
        if below_upper.is_some() {
            break;
        }
        rank += bucket.count;
    }
    let capped = |below: Option<f64>| below.map_or(count, |below: f64| below.min(count));
    (capped(below_upper) - capped(below_lower)) / count
}

/// Share of a bucket's observations below a value within it. Those of a bucket without an end are taken to be at its other end.
fn share_below(value: f64, bucket: Bucket, linear: bool) -> f64 {
    if bucket.lower == f64::NEG_INFINITY {
        return 0.0;
    }
    if bucket.upper == f64::INFINITY {
        return 1.0;
    }
    if linear {
        return (value - bucket.lower) / (bucket.upper - bucket.lower);
    }
    let (low, high, value_log) = (
        bucket.lower.abs().log2(),
        bucket.upper.abs().log2(),
        value.abs().log2(),
    );
    match value > 0.0 {
        true => (value_log - low) / (high - low),
        false => 1.0 - (value_log - high) / (low - high),
    }
}

/// The variance, each bucket's observations taken to be at its middle.
pub(crate) fn variance(histogram: &NativeHistogram) -> f64 {
    let mean = histogram.sum / histogram.count;
    let mut squares = Sum::default();
    for bucket in histogram.buckets() {
        let middle = if histogram.is_custom() {
            match (bucket.lower.is_finite(), bucket.upper.is_finite()) {
                (true, true) => (bucket.lower + bucket.upper) / 2.0,
                (true, false) => bucket.lower,
                _ => bucket.upper,
            }
        } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
            0.0
        } else {
            (bucket.lower * bucket.upper).sqrt().copysign(bucket.upper)
        };
        let delta = middle - mean;
        squares.add(bucket.count * delta * delta);
    }
    squares.value() / histogram.count
}

/// The zero bucket reaches only to the side on which there are observations; the lowest of given bounds begins at zero if it can.
fn narrowed(mut bucket: Bucket, histogram: &NativeHistogram) -> Bucket {
    if histogram.is_custom() {
        if bucket.lower == f64::NEG_INFINITY && bucket.upper > 0.0 {
            bucket.lower = 0.0;
        }
    } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
        match (histogram.negative.is_empty(), histogram.positive.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }
    bucket
}

fn is_linear(bucket: Bucket, histogram: &NativeHistogram, version: WindowBounds) -> bool {
    version == WindowBounds::Closed || histogram.is_custom() || (bucket.lower <= 0.0 && bucket.upper >= 0.0)
}

#[cfg(test)]
mod tests;
