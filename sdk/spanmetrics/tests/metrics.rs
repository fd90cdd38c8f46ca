//! Spans and events as metrics, through capture as in a service.
#![expect(
    clippy::unwrap_used,
    reason = "what fails in a helper fails the test that calls it"
)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing_core::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::context::current_exported;
use watchroom_capture::{Capture, Filter, Sampler, SpanExporter, SpanRecord};
use watchroom_core::clock::ManualClock;
use watchroom_core::{Clock, TraceId};
use watchroom_metrics::{
    Counter, Declaration, Instrument as _, Kind, Limits, OVERFLOW, Registry, Snapshot, expose,
};
use watchroom_redact::Redactor;
use watchroom_spanmetrics::{Builder, SpanMetrics};

struct Rig {
    registry: Registry,
    metrics: Arc<SpanMetrics>,
    hand: Arc<ManualClock>,
    exported: Arc<Exported>,
}

#[derive(Debug, Default)]
struct Exported(Mutex<Vec<TraceId>>);

impl SpanExporter for Exported {
    fn export(&self, span: Box<SpanRecord>) {
        self.0.lock().unwrap().push(span.context.trace_id);
    }
}

/// Runs a program whose spans and events go to the sink alone, and to an exporter.
fn run_with(limits: Limits, builder: Builder, sampler: Sampler, program: impl FnOnce(&Rig)) -> Rig {
    let (clock, hand) = Clock::manual(1_700_000_000_000_000_000);
    let registry = Registry::with_clock(limits, clock.clone());
    assert!(registry.set_exemplar_source(current_exported));
    let redactor = Redactor::default();
    registry.set_label_redactor(move |label, value| redactor.field(label, value));
    let rig = Rig {
        metrics: builder.build(&registry).unwrap(),
        registry,
        hand,
        exported: Arc::default(),
    };
    let (layer, _handle) = Capture::builder()
        .clock(clock)
        .sampler(sampler)
        .export_filter(Filter::level(LevelFilter::INFO))
        .exporter(Arc::clone(&rig.exported) as _)
        .sink(Arc::clone(&rig.metrics) as _)
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || program(&rig));
    rig
}

fn run(program: impl FnOnce(&Rig)) -> Rig {
    run_with(
        Limits::default(),
        SpanMetrics::builder(),
        Sampler::AlwaysOff,
        program,
    )
}

#[track_caller]
fn value(rig: &Rig, name: &str, labels: &[(&str, &str)]) -> f64 {
    let snapshot = rig.registry.collect();
    let family = snapshot.get(name).unwrap_or_else(|| panic!("no family {name}"));
    let series = family
        .get(labels)
        .unwrap_or_else(|| panic!("no series {labels:?} in {family:?}"));
    series.value().as_f64()
}

fn openmetrics(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    expose::openmetrics(snapshot, &mut out);
    out
}

#[test]
fn closing_spans_are_rate_errors_and_duration_by_component() {
    let rig = run(|rig| {
        for i in 0..10 {
            let span = tracing::info_span!("charge", component = "billing", status = tracing::field::Empty);
            let _inside = span.enter();
            rig.hand.advance(Duration::from_millis(100));
            if i == 0 {
                tracing::error!("declined");
            } else if i < 4 {
                span.record("status", "rejected");
            }
        }
        let _ = tracing::info_span!("tidy", otel.name = "tidy 4711").entered();
        let _ = tracing::info_span!("call", component = "", status = 503).entered();
        let _ = tracing::info_span!("call", status = 200_u64).entered();
        let _ = tracing::debug_span!("detail").entered();
    });
    let calls = |status| {
        value(
            &rig,
            "span_calls_total",
            &[("component", "billing"), ("span", "charge"), ("status", status)],
        )
    };
    assert_eq!((calls("ok"), calls("rejected"), calls("error")), (6.0, 3.0, 1.0));
    let charge = [("component", "billing"), ("span", "charge")];
    assert_eq!(
        value(&rig, "span_errors_total", &charge),
        1.0,
        "a rejection is no error"
    );
    assert!((value(&rig, "span_duration_seconds", &charge) - 1.0).abs() < 1e-9);
    let own = |span, status| {
        value(
            &rig,
            "span_calls_total",
            &[("component", "metrics"), ("span", span), ("status", status)],
        )
    };
    assert_eq!(
        own("tidy", "ok"),
        1.0,
        "by its callsite's name, not by one made at run time"
    );
    assert_eq!((own("call", "503"), own("call", "200")), (1.0, 1.0));
    assert_eq!(
        value(
            &rig,
            "span_errors_total",
            &[("component", "metrics"), ("span", "call")]
        ),
        1.0
    );
    assert_eq!(
        rig.registry.collect().get("span_duration_seconds").unwrap().len(),
        3,
        "debug spans are not counted"
    );
}

#[test]
fn every_open_label_is_bounded() {
    let rig = run(|_| {
        for i in 0..300 {
            let _ =
                tracing::info_span!("work", component = format!("c{i}"), status = format!("s{i}")).entered();
        }
    });
    let snapshot = rig.registry.collect();
    assert_eq!(
        snapshot.get("span_calls_total").unwrap().len(),
        33,
        "32 statuses, and the overflow"
    );
    assert_eq!(
        snapshot.get("span_duration_seconds").unwrap().len(),
        201,
        "200 components, and the overflow"
    );
    let over = [("component", OVERFLOW), ("span", OVERFLOW)];
    let expose::Format::Text = expose::negotiate(None) else {
        panic!()
    };
    let duration = snapshot.get("span_duration_seconds").unwrap().get(&over).unwrap();
    assert_eq!(duration.value().as_f64(), 0.0);
}

#[test]
fn exemplars_lead_to_traces_that_are_exported() {
    let rig = run_with(
        Limits::default(),
        SpanMetrics::builder(),
        Sampler::AlwaysOn,
        |rig| {
            let _span = tracing::info_span!("charge").entered();
            rig.hand.advance(Duration::from_millis(3));
            tracing::info!(monotonic_counter.charges = 1, histogram.amount = 12.5);
        },
    );
    let trace = rig.exported.0.lock().unwrap()[0];
    let text = openmetrics(&rig.registry.collect());
    let with = |line: &str| {
        let found = text
            .lines()
            .find(|l| l.starts_with(line))
            .unwrap_or_else(|| panic!("no {line} in {text}"));
        assert!(
            found.contains(&format!("trace_id=\"{}\"", trace.hex().as_str())),
            "{found}"
        );
    };
    with("span_duration_seconds_bucket{component=\"metrics\",span=\"charge\",le=\"0.005\"} 1 # ");
    with("charges_total 1 # ");
    with("amount_bucket{le=\"25.0\"} 1 # ");
    assert!(
        text.contains("} 0.003 1700000000.003\n"),
        "value and time of the exemplar: {text}"
    );

    let rig = run(|_| {
        let _span = tracing::info_span!("charge").entered();
        tracing::info!(monotonic_counter.charges = 1, histogram.amount = 12.5);
    });
    let text = openmetrics(&rig.registry.collect());
    assert!(
        text.contains("charges_total 1\n") && !text.contains("trace_id"),
        "no trace, no exemplar: {text}"
    );
}

#[test]
fn an_instrument_used_inside_of_a_span_has_the_exported_span_as_its_exemplar() {
    let mut declared = None;
    let rig = run_with(
        Limits::default(),
        SpanMetrics::builder(),
        Sampler::AlwaysOn,
        |rig| {
            let calls: Counter = Counter::register(&rig.registry, Declaration::new("a_total", "A.")).unwrap();
            let outside: Counter =
                Counter::register(&rig.registry, Declaration::new("b_total", "B.")).unwrap();
            outside.inc();
            let _alone = tracing::debug_span!("beyond the export filter").entered();
            outside.inc();
            let _span = tracing::info_span!("exported").entered();
            let _detail = tracing::debug_span!("beyond the export filter").entered();
            calls.inc();
            declared = Some((calls, outside));
        },
    );
    let traces = rig.exported.0.lock().unwrap().clone();
    assert_eq!(traces.len(), 1);
    let snapshot = rig.registry.collect();
    let exemplars = |name| {
        let series = snapshot.get(name).unwrap().get(&[]).unwrap();
        series
            .exemplars()
            .iter()
            .map(|exemplar| exemplar.trace_id)
            .collect::<Vec<_>>()
    };
    assert_eq!(exemplars("a_total"), traces);
    assert_eq!(
        exemplars("b_total"),
        [],
        "a trace of which nothing is exported is no exemplar"
    );
}

#[test]
fn exemplars_are_pushed_as_they_are_shown() {
    let rig = run_with(
        Limits::default(),
        SpanMetrics::builder(),
        Sampler::AlwaysOn,
        |rig| {
            let _span = tracing::info_span!("charge").entered();
            rig.hand.advance(Duration::from_millis(3));
        },
    );
    let trace = rig.exported.0.lock().unwrap()[0];
    let snapshot = rig.registry.collect();
    let family = snapshot.get("span_duration_seconds").unwrap();
    let series = family
        .get(&[("component", "metrics"), ("span", "charge")])
        .unwrap();
    // What OTLP encodes is this; the encoding has its own tests.
    let [exemplar] = series.exemplars() else {
        panic!("{series:?}")
    };
    assert_eq!((exemplar.trace_id, exemplar.value), (trace, 0.003));
    assert_eq!(exemplar.time_unix_ns, 1_700_000_000_003_000_000);
}

#[test]
fn fields_of_events_become_instruments() {
    let rig = run(|_| {
        for i in 0..3 {
            tracing::info!(
                monotonic_counter.app.calls = 2,
                counter.jobs = -1,
                gauge.heat = 20.5,
                histogram.wait_seconds = 0.25,
                histogram.size = 30_u64,
                queue = "mail",
                shard = 7,
                retried = true,
                "message {i}"
            );
        }
        tracing::info!(monotonic_counter.app.calls = 5_u64, "other labels");
        tracing::debug!(monotonic_counter.app.calls = 100, "beyond the level");
        tracing::info!(queue = "mail", "no metric");
    });
    let labels = [("queue", "mail"), ("shard", "7"), ("retried", "true")];
    assert_eq!(value(&rig, "app_calls_total", &labels), 6.0);
    assert_eq!(value(&rig, "app_calls_total", &[]), 5.0);
    assert_eq!(value(&rig, "jobs", &labels), -3.0);
    assert_eq!(value(&rig, "heat", &labels), 20.5);
    assert_eq!(value(&rig, "wait_seconds", &labels), 0.75);
    assert_eq!(value(&rig, "size", &labels), 90.0);
    let snapshot = rig.registry.collect();
    let kinds = ["app_calls_total", "jobs", "heat", "size"].map(|name| snapshot.get(name).unwrap().kind);
    assert_eq!(
        kinds,
        [Kind::Counter, Kind::UpDownCounter, Kind::Gauge, Kind::Histogram]
    );
    let text = openmetrics(&snapshot);
    let labels = "queue=\"mail\",retried=\"true\",shard=\"7\"";
    assert!(
        text.contains(&format!("wait_seconds_bucket{{{labels},le=\"0.25\"}} 3\n")),
        "{text}"
    );
    assert!(
        text.contains(&format!("size_bucket{{{labels},le=\"25.0\"}} 0\n")),
        "{text}"
    );
    assert!(
        text.contains("# HELP app_calls From events with the field `monotonic_counter.app.calls`.\n"),
        "{text}"
    );
    assert!(rig.metrics.take_warnings().is_empty());
}

#[test]
fn what_does_not_fit_is_counted_and_told_once() {
    let rig = run(|_| {
        tracing::info!(counter.load = 1);
        for _ in 0..3 {
            tracing::info!(gauge.load = 5);
            tracing::info!(counter.load = 1.5);
            tracing::info!(monotonic_counter.back = -1);
            tracing::info!(gauge.name = "text");
        }
        tracing::info!(counter.load = 2.0);
        tracing::info!(monotonic_counter.joules = 1.5);
        tracing::info!(monotonic_counter.joules = 2);
        tracing::info!(monotonic_counter.joules = -0.5);
    });
    assert_eq!(
        value(&rig, "load", &[]),
        3.0,
        "what comes first decides; a whole number may be written as a float"
    );
    assert_eq!(value(&rig, "joules_total", &[]), 3.5);
    let refused = |field| value(&rig, "watchroom_event_metrics_refused_total", &[("field", field)]);
    assert_eq!(refused("gauge.load"), 3.0);
    assert_eq!(refused("counter.load"), 3.0);
    assert_eq!(refused("monotonic_counter.back"), 3.0);
    assert_eq!(refused("gauge.name"), 3.0);
    assert_eq!(refused("monotonic_counter.joules"), 1.0);
    let warnings = rig.metrics.take_warnings();
    let told: Vec<_> = warnings.iter().map(|warning| warning.field.as_str()).collect();
    assert_eq!(
        told,
        [
            "gauge.load",
            "counter.load",
            "monotonic_counter.back",
            "gauge.name",
            "monotonic_counter.joules"
        ]
    );
    assert!(
        warnings[0].problem.contains("declared otherwise"),
        "{}",
        warnings[0].problem
    );
    assert!(rig.metrics.take_warnings().is_empty());
}

#[test]
fn labels_out_of_events_come_within_the_limits_and_are_redacted() {
    let limits = Limits {
        per_metric: 1_000,
        total: 10_000,
    };
    let rig = run_with(
        limits,
        SpanMetrics::builder().limit(5),
        Sampler::AlwaysOff,
        |_| {
            for user in 0..50 {
                tracing::info!(monotonic_counter.calls = 1, user);
            }
            tracing::info!(
                monotonic_counter.logins = 1,
                password = "hunter2",
                card = "4111 1111 1111 1111"
            );
        },
    );
    assert_eq!(rig.registry.collect().get("calls_total").unwrap().len(), 6);
    assert_eq!(value(&rig, "calls_total", &[("overflow", OVERFLOW)]), 45.0);
    let text = openmetrics(&rig.registry.collect());
    assert!(!text.contains("hunter2") && !text.contains("4111 1111"), "{text}");
}

#[test]
fn spans_and_events_can_be_left_out_and_durations_can_be_native() {
    let builder = SpanMetrics::builder().spans(None).events(LevelFilter::OFF);
    let rig = run_with(Limits::default(), builder, Sampler::AlwaysOff, |_| {
        let _span = tracing::info_span!("charge").entered();
        tracing::info!(counter.jobs = 1);
    });
    assert!(rig.registry.collect().get("span_calls_total").is_none());
    assert!(rig.registry.collect().get("jobs").is_none());
    let builder = SpanMetrics::builder()
        .native_durations(true)
        .expiring_after(Duration::from_secs(600))
        .events(LevelFilter::TRACE);
    let rig = run_with(Limits::default(), builder, Sampler::AlwaysOff, |rig| {
        let _span = tracing::info_span!("charge").entered();
        rig.hand.advance(Duration::from_secs(2));
        tracing::trace!(counter.jobs = 1);
    });
    let snapshot = rig.registry.collect();
    assert_eq!(
        snapshot.get("span_duration_seconds").unwrap().kind,
        Kind::NativeHistogram
    );
    assert_eq!(
        value(
            &rig,
            "span_duration_seconds",
            &[("component", "metrics"), ("span", "charge")]
        ),
        2.0
    );
    assert_eq!(value(&rig, "jobs", &[]), 1.0);
    rig.registry.expire();
    rig.hand.advance(Duration::from_secs(700));
    assert_eq!(
        rig.registry.expire(),
        2,
        "what is counted up and not down again is under way"
    );
}
