//! Sums, differences and multiples of histograms.
//!
//! Histograms of different resolution meet at the coarser one; zero buckets of different width at the wider one.

use std::borrow::Cow;

use super::{CUSTOM_SCHEMA, NativeHistogram, ResetHint};

/// Two histograms of which one has given bounds and the other exponential ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a histogram with exponential buckets does not go with one with custom buckets")]
pub struct Incompatible;

impl NativeHistogram {
    /// This histogram at a coarser resolution; at its own if `schema` is not coarser.
    #[must_use]
    pub fn to_schema(&self, schema: i8) -> Self {
        let mut coarse = self.clone();
        if schema < self.schema && self.schema != CUSTOM_SCHEMA && schema != CUSTOM_SCHEMA {
            let shift = u32::from((self.schema - schema).unsigned_abs());
            coarse.schema = schema;
            coarse.positive = merged(&self.positive, shift);
            coarse.negative = merged(&self.negative, shift);
        }
        coarse
    }

    /// The sum of both.
    ///
    /// # Errors
    /// [`Incompatible`] if only one of them has given bounds.
    pub fn add(&self, other: &Self) -> Result<Self, Incompatible> {
        let reset = match (self.reset, other.reset) {
            (a, b) if a == b => a,
            (ResetHint::Gauge, _) | (_, ResetHint::Gauge) => ResetHint::Gauge,
            _ => ResetHint::Unknown,
        };
        self.combine(other, 1.0, reset)
    }

    /// What this has more than `other`; a gauge.
    ///
    /// # Errors
    /// [`Incompatible`] if only one of them has given bounds.
    pub fn sub(&self, other: &Self) -> Result<Self, Incompatible> {
        self.combine(other, -1.0, ResetHint::Gauge)
    }

    /// Every count and the sum times `factor`; a gauge if that is negative.
    #[must_use]
    pub fn scale(&self, factor: f64) -> Self {
        let mut scaled = self.map(|value| value * factor);
        if factor < 0.0 {
            scaled.reset = ResetHint::Gauge;
        }
        scaled
    }

    /// Every count and the sum divided by `divisor`; zero leaves no buckets.
    #[must_use]
    pub fn divide(&self, divisor: f64) -> Self {
        let mut divided = self.map(|value| value / divisor);
        if divisor == 0.0 {
            divided.positive.clear();
            divided.negative.clear();
        }
        if divisor < 0.0 {
            divided.reset = ResetHint::Gauge;
        }
        divided
    }

    fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        let each = |side: &[(i32, f64)]| side.iter().map(|(index, count)| (*index, f(*count))).collect();
        Self {
            schema: self.schema,
            reset: self.reset,
            zero_threshold: self.zero_threshold,
            zero_count: f(self.zero_count),
            count: f(self.count),
            sum: f(self.sum),
            positive: each(&self.positive),
            negative: each(&self.negative),
            bounds: self.bounds.clone(),
        }
    }

    fn combine(&self, other: &Self, sign: f64, reset: ResetHint) -> Result<Self, Incompatible> {
        if self.is_custom() != other.is_custom() {
            return Err(Incompatible);
        }
        let (a, b) = alike(self, other);
        Ok(Self {
            schema: a.schema,
            reset,
            zero_threshold: a.zero_threshold,
            zero_count: a.zero_count + sign * b.zero_count,
            count: a.count + sign * b.count,
            sum: a.sum + sign * b.sum,
            positive: joined(&a.positive, &b.positive, sign),
            negative: joined(&a.negative, &b.negative, sign),
            bounds: a.bounds.clone(),
        })
    }

    /// Widens the zero bucket to at least `threshold`, and further so that it cuts no bucket in two.
    pub(super) fn widen_zero(&mut self, mut threshold: f64) {
        loop {
            let before = threshold;
            for (index, _) in self.positive.iter().chain(&self.negative) {
                let (lower, upper) = self.bounds_of(*index);
                if lower < threshold && upper > threshold {
                    threshold = upper;
                }
            }
            if threshold == before {
                break;
            }
        }
        let within =
            |side: &[(i32, f64)]| side.partition_point(|(index, _)| self.bounds_of(*index).1 <= threshold);
        let (n_positive, n_negative) = (within(&self.positive), within(&self.negative));
        let absorbed = self
            .positive
            .drain(..n_positive)
            .chain(self.negative.drain(..n_negative));
        self.zero_count += absorbed.map(|(_, count)| count).sum::<f64>();
        self.zero_threshold = threshold;
    }
}

/// Both with the same bounds everywhere; as they are, if they have them already.
pub(super) fn alike<'a>(
    a: &'a NativeHistogram,
    b: &'a NativeHistogram,
) -> (Cow<'a, NativeHistogram>, Cow<'a, NativeHistogram>) {
    if a.schema == b.schema && a.zero_threshold == b.zero_threshold && a.bounds == b.bounds {
        return (Cow::Borrowed(a), Cow::Borrowed(b));
    }
    if a.is_custom() {
        let is_common = |bound: &f64| b.bounds.contains(bound);
        let common: Vec<f64> = a.bounds.iter().copied().filter(is_common).collect();
        return (
            Cow::Owned(with_bounds(a, &common)),
            Cow::Owned(with_bounds(b, &common)),
        );
    }
    let schema = a.schema.min(b.schema);
    let (mut a, mut b) = (a.to_schema(schema), b.to_schema(schema));
    while a.zero_threshold != b.zero_threshold {
        let (narrow, wide) = if a.zero_threshold < b.zero_threshold {
            (&mut a, b.zero_threshold)
        } else {
            (&mut b, a.zero_threshold)
        };
        narrow.widen_zero(wide);
    }
    (Cow::Owned(a), Cow::Owned(b))
}

/// With fewer given bounds, each of them one of its own.
fn with_bounds(histogram: &NativeHistogram, bounds: &[f64]) -> NativeHistogram {
    let mut positive: Vec<(i32, f64)> = Vec::new();
    for (index, count) in &histogram.positive {
        let upper = histogram.bounds_of(*index).1;
        let at = bounds.partition_point(|bound| *bound < upper) as i32;
        match positive.last_mut() {
            Some((last, total)) if *last == at => *total += count,
            _ => positive.push((at, *count)),
        }
    }
    NativeHistogram {
        positive,
        bounds: bounds.to_vec(),
        ..histogram.clone()
    }
}

/// Buckets after `shift` halvings of the resolution.
fn merged(side: &[(i32, f64)], shift: u32) -> Vec<(i32, f64)> {
    let mut coarse: Vec<(i32, f64)> = Vec::with_capacity(side.len());
    for (index, count) in side {
        let index = (index.saturating_sub(1) >> shift).saturating_add(1);
        match coarse.last_mut() {
            Some((last, total)) if *last == index => *total += count,
            _ => coarse.push((index, *count)),
        }
    }
    coarse
}

fn joined(a: &[(i32, f64)], b: &[(i32, f64)], sign: f64) -> Vec<(i32, f64)> {
    let mut out = Vec::with_capacity(a.len().max(b.len()));
    let (mut i, mut j) = (0, 0);
    loop {
        let bucket = match (a.get(i), b.get(j)) {
            (None, None) => return out,
            (Some(left), Some(right)) if left.0 == right.0 => {
                (i, j) = (i + 1, j + 1);
                (left.0, left.1 + sign * right.1)
            }
            (Some(left), right) if right.is_none_or(|right| left.0 < right.0) => {
                i += 1;
                *left
            }
            (_, Some(right)) => {
                j += 1;
                (right.0, sign * right.1)
            }
            (Some(left), None) => {
                i += 1;
                *left
            }
        };
        if bucket.1 != 0.0 {
            out.push(bucket);
        }
    }
}
