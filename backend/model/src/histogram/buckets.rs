//! Bounds of buckets, and buckets in order.

use super::{CUSTOM_SCHEMA, NativeHistogram};

/// A bucket with its bounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether an observation at the lower bound is counted here.
    pub lower_inclusive: bool,
    /// Whether an observation at the upper bound is counted here.
    pub upper_inclusive: bool,
    /// Observations in the bucket alone.
    pub count: f64,
}

impl NativeHistogram {
    /// Buckets from the lowest to the highest, the zero bucket among them if it counts something.
    pub fn buckets(&self) -> impl DoubleEndedIterator<Item = Bucket> + '_ {
        let negative = self.negative.iter().rev().map(|(index, count)| {
            let (lower, upper) = self.bounds_of(*index);
            Bucket {
                lower: -upper,
                upper: -lower,
                lower_inclusive: true,
                upper_inclusive: false,
                count: *count,
            }
        });
        let zero = (self.zero_count > 0.0).then_some(Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        });
        let positive = self.positive.iter().map(|(index, count)| {
            let (lower, upper) = self.bounds_of(*index);
            Bucket {
                lower,
                upper,
                lower_inclusive: lower == f64::NEG_INFINITY,
                upper_inclusive: true,
                count: *count,
            }
        });
        negative.chain(zero).chain(positive)
    }

    /// Lower and upper bound of the positive bucket of an index.
    pub(super) fn bounds_of(&self, index: i32) -> (f64, f64) {
        if self.schema == CUSTOM_SCHEMA {
            let at = |i: i32| usize::try_from(i).ok().and_then(|i| self.bounds.get(i)).copied();
            let upper = at(index).unwrap_or(f64::INFINITY);
            let lower = match index {
                ..=0 => f64::NEG_INFINITY,
                _ => at(index - 1).unwrap_or(f64::INFINITY),
            };
            return (lower, upper);
        }
        (
            exponential_bound(index.saturating_sub(1), self.schema),
            exponential_bound(index, self.schema),
        )
    }
}

/// Upper bound of the bucket of an index; the last one before infinity ends at the largest float.
fn exponential_bound(index: i32, schema: i8) -> f64 {
    let schema = schema.clamp(-4, 8);
    let (whole, part) = if schema >= 0 {
        (index >> schema, index & ((1 << schema) - 1))
    } else {
        (index.saturating_mul(1 << -schema), 0)
    };
    if whole == 1024 && part == 0 {
        return f64::MAX;
    }
    let fraction = match part {
        0 => 1.0,
        part => (f64::from(part) / f64::from(1_i32 << schema)).exp2(),
    };
    // In two factors, so that neither leaves the range of a float before the product does.
    let half = whole.clamp(-2_200, 2_200) / 2;
    fraction * 2f64.powi(half) * 2f64.powi(whole.clamp(-2_200, 2_200) - half)
}
