//! Two fields with one name.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct M {
    /// Calls.
    calls_total: Counter,
    /// Calls.
    #[metric(name = "calls_total")]
    other: Counter,
}

fn main() {}
