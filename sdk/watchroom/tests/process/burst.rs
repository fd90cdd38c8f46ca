//! SIGTERM in the middle of a burst: what was accepted is delivered within the timeout, or counted by reason.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use watchroom_core::Signal;

use crate::collector::Collector;
use crate::scene::Scene;
use crate::scenes::{account, init, square, tell};

/// Starts a burst and sends SIGTERM once spans and log records of it have come in.
fn interrupted(name: &str) -> (Collector, crate::scene::Ended) {
    let collector = Collector::start();
    let env = [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()),
        ("WATCHROOM_SHUTDOWN_TIMEOUT", "20000"),
    ];
    let scene = Scene::start(name, &env).drained();
    while collector.n_spans() < 2_000 || collector.n_logs() < 2_000 {
        std::thread::park_timeout(Duration::from_millis(5));
    }
    scene.scene.signal("TERM");
    let ended = scene.end();
    (collector, ended)
}

fn n_lines(out: &str) -> usize {
    out.lines().filter(|line| line.contains("\"message\":")).count()
}

#[test]
fn a_program_that_listens_accounts_for_every_span_record_and_line_of_the_burst() {
    let (collector, ended) = interrupted("burst");
    assert!(ended.status.success(), "{ended:?}");
    let told = ended.told();
    let (accepted, delivered) = square(&told["spans"]);
    assert_eq!(
        told["made"], accepted,
        "every span that was made was accepted: {told}"
    );
    assert_eq!(collector.n_spans(), delivered, "{told}");
    let (_, delivered) = square(&told["logs"]);
    assert_eq!(collector.n_logs(), delivered, "{told}");
    let (_, delivered) = square(&told["lines"]);
    assert_eq!(n_lines(&ended.out), delivered, "{told}");
}

#[test]
fn a_program_that_does_not_listen_ends_by_the_signal_with_its_losses_told() {
    let (collector, ended) = interrupted("burst_unheard");
    assert_eq!(ended.signal(), Some(15));
    let report = ended
        .err
        .lines()
        .find(|line| line.contains("telemetry ended by a signal"))
        .unwrap_or_else(|| {
            panic!(
                "a burst that goes on loses what comes after the end, and says so: {}",
                ended.err
            )
        });
    let spans = format!("; spans: {} of ", collector.n_spans());
    let logs = format!("; logs: {} of ", collector.n_logs());
    let lines = format!("; lines: {} of ", n_lines(&ended.out));
    for wanted in [spans, logs, lines] {
        assert!(report.contains(&wanted), "{wanted} in {report}");
    }
}

pub(crate) fn play(scene: &str) -> bool {
    match scene {
        "burst" => burst(),
        "burst_unheard" => burst_unheard(),
        _ => return false,
    }
    true
}

/// Four threads that make spans and lines until they are told to stop.
struct Burst {
    made: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Burst {
    fn start() -> Self {
        let (made, stop) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let threads = (0..4).map(|worker| {
            let (made, stop) = (Arc::clone(&made), Arc::clone(&stop));
            std::thread::spawn(move || {
                for i in 0_u64.. {
                    if stop.load(Relaxed) {
                        break;
                    }
                    tracing::info_span!("work", worker, i)
                        .in_scope(|| tracing::info!(worker, i, "in a burst"));
                    made.fetch_add(1, Relaxed);
                }
            })
        });
        let threads = threads.collect();
        Self { made, stop, threads }
    }

    fn end(self) -> u64 {
        self.stop.store(true, Relaxed);
        self.threads.into_iter().for_each(|thread| thread.join().unwrap());
        self.made.load(Relaxed)
    }
}

fn burst() {
    let telemetry = init();
    let burst = Burst::start();
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(telemetry.stopped());
    // The burst goes on while telemetry ends.
    let report = telemetry.shutdown(Duration::from_secs(20));
    let made = burst.end();
    assert!(report.complete || report.dropped() > 0, "{report}");
    tell(&serde_json::json!({
        "made": made,
        "spans": account(Signal::Spans),
        "logs": account(Signal::Logs),
        "lines": account(Signal::Lines),
    }));
}

fn burst_unheard() {
    let _telemetry = init();
    let _burst = Burst::start();
    loop {
        std::thread::park();
    }
}
