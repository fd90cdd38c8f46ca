//! Units are base units.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct M {
    /// Latency.
    #[metric(unit = "milliseconds", buckets = [1])]
    latency: Histogram,
    /// Wait.
    wait_ms: Gauge,
}

fn main() {}
