//! Tests of bounds, arithmetic and resets.

use super::*;

fn histogram(schema: i8, positive: &[(i32, f64)]) -> NativeHistogram {
    NativeHistogram {
        schema,
        count: positive.iter().map(|(_, count)| count).sum(),
        sum: 1.0,
        positive: positive.to_vec(),
        ..NativeHistogram::default()
    }
}

#[test]
fn bounds_grow_by_the_schema() {
    let bounds = |schema, index| histogram(schema, &[]).bounds_of(index);
    assert_eq!(bounds(0, 1), (1.0, 2.0));
    assert_eq!(bounds(0, 0), (0.5, 1.0));
    assert_eq!(bounds(-1, 1), (1.0, 4.0));
    assert_eq!(bounds(1, 2), (std::f64::consts::SQRT_2, 2.0));
    assert_eq!(bounds(0, 1024), (2f64.powi(1023), f64::MAX));
    assert_eq!(bounds(0, 1025), (f64::MAX, f64::INFINITY));
    assert_eq!(bounds(0, -1074).1, f64::from_bits(1));
    assert_eq!(bounds(8, i32::MIN).0, 0.0);
    assert_eq!(bounds(-4, i32::MAX).1, f64::INFINITY);
}

#[test]
fn shows_buckets_from_low_to_high() {
    let mut both = histogram(0, &[(1, 5.0)]);
    both.negative = vec![(0, 1.0), (2, 2.0)];
    (both.zero_count, both.zero_threshold) = (4.0, 0.25);
    assert_eq!(
        both.to_string(),
        "{count:5, sum:1, [-4,-2):2, [-1,-0.5):1, [-0.25,0.25]:4, (1,2]:5}"
    );
    let custom = NativeHistogram {
        schema: CUSTOM_SCHEMA,
        bounds: vec![1.0, 2.5],
        ..histogram(0, &[(0, 1.0), (2, 3.0)])
    };
    assert_eq!(custom.to_string(), "{count:4, sum:1, [-Inf,1]:1, (2.5,+Inf]:3}");
}

#[test]
fn different_resolutions_meet_at_the_coarser() {
    let fine = histogram(1, &[(1, 1.0), (2, 2.0), (3, 4.0)]);
    let coarse = histogram(0, &[(1, 10.0), (3, 1.0)]);
    let sum = fine.add(&coarse).unwrap();
    assert_eq!(
        (sum.schema, sum.positive),
        (0, vec![(1, 13.0), (2, 4.0), (3, 1.0)])
    );
    let difference = fine.sub(&fine).unwrap();
    assert_eq!(
        (difference.positive, difference.reset),
        (vec![], ResetHint::Gauge)
    );
}

#[test]
fn the_wider_zero_bucket_swallows_what_it_covers() {
    let mut wide = histogram(0, &[(3, 1.0)]);
    (wide.zero_threshold, wide.zero_count) = (1.5, 2.0);
    let narrow = histogram(0, &[(0, 5.0), (1, 7.0), (2, 9.0)]);
    let sum = wide.add(&narrow).unwrap();
    // 1.5 lies within (1, 2], so that both zero buckets end at 2.
    assert_eq!((sum.zero_threshold, sum.zero_count), (2.0, 14.0));
    assert_eq!(sum.positive, [(2, 9.0), (3, 1.0)]);
}

#[test]
fn custom_bounds_meet_at_those_in_common() {
    let custom = |bounds: &[f64], positive: &[(i32, f64)]| NativeHistogram {
        schema: CUSTOM_SCHEMA,
        bounds: bounds.to_vec(),
        ..histogram(0, positive)
    };
    let a = custom(&[1.0, 2.0, 4.0], &[(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)]);
    let b = custom(&[2.0, 3.0, 4.0], &[(0, 10.0), (1, 20.0)]);
    let sum = a.add(&b).unwrap();
    assert_eq!(
        (sum.bounds, sum.positive),
        (vec![2.0, 4.0], vec![(0, 13.0), (1, 23.0), (2, 4.0)])
    );
    assert_eq!(a.add(&histogram(0, &[])), Err(Incompatible));
}

#[test]
fn a_count_that_falls_is_a_reset() {
    let before = histogram(1, &[(1, 2.0), (4, 3.0)]);
    assert!(!histogram(1, &[(1, 2.0), (2, 1.0), (4, 3.0)]).is_reset_after(&before));
    assert!(
        histogram(1, &[(1, 1.0), (4, 9.0)]).is_reset_after(&before),
        "a bucket fell"
    );
    assert!(
        histogram(1, &[(1, 1.0)]).is_reset_after(&before),
        "the count fell"
    );
    assert!(
        histogram(2, &[(1, 9.0), (8, 9.0)]).is_reset_after(&before),
        "finer"
    );
    assert!(
        !histogram(0, &[(1, 2.0), (2, 3.0)]).is_reset_after(&before),
        "coarser"
    );
    let told = NativeHistogram {
        reset: ResetHint::NotReset,
        ..histogram(1, &[])
    };
    assert!(!told.is_reset_after(&before));
}

#[test]
fn refuses_what_is_not_a_histogram() {
    let good = histogram(0, &[(1, 2.0)]);
    assert_eq!(good.validate(), Ok(()));
    let with = |f: fn(&mut NativeHistogram)| {
        let mut bad = good.clone();
        f(&mut bad);
        bad.validate().unwrap_err()
    };
    assert_eq!(with(|h| h.schema = 9), HistogramError::Schema { schema: 9 });
    assert_eq!(with(|h| h.positive.push((1, 1.0))), HistogramError::Order);
    assert_eq!(with(|h| h.zero_count = -1.0), HistogramError::Count);
    assert_eq!(
        with(|h| h.zero_threshold = f64::NAN),
        HistogramError::ZeroThreshold
    );
    assert_eq!(with(|h| h.bounds = vec![1.0]), HistogramError::Bounds);
    assert_eq!(with(|h| h.schema = CUSTOM_SCHEMA), HistogramError::Bounds);
}

#[test]
fn dividing_by_zero_leaves_no_buckets() {
    let divided = histogram(0, &[(1, 2.0)]).divide(0.0);
    assert_eq!((divided.count, divided.positive.len()), (f64::INFINITY, 0));
    assert_eq!(histogram(0, &[(1, 2.0)]).scale(-1.0).reset, ResetHint::Gauge);
}
