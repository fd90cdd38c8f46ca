//! Samplers with seeded ids and a clock that only the test moves.

use std::time::Duration;

use watchroom_core::{SpanId, TraceFlags, TraceState};

use super::*;

/// A moment like any other.
fn start() -> Moment {
    at(Duration::from_secs(1))
}

fn caller(sampled: bool) -> SpanContext {
    SpanContext {
        trace_id: ids(1).next().unwrap(),
        span_id: SpanId::new(1).unwrap(),
        flags: TraceFlags::with_sampled(sampled),
        remote: true,
        state: TraceState::EMPTY,
    }
}

/// The same ids in every run.
fn ids(seed: u64) -> impl Iterator<Item = TraceId> {
    let mut state = seed;
    std::iter::from_fn(move || {
        // Xorshift64*, twice for each id.
        let mut next = || {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d)
        };
        TraceId::new(u128::from(next()) << 64 | u128::from(next()))
    })
}

fn at(time: Duration) -> Moment {
    Moment::default().after(time)
}

#[test]
fn parent_based_follows_the_caller_and_asks_the_root_sampler_otherwise() {
    let sampler = Sampler::parent_based(Sampler::AlwaysOff);
    let id = ids(1).next().unwrap();
    assert!(sampler.decide(Some(&caller(true)), id, start()));
    assert!(!sampler.decide(Some(&caller(false)), id, start()));
    assert!(!sampler.decide(None, id, start()));
    assert!(Sampler::default().decide(None, id, start()));
    assert!(Sampler::AlwaysOn.decide(Some(&caller(false)), id, start()));
}

#[test]
fn parent_based_holds_for_samplers_with_a_state_too() {
    for name in [
        "rate_limited",
        "parentbased_rate_limited",
        "adaptive",
        "keep_error_or_slow",
    ] {
        let sampler = Sampler::from_names(name, None).unwrap();
        for _ in 0..1_000 {
            let id = ids(1).next().unwrap();
            assert!(sampler.decide(Some(&caller(true)), id, start()), "{name}");
            assert!(!sampler.decide(Some(&caller(false)), id, start()), "{name}");
        }
    }
    // What callers decided has cost the bucket nothing.
    let sampler = Sampler::from_names("rate_limited", Some("1")).unwrap();
    assert!(sampler.decide(Some(&caller(true)), caller(true).trace_id, start()));
    assert!(sampler.decide(None, caller(true).trace_id, start()));
    assert!(!sampler.decide(None, caller(true).trace_id, start()));
}

#[test]
fn the_ratio_looks_at_the_lower_63_bits_only() {
    let half = Sampler::ratio(0.5);
    let below = TraceId::new(0xffff_ffff_ffff_ffff_7fff_ffff_ffff_ffff).unwrap();
    let above = TraceId::new(0x8000_0000_0000_0000).unwrap();
    assert!(half.decide(None, below, start()));
    assert!(!half.decide(None, above, start()));
    for id in ids(2).take(1_000) {
        assert!(Sampler::ratio(1.0).decide(None, id, start()));
        assert!(!Sampler::ratio(0.0).decide(None, id, start()));
    }
    let kept = ids(3)
        .take(20_000)
        .filter(|id| Sampler::ratio(0.2).decide(None, *id, start()))
        .count();
    // Four standard deviations.
    assert!((3_774..=4_226).contains(&kept), "{kept}");
}

#[test]
fn a_trace_kept_at_a_ratio_is_kept_at_every_higher_one() {
    for id in ids(4).take(2_000) {
        let kept = [0.01, 0.1, 0.5, 0.9].map(|ratio| Sampler::ratio(ratio).decide(None, id, start()));
        assert!(kept.is_sorted(), "{id} {kept:?}");
    }
}

#[test]
fn a_rate_holds_whatever_the_load_and_a_rest_saves_up_one_second() {
    let sampler = Sampler::rate_limited(10.0);
    let kept = |from_ms: u64, n: u64, step_us: u64| {
        let moments = (0..n).map(|i| at(Duration::from_micros(from_ms * 1_000 + i * step_us)));
        moments
            .filter(|now| sampler.decide(None, caller(true).trace_id, *now))
            .count()
    };
    assert_eq!(kept(0, 1_000, 0), 10, "a full bucket at first");
    assert_eq!(kept(1, 999, 1_000), 9, "then one each 100 ms");
    assert_eq!(kept(1_000, 100_000, 100), 100, "ten seconds at 10 000/s");
    assert_eq!(
        kept(60_000, 1_000, 0),
        10,
        "a long rest saves up no more than the burst"
    );
    let slow = Sampler::rate_limited(0.5);
    let n = (0..100)
        .filter(|s| slow.decide(None, caller(true).trace_id, at(Duration::from_secs(*s))))
        .count();
    assert_eq!(n, 50);
}

#[test]
fn a_rate_is_shared_by_clones_and_threads() {
    let sampler = Sampler::rate_limited(100.0);
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let sampler = sampler.clone();
            std::thread::spawn(move || {
                (0..1_000)
                    .filter(|_| sampler.decide(None, TraceId::random(), start()))
                    .count()
            })
        })
        .collect();
    let kept: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(kept, 100);
}

#[test]
fn no_rate_keeps_nothing_and_a_clock_at_its_end_does_no_harm() {
    for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            !Sampler::rate_limited(rate).decide(None, caller(true).trace_id, start()),
            "{rate}"
        );
    }
    let end = at(Duration::MAX);
    let sampler = Sampler::rate_limited(1.0);
    assert!(sampler.decide(None, caller(true).trace_id, end));
}

#[test]
fn adaptive_keeps_all_up_to_its_base_and_grows_by_the_root_of_the_load_up_to_its_peak() {
    let adaptive = Adaptive::new(10.0, 100.0);
    for (load, part) in [
        (1.0, 1.0),
        (10.0, 1.0),
        (40.0, 0.5),
        (1_000.0, 0.1),
        (10_000.0, 0.01),
    ] {
        assert!((adaptive.part(load) - part).abs() < 1e-9, "{load}");
    }
    // A steady load for 20 seconds; the first ones let it find its part.
    let kept_per_second = |load: u64| {
        let sampler = Sampler::adaptive(10.0, 100.0);
        let mut kept = 0;
        for (n, id) in (0..20 * load).zip(ids(load)) {
            let now = at(Duration::from_nanos(n * 1_000_000_000 / load));
            kept += u64::from(sampler.decide(None, id, now) && n >= 10 * load);
        }
        kept as f64 / 10.0
    };
    assert!((kept_per_second(5) - 5.0).abs() < 0.01);
    assert!((kept_per_second(160) - 40.0).abs() < 8.0);
    assert!((kept_per_second(1_000) - 100.0).abs() < 12.0);
    let peak = kept_per_second(20_000);
    assert!((75.0..=112.0).contains(&peak), "{peak}");
}

#[test]
fn adaptive_never_passes_its_peak_in_a_burst() {
    let sampler = Sampler::adaptive(10.0, 50.0);
    let kept = ids(5)
        .take(100_000)
        .filter(|id| sampler.decide(None, *id, start()))
        .count();
    assert!((10..=50).contains(&kept), "{kept}");
}

#[test]
fn adaptive_keeps_the_same_traces_in_every_service_under_the_same_load() {
    let (one, other) = (Sampler::adaptive(10.0, 1_000.0), Sampler::adaptive(10.0, 1_000.0));
    for (n, id) in (0..5_000).zip(ids(6)) {
        let now = at(Duration::from_micros(n * 700));
        assert_eq!(one.decide(None, id, now), other.decide(None, id, now));
    }
}

#[test]
fn names_are_read_and_bad_ones_say_what_is_right() {
    assert_eq!(Sampler::from_names("always_on", None), Ok(Sampler::AlwaysOn));
    assert_eq!(
        Sampler::from_names(" traceidratio ", Some("0.5")),
        Ok(Sampler::ratio(0.5))
    );
    assert_eq!(Sampler::from_names("traceidratio", None), Ok(Sampler::ratio(1.0)));
    assert_eq!(
        Sampler::from_names("parentbased_always_off", None),
        Ok(Sampler::parent_based(Sampler::AlwaysOff))
    );
    let error = Sampler::from_names("sometimes", None).unwrap_err().to_string();
    assert!(
        error.contains("sometimes")
            && error.contains("parentbased_traceidratio")
            && error.contains("keep_error_or_slow"),
        "{error}"
    );
    for bad in ["1.5", "-1", "nan", "half"] {
        let error = Sampler::from_names("parentbased_traceidratio", Some(bad)).unwrap_err();
        assert_eq!(error, SamplerError::BadRatio { arg: bad.to_owned() });
    }
}

#[test]
fn arguments_of_our_own_samplers_are_read() {
    let read = |name: &str, arg: &str| Sampler::from_names(name, Some(arg)).unwrap();
    let root = Sampler::parent_based;
    assert_eq!(read("rate_limited", "50"), root(Sampler::rate_limited(50.0)));
    assert_eq!(read("rate_limited", ""), root(Sampler::rate_limited(100.0)));
    assert_eq!(
        read("parentbased_rate_limited", " rate=5 , burst=20 "),
        root(Sampler::RateLimited(RateLimit::new(5.0, 20.0)))
    );
    assert_eq!(
        read("adaptive", "base=1,peak=9"),
        root(Sampler::adaptive(1.0, 9.0))
    );
    assert_eq!(
        read("adaptive", "base=500"),
        root(Sampler::adaptive(500.0, 500.0))
    );
    assert_eq!(read("adaptive", "peak=5"), root(Sampler::adaptive(5.0, 5.0)));
    let keep = |head: Sampler, rules: KeepRules| Sampler::keep_error_or_slow(root(head), rules);
    assert_eq!(
        read(
            "keep_error_or_slow",
            "slow=500ms,ratio=0.01,max_bytes=2MiB,max_traces=10,late=1m"
        ),
        keep(
            Sampler::ratio(0.01),
            KeepRules {
                slow: Duration::from_millis(500),
                max_bytes: 2 << 20,
                max_traces: 10,
                late: Duration::from_secs(60),
            }
        )
    );
    let plain = KeepRules::default();
    assert_eq!(read("keep_error_or_slow", ""), keep(Sampler::ratio(0.1), plain));
    assert_eq!(
        read("keep_error_or_slow", "rate=5"),
        keep(Sampler::rate_limited(5.0), plain)
    );
    assert_eq!(
        read("keep_error_or_slow", "base=5,peak=6"),
        keep(Sampler::adaptive(5.0, 6.0), plain)
    );
    assert_eq!(
        read("keep_error_or_slow", "slow=2500")
            .keep_rules()
            .unwrap()
            .slow
            .as_millis(),
        2_500
    );
    assert_eq!(
        read("keep_error_or_slow", "slow=1.5s")
            .keep_rules()
            .unwrap()
            .slow
            .as_millis(),
        1_500
    );
}

#[test]
fn bad_arguments_of_our_own_samplers_say_what_is_right() {
    for (name, bad) in [
        ("rate_limited", "0"),
        ("rate_limited", "-5"),
        ("rate_limited", "inf"),
        ("rate_limited", "fast"),
        ("rate_limited", "rate=5,speed=6"),
        ("adaptive", "10"),
        ("adaptive", "base=10,peak=5"),
        ("adaptive", "base=nan"),
        ("keep_error_or_slow", "slow=0s"),
        ("keep_error_or_slow", "slow=soon"),
        ("keep_error_or_slow", "ratio=2"),
        ("keep_error_or_slow", "ratio=0.1,rate=5"),
        ("keep_error_or_slow", "max_bytes=-1"),
        ("keep_error_or_slow", "max_traces=0"),
        ("keep_error_or_slow", "base=9,peak=8"),
        ("keep_error_or_slow", "0.1"),
    ] {
        let error = Sampler::from_names(name, Some(bad)).unwrap_err();
        assert!(
            matches!(error, SamplerError::BadArg { sampler, .. } if sampler == name),
            "{name} {bad}: {error}"
        );
        assert!(error.to_string().contains("expected"), "{error}");
    }
}
