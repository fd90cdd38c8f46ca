//! Metrics as a service declares and records them.
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
    Counter, Declaration, Gauge, Histogram, Info, Instrument, Kind, Label, Limits, Metrics, NativeHistogram,
    RegisterError, Registry, Resolution, Snapshot, StateSet, UpDownCounter, expose,
};

#[derive(Label, Clone, Copy, Debug)]
#[label(crate = metrics)]
enum Method {
    PutLeaf,
    Get,
}

#[derive(Label, Clone, Copy)]
#[label(crate = metrics, name = "status")]
enum Outcome {
    #[label(value = "2xx")]
    Ok,
    #[label(value = "5xx")]
    Error,
}

#[derive(Label)]
#[label(crate = metrics, limit = 3)]
struct Route(Cow<'static, str>);

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Phase {
    Starting,
    Running,
}

const SIZES: [f64; 3] = [10.0, 100.0, 1_000.0];

#[derive(Metrics, Debug)]
#[metrics(crate = metrics, prefix = "shop")]
struct ShopMetrics {
    /// Calls by method and status.
    ///
    /// Second paragraph.
    calls_total: Counter<(Method, Outcome)>,
    /// Bytes sent.
    #[metric(unit = "bytes")]
    sent_total: Counter,
    /// Energy.
    #[metric(unit = "joules")]
    energy_total: Counter<Method, f64>,
    /// Calls in flight.
    active: Gauge<Method>,
    /// Temperature.
    temperature: Gauge,
    /// Jobs waiting.
    waiting: UpDownCounter,
    /// Time to answer.
    #[metric(unit = "seconds", buckets = [0.001, 0.01, 1])]
    duration: Histogram<Method>,
    /// Size of answers.
    #[metric(unit = "bytes", buckets = SIZES)]
    answer: Histogram,
    /// Fine latency.
    #[metric(unit = "seconds", resolution = Resolution::new(2, -3, 3))]
    fine: NativeHistogram,
    /// Build facts.
    build_info: Info,
    /// Phase of the shop.
    phase: StateSet<Phase>,
    /// Hits by route and method.
    route_hits_total: Counter<(Route, Method)>,
    /// An old name.
    #[metric(name = "zerostate_tasks", legacy_name)]
    tasks: Counter,
    /// Shown from the start.
    #[metric(zero)]
    refused_total: Counter<Outcome>,
}

fn shop() -> (Registry, ShopMetrics) {
    let registry = Registry::default();
    let shop = ShopMetrics::register(&registry).unwrap();
    (registry, shop)
}

#[track_caller]
fn value(snapshot: &Snapshot, name: &str, labels: &[(&str, &str)]) -> f64 {
    let family = snapshot.get(name).unwrap_or_else(|| panic!("no family {name}"));
    let series = family
        .get(labels)
        .unwrap_or_else(|| panic!("no series {labels:?} in {family:?}"));
    series.value().as_f64()
}

#[test]
fn names_units_help_and_labels_come_from_the_declaration() {
    let declared = ShopMetrics::declarations();
    let names: Vec<_> = declared.iter().map(Declaration::name).collect();
    assert_eq!(
        names,
        [
            "shop_calls_total",
            "shop_sent_bytes_total",
            "shop_energy_joules_total",
            "shop_active",
            "shop_temperature",
            "shop_waiting",
            "shop_duration_seconds",
            "shop_answer_bytes",
            "shop_fine_seconds",
            "shop_build_info",
            "shop_phase",
            "shop_route_hits_total",
            "zerostate_tasks",
            "shop_refused_total",
        ]
    );
    assert_eq!(
        declared[0].help(),
        "Calls by method and status.  Second paragraph."
    );
    assert_eq!(declared[6].buckets(), [0.001, 0.01, 1.0]);
    assert_eq!(declared[7].buckets(), SIZES);
    assert_eq!(
        declared[0].labels().iter().map(|l| l.name).collect::<Vec<_>>(),
        ["method", "status"]
    );
    assert!(
        declared[0].location().contains("declared.rs:"),
        "{}",
        declared[0].location()
    );
}

#[test]
fn every_instrument_shows_what_was_recorded() {
    let (registry, shop) = shop();
    shop.calls_total.inc((Method::PutLeaf, Outcome::Ok));
    shop.calls_total.inc_by((Method::PutLeaf, Outcome::Ok), 2);
    shop.calls_total.inc((Method::Get, Outcome::Error));
    shop.sent_total.inc_by(100);
    shop.energy_total.inc_by(Method::Get, 0.5);
    shop.energy_total.inc_by(Method::Get, -1.0);
    shop.energy_total.inc_by(Method::Get, f64::NAN);
    shop.active.set(Method::Get, 7);
    shop.active.sub(Method::Get, 2.5);
    shop.temperature.inc();
    shop.waiting.add(5);
    shop.waiting.dec();
    shop.duration.observe(Method::Get, 0.01);
    shop.duration
        .observe_duration(Method::Get, Duration::from_secs(2));
    shop.duration.observe(Method::Get, f64::NAN);
    shop.answer.observe(2_048_u32);
    shop.fine.observe(1.0);
    shop.build_info
        .set([("version", "1.2"), ("vcs.revision", "abc"), ("version", "1.3")]);
    shop.phase.set(Phase::Running);
    shop.route_hits_total.inc(("/a", Method::Get));
    shop.route_hits_total
        .inc((Route("/a".into()).as_ref(), Method::Get));
    shop.tasks.inc();
    assert!(format!("{:?}", shop.refused_total).contains("shop_refused_total"));

    let snapshot = registry.collect();
    let at = |name, labels: &[(&str, &str)]| value(&snapshot, name, labels);
    assert_eq!(
        at("shop_calls_total", &[("method", "put_leaf"), ("status", "2xx")]),
        3.0
    );
    assert_eq!(
        at("shop_calls_total", &[("method", "get"), ("status", "5xx")]),
        1.0
    );
    assert_eq!(
        snapshot.get("shop_calls_total").unwrap().len(),
        2,
        "only what was touched shows"
    );
    assert_eq!(at("shop_sent_bytes_total", &[]), 100.0);
    assert_eq!(at("shop_energy_joules_total", &[("method", "get")]), 0.5);
    assert_eq!(at("shop_active", &[("method", "get")]), 4.5);
    assert_eq!(at("shop_waiting", &[]), 4.0);
    assert_eq!(
        at("shop_build_info", &[("version", "1.3"), ("vcs_revision", "abc")]),
        1.0
    );
    assert_eq!(at("shop_phase", &[("shop_phase", "running")]), 1.0);
    assert_eq!(at("shop_phase", &[("shop_phase", "starting")]), 0.0);
    assert_eq!(
        at("shop_route_hits_total", &[("route", "/a"), ("method", "get")]),
        2.0
    );
    assert_eq!(at("zerostate_tasks", &[]), 1.0);
    assert_eq!(at("shop_refused_total", &[("status", "2xx")]), 0.0);
    assert_eq!(snapshot.get("shop_refused_total").unwrap().len(), 2);

    let Value::Histogram(duration) = snapshot
        .get("shop_duration_seconds")
        .unwrap()
        .get(&[("method", "get")])
        .unwrap()
        .value()
    else {
        panic!("not a histogram")
    };
    assert_eq!(
        (&*duration.counts, duration.count, duration.sum),
        (&[0, 1, 0, 1][..], 2, 2.01)
    );
    let Value::Exponential(fine) = snapshot
        .get("shop_fine_seconds")
        .unwrap()
        .get(&[])
        .unwrap()
        .value()
    else {
        panic!("not exponential")
    };
    assert_eq!(
        (fine.scale, fine.offset, fine.counts.as_slice()),
        (2, -1, &[1][..])
    );
}

#[test]
fn an_up_down_counter_that_is_back_at_zero_still_shows() {
    #[derive(Metrics)]
    #[metrics(crate = metrics)]
    struct Pool {
        /// Connections in use.
        pool_in_use: UpDownCounter<Method>,
    }
    let registry = Registry::default();
    let pool = Pool::register(&registry).unwrap();
    pool.pool_in_use.inc(Method::Get);
    pool.pool_in_use.dec(Method::Get);
    assert_eq!(
        value(&registry.collect(), "pool_in_use", &[("method", "get")]),
        0.0
    );
}

#[test]
fn adding_zero_makes_a_series_show() {
    let (registry, shop) = shop();
    shop.calls_total.inc_by((Method::Get, Outcome::Ok), 0);
    assert_eq!(
        value(
            &registry.collect(),
            "shop_calls_total",
            &[("method", "get"), ("status", "2xx")]
        ),
        0.0
    );
}

#[test]
fn unlabelled_metrics_show_from_the_start() {
    let (registry, _shop) = shop();
    let snapshot = registry.collect();
    assert_eq!(value(&snapshot, "shop_sent_bytes_total", &[]), 0.0);
    assert_eq!(value(&snapshot, "shop_waiting", &[]), 0.0);
    assert_eq!(value(&snapshot, "shop_answer_bytes", &[]), 0.0);
    assert_eq!(value(&snapshot, "shop_fine_seconds", &[]), 0.0);
    assert_eq!(value(&snapshot, "shop_temperature", &[]), 0.0);
    assert!(snapshot.get("shop_calls_total").unwrap().is_empty());
    assert!(
        snapshot.get("shop_phase").unwrap().is_empty(),
        "a state is not known before it is set"
    );
}

#[test]
fn guards_count_what_is_in_flight() {
    let (registry, shop) = shop();
    let labels = [("method", "get")];
    let first = shop.active.track(Method::Get);
    let second = shop.active.track_owned(Method::Get);
    let waiting = shop.waiting.track_owned();
    assert_eq!(value(&registry.collect(), "shop_active", &labels), 2.0);
    drop(second);
    assert_eq!(value(&registry.collect(), "shop_active", &labels), 1.0);
    assert_eq!(value(&registry.collect(), "shop_waiting", &[]), 1.0);
    drop(first);
    drop(shop);
    drop(waiting);
    assert_eq!(value(&registry.collect(), "shop_active", &labels), 0.0);
    assert_eq!(value(&registry.collect(), "shop_waiting", &[]), 0.0);
}

#[test]
fn a_timer_observes_when_told_and_when_dropped_but_not_when_discarded() {
    let (clock, hand) = Clock::manual(1);
    let registry = Registry::with_clock(Limits::default(), clock);
    let shop = ShopMetrics::register(&registry).unwrap();
    let timer = shop.duration.start(Method::Get);
    hand.advance(Duration::from_millis(5));
    assert_eq!(timer.observe(), Duration::from_millis(5));
    let timer = shop.duration.start_owned(Method::Get);
    hand.advance(Duration::from_secs(2));
    drop(timer);
    shop.duration.start(Method::Get).discard();
    let snapshot = registry.collect();
    let series = snapshot
        .get("shop_duration_seconds")
        .unwrap()
        .get(&[("method", "get")])
        .unwrap();
    let Value::Histogram(duration) = series.value() else {
        panic!("not a histogram")
    };
    assert_eq!((&*duration.counts, duration.sum), (&[0, 1, 0, 1][..], 2.005));
}

#[test]
fn registering_again_gives_the_same_instruments() {
    let (registry, shop) = shop();
    let again = ShopMetrics::register(&registry).unwrap();
    shop.sent_total.inc();
    again.sent_total.inc();
    again.sent_total.clone().inc();
    assert_eq!(value(&registry.collect(), "shop_sent_bytes_total", &[]), 3.0);
}

#[test]
fn registries_are_apart() {
    let (one, shop) = shop();
    let two = Registry::default();
    ShopMetrics::register(&two).unwrap();
    shop.sent_total.inc();
    assert_eq!(value(&one.collect(), "shop_sent_bytes_total", &[]), 1.0);
    assert_eq!(value(&two.collect(), "shop_sent_bytes_total", &[]), 0.0);
}

#[test]
fn instruments_outlive_their_registry_and_no_ops_record_nothing() {
    let (registry, shop) = shop();
    drop(registry);
    shop.sent_total.inc();
    let noop = ShopMetrics::noop();
    noop.calls_total.inc((Method::Get, Outcome::Ok));
    noop.route_hits_total.inc(("/", Method::Get));
    noop.active.set(Method::Get, 1);
    noop.duration.observe(Method::Get, 1.0);
    noop.fine.start().observe();
    noop.phase.set(Phase::Starting);
    noop.build_info.set([("a", "b")]);
    assert_eq!(noop.route_hits_total.try_inc(("/", Method::Get)), Ok(()));
    drop(noop.active.track(Method::Get));
    assert_eq!(format!("{:?}", noop.waiting), "UpDownCounter(\"no-op\")");
    assert_eq!(format!("{:?}", shop.calls_total), "Counter(\"shop_calls_total\")");
}

#[track_caller]
fn error(result: Result<Counter, RegisterError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn an_error_names_the_metric_what_clashes_and_where() {
    let registry = Registry::default();
    Counter::<()>::register(&registry, Declaration::new("a_total", "A.").at("a.rs:1")).unwrap();
    assert_eq!(
        error(Counter::register(
            &registry,
            Declaration::new("a_total", "B.").at("b.rs:2")
        )),
        r#"metric `a_total` (declared at b.rs:2) was declared otherwise at a.rs:1: help was "A.", is "B.""#
    );
    let gauge = Gauge::<()>::register(&registry, Declaration::new("a", "A.").at("c.rs:3"));
    assert_eq!(
        gauge.unwrap_err().to_string(),
        "metric `a` (declared at c.rs:3) would have samples named `a`, as has `a_total` (declared at a.rs:1)"
    );
    assert!(error(Counter::register(&registry, Declaration::new("a", "A."))).contains("ends with `_total`"));
    let other: Result<Counter<Method>, _> = Counter::register(&registry, Declaration::new("a_total", "A."));
    assert!(other.unwrap_err().to_string().contains("labels was"));
    let info = Info::register(&registry, Declaration::new("a_total", "A.").with_legacy_name());
    assert!(info.unwrap_err().to_string().contains("kind was"));
    for bounds in [vec![], vec![2.0, 1.0], vec![f64::INFINITY]] {
        let declaration = Declaration::new("h", "H.").with_buckets(bounds);
        assert!(matches!(
            Histogram::<()>::register(&registry, declaration),
            Err(RegisterError::Buckets { .. })
        ));
    }
}

#[test]
fn collectors_add_families_and_one_that_panics_harms_no_other() {
    let registry = Registry::default();
    registry.collect_fn(|out| {
        let family = metrics::snapshot::Family::new("ledger_total", Kind::Counter, "Ledger.");
        out.push(family.with(&[("signal", "spans")], Value::U64(7)));
        out.push(metrics::snapshot::Family::new(
            "bad name",
            Kind::Gauge,
            "Left out.",
        ));
    });
    registry.collect_fn(|out| {
        let family = metrics::snapshot::Family::new("ledger_total", Kind::Counter, "Ledger.");
        out.push(family.with(&[("signal", "logs")], Value::U64(8)));
    });
    registry.collect_fn(|_| panic!("no"));
    let snapshot = registry.collect();
    assert_eq!(value(&snapshot, "ledger_total", &[("signal", "spans")]), 7.0);
    assert_eq!(value(&snapshot, "ledger_total", &[("signal", "logs")]), 8.0);
    assert!(snapshot.get("bad name").is_none());
    assert_eq!(value(&snapshot, "watchroom_families_left_out_total", &[]), 2.0);
}

#[test]
fn the_catalogue_tells_declarations_and_cardinality() {
    let (registry, shop) = shop();
    for route in ["/a", "/b", "/c", "/d"] {
        shop.route_hits_total.inc((route, Method::Get));
    }
    let catalogue = registry.catalogue();
    assert_eq!(catalogue.len(), ShopMetrics::declarations().len());
    let entry = catalogue
        .iter()
        .find(|e| e.declaration.name() == "shop_route_hits_total")
        .unwrap();
    assert_eq!((entry.n_series, entry.n_overflowed, entry.limit), (3, 1, 1_000));
    assert_eq!(entry.declaration.kind(), Kind::Counter);
}

#[test]
fn a_snapshot_outlives_later_changes() {
    let (registry, shop) = shop();
    shop.route_hits_total.inc(("/a", Method::Get));
    let before = registry.collect();
    shop.route_hits_total.inc(("/b", Method::Get));
    assert_eq!(before.get("shop_route_hits_total").unwrap().len(), 1);
    assert_eq!(registry.collect().get("shop_route_hits_total").unwrap().len(), 2);
    let mut text = String::new();
    expose::text(&before, &mut text);
    assert!(!text.contains("/b"));
}
