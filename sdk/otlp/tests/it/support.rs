//! Receivers, records and settings for the tests.

#[path = "support/collector.rs"]
pub(crate) mod collector;
#[path = "support/expected.rs"]
pub(crate) mod expected;
#[path = "support/records.rs"]
pub(crate) mod records;

use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchroom_core::{Clock, Ledger, Resource};
use watchroom_metrics::snapshot::{Bounds, Family, HistogramValue, Value};
use watchroom_metrics::{Kind, Snapshot};
use watchroom_otlp::{
    Endpoint, MetricsReader, OtlpConfig, OtlpExporter, PROBLEM_TARGET, Problem, Protocol, RetryConfig,
    SignalConfig,
};

/// Longer than anything takes that works.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// An exporter with all that a test wants to look at.
pub(crate) struct Rig {
    pub(crate) exporter: OtlpExporter,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) problems: Arc<Mutex<Vec<Problem>>>,
}

pub(crate) fn signal(address: &str, protocol: Protocol) -> SignalConfig {
    SignalConfig::new(Endpoint::base(address), protocol)
}

/// Settings under which nothing is sent but by a full batch or a flush, and retries come fast.
pub(crate) fn config() -> OtlpConfig {
    OtlpConfig {
        trace_delay: Duration::from_secs(3_600),
        log_delay: Duration::from_secs(3_600),
        metric_interval: Duration::from_secs(3_600),
        retry: RetryConfig {
            initial: Duration::from_millis(2),
            max: Duration::from_millis(20),
            max_elapsed: LONG,
            ..RetryConfig::default()
        },
        ..OtlpConfig::default()
    }
}

pub(crate) fn spans_to(address: &str, protocol: Protocol) -> OtlpConfig {
    OtlpConfig {
        traces: Some(signal(address, protocol)),
        ..config()
    }
}

/// Set in a process that a test has started to play a part in it.
const CHILD: &str = "WATCHROOM_OTLP_TEST_CHILD";

/// Whether this process plays a part in a test.
pub(crate) fn is_child() -> bool {
    std::env::var_os(CHILD).is_some()
}

/// This program once more, running one test, which finds that it [is the child](is_child).
pub(crate) fn child(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, "1");
    command
}

pub(crate) fn resource() -> Resource {
    Resource::new("shop")
        .with("process.pid", "4711")
        .with("team", "näh")
}

/// Reads a registry that holds nothing.
pub(crate) struct NoMetrics;

impl MetricsReader for NoMetrics {
    fn collect(&self) -> Snapshot {
        Snapshot::default()
    }
}

pub(crate) fn start(config: OtlpConfig) -> Rig {
    start_with(config, Arc::new(NoMetrics))
}

pub(crate) fn start_with(config: OtlpConfig, metrics: Arc<dyn MetricsReader>) -> Rig {
    start_at(config, metrics, Clock::system())
}

pub(crate) fn start_at(mut config: OtlpConfig, metrics: Arc<dyn MetricsReader>, clock: Clock) -> Rig {
    let problems: Arc<Mutex<Vec<Problem>>> = Arc::default();
    let ledger: Arc<Ledger> = Arc::default();
    let seen = Arc::clone(&problems);
    config.problem_interval = Duration::ZERO;
    config.on_problem = Some(Arc::new(move |problem| {
        tracing::warn!(target: PROBLEM_TARGET, "{problem}");
        seen.lock().unwrap().push(problem.clone());
    }));
    let exporter =
        OtlpExporter::start(config, &resource(), Arc::clone(&ledger), clock, Some(metrics)).unwrap();
    Rig {
        exporter,
        ledger,
        problems,
    }
}

/// Gives the same snapshot each time.
pub(crate) struct Fixed(pub(crate) Snapshot);

impl MetricsReader for Fixed {
    fn collect(&self) -> Snapshot {
        self.0.clone()
    }
}

pub(crate) fn metrics_of_every_kind() -> Fixed {
    let histogram = HistogramValue {
        bounds: Arc::new(Bounds::new(&[0.5, 2.0])),
        counts: [1, 2, 3].into(),
        sum: 12.5,
        count: 6,
    };
    let mut requests = Family::new("shop_requests_total", Kind::Counter, "Requests served");
    requests.push(&[("method", "get")], Value::U64(3), 11);
    requests.push(&[("method", "put")], Value::U64(u64::MAX), 12);
    let heat = Family::new("shop_heat_celsius", Kind::Gauge, "Heat").with_unit("celsius");
    let duration = Family::new("shop_duration_seconds", Kind::Histogram, "Time").with_unit("seconds");
    let families = vec![
        requests,
        Family::new("shop_active", Kind::UpDownCounter, "Under way").with(&[], Value::I64(-2)),
        heat.with(&[], Value::F64(-0.5)),
        Family::new("shop_build_info", Kind::Info, "Build").with(&[("version", "1.2")], Value::U64(1)),
        duration.with(&[], Value::Histogram(Box::new(histogram))),
        Family::new("shop_empty", Kind::Gauge, "Nothing"),
    ];
    Fixed(Snapshot {
        time_unix_ns: 1_700_000_000_000_000_000,
        families,
    })
}

impl Rig {
    pub(crate) fn export_spans(&self, n: u64) {
        self.export_numbers(0..n);
    }

    pub(crate) fn export_numbers(&self, numbers: impl IntoIterator<Item = u64>) {
        let exporter = self.exporter.span_exporter().unwrap();
        for i in numbers {
            exporter.export(Box::new(records::span(i)));
        }
    }

    /// The ledger's equation holds for a signal that is at rest.
    #[track_caller]
    pub(crate) fn check_ledger(&self, signal: watchroom_core::Signal) {
        let ledger = &self.ledger;
        assert_eq!(
            ledger.accepted(signal),
            ledger.delivered(signal)
                + ledger.dropped_total(signal)
                + ledger.queued(signal)
                + ledger.spooled(signal),
            "{signal:?}"
        );
    }
}
