//! As many spans as two threads can make: memory stays bounded, and every span is delivered or counted as dropped.
//!
//! `WATCHROOM_SOAK_SECONDS=60` makes it a minute, with `--release --nocapture` for figures.

use std::time::Duration;

use watchroom::Clock;
use watchroom_core::Signal;

use crate::collector::Collector;
use crate::scene::Scene;
use crate::scenes::{account, init, square, tell};

const SECONDS: &str = "WATCHROOM_SOAK_SECONDS";

/// Most memory that the process may have had at any time: the program, its queues, and the batches on their way.
const PEAK_MAX: u64 = 64 << 20;

#[test]
fn a_flood_of_spans_is_accounted_for_to_the_unit_in_bounded_memory() {
    let collector = Collector::quick();
    let env = [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()),
        ("WATCHROOM_LOG_SPAN_EVENTS", "none"),
    ];
    let ended = Scene::start("soak", &env).drained().end();
    assert!(ended.status.success(), "{ended:?}");
    let told = ended.told();
    println!("{told}");
    let (accepted, delivered) = square(&told["spans"]);
    assert_eq!(told["made"], accepted);
    assert_eq!(collector.n_spans(), delivered);
    assert!(delivered > 0, "some get through even so");
    let peak = told["peak_bytes"].as_u64().unwrap();
    assert!(peak < PEAK_MAX, "{peak} bytes at the peak");
}

/// Most memory that this process has had.
pub(crate) fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

pub(crate) fn play(scene: &str) -> bool {
    if scene == "soak" {
        soak();
    }
    scene == "soak"
}

fn soak() {
    let seconds = std::env::var(SECONDS).map_or(5, |text| text.parse().unwrap());
    let telemetry = init();
    let clock = Clock::system();
    let begin = clock.now();
    let end = begin.after(Duration::from_secs(seconds));
    let flood = |worker: u64| {
        let clock = clock.clone();
        std::thread::spawn(move || {
            let mut made = 0_u64;
            while clock.now() < end {
                for i in 0..1_000 {
                    tracing::info_span!("flood", worker, i, route = "/orders/{id}").in_scope(|| ());
                }
                made += 1_000;
            }
            made
        })
    };
    let made: u64 = [flood(0), flood(1)]
        .map(|thread| thread.join().unwrap())
        .iter()
        .sum();
    let taken = clock.now().since(begin);
    let report = telemetry.shutdown(Duration::from_secs(20));
    assert!(report.complete, "{report}");
    tell(&serde_json::json!({
        "made": made,
        "per_second": made as f64 / taken.as_secs_f64(),
        "spans": account(Signal::Spans),
        "peak_bytes": peak_bytes(),
    }));
}
