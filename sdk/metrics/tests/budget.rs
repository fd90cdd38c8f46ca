//! Series exist only within a budget; what is beyond it is added up, counted and told.
#![expect(
    clippy::unwrap_used,
    reason = "what fails in a helper fails the test that calls it"
)]

use std::borrow::Cow;
use std::time::Duration;

use watchroom_core::Clock;
use watchroom_metrics as metrics;
use watchroom_metrics::snapshot::Value;
use watchroom_metrics::{
    Counter, Gauge, Histogram, Label, Limits, MAX_LABEL_VALUE_BYTES, Metrics, OVERFLOW, Registry, Scope,
    UpDownCounter, expose,
};

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Digit {
    Zero,
    One,
    Two,
    Three,
    Four,
    Five,
    Six,
    Seven,
}
use Digit::*;

#[derive(Label, Clone, Copy)]
#[label(crate = metrics, name = "other")]
#[rustfmt::skip]
enum Other { Zero, One, Two, Three, Four, Five, Six, Seven }

#[derive(Label)]
#[label(crate = metrics, limit = 5)]
struct Route;

#[derive(Label)]
#[label(crate = metrics, limit = 1_000)]
struct User;

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "b")]
struct M {
    /// Few values.
    routes_total: Counter<Route>,
    /// Many combinations.
    users_total: Counter<(User, Digit)>,
    /// Dense.
    digits_total: Counter<Digit>,
    /// Too many combinations to be dense under a small limit.
    pairs_total: Counter<(Digit, Other)>,
    /// Gauge.
    user_level: Gauge<User>,
    /// Up and down.
    user_jobs: UpDownCounter<User>,
    /// Values.
    #[metric(buckets = [1])]
    user_values: Histogram<User>,
    /// Dense values.
    #[metric(buckets = [1])]
    digit_values: Histogram<Digit>,
    /// Dense gauge.
    digit_level: Gauge<Digit>,
}

fn with(per_metric: usize, total: usize) -> (Registry, M) {
    let registry = Registry::new(Limits { per_metric, total });
    let m = M::register(&registry).unwrap();
    (registry, m)
}

#[track_caller]
fn value(registry: &Registry, name: &str, labels: &[(&str, &str)]) -> f64 {
    let snapshot = registry.collect();
    let family = snapshot.get(name).unwrap_or_else(|| panic!("no family {name}"));
    let series = family
        .get(labels)
        .unwrap_or_else(|| panic!("no series {labels:?} in {family:?}"));
    series.value().as_f64()
}

fn overflowed(registry: &Registry, metric: &str) -> f64 {
    value(registry, "watchroom_series_overflow_total", &[("metric", metric)])
}

#[test]
fn past_a_labels_limit_samples_go_to_the_overflow_series_and_are_counted() {
    let (registry, m) = with(1_000, 10_000);
    for i in 0..20 {
        m.routes_total.inc_by(&i.to_string(), 2);
    }
    m.routes_total.inc("3");
    assert_eq!(value(&registry, "b_routes_total", &[("route", "3")]), 3.0);
    assert_eq!(value(&registry, "b_routes_total", &[("route", OVERFLOW)]), 30.0);
    assert_eq!(overflowed(&registry, "b_routes_total"), 15.0);
    assert_eq!(registry.collect().get("b_routes_total").unwrap().len(), 6);
    let error = m.routes_total.try_inc("new").unwrap_err();
    assert_eq!((error.limit, error.scope), (5, Scope::Label("route")));
    assert_eq!(
        error.to_string(),
        "metric `b_routes_total` is at its limit of 5 values of the label `route`"
    );
    assert_eq!(
        overflowed(&registry, "b_routes_total"),
        15.0,
        "what is refused is not recorded"
    );
    m.routes_total.try_inc("4").unwrap();
}

#[test]
fn past_a_metrics_limit_all_labels_overflow_into_one_series() {
    let (registry, m) = with(10, 10_000);
    for i in 0..100 {
        m.users_total.inc((&format!("u{}", i / 2), [Zero, One][i % 2]));
    }
    let snapshot = registry.collect();
    let family = snapshot.get("b_users_total").unwrap();
    assert_eq!(family.len(), 11);
    assert_eq!(
        value(
            &registry,
            "b_users_total",
            &[("user", OVERFLOW), ("digit", OVERFLOW)]
        ),
        90.0
    );
    assert_eq!(
        m.users_total.try_inc(("x", Zero)).unwrap_err().scope,
        Scope::Metric
    );
}

#[test]
fn past_the_registrys_limit_every_kind_overflows_and_nothing_is_lost() {
    let (registry, m) = with(1_000, 12);
    for i in 0..50 {
        let user = format!("u{i}");
        m.users_total.inc((&user, Zero));
        m.user_level.set(&user, i);
        m.user_jobs.inc(&user);
        m.user_values.observe(&user, 2.0);
    }
    let snapshot = registry.collect();
    let total = |name: &str| -> f64 {
        snapshot
            .get(name)
            .unwrap()
            .iter()
            .map(|s| s.value().as_f64())
            .sum()
    };
    assert_eq!(total("b_users_total"), 50.0);
    assert_eq!(total("b_user_jobs"), 50.0);
    assert_eq!(total("b_user_values"), 100.0);
    assert_eq!(registry.n_series(), 12);
    assert_eq!(
        value(&registry, "b_user_level", &[("user", OVERFLOW)]),
        49.0,
        "the last one set"
    );
    assert_eq!(
        m.user_values.try_observe("new", 1.0).unwrap_err().scope,
        Scope::Registry
    );
    assert_eq!(m.user_level.try_set("new", 1).unwrap_err().limit, 12);
    assert_eq!(m.user_jobs.try_add("new", 1).unwrap_err().scope, Scope::Registry);
    assert!(
        registry
            .take_overflow_warnings()
            .iter()
            .all(|w| w.scope == Scope::Registry)
    );
}

#[test]
fn dense_series_beyond_the_registrys_limit_are_added_up_when_collected() {
    let (registry, m) = with(1_000, 3);
    for digit in [Zero, One, Two, Three, Four] {
        m.digits_total.inc_by(digit, 10);
        m.digit_values.observe(digit, 0.5);
        m.digit_level.set(digit, 1);
    }
    for _ in 0..2 {
        let snapshot = registry.collect();
        for name in ["b_digits_total", "b_digit_values"] {
            let sum: f64 = snapshot
                .get(name)
                .unwrap()
                .iter()
                .map(|s| s.value().as_f64())
                .sum();
            assert_eq!(sum, if name == "b_digits_total" { 50.0 } else { 2.5 }, "{name}");
        }
        assert_eq!(registry.n_series(), 3);
    }
    let shown: usize = ["b_digits_total", "b_digit_values", "b_digit_level"]
        .iter()
        .map(|name| {
            registry
                .collect()
                .get(name)
                .unwrap()
                .iter()
                .filter(|s| s.labels().all(|l| l.1 != OVERFLOW))
                .count()
        })
        .sum();
    assert_eq!(shown, 3);
    assert!(m.digits_total.try_inc(Seven).is_err());
    m.digits_total.inc(Five);
    assert_eq!(
        overflowed(&registry, "b_digit_values") as u64 + overflowed(&registry, "b_digit_level") as u64,
        {
            let w = registry.take_overflow_warnings();
            w.iter()
                .filter(|w| w.metric.starts_with("b_digit_"))
                .map(|w| w.n_samples)
                .sum()
        }
    );
}

#[test]
fn closed_combinations_beyond_the_metrics_limit_are_looked_up() {
    let (registry, m) = with(10, 10_000);
    let digits = [Zero, One, Two, Three, Four, Five, Six, Seven];
    for a in digits {
        for b in [
            Other::Zero,
            Other::One,
            Other::Two,
            Other::Three,
            Other::Four,
            Other::Five,
            Other::Six,
            Other::Seven,
        ] {
            m.pairs_total.inc((a, b));
        }
    }
    assert_eq!(
        value(
            &registry,
            "b_pairs_total",
            &[("digit", OVERFLOW), ("other", OVERFLOW)]
        ),
        54.0
    );
    assert_eq!(registry.collect().get("b_pairs_total").unwrap().len(), 11);
}

#[test]
fn warnings_come_at_most_once_a_minute() {
    let (clock, hand) = Clock::manual(0);
    let registry = Registry::with_clock(Limits::default(), clock);
    let m = M::register(&registry).unwrap();
    assert_eq!(registry.take_overflow_warnings(), []);
    let overflow = |n: usize| (0..n).for_each(|i| m.routes_total.inc(&format!("{n}/{i}")));
    overflow(7);
    let warnings = registry.take_overflow_warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(
        (
            warnings[0].metric.as_str(),
            warnings[0].n_samples,
            warnings[0].n_series,
            warnings[0].scope
        ),
        ("b_routes_total", 2, 5, Scope::Label("route"))
    );
    overflow(3);
    assert_eq!(registry.take_overflow_warnings(), []);
    hand.advance(Duration::from_secs(60));
    assert_eq!(registry.take_overflow_warnings()[0].n_samples, 3);
    hand.advance(Duration::from_secs(60));
    assert_eq!(registry.take_overflow_warnings(), []);
}

#[test]
fn a_million_hostile_values_leave_the_memory_as_it_was() {
    let (registry, m) = with(100, 1_000);
    for i in 0..1_000_000_u32 {
        m.users_total.inc((&i.to_string(), Zero));
    }
    assert_eq!(registry.n_series(), 100);
    assert_eq!(overflowed(&registry, "b_users_total"), 999_900.0);
}

#[test]
fn label_values_are_redacted_before_they_are_kept() {
    let (registry, m) = with(1_000, 10_000);
    registry.set_label_redactor(|label, value| match (label, value.split_once("secret")) {
        ("user", Some((before, _))) => Cow::Owned(format!("{before}[REDACTED]")),
        _ => Cow::Borrowed(value),
    });
    for i in 0..100 {
        m.users_total.inc((&format!("key-secret{i}"), Zero));
        m.users_total.inc(("plain", Zero));
    }
    assert_eq!(
        value(
            &registry,
            "b_users_total",
            &[("user", "key-[REDACTED]"), ("digit", "zero")]
        ),
        100.0
    );
    assert_eq!(
        value(
            &registry,
            "b_users_total",
            &[("user", "plain"), ("digit", "zero")]
        ),
        100.0
    );
    let mut text = String::new();
    expose::text(&registry.collect(), &mut text);
    assert!(!text.contains("secret"));
    assert!(!format!("{registry:?}").contains("secret"));
}

#[test]
fn a_redactor_that_panics_lets_nothing_through() {
    let (registry, m) = with(1_000, 10_000);
    registry.set_label_redactor(|_, _| panic!("no"));
    m.routes_total.inc("token");
    assert_eq!(
        value(&registry, "b_routes_total", &[("route", "[REDACTED]")]),
        1.0
    );
}

#[test]
fn long_values_are_cut_at_a_character_and_counted() {
    let (registry, m) = with(1_000, 10_000);
    let long = "é".repeat(1_000);
    m.routes_total.inc(&long);
    m.routes_total.inc(&format!("{long}x"));
    let snapshot = registry.collect();
    let family = snapshot.get("b_routes_total").unwrap();
    assert_eq!(family.len(), 1, "values that are shown alike are one series");
    let series = family.iter().next().unwrap();
    assert_eq!(series.labels().next().unwrap().1.len(), MAX_LABEL_VALUE_BYTES);
    assert_eq!(*series.value(), Value::U64(2));
    assert_eq!(value(&registry, "watchroom_label_values_cut_total", &[]), 2.0);
}

#[test]
fn idle_series_expire_and_their_budget_and_slots_serve_others() {
    let (clock, hand) = Clock::manual(0);
    let registry = Registry::with_clock(Limits::default(), clock);
    let m = M::register(&registry).unwrap();
    let idle = Duration::from_secs(60);
    let mut n_series_ever = 0;
    for round in 0..10 {
        for i in 0..5 {
            let user = format!("{round}/{i}");
            m.routes_total.inc_by(&user, 3);
            m.user_values.observe(&user, 0.25);
            m.user_level.set(&user, 9);
            n_series_ever += 1;
        }
        m.users_total.inc(("busy", Zero));
        assert_eq!(
            registry.collect().get("b_routes_total").unwrap().len(),
            5,
            "round {round}"
        );
        assert_eq!(
            value(&registry, "b_routes_total", &[("route", &format!("{round}/0"))]),
            3.0
        );
        assert_eq!(
            value(&registry, "b_user_values", &[("user", &format!("{round}/0"))]),
            0.25
        );
        registry.expire_idle(idle);
        hand.advance(idle);
        m.users_total.inc(("busy", Zero));
        assert_eq!(registry.expire_idle(idle), 10);
        assert!(registry.collect().get("b_routes_total").unwrap().is_empty());
    }
    assert_eq!(
        value(&registry, "b_users_total", &[("user", "busy"), ("digit", "zero")]),
        20.0
    );
    assert_eq!(
        registry.collect().get("b_user_level").unwrap().len(),
        n_series_ever,
        "a gauge that is not zero holds its value"
    );
}

#[test]
fn a_guard_whose_series_expired_writes_to_no_other() {
    let (clock, hand) = Clock::manual(0);
    let registry = Registry::with_clock(Limits::default(), clock);
    let m = M::register(&registry).unwrap();
    let idle = Duration::from_secs(60);
    m.user_values.observe("a", 1);
    let timer = m.user_values.start("a");
    for _ in 0..3 {
        registry.expire_idle(idle);
        hand.advance(idle);
    }
    m.user_values.observe("b", 1);
    timer.observe();
    assert_eq!(value(&registry, "b_user_values", &[("user", "b")]), 1.0);
    assert_eq!(registry.collect().get("b_user_values").unwrap().len(), 1);
}
