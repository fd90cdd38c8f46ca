//! Idle series end by what their metric declares, and what comes back begins anew.

use std::sync::Arc;
use std::time::Duration;

use watchroom_core::Clock;
use watchroom_core::clock::ManualClock;
use watchroom_metrics as metrics;
use watchroom_metrics::expose::Format;
use watchroom_metrics::{
    Counter, Declaration, DynamicCounter, Gauge, Histogram, Label, Limits, Metrics, Registry, StateSet,
    UpDownCounter,
};

use super::{lines, value};

#[derive(Label)]
#[label(crate = metrics, limit = 100)]
struct User;

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Phase {
    Idle,
    Busy,
}

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "x")]
struct M {
    /// Ends after ten minutes.
    #[metric(expire = "10m")]
    short_total: Counter<User>,
    /// Ends after the registry's time.
    default_total: Counter<User>,
    /// A gauge that ends when it is not set.
    #[metric(expire = "10m")]
    level: Gauge<User>,
    /// A gauge that ends at zero.
    plain_level: Gauge<User>,
    /// Ends at zero.
    #[metric(expire = "10m")]
    jobs: UpDownCounter<User>,
    /// Ends when it is not set.
    #[metric(expire = "10m")]
    phase: StateSet<Phase, User>,
    /// Values.
    #[metric(buckets = [1], expire = "10m")]
    values: Histogram<User>,
    /// Closed.
    closed_total: Counter<Phase>,
}

const MINUTE: Duration = Duration::from_secs(60);

fn rig() -> (Registry, M, Arc<ManualClock>) {
    let (clock, hand) = Clock::manual(1_000_000_000_000);
    let registry = Registry::with_clock(Limits::default(), clock);
    let m = M::register(&registry).unwrap();
    (registry, m, hand)
}

/// Lets minutes pass, the keeper's round every half of one.
fn pass(registry: &Registry, hand: &ManualClock, minutes: u32, each: impl Fn()) {
    for _ in 0..2 * minutes {
        hand.advance(MINUTE / 2);
        each();
        registry.expire();
    }
}

fn n_series(registry: &Registry, name: &str) -> usize {
    registry.collect().get(name).unwrap().len()
}

#[test]
fn each_metric_ends_its_series_after_its_own_time() {
    let (registry, m, hand) = rig();
    m.short_total.inc("a");
    m.default_total.inc("a");
    m.closed_total.inc(Phase::Idle);
    pass(&registry, &hand, 9, || {});
    assert_eq!(n_series(&registry, "x_short_total"), 1);
    pass(&registry, &hand, 3, || {});
    assert_eq!(n_series(&registry, "x_short_total"), 0);
    pass(&registry, &hand, 600, || {});
    assert_eq!(
        n_series(&registry, "x_default_total"),
        1,
        "the registry has no time of its own"
    );
    registry.set_idle_after(Some(60 * MINUTE));
    pass(&registry, &hand, 63, || {});
    assert_eq!(n_series(&registry, "x_default_total"), 0);
    assert_eq!(
        n_series(&registry, "x_closed_total"),
        1,
        "closed labels are bounded by their types"
    );
    assert_eq!(value(&registry, "watchroom_series_expired_total", &[]), 2.0);
}

#[test]
fn what_is_recorded_again_and_again_stays() {
    let (registry, m, hand) = rig();
    m.short_total.inc("idle");
    pass(&registry, &hand, 60, || {
        m.short_total.inc("busy");
        m.level.set("busy", 5);
        m.phase.set("busy", Phase::Busy);
        m.values.observe("busy", 0);
    });
    for metric in ["x_short_total", "x_level", "x_values"] {
        assert_eq!(n_series(&registry, metric), 1, "{metric}");
    }
    assert_eq!(n_series(&registry, "x_phase"), 2);
    assert_eq!(value(&registry, "x_level", &[("user", "busy")]), 5.0);
    assert_eq!(
        value(&registry, "x_phase", &[("user", "busy"), ("x_phase", "busy")]),
        1.0
    );
}

#[test]
fn gauges_end_when_not_set_if_they_say_so_and_else_only_at_zero() {
    let (registry, m, hand) = rig();
    registry.set_idle_after(Some(10 * MINUTE));
    m.level.set("a", 7);
    m.plain_level.set("holds", 7);
    m.plain_level.set("zero", 0);
    m.jobs.inc("under way");
    m.jobs.inc("done");
    m.jobs.dec("done");
    m.phase.set("a", Phase::Busy);
    pass(&registry, &hand, 13, || {});
    for (metric, n) in [
        ("x_level", 0),
        ("x_plain_level", 1),
        ("x_jobs", 1),
        ("x_phase", 0),
    ] {
        assert_eq!(n_series(&registry, metric), n, "{metric}");
    }
    // Their slots begin at zero for whoever has them next.
    m.level.add("b", 1);
    m.phase.set("b", Phase::Idle);
    assert_eq!(value(&registry, "x_level", &[("user", "b")]), 1.0);
    assert_eq!(
        value(&registry, "x_phase", &[("user", "b"), ("x_phase", "idle")]),
        1.0
    );
}

#[test]
fn a_counter_that_comes_back_begins_anew() {
    let (registry, m, hand) = rig();
    m.short_total.inc_by("a", 40);
    let created = |registry: &Registry| lines(&registry.collect(), "x_short", Format::OpenMetrics);
    assert_eq!(
        created(&registry),
        "# TYPE x_short counter\n# HELP x_short Ends after ten minutes.\nx_short_total{user=\"a\"} 40\n\
         x_short_created{user=\"a\"} 1000.000\n"
    );
    pass(&registry, &hand, 20, || {});
    assert_eq!(created(&registry), "");
    m.short_total.inc_by("a", 2);
    assert_eq!(
        created(&registry),
        "# TYPE x_short counter\n# HELP x_short Ends after ten minutes.\nx_short_total{user=\"a\"} 2\n\
         x_short_created{user=\"a\"} 2200.000\n"
    );
    let snapshot = registry.collect();
    let series = snapshot
        .get("x_short_total")
        .unwrap()
        .get(&[("user", "a")])
        .unwrap();
    assert_eq!(
        series.start_unix_ns(),
        2_200_000_000_000,
        "OTLP tells the same start"
    );
}

#[test]
fn the_series_of_dynamic_instruments_end_too() {
    let (registry, _m, hand) = rig();
    let declaration = Declaration::new("jobs_total", "Jobs.")
        .with_limit(2)
        .expiring_after(10 * MINUTE);
    let jobs: DynamicCounter = DynamicCounter::register(&registry, declaration).unwrap();
    for generation in 0..20_i64 {
        jobs.try_inc_by([("generation", generation), ("i", 0)], 1)
            .unwrap();
        jobs.try_inc_by([("generation", generation), ("i", 1)], 1)
            .unwrap();
        assert!(
            jobs.try_inc_by([("generation", generation), ("i", 2)], 1)
                .is_err()
        );
        pass(&registry, &hand, 13, || {});
        assert_eq!(n_series(&registry, "jobs_total"), 0);
    }
    assert_eq!(registry.n_series(), 0);
}
