//! A hostile client: label values, routes, methods, ids and headers without end. Series, memory and the page stay small, and not one
//! request is lost from the counts.
//!
//! `WATCHROOM_HOSTILE_VALUES=10000000` and `WATCHROOM_HOSTILE_ROUTES=200000` make it long, with `--release --nocapture` for figures.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::routing::any;
use tower::ServiceExt as _;
use watchroom::Clock;
use watchroom::metrics::{Declaration, DynamicCounter};
use watchroom::prelude::*;
use watchroom_core::Signal;
use watchroom_http::ServerLayer;

use crate::collector::Collector;
use crate::scene::{Scene, get};
use crate::scenes::{account, init, square, tell};
use crate::soak::peak_bytes;

const VALUES: &str = "WATCHROOM_HOSTILE_VALUES";
const ROUTES: &str = "WATCHROOM_HOSTILE_ROUTES";

/// What the open label and the labels that are named at run time may take.
const LIMIT: u64 = 1_000;

/// What `watchroom-http` lets its label of routes take.
const ROUTE_LIMIT: u64 = 200;

/// Routes that the server really has.
const OWN_ROUTES: u64 = 300;

const PEAK_MAX: u64 = 64 << 20;

/// What a client can make up.
#[derive(Debug, Metrics)]
#[metrics(prefix = "hostile")]
struct HostileMetrics {
    /// By a value of the request.
    seen_total: Counter<Customer>,
    /// By a value of the request.
    #[metric(unit = "seconds", buckets = [0.1, 1.0])]
    taken: Histogram<Customer>,
}

/// Whoever asks says who it is.
#[derive(Label)]
#[label(limit = 1000)]
struct Customer;

/// The sum of all samples of a page whose line begins so.
fn sum(page: &str, begin: &str) -> u64 {
    let values = page
        .lines()
        .filter(|line| line.starts_with(begin))
        .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok());
    values.sum()
}

fn n_series(page: &str, begin: &str) -> u64 {
    page.lines().filter(|line| line.starts_with(begin)).count() as u64
}

#[test]
fn values_and_routes_without_end_cost_bounded_memory_and_no_count() {
    let collector = Collector::quick();
    let env = [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()),
        ("WATCHROOM_LOG_SPAN_EVENTS", "none"),
    ];
    let ended = Scene::start("hostile", &env).drained().end();
    assert!(ended.status.success(), "{ended:?}");
    let mut told = ended.told();
    let page = told["page"].take();
    let page = page.as_str().unwrap();
    println!("{told}; the page has {} bytes", page.len());
    let (n_values, n_routes) = (told["values"].as_u64().unwrap(), told["routes"].as_u64().unwrap());

    for metric in ["hostile_seen_total", "hostile_taken_seconds_count"] {
        assert_eq!(sum(page, &format!("{metric}{{")), n_values, "{metric}");
        assert_eq!(n_series(page, &format!("{metric}{{")), LIMIT + 1, "{metric}");
        let overflow = format!("{metric}{{customer=\"__overflow__\"}}");
        assert_eq!(sum(page, &overflow), n_values - LIMIT, "{metric}");
    }
    assert_eq!(sum(page, "hostile_named_total{"), n_values / 5);
    assert_eq!(n_series(page, "hostile_named_total{"), LIMIT + 1);
    assert_eq!(
        sum(page, "hostile_named_total{overflow=\"__overflow__\"}"),
        n_values / 5 - LIMIT
    );

    // Templates beyond the limit share one series; whatever path is asked for.
    assert_eq!(sum(page, "http_requests_total{"), n_routes + OWN_ROUTES);
    let own: u64 = (0..OWN_ROUTES)
        .map(|route| {
            n_series(
                page,
                &format!("http_requests_total{{method=\"GET\",endpoint=\"/own{route}/{{id}}\""),
            )
        })
        .sum();
    assert!(own <= ROUTE_LIMIT, "{own}");
    assert!(sum(page, "http_requests_total{method=\"__overflow__\"") >= OWN_ROUTES - ROUTE_LIMIT);
    assert!(!page.contains("/made-up"), "a path is no label");
    assert!(page.len() < 1 << 20, "{} bytes", page.len());

    let (accepted, delivered) = square(&told["spans"]);
    assert_eq!(accepted as u64, n_routes + OWN_ROUTES);
    assert_eq!(collector.n_spans(), delivered);
    let peak = told["peak_bytes"].as_u64().unwrap();
    assert!(peak < PEAK_MAX, "{peak} bytes at the peak");
}

fn number(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).map_or(otherwise, |text| text.parse().unwrap())
}

pub(crate) fn play(scene: &str) -> bool {
    if scene == "hostile" {
        hostile();
    }
    scene == "hostile"
}

fn hostile() {
    let (n_values, n_routes) = (number(VALUES, 200_000), number(ROUTES, 10_000));
    let clock = Clock::system();
    let telemetry = init();
    let begin = clock.now();
    values(telemetry.metrics(), n_values);
    let values_taken = clock.now().since(begin);

    let begin = clock.now();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(routes(server(telemetry.metrics()), n_routes));
    let routes_taken = clock.now().since(begin);

    let begin = clock.now();
    let page = get(&telemetry.admin_addr().unwrap().to_string().into(), "/metrics");
    let page_taken = clock.now().since(begin);
    let report = telemetry.shutdown(Duration::from_secs(20));
    assert!(report.complete, "{report}");
    tell(&serde_json::json!({
        "values": n_values,
        "values_seconds": values_taken.as_secs_f64(),
        "routes": n_routes,
        "routes_seconds": routes_taken.as_secs_f64(),
        "page": page,
        "page_ms": page_taken.as_secs_f64() * 1e3,
        "spans": account(Signal::Spans),
        "peak_bytes": peak_bytes(),
    }));
}

/// Two threads record under values of which none comes twice.
fn values(registry: &Registry, n: u64) {
    let metrics = HostileMetrics::register(registry).unwrap();
    let declaration = Declaration::new("hostile_named_total", "By name.").with_limit(LIMIT as usize);
    let named: DynamicCounter = DynamicCounter::register(registry, declaration).unwrap();
    std::thread::scope(|scope| {
        for worker in 0..2 {
            let (metrics, named) = (&metrics, &named);
            scope.spawn(move || {
                for i in (worker..n).step_by(2) {
                    let value = format!("customer-{i:x}");
                    metrics.seen_total.inc(&value);
                    metrics.taken.observe(&value, 0.5);
                    if i % 10 == worker {
                        named.inc([("customer", value.as_str())]);
                    }
                }
            });
        }
    });
}

fn server(registry: &Registry) -> Router {
    let mut router = Router::new();
    for route in 0..OWN_ROUTES {
        router = router.route(&format!("/own{route}/{{id}}"), any(|| async { "here" }));
    }
    router
        .fallback(|| async { (axum::http::StatusCode::NOT_FOUND, "nothing here") })
        .layer(ServerLayer::http(registry).unwrap())
}

/// Every path, method, id and header is new.
async fn routes(server: Router, n: u64) {
    let ask = async |method: &str, path: String, i: u64| {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", format!("host-{i}"))
            .header("user-agent", format!("agent-{i}"))
            .header("x-request-id", format!("request-{i}"))
            .header("traceparent", format!("00-{:032x}-{:016x}-01", i + 1, i + 1))
            .header("tracestate", format!("made{i}=up"))
            .header("baggage", format!("made{i}=up"))
            .body(Body::empty());
        let response = server.clone().oneshot(request.unwrap()).await.unwrap();
        to_bytes(response.into_body(), 1 << 20).await.unwrap();
    };
    for i in 0..OWN_ROUTES {
        ask("GET", format!("/own{i}/{i}"), i).await;
    }
    for i in 0..n {
        match i % 3 {
            0 => ask("GET", format!("/made-up/{i}"), i).await,
            1 => ask("GET", format!("/own0/{i}"), i).await,
            _ => ask(&format!("MADE-UP-{i}"), format!("/made-up-{i}/{i}"), i).await,
        }
    }
}
