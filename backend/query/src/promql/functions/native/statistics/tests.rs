//! Tests of quantiles, fractions and variance on buckets worked out by hand.

use watchroom_model::CUSTOM_SCHEMA;

use super::*;

const NOW: WindowBounds = WindowBounds::LeftOpen;

fn histogram(positive: &[(i32, f64)], negative: &[(i32, f64)], zero: f64) -> NativeHistogram {
    NativeHistogram {
        count: positive.iter().chain(negative).map(|(_, n)| n).sum::<f64>() + zero,
        positive: positive.to_vec(),
        negative: negative.to_vec(),
        zero_count: zero,
        zero_threshold: 0.001,
        ..NativeHistogram::default()
    }
}

#[track_caller]
fn near(got: f64, expect: f64) {
    assert!(
        (got - expect).abs() <= 1e-12 * expect.abs().max(1.0) || got == expect,
        "{got} is not {expect}"
    );
}

#[test]
fn quantiles_are_logarithmic_within_a_bucket() {
    // Four observations in (1, 4]: half of them below 2.
    let h = NativeHistogram {
        schema: -1,
        ..histogram(&[(1, 4.0)], &[], 0.0)
    };
    near(quantile(0.5, &h, NOW), 2.0);
    near(quantile(0.5, &h, WindowBounds::Closed), 2.5);
    near(quantile(0.25, &h, NOW), std::f64::consts::SQRT_2);
    near(quantile(1.0, &h, NOW), 4.0);
    near(quantile(0.0, &h, NOW), 1.0);
    let mirrored = NativeHistogram {
        schema: -1,
        ..histogram(&[], &[(1, 4.0)], 0.0)
    };
    near(quantile(0.5, &mirrored, NOW), -2.0);
    near(quantile(0.75, &mirrored, NOW), -std::f64::consts::SQRT_2);
}

#[test]
fn quantiles_outside_zero_and_one_are_infinite() {
    let h = histogram(&[(1, 4.0)], &[], 0.0);
    assert_eq!(quantile(-0.1, &h, NOW), f64::NEG_INFINITY);
    assert_eq!(quantile(1.1, &h, NOW), f64::INFINITY);
    assert!(quantile(f64::NAN, &h, NOW).is_nan());
    assert!(quantile(0.5, &histogram(&[], &[], 0.0), NOW).is_nan());
}

#[test]
fn the_zero_bucket_is_linear_and_reaches_to_one_side() {
    near(quantile(0.25, &histogram(&[(1, 2.0)], &[], 2.0), NOW), 0.0005);
    near(quantile(0.75, &histogram(&[], &[(1, 2.0)], 2.0), NOW), -0.0005);
    near(quantile(0.5, &histogram(&[(1, 1.0)], &[(1, 1.0)], 2.0), NOW), 0.0);
}

#[test]
fn given_bounds_are_linear() {
    let h = NativeHistogram {
        schema: CUSTOM_SCHEMA,
        bounds: vec![5.0, 10.0],
        zero_threshold: 0.0,
        ..histogram(&[(0, 1.0), (1, 2.0), (2, 1.0)], &[], 0.0)
    };
    near(quantile(0.5, &h, NOW), 7.5);
    near(quantile(0.125, &h, NOW), 2.5);
    near(quantile(0.99, &h, NOW), 10.0);
    near(fraction(5.0, 10.0, &h, NOW), 0.5);
    near(fraction(f64::NEG_INFINITY, 2.5, &h, NOW), 0.125);
    near(fraction(20.0, f64::INFINITY, &h, NOW), 0.0);
}

#[test]
fn fractions_are_logarithmic_within_a_bucket() {
    let h = NativeHistogram {
        schema: -1,
        ..histogram(&[(1, 4.0)], &[(1, 4.0)], 0.0)
    };
    near(fraction(1.0, 2.0, &h, NOW), 0.25);
    near(fraction(-2.0, 2.0, &h, NOW), 0.5);
    near(fraction(f64::NEG_INFINITY, f64::INFINITY, &h, NOW), 1.0);
    near(fraction(2.0, 2.0, &h, NOW), 0.0);
    assert!(fraction(f64::NAN, 2.0, &h, NOW).is_nan());
}

#[test]
fn observations_that_are_no_number_are_in_no_bucket() {
    let h = NativeHistogram {
        sum: f64::NAN,
        count: 8.0,
        ..histogram(&[(1, 4.0)], &[], 0.0)
    };
    near(quantile(0.25, &h, NOW), std::f64::consts::SQRT_2);
    assert!(quantile(0.9, &h, NOW).is_nan());
}

#[test]
fn variance_takes_the_middle_of_buckets() {
    // Geometric middles 2 and -2, mean 0.
    let h = NativeHistogram {
        schema: -1,
        sum: 0.0,
        ..histogram(&[(1, 4.0)], &[(1, 4.0)], 0.0)
    };
    near(variance(&h), 4.0);
}
