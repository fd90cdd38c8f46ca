//! Round trips of chunks.

use proptest::prelude::*;
use watchroom_model::{STALE_NAN, Sample, stale_nan};

use super::*;

fn chunk_of(samples: &[Sample]) -> Chunk {
    let mut chunk = Chunk::new(samples[0]);
    for &sample in &samples[1..] {
        chunk.push(sample);
    }
    chunk
}

fn bits_of(samples: impl IntoIterator<Item = Sample>) -> Vec<(i64, u64)> {
    samples
        .into_iter()
        .map(|sample| (sample.t_ms, sample.value.to_bits()))
        .collect()
}

#[track_caller]
fn check_round_trip(samples: &[Sample]) {
    let chunk = chunk_of(samples);
    let mut decoded = Vec::new();
    decode(chunk.bytes(), |sample| decoded.push(sample)).unwrap();
    assert_eq!(bits_of(decoded), bits_of(samples.iter().copied()));
    assert_eq!(first_ms(chunk.bytes()), Some(samples[0].t_ms));
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (0..1_000_000_i64).prop_map(|n| n as f64),
        2 => any::<i64>().prop_map(|n| n as f64),
        4 => (-1_000_000..1_000_000_i64, 1..8_i32).prop_map(|(n, decimals)| n as f64 / 10_f64.powi(decimals)),
        2 => any::<u64>().prop_map(f64::from_bits),
        1 => Just(stale_nan()),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY), Just(-0.0), Just(f64::MIN_POSITIVE)],
    ]
}

/// Ascending times with steady steps, jitter and gaps of any size.
fn samples() -> impl Strategy<Value = Vec<Sample>> {
    let step = prop_oneof![
        4 => Just(15_000_i64),
        2 => 14_990..15_010_i64,
        1 => 1..i64::from(u32::MAX),
        1 => 1..i64::MAX / 512,
    ];
    (any::<i32>(), prop::collection::vec((step, value()), 1..240)).prop_map(|(start, steps)| {
        let mut t_ms = i64::from(start);
        steps
            .into_iter()
            .map(|(step, value)| {
                t_ms += step;
                Sample { t_ms, value }
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn keeps_every_bit_of_any_samples(samples in samples()) {
        check_round_trip(&samples);
    }

    #[test]
    fn keeps_whole_counters(start in 0..1_i64 << 52, steps in prop::collection::vec(0..100_000_i64, 1..239)) {
        let mut n = start;
        let samples: Vec<_> = steps.iter().enumerate().map(|(i, step)| {
            n += step;
            Sample { t_ms: i as i64 * 15_000, value: n as f64 }
        }).collect();
        check_round_trip(&samples);
    }

    #[test]
    fn keeps_decimals(numbers in prop::collection::vec((-1_000_000_000..1_000_000_000_i64, 0..7_usize), 1..240)) {
        let samples: Vec<_> = numbers.iter().enumerate().map(|(i, (n, decimals))| {
            Sample { t_ms: i as i64 * 15_000, value: *n as f64 / POWERS[*decimals] }
        }).collect();
        check_round_trip(&samples);
    }

    #[test]
    fn never_panics_on_any_bytes(bytes: Vec<u8>) {
        let _ = decode(&bytes, |_| {});
    }

    #[test]
    fn never_panics_on_a_damaged_chunk(samples in samples(), at: usize, flip in 1_u8..) {
        let mut bytes = chunk_of(&samples).into_bytes();
        let at = at % bytes.len();
        bytes[at] ^= flip;
        let _ = decode(&bytes, |_| {});
    }
}

#[test]
fn keeps_the_extremes_of_time() {
    let at = |t_ms| Sample { t_ms, value: 1.5 };
    check_round_trip(&[at(i64::MIN), at(-1), at(0), at(i64::MAX)]);
}

#[test]
fn a_stale_marker_in_a_counter_survives_and_stays_small() {
    let mut samples: Vec<_> = (0..200_i64)
        .map(|i| Sample {
            t_ms: i * 15_000,
            value: (i * 7) as f64,
        })
        .collect();
    let steady = chunk_of(&samples).bytes().len();
    assert!(steady < 200 * 2 / 8 + 32, "two bits a sample, got {steady} bytes");
    samples.push(Sample {
        t_ms: 200 * 15_000,
        value: stale_nan(),
    });
    check_round_trip(&samples);
    let chunk = chunk_of(&samples);
    assert_eq!(chunk.last().value.to_bits(), STALE_NAN);
}

#[test]
fn decimals_take_the_room_of_whole_numbers() {
    let of = |part: f64| {
        let samples = (0..240_i64).map(|i| Sample {
            t_ms: i * 15_000,
            value: (40_000 + i * i % 37) as f64 / part,
        });
        chunk_of(&samples.collect::<Vec<_>>()).into_bytes().len()
    };
    assert_eq!(of(100.0), of(1.0));
}

#[test]
fn a_chunk_becomes_finer_as_it_has_to_and_any_number_at_last() {
    let values = [3.0, 3.5, 3.25, 4.0, 1e-6, 0.1 + 0.2, 7.0];
    let kinds = [
        KIND_WHOLE,
        KIND_DECIMAL + 1,
        KIND_DECIMAL + 2,
        KIND_DECIMAL + 2,
        KIND_DECIMAL + 6,
        KIND_FLOAT,
        KIND_FLOAT,
    ];
    for n in 1..=values.len() {
        let samples: Vec<_> = (0..n as i64)
            .zip(values)
            .map(|(t_ms, value)| Sample { t_ms, value })
            .collect();
        assert_eq!(chunk_of(&samples).bytes()[0], kinds[n - 1], "after {n} values");
        check_round_trip(&samples);
    }
}
