//! A thousand series of a counter as the text that Prometheus scrapes.

use measured::text::BufferedTextEncoder;
use measured::{CounterVec, MetricGroup};
use prometheus_client::metrics::counter::Counter as ClientCounter;
use prometheus_client::metrics::family::Family;
use watchroom::metrics::expose;
use watchroom::prelude::*;
use watchroom_bench::{Goal, Row};

use crate::labels::{METHODS, Method, Route, RouteMethod, RouteMethodLabels, RouteMethodSet};

const N_ROUTES: usize = 250;

#[derive(Metrics)]
#[metrics(prefix = "http")]
struct Ours {
    /// Requests by route and method.
    requests_total: Counter<(Route, Method)>,
}

#[derive(MetricGroup)]
struct OfMeasured {
    /// Requests by route and method.
    requests: CounterVec<RouteMethodSet>,
}

pub(crate) fn rows() -> Vec<Row> {
    let row = Row::new(
        "text exposition of 1 000 series",
        Goal::against(30_000.0, "`prometheus-client`", 58_000.0),
    );
    let row = row
        .ours(|b| {
            let registry = Registry::default();
            let ours = Ours::register(&registry).unwrap();
            series(|route, method, n| ours.requests_total.inc_by((route, method), n));
            let mut out = String::new();
            b.iter(|| {
                out.clear();
                expose::text(&registry.collect(), &mut out);
                out.len()
            });
            assert_eq!(n_samples(&out), 1_000);
        })
        .peer("`prometheus-client`", |b| {
            let mut registry = prometheus_client::registry::Registry::default();
            let family = Family::<RouteMethodLabels, ClientCounter>::default();
            registry.register("http_requests", "Requests by route and method", family.clone());
            series(|route, method, n| {
                let route = route.to_owned();
                family
                    .get_or_create(&RouteMethodLabels { route, method })
                    .inc_by(n);
            });
            let mut out = String::new();
            b.iter(|| {
                out.clear();
                prometheus_client::encoding::text::encode(&mut out, &registry).unwrap();
                out.len()
            });
            assert_eq!(n_samples(&out), 1_000);
        })
        .peer("`prometheus`", |b| {
            let registry = prometheus::Registry::new();
            let opts = prometheus::Opts::new("http_requests_total", "Requests by route and method.");
            let counter = prometheus::IntCounterVec::new(opts, &["route", "method"]).unwrap();
            registry.register(Box::new(counter.clone())).unwrap();
            series(|route, method, n| counter.with_label_values(&[route, method.name()]).inc_by(n));
            let mut out = String::new();
            b.iter(|| {
                out.clear();
                prometheus::TextEncoder::new()
                    .encode_utf8(&registry.gather(), &mut out)
                    .unwrap();
                out.len()
            });
            assert_eq!(n_samples(&out), 1_000);
        });
    vec![others(row)]
}

fn others(row: Row) -> Row {
    row.peer("`measured`", |b| {
        let group = OfMeasured {
            requests: CounterVec::new(),
        };
        series(|route, method, n| group.requests.inc_by(RouteMethod { route, method }, n));
        let mut encoder = BufferedTextEncoder::new();
        b.iter(|| {
            group.collect_group_into(&mut encoder).unwrap();
            encoder.finish().len()
        });
    })
    .peer("`metrics`", |b| {
        let recorder = metrics_exporter_prometheus::PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            series(|route, method, n| {
                metrics::counter!("http_requests", "route" => route.to_owned(), "method" => method.name())
                    .increment(n);
            });
        });
        let handle = recorder.handle();
        b.iter(|| handle.render().len());
        assert_eq!(n_samples(&handle.render()), 1_000);
    })
}

/// Gives every series its value.
fn series(mut set: impl FnMut(&str, Method, u64)) {
    for i in 0..N_ROUTES {
        for method in METHODS {
            set(&format!("/path/{i}"), method, 12_345 + i as u64);
        }
    }
}

fn n_samples(text: &str) -> usize {
    text.lines().filter(|line| line.contains("} ")).count()
}
