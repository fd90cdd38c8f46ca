//! Labels that are named with each recording.

use watchroom_core::Value;
use watchroom_metrics::expose::Format;
use watchroom_metrics::{
    Declaration, DynamicCounter, DynamicGauge, DynamicHistogram, DynamicUpDownCounter, Limits, OVERFLOW,
    Registry, Scope,
};

use super::{lines, value};

fn counter(registry: &Registry) -> DynamicCounter {
    DynamicCounter::register(registry, Declaration::new("jobs_total", "Jobs.")).unwrap()
}

#[test]
fn the_order_of_labels_and_the_kind_of_their_values_do_not_matter() {
    let registry = Registry::default();
    let jobs = counter(&registry);
    jobs.inc([("queue", "mail"), ("shard", "7")]);
    jobs.inc([("shard", Value::I64(7)), ("queue", Value::Str("mail"))]);
    jobs.inc([("shard", Value::U64(7)), ("queue", Value::Str("mail"))]);
    jobs.inc_by([("shard", Value::F64(7.5)), ("ok", Value::Bool(true))], 4);
    jobs.inc([("shard", -1)]);
    jobs.inc([("shard", u64::MAX)]);
    let empty: [(&str, &str); 0] = [];
    jobs.inc(empty);
    assert_eq!(
        lines(&registry.collect(), "jobs_total", Format::Text),
        r#"# HELP jobs_total Jobs.
# TYPE jobs_total counter
jobs_total{queue="mail",shard="7"} 3
jobs_total{ok="true",shard="7.5"} 4
jobs_total{shard="-1"} 1
jobs_total{shard="18446744073709551615"} 1
jobs_total 1
"#
    );
}

#[test]
fn names_are_made_fit_and_the_later_of_two_alike_holds() {
    let registry = Registry::default();
    let jobs = counter(&registry);
    jobs.inc([
        ("http.status", "a"),
        ("http_status", "b"),
        ("le", "1"),
        ("__name__", "x"),
    ]);
    assert_eq!(
        value(
            &registry,
            "jobs_total",
            &[("http_status", "b"), ("label_le", "1"), ("label_name__", "x")]
        ),
        1.0
    );
}

#[test]
fn series_come_within_every_limit() {
    let registry = Registry::new(Limits {
        per_metric: 10,
        total: 12,
    });
    let few: DynamicCounter =
        DynamicCounter::register(&registry, Declaration::new("few_total", "Few.").with_limit(3)).unwrap();
    let many = counter(&registry);
    for i in 0..1_000_i64 {
        few.inc_by([("i", i)], 2);
        many.inc([("i", i)]);
    }
    assert_eq!(
        value(&registry, "few_total", &[("overflow", OVERFLOW)]),
        997.0 * 2.0
    );
    assert_eq!(value(&registry, "jobs_total", &[("overflow", OVERFLOW)]), 991.0);
    let overflowed = |metric| {
        value(
            &registry,
            "watchroom_series_overflow_total",
            &[("metric", metric)],
        )
    };
    assert_eq!(
        (overflowed("few_total"), overflowed("jobs_total")),
        (997.0, 991.0)
    );
    assert_eq!(registry.n_series(), 12);
    assert_eq!(value(&registry, "watchroom_series", &[]), 12.0);
    assert_eq!(value(&registry, "watchroom_series_limit", &[]), 12.0);
    let error = few.try_inc_by([("i", "new")], 1).unwrap_err();
    assert_eq!((error.limit, error.scope), (3, Scope::Metric));
    let error = many.try_inc_by([("i", "new")], 1).unwrap_err();
    assert_eq!((error.limit, error.scope), (12, Scope::Registry));
    assert_eq!(
        overflowed("few_total"),
        997.0,
        "what is refused is not counted as recorded"
    );
}

#[test]
fn values_go_through_the_redactor() {
    let registry = Registry::default();
    registry.set_label_redactor(|label, value| match label {
        "token" => "[REDACTED]".into(),
        _ => value.into(),
    });
    let jobs = counter(&registry);
    jobs.inc([("token", 12_345)]);
    jobs.inc([("token", "s3cr3t")]);
    assert_eq!(value(&registry, "jobs_total", &[("token", "[REDACTED]")]), 2.0);
}

#[test]
fn every_kind_records() {
    let registry = Registry::default();
    let up: DynamicUpDownCounter =
        DynamicUpDownCounter::register(&registry, Declaration::new("up", "Up.")).unwrap();
    let gauge: DynamicGauge = DynamicGauge::register(&registry, Declaration::new("heat", "Heat.")).unwrap();
    let seconds = Declaration::new("d_seconds", "D.").with_buckets(vec![1.0, 2.0]);
    let histogram = DynamicHistogram::register(&registry, seconds).unwrap();
    let float: DynamicCounter<f64> =
        DynamicCounter::register(&registry, Declaration::new("joules_total", "J.")).unwrap();
    up.add([("a", "b")], 5);
    up.add([("a", "b")], -7);
    up.try_add([("a", "b")], 1).unwrap();
    gauge.set([("a", "b")], 3);
    gauge.try_set([("a", "c")], 2.5).unwrap();
    histogram.observe([("a", "b")], 1.5);
    histogram.try_observe([("a", "b")], 3).unwrap();
    histogram.observe([("a", "b")], f64::NAN);
    float.inc_by([("a", "b")], 0.5);
    float.inc_by([("a", "b")], -3.0);
    float.inc_by([("a", "b")], f64::NAN);
    assert_eq!(value(&registry, "up", &[("a", "b")]), -1.0);
    assert_eq!(value(&registry, "heat", &[("a", "b")]), 3.0);
    assert_eq!(value(&registry, "heat", &[("a", "c")]), 2.5);
    assert_eq!(value(&registry, "d_seconds", &[("a", "b")]), 4.5);
    assert_eq!(value(&registry, "joules_total", &[("a", "b")]), 0.5);
    let again = DynamicCounter::<u64>::register(&registry, Declaration::new("joules_total", "J."));
    assert!(again.unwrap_err().to_string().contains("number was F64, is U64"));
    let no_buckets = DynamicHistogram::register(&registry, Declaration::new("e", "E."));
    assert!(no_buckets.unwrap_err().to_string().contains("bucket bounds"));
    let noop = DynamicCounter::<u64>::noop();
    noop.inc([("a", "b")]);
    noop.try_inc_by([("a", "b")], 1).unwrap();
}
