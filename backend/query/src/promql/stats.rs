//! Arithmetic shared by aggregations and functions over time.
//!
//! Source: Prometheus `promql/functions.go`, `kahanSumInc`, `quantile`, `avg`.

/// A sum that keeps what rounding takes away (Neumaier's form of Kahan's).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum {
    sum: f64,
    lost: f64,
}

impl Sum {
    pub(crate) fn add(&mut self, value: f64) {
        let total = self.sum + value;
        if total.is_infinite() {
            self.lost = 0.0;
        } else if self.sum.abs() >= value.abs() {
            self.lost += (self.sum - total) + value;
        } else {
            self.lost += (value - total) + self.sum;
        }
        self.sum = total;
    }

    pub(crate) fn value(self) -> f64 {
        if self.sum.is_infinite() {
            self.sum
        } else {
            self.sum + self.lost
        }
    }
}

/// A mean that survives a sum too large for a float.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Mean {
    sum: Sum,
    count: f64,
    /// Mean so far, once the sum has overflowed.
    running: Option<Sum>,
}

impl Mean {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        if self.running.is_none() {
            let mut sum = self.sum;
            sum.add(value);
            // An infinite value makes an infinite sum by right; a finite one makes it by overflow.
            if !sum.sum.is_infinite() || value.is_infinite() || self.sum.sum.is_infinite() {
                self.sum = sum;
                return;
            }
            let before = self.count - 1.0;
            self.running = Some(Sum {
                sum: self.sum.sum / before,
                lost: self.sum.lost / before,
            });
        }
        if let Some(mean) = &mut self.running {
            if mean.sum.is_infinite() && (value.is_finite() || value == mean.sum) {
                return;
            }
            let share = (self.count - 1.0) / self.count;
            *mean = Sum {
                sum: mean.sum * share,
                lost: mean.lost * share,
            };
            mean.add(value / self.count);
        }
    }

    pub(crate) fn value(self) -> f64 {
        match self.running {
            Some(mean) => mean.value(),
            None => self.sum.value() / self.count,
        }
    }
}

/// Variance of a population, one value at a time (Welford).
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Variance {
    count: f64,
    mean: Sum,
    squares: Sum,
}

impl Variance {
    pub(crate) fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean.value();
        self.mean.add(delta / self.count);
        self.squares.add(delta * (value - self.mean.value()));
    }

    pub(crate) fn value(self) -> f64 {
        self.squares.value() / self.count
    }
}

/// The quantile of some values, which are sorted on the way; linear between neighbours.
pub(crate) fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    // NaN counts as the smallest.
    values.sort_unstable_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())));
    let rank = q * (values.len() - 1) as f64;
    let lower = rank.floor() as usize;
    let upper = (lower + 1).min(values.len() - 1);
    let weight = rank - rank.floor();
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// Slope and intercept at `origin_ms` of the line through samples, by least squares; `x` in seconds.
pub(crate) fn linear_regression(samples: &[watchroom_model::Sample], origin_ms: i64) -> (f64, f64) {
    let first = samples[0].value;
    if samples.iter().all(|s| s.value == first) {
        return if first.is_infinite() {
            (f64::NAN, f64::NAN)
        } else {
            (0.0, first)
        };
    }
    let (mut x, mut y, mut xy, mut xx) = (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for sample in samples {
        let seconds = (sample.t_ms - origin_ms) as f64 / 1000.0;
        x.add(seconds);
        y.add(sample.value);
        xy.add(seconds * sample.value);
        xx.add(seconds * seconds);
    }
    let n = samples.len() as f64;
    let (x, y, xy, xx) = (x.value(), y.value(), xy.value(), xx.value());
    let covariance = xy - x * y / n;
    let variance = xx - x * x / n;
    let slope = covariance / variance;
    (slope, y / n - slope * x / n)
}

/// The larger value; not a number if either is not.
pub(crate) fn max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.max(b)
    }
}

/// The smaller value; not a number if either is not.
pub(crate) fn min(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() {
        f64::NAN
    } else {
        a.min(b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sum_keeps_what_rounding_takes() {
        let mut sum = Sum::default();
        for value in [1e100, 1.0, -1e100] {
            sum.add(value);
        }
        assert_eq!(sum.value(), 1.0);
    }

    #[test]
    fn mean_of_huge_values_does_not_overflow() {
        let mut mean = Mean::default();
        (0..4).for_each(|_| mean.add(9e307));
        assert_eq!(mean.value(), 9e307);
        mean.add(f64::NEG_INFINITY);
        assert_eq!(mean.value(), f64::NEG_INFINITY);
        mean.add(f64::INFINITY);
        assert!(mean.value().is_nan());
    }

    #[test]
    fn quantile_sorts_nan_first() {
        assert_eq!(quantile(1.0, &mut [3.0, f64::NAN, 1.0]), 3.0);
        assert_eq!(quantile(0.5, &mut [3.0, f64::NAN, 1.0]), 1.0);
        assert!(quantile(0.0, &mut [3.0, f64::NAN]).is_nan());
        assert_eq!(quantile(-0.1, &mut [1.0]), f64::NEG_INFINITY);
    }

    #[test]
    fn variance_of_equal_values_is_zero() {
        let mut variance = Variance::default();
        (0..3).for_each(|_| variance.add(1.5990505637277868));
        assert_eq!(variance.value(), 0.0);
    }
}
