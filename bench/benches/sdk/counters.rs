//! Counters: two closed labels, an open one; alone and with two threads.

use std::hint::black_box;

use measured::CounterVec;
use opentelemetry::KeyValue;
use opentelemetry::metrics::MeterProvider as _;
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family;
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom::prelude::*;
use watchroom_bench::{Bencher, Goal, Row};

use crate::labels::{
    Closed, ClosedLabels, ClosedSet, METHODS, Method, Open, OpenLabels, OpenSet, Outcome, Route, route,
};
use crate::stock;

#[derive(Metrics)]
#[metrics(prefix = "bench")]
struct Ours {
    /// Counter with two closed labels.
    closed_total: Counter<(Method, Outcome)>,
    /// Counter with an open label.
    open_total: Counter<Route>,
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        closed(
            "counter, 2 closed labels, by label values",
            Goal::against(1.0, "`measured` (dense)", 5.9),
            1,
            |_| Method::Get,
        )
        .peer("the loop and its inputs alone", |b| {
            b.iter(|| black_box((Method::Get, Outcome::Ok)))
        })
        .peer("`prometheus`, handle held", |b| {
            let handle = prometheus_closed().with_label_values(&["get", "ok"]);
            b.iter(|| black_box(&handle).inc());
        })
        .peer("`prometheus-client`, handle held", |b| {
            let labels = ClosedLabels {
                method: Method::Get,
                outcome: Outcome::Ok,
            };
            let handle = Family::<ClosedLabels, ClientCounter>::default().get_or_create_owned(&labels);
            b.iter(|| black_box(&handle).inc());
        }),
        Row::new(
            "counter, the same inside a sampled span, with the exemplars that the façade switches on",
            Goal::NONE,
        )
        .ours(with_exemplars),
        closed(
            "counter, the same, 2 threads on one series, per op",
            Goal::against(1.2, "`measured` (dense)", 25.0),
            2,
            |_| Method::Get,
        ),
        closed(
            "counter, the same, 2 threads on different series, per op",
            Goal::NONE,
            2,
            |thread| METHODS[thread],
        ),
        open(),
    ]
}

/// On one thread or two; each thread has the method that `method` says.
fn closed<M>(work: &'static str, goal: Goal, n_threads: usize, method: M) -> Row
where
    M: Fn(usize) -> Method + Copy + Send + Sync + 'static,
{
    let labels = move |thread| black_box((method(thread), Outcome::Ok));
    Row::new(work, goal)
        .ours(move |b| {
            let ours = Ours::register(&Registry::default()).unwrap();
            time(b, n_threads, |thread| ours.closed_total.inc(labels(thread)));
        })
        .peer("`measured` (dense)", move |b| {
            let counter = CounterVec::<ClosedSet>::dense();
            time(b, n_threads, |thread| {
                let (method, outcome) = labels(thread);
                counter.inc(Closed { method, outcome });
            });
        })
        .peer("`prometheus`", move |b| {
            let counter = prometheus_closed();
            time(b, n_threads, |thread| {
                let (method, outcome) = labels(thread);
                counter.with_label_values(&[method.name(), outcome.name()]).inc();
            });
        })
        .peer("`prometheus-client`", move |b| {
            let counter = Family::<ClosedLabels, ClientCounter>::default();
            time(b, n_threads, |thread| {
                let (method, outcome) = labels(thread);
                counter.get_or_create(&ClosedLabels { method, outcome }).inc();
            });
        })
        .peer("`metrics`", move |b| {
            stock::recorder();
            time(b, n_threads, |thread| {
                let (method, outcome) = labels(thread);
                metrics::counter!("closed", "method" => method.name(), "outcome" => outcome.name())
                    .increment(1);
            });
        })
        .peer("`opentelemetry`", move |b| {
            let provider = stock::meter_provider();
            let counter = provider.meter("bench").u64_counter("closed").build();
            time(b, n_threads, |thread| {
                let (method, outcome) = labels(thread);
                let labels = [
                    KeyValue::new("method", method.name()),
                    KeyValue::new("outcome", outcome.name()),
                ];
                counter.add(1, &labels);
            });
            provider.shutdown().unwrap();
        })
}

fn open() -> Row {
    Row::new(
        "counter, 1 open (string) label, by value",
        Goal::against(15.0, "`prometheus`", 35.0),
    )
    .ours(|b| {
        let ours = Ours::register(&Registry::default()).unwrap();
        each(b, |route| ours.open_total.inc(route));
    })
    .peer("`measured` (`lasso`)", |b| {
        let counter = CounterVec::<OpenSet>::new();
        each(b, |route| counter.inc(Open { route }));
    })
    .peer("`prometheus`", |b| {
        let opts = prometheus::Opts::new("open", "Open.");
        let counter = prometheus::IntCounterVec::new(opts, &["route"]).unwrap();
        each(b, |route| counter.with_label_values(&[route]).inc());
    })
    .peer("`prometheus-client`", |b| {
        let counter = Family::<OpenLabels, ClientCounter>::default();
        each(b, |route| {
            let labels = OpenLabels {
                route: route.to_owned(),
            };
            counter.get_or_create(&labels).inc();
        });
    })
    .peer("`metrics`", |b| {
        stock::recorder();
        each(b, |route| {
            metrics::counter!("open", "route" => route.to_owned()).increment(1)
        });
    })
    .peer("`opentelemetry`", |b| {
        let provider = stock::meter_provider();
        let counter = provider.meter("bench").u64_counter("open").build();
        each(b, |route| {
            counter.add(1, &[KeyValue::new("route", route.to_owned())])
        });
        provider.shutdown().unwrap();
    })
}

/// As a service has it that was started by the façade.
fn with_exemplars(b: &mut Bencher) {
    let registry = Registry::default();
    registry.set_exemplar_source(crate::request::sampled_span);
    let ours = Ours::register(&registry).unwrap();
    // Without anybody who wants spans there would be none.
    let (layer, _handle) = watchroom_capture::Capture::builder()
        .sink(crate::spans::lines())
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info_span!("request").in_scope(|| {
            assert!(crate::request::sampled_span().is_some());
            b.iter(|| ours.closed_total.inc(black_box((Method::Get, Outcome::Ok))));
        });
    });
}

fn prometheus_closed() -> prometheus::IntCounterVec {
    let opts = prometheus::Opts::new("closed", "Closed.");
    prometheus::IntCounterVec::new(opts, &["method", "outcome"]).unwrap()
}

/// On this thread or on several.
fn time(b: &mut Bencher, n_threads: usize, op: impl Fn(usize) + Copy + Sync) {
    if n_threads == 1 {
        b.each(move |_| op(0));
    } else {
        b.threads(n_threads, move |thread, _| op(thread));
    }
}

/// With a route that changes.
fn each(b: &mut Bencher, mut op: impl FnMut(&'static str)) {
    b.each(move |i| op(route(i)));
}
