//! One program, traced through watchroom and through the stock OpenTelemetry stack into one receiver: the spans are equal.
//!
//! Equal: names, parents, kinds, status, attributes, events. Two differences are meant and are normalized here: the stock stack
//! sends `u64` values as text, we as integers; and what depends on the run (ids, times, thread ids) is compared by presence.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may say why"
)]

mod receiver;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol as StockProtocol, SpanExporter as StockExporter, WithExportConfig as _};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::trace::SdkTracerProvider;
use receiver::Receiver;
use tracing::{
    Instrument as _, debug, debug_span, error, field, info, info_span, instrument, warn, warn_span,
};
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::{Capture, SpanAttributes};
use watchroom_core::{Clock, Ledger, Resource};
use watchroom_otlp::{Endpoint, OtlpConfig, OtlpExporter, Protocol, SignalConfig};

#[derive(Debug, thiserror::Error)]
#[error("outer failed")]
struct Outer(#[source] Inner);

#[derive(Debug, thiserror::Error)]
#[error("inner failed")]
struct Inner;

#[derive(Debug)]
struct Order {
    id: u32,
    lines: Vec<&'static str>,
}

#[instrument(skip_all, fields(order.id = order.id))]
async fn handle(order: Order) -> Result<u32, Outer> {
    info!(lines = ?order.lines, "handling");
    tokio::task::yield_now().await;
    store(&order)
        .instrument(debug_span!("store", table = "orders", rows = field::Empty))
        .await
}

async fn store(order: &Order) -> Result<u32, Outer> {
    tracing::Span::current().record("rows", order.lines.len());
    debug!(rows = order.lines.len() as i64, "stored");
    if order.lines.is_empty() {
        let error = Outer(Inner);
        error!(error = &error as &dyn std::error::Error, "cannot store");
        return Err(error);
    }
    Ok(order.id)
}

/// Uses what `tracing` offers, and the `otel.*` fields.
fn program() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let span = info_span!(
            "request",
            otel.name = "POST /orders",
            otel.kind = "server",
            otel.status_code = field::Empty,
            otel.status_description = field::Empty,
            http.route = "/orders",
            http.request.body.size = 17_u64,
            ratio = 0.25,
            cached = false,
            negative = -3,
        );
        async {
            let good = handle(Order {
                id: 1,
                lines: vec!["a", "b"],
            })
            .await;
            warn!(?good, "half way");
            let bad = handle(Order { id: 2, lines: vec![] }).await;
            if bad.is_err() {
                tracing::Span::current().record("otel.status_code", "ERROR");
                tracing::Span::current().record("otel.status_description", "an order was empty");
            }
        }
        .instrument(span)
        .await;
    });
    // A thread that takes its span along, a sibling, a detached root, one of each other kind.
    let root = warn_span!("root", text = %"display", debug = ?Some("x"));
    root.in_scope(|| {
        let parent = tracing::Span::current();
        let subscriber = tracing::dispatcher::get_default(Clone::clone);
        std::thread::spawn(move || {
            let _here = tracing::dispatcher::set_default(&subscriber);
            info_span!(parent: &parent, "thread", otel.kind = "producer").in_scope(|| info!("in a thread"));
        })
        .join()
        .unwrap();
        info_span!(parent: None, "detached", otel.kind = "consumer").in_scope(|| {});
        info_span!("client", otel.kind = "client", otel.status_code = "OK").in_scope(|| {});
        let follower = info_span!("follower");
        follower.follows_from(&root);
        follower.in_scope(|| info!(answer = 42_i64, yes = true, pi = 3.5, "fields of each kind"));
    });
    // Entered twice, closed once.
    let twice = info_span!("twice");
    twice.in_scope(|| {});
    twice.in_scope(|| {});
}

fn through_watchroom(endpoint: &str, protocol: Protocol) {
    let ledger = Arc::new(Ledger::default());
    let config = OtlpConfig {
        traces: Some(SignalConfig::new(Endpoint::base(endpoint), protocol)),
        span_attributes: SpanAttributes::STOCK,
        ..OtlpConfig::default()
    };
    let exporter = OtlpExporter::start(
        config,
        &Resource::new("ours"),
        Arc::clone(&ledger),
        Clock::system(),
        None,
    )
    .unwrap();
    let (layer, _handle) = Capture::builder()
        .ledger(ledger)
        .attributes(SpanAttributes::STOCK)
        .exporter(exporter.span_exporter().unwrap())
        .build();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), program);
    let report = exporter.shutdown(Duration::from_secs(20));
    assert!(report.is_complete(), "{report:?}");
}

fn through_the_stock_stack(endpoint: &str, protocol: StockProtocol) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let provider = {
        let _inside = runtime.enter();
        let exporter = match protocol {
            StockProtocol::Grpc => StockExporter::builder()
                .with_tonic()
                .with_endpoint(endpoint)
                .build(),
            _ => StockExporter::builder()
                .with_http()
                .with_endpoint(format!("{endpoint}/v1/traces"))
                .build(),
        };
        let resource = opentelemetry_sdk::Resource::builder()
            .with_service_name("stock")
            .build();
        SdkTracerProvider::builder()
            .with_batch_exporter(exporter.unwrap())
            .with_resource(resource)
            .build()
    };
    let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("oracle"));
    let filter = tracing_subscriber::filter::LevelFilter::DEBUG;
    let subscriber = tracing_subscriber::registry().with(filter).with(layer);
    tracing::subscriber::with_default(subscriber, program);
    provider.shutdown().unwrap();
}

/// A span as it must look through either stack.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    name: String,
    parent: Option<String>,
    kind: i32,
    status: (i32, String),
    attributes: BTreeMap<String, String>,
    events: Vec<(String, BTreeMap<String, String>)>,
    n_links: usize,
}

/// Differ from run to run.
const VOLATILE: [&str; 4] = ["thread.id", "busy_ns", "idle_ns", "thread.name"];

fn text(value: Option<&AnyValue>) -> String {
    match value.and_then(|v| v.value.as_ref()) {
        Some(any_value::Value::StringValue(text)) => text.clone(),
        Some(any_value::Value::IntValue(n)) => n.to_string(),
        Some(any_value::Value::DoubleValue(n)) => n.to_string(),
        Some(any_value::Value::BoolValue(b)) => b.to_string(),
        Some(any_value::Value::ArrayValue(items)) => {
            let items: Vec<String> = items.values.iter().map(|item| text(Some(item))).collect();
            items.join(", ")
        }
        other => format!("{other:?}"),
    }
}

fn attributes(pairs: &[KeyValue]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .map(|pair| {
            let value = if VOLATILE.contains(&pair.key.as_str()) {
                "…".to_owned()
            } else {
                text(pair.value.as_ref())
            };
            (pair.key.clone(), value)
        })
        .collect()
}

fn seen(spans: &[Span]) -> Vec<Seen> {
    let name_of = |id: &[u8]| {
        spans
            .iter()
            .find(|span| span.span_id == id)
            .map(|span| span.name.clone())
    };
    let mut seen: Vec<Seen> = spans
        .iter()
        .map(|span| Seen {
            name: span.name.clone(),
            parent: name_of(&span.parent_span_id),
            kind: span.kind,
            status: span
                .status
                .as_ref()
                .map(|s| (s.code, s.message.clone()))
                .unwrap_or_default(),
            attributes: attributes(&span.attributes),
            events: span
                .events
                .iter()
                .map(|event| (event.name.clone(), attributes(&event.attributes)))
                .collect(),
            n_links: span.links.len(),
        })
        .collect();
    seen.sort();
    seen
}

#[track_caller]
fn compare(ours: &[Span], stock: &[Span]) {
    let (ours, stock) = (seen(ours), seen(stock));
    let names = |spans: &[Seen]| spans.iter().map(|span| span.name.clone()).collect::<Vec<_>>();
    assert_eq!(names(&ours), names(&stock));
    assert!(
        ours.len() >= 11,
        "the program makes more spans than {}",
        ours.len()
    );
    for (ours, stock) in ours.iter().zip(&stock) {
        assert_eq!(ours, stock);
    }
}

#[test]
fn spans_are_equal_over_grpc() {
    let receiver = Receiver::start();
    through_watchroom(&receiver.grpc_url(), Protocol::Grpc);
    through_the_stock_stack(&receiver.grpc_url(), StockProtocol::Grpc);
    compare(&receiver.spans_of("ours"), &receiver.spans_of("stock"));
}

#[test]
fn spans_are_equal_over_http() {
    let receiver = Receiver::start();
    through_watchroom(&receiver.http_url(), Protocol::HttpProtobuf);
    through_the_stock_stack(&receiver.http_url(), StockProtocol::HttpBinary);
    compare(&receiver.spans_of("ours"), &receiver.spans_of("stock"));
}
