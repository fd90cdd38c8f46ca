//! The processes under load, and what they have for telemetry.
//!
//! A child says its address on stderr and works until its stdin ends; then it says what it has dropped. Its stdout is where log lines go.

use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use watchroom::prelude::*;
use watchroom::{Protocol, SpanLines};
use watchroom_core::Signal;

use crate::usual;
use crate::work::{self, Instruments};

pub(crate) const ROUTE: &str = "/orders/{id}";
const PATIENCE: Duration = Duration::from_secs(5);

/// What a server has for telemetry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arm {
    /// Nothing: the macros of `tracing` find no subscriber.
    Bare,
    /// The façade with its defaults, and every signal sent.
    Watchroom,
    /// The façade, cut down to what the usual stack does.
    WatchroomAsUsual,
    /// `tracing-opentelemetry`, `tracing-subscriber` JSON, `prometheus`.
    Usual,
}

impl Arm {
    pub(crate) const ALL: [Self; 4] = [Self::Bare, Self::Watchroom, Self::WatchroomAsUsual, Self::Usual];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Watchroom => "watchroom",
            Self::WatchroomAsUsual => "watchroom-as-usual",
            Self::Usual => "usual",
        }
    }

    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Bare => "no telemetry",
            Self::Watchroom => {
                "watchroom, all signals: spans, logs and metrics by OTLP, lines for messages and closed spans"
            }
            Self::WatchroomAsUsual => {
                "watchroom, what the usual stack does: spans by OTLP, lines for messages"
            }
            Self::Usual => "the usual stack: spans by OTLP, lines for messages",
        }
    }
}

/// Whether this process is a child, and then has done its work.
pub(crate) fn is_child(role: &str, args: &[String]) -> bool {
    match (role, args) {
        ("collector", []) => collect(),
        ("serve", [name, n_steps, collector]) => {
            let arm = Arm::ALL.into_iter().find(|arm| arm.name() == name).unwrap();
            serve(arm, n_steps.parse().unwrap(), collector);
        }
        _ => return false,
    }
    true
}

fn collect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    announce(listener.local_addr().unwrap());
    std::thread::spawn(move || watchroom_bench::forget(&listener));
    wait_for_end();
    eprintln!("dropped 0 of 0");
}

#[derive(Metrics)]
#[metrics(prefix = "shop")]
struct Ours {
    /// Looks into the cache.
    cache_total: Counter<Hit>,
    /// Queries.
    queries_total: Counter<Hit>,
    /// Time of queries.
    #[metric(unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10])]
    query_duration: Histogram<Hit>,
}

#[derive(Label, Clone, Copy)]
enum Hit {
    Yes,
    No,
}

impl Instruments for Ours {
    fn cache(&self) {
        self.cache_total.inc(Hit::No);
    }

    fn query(&self, seconds: f64) {
        self.queries_total.inc(Hit::Yes);
        self.query_duration.observe(Hit::Yes, seconds);
    }
}

fn serve(arm: Arm, n_steps: u64, collector: &str) {
    match arm {
        Arm::Bare => run(router((), n_steps), || (0, 0)),
        Arm::Watchroom | Arm::WatchroomAsUsual => {
            let mut config = Config::for_service("bench")
                .otlp_endpoint(collector, Protocol::HttpProtobuf)
                .admin_listen(([127, 0, 0, 1], 0));
            // The default is a minute, which would be longer than a run.
            config.metrics.interval = Duration::from_secs(5);
            if arm == Arm::WatchroomAsUsual {
                config.log.otlp = false;
                config.log.span_lines = SpanLines::NONE;
            }
            let telemetry = watchroom::init(config).unwrap();
            let ours = Ours::register(telemetry.metrics()).unwrap();
            let layer = watchroom_http::ServerLayer::http(telemetry.metrics()).unwrap();
            run(router(ours, n_steps).layer(layer), move || {
                telemetry.shutdown(PATIENCE);
                let signals = [Signal::Spans, Signal::Logs, Signal::Lines];
                let ledger = watchroom::ledger();
                let dropped = signals.map(|signal| ledger.dropped_total(signal));
                let accepted = signals.map(|signal| ledger.accepted(signal));
                (dropped.iter().sum(), accepted.iter().sum())
            });
        }
        Arm::Usual => {
            let stack = usual::Stack::new(collector);
            let router = stack.layered(router(stack.instruments(), n_steps));
            run(router, move || stack.end());
        }
    }
}

fn router<I: Instruments>(instruments: I, n_steps: u64) -> Router {
    let handler = move |State(instruments): State<Arc<I>>, Path(order): Path<u64>| async move {
        work::handle(&*instruments, order, n_steps)
    };
    Router::new()
        .route(ROUTE, get(handler))
        .with_state(Arc::new(instruments))
}

/// Serves until stdin ends; then `end` says how many spans, records and lines were dropped, and of how many.
fn run(router: Router, end: impl FnOnce() -> (u64, u64)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    announce(listener.local_addr().unwrap());
    runtime.spawn(async { axum::serve(listener, router).await });
    wait_for_end();
    drop(runtime);
    let (dropped, accepted) = end();
    eprintln!("dropped {dropped} of {accepted}");
}

fn announce(address: SocketAddr) {
    eprintln!("listens on {address}");
}

fn wait_for_end() {
    let _ = std::io::stdin().read(&mut [0; 1]);
}
