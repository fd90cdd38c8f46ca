//! What instruments do beyond the fast path: labels named at run time, expiry, reservoirs, sampling, delivery.
#![expect(
    clippy::unwrap_used,
    reason = "what fails in a helper fails the test that calls it"
)]

mod dynamic;
mod expiry;
mod ready_made;
mod reservoir;

use watchroom_metrics::snapshot::Value;
use watchroom_metrics::{Registry, Snapshot, expose};

/// The value of a series.
#[track_caller]
fn value(registry: &Registry, name: &str, labels: &[(&str, &str)]) -> f64 {
    of(&registry.collect(), name, labels).as_f64()
}

#[track_caller]
fn of(snapshot: &Snapshot, name: &str, labels: &[(&str, &str)]) -> Value {
    let family = snapshot.get(name).unwrap_or_else(|| panic!("no family {name}"));
    let series = family
        .get(labels)
        .unwrap_or_else(|| panic!("no series {labels:?} in {family:?}"));
    series.value().clone()
}

/// The lines of a metric in a format, its comments included.
fn lines(snapshot: &Snapshot, metric: &str, format: expose::Format) -> String {
    let mut out = String::new();
    expose::write(format, snapshot, &mut out);
    let own = |line: &&str| {
        let line = line.trim_start_matches("# HELP ").trim_start_matches("# TYPE ");
        line.trim_start_matches("# UNIT ").starts_with(metric)
    };
    out.lines().filter(own).map(|line| format!("{line}\n")).collect()
}
