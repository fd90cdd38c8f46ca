//! Reservoirs and the sampling of recordings.

use std::sync::Arc;
use std::time::Duration;

use watchroom_core::Clock;
use watchroom_core::clock::ManualClock;
use watchroom_metrics as metrics;
use watchroom_metrics::expose::Format;
use watchroom_metrics::snapshot::{SummaryValue, Value};
use watchroom_metrics::{
    Label, Limits, Metrics, OVERFLOW, Registry, Reservoir, SampledCounter, SampledHistogram,
};

use super::{lines, of, value};

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Method {
    Get,
    Put,
}

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "r")]
struct M {
    /// Time of a look-up.
    #[metric(unit = "seconds", quantiles = [0.0, 0.5, 0.99, 1.0])]
    look_up: Reservoir<Method>,
    /// Without labels.
    plain: Reservoir,
    /// Hits.
    #[metric(one_in = 16)]
    hits_total: SampledCounter<Method>,
    /// Sizes.
    #[metric(buckets = [1, 10], one_in = 16)]
    sizes: SampledHistogram<Method>,
    /// Times.
    #[metric(unit = "seconds", buckets = [1, 10], one_in = 1)]
    time: SampledHistogram,
}

fn rig() -> (Registry, M, Arc<ManualClock>) {
    let (clock, hand) = Clock::manual(1_000_000_000_000);
    let registry = Registry::with_clock(Limits::default(), clock);
    let m = M::register(&registry).unwrap();
    (registry, m, hand)
}

fn summary(registry: &Registry, name: &str, labels: &[(&str, &str)]) -> SummaryValue {
    match of(&registry.collect(), name, labels) {
        Value::Summary(summary) => *summary,
        other => panic!("{other:?}"),
    }
}

#[test]
fn both_formats_show_quantiles_sum_and_count() {
    let (registry, m, hand) = rig();
    for i in 1..=200 {
        m.look_up.observe(Method::Get, i);
    }
    let timer = m.look_up.start(Method::Put);
    hand.advance(Duration::from_millis(250));
    assert_eq!(timer.observe(), Duration::from_millis(250));
    m.look_up.start(Method::Put).discard();
    m.look_up.observe(Method::Put, f64::NAN);
    let snapshot = registry.collect();
    assert_eq!(
        lines(&snapshot, "r_look_up", Format::Text),
        r#"# HELP r_look_up_seconds Time of a look-up.
# TYPE r_look_up_seconds summary
r_look_up_seconds{method="get",quantile="0.0"} 1
r_look_up_seconds{method="get",quantile="0.5"} 100
r_look_up_seconds{method="get",quantile="0.99"} 198
r_look_up_seconds{method="get",quantile="1.0"} 200
r_look_up_seconds_sum{method="get"} 20100
r_look_up_seconds_count{method="get"} 200
r_look_up_seconds{method="put",quantile="0.0"} 0.25
r_look_up_seconds{method="put",quantile="0.5"} 0.25
r_look_up_seconds{method="put",quantile="0.99"} 0.25
r_look_up_seconds{method="put",quantile="1.0"} 0.25
r_look_up_seconds_sum{method="put"} 0.25
r_look_up_seconds_count{method="put"} 1
"#
    );
    let open = lines(&snapshot, "r_look_up", Format::OpenMetrics);
    assert!(
        open.starts_with("# TYPE r_look_up_seconds summary\n# UNIT r_look_up_seconds seconds\n"),
        "{open}"
    );
    assert!(
        open.contains("r_look_up_seconds_created{method=\"get\"} 1000.000\n"),
        "{open}"
    );
    assert_eq!(
        lines(&snapshot, "r_plain", Format::Text),
        "# HELP r_plain Without labels.\n# TYPE r_plain summary\nr_plain_sum 0\nr_plain_count 0\n"
    );
}

#[test]
fn quantiles_are_of_the_last_two_windows_and_counts_of_all() {
    let (registry, m, hand) = rig();
    let window = Duration::from_secs(60);
    m.plain.observe(1);
    hand.advance(window);
    assert_eq!(summary(&registry, "r_plain", &[]).quantiles[0], (0.5, 1.0));
    m.plain.observe(3);
    assert_eq!(
        summary(&registry, "r_plain", &[]).quantiles[0],
        (0.5, 1.0),
        "of one and three"
    );
    hand.advance(window);
    assert_eq!(summary(&registry, "r_plain", &[]).quantiles[0], (0.5, 1.0));
    assert_eq!(
        summary(&registry, "r_plain", &[]).quantiles[0],
        (0.5, 3.0),
        "the one is forgotten"
    );
    hand.advance(window);
    let _ = registry.collect();
    let last = summary(&registry, "r_plain", &[]);
    assert!(last.quantiles.is_empty(), "nothing was observed lately: {last:?}");
    assert_eq!((last.count, last.sum), (2, 4.0));
}

#[test]
fn threads_weigh_by_what_they_observed() {
    let (registry, m, _hand) = rig();
    std::thread::scope(|scope| {
        // The one keeps each of its samples, of the other's each stands for hundreds.
        scope.spawn(|| (0..200).for_each(|_| m.plain.observe(1)));
        scope.spawn(|| (0..100_000).for_each(|i| m.plain.observe(f64::from(i) / 1_000.0 + 10.0)));
    });
    let seen = summary(&registry, "r_plain", &[]);
    assert_eq!(seen.count, 100_200);
    let median = seen.quantiles[0].1;
    // Of 256 samples; twelve deviations either way.
    assert!((20.0..100.0).contains(&median), "{median}");
}

#[test]
fn a_reservoir_is_within_the_budget_over_all() {
    let registry = Registry::new(Limits {
        per_metric: 10,
        total: 1,
    });
    let m = M::register(&registry).unwrap();
    m.look_up.observe(Method::Get, 1);
    m.look_up.observe(Method::Put, 2);
    let snapshot = registry.collect();
    let [warning] = &registry.take_overflow_warnings()[..] else {
        panic!("one warning")
    };
    assert_eq!(
        (warning.metric.as_str(), warning.n_samples),
        ("r_look_up_seconds", 2)
    );
    let overflow = of(&snapshot, "r_look_up_seconds", &[("method", OVERFLOW)]);
    assert_eq!(overflow.as_f64(), 3.0);
    assert_eq!(
        value(
            &registry,
            "watchroom_series_overflow_total",
            &[("metric", "r_look_up_seconds")]
        ),
        2.0
    );
}

#[test]
fn a_reservoir_declares_quantiles_that_there_are() {
    use watchroom_metrics::{Declaration, Instrument as _};
    let registry = Registry::default();
    for quantiles in [vec![], vec![0.5, 0.5], vec![-0.1], vec![0.5, f64::NAN]] {
        let declaration = Declaration::new("q", "Q.").with_quantiles(quantiles).at("here:1");
        let error = Reservoir::<()>::register(&registry, declaration)
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("`q` (declared at here:1) needs quantiles"),
            "{error}"
        );
    }
}

#[test]
fn one_in_so_many_is_recorded_and_counts_for_all() {
    let (registry, m, hand) = rig();
    for i in 0..200_000 {
        m.hits_total.inc(Method::Get);
        m.sizes.observe(Method::Get, i % 20);
    }
    let hits = value(&registry, "r_hits_total", &[("method", "get")]);
    assert_eq!(hits % 16.0, 0.0);
    // A deviation of about 1 730: ten of them either way.
    assert!((182_700.0..217_300.0).contains(&hits), "{hits}");
    let Value::Histogram(sizes) = of(&registry.collect(), "r_sizes", &[("method", "get")]) else {
        panic!("a histogram");
    };
    assert!((182_700..217_300).contains(&sizes.count), "{}", sizes.count);
    let mean = sizes.sum / sizes.count as f64;
    assert!((9.0..10.0).contains(&mean), "{mean}");
    assert!(value(&registry, "watchroom_series", &[]) > 0.0);

    let timer = m.time.start();
    hand.advance(Duration::from_secs(3));
    assert_eq!(timer.observe(), Some(Duration::from_secs(3)));
    m.time.start().discard();
    assert_eq!(value(&registry, "r_time_seconds", &[]), 3.0);
    let noop = M::noop();
    noop.hits_total.inc(Method::Put);
    noop.sizes.observe(Method::Put, 1);
    noop.plain.observe(1);
    assert_eq!(noop.time.start().observe(), None);
}
