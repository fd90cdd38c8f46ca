//! A counter whose name does not end as it should.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "app")]
struct M {
    /// Calls.
    calls: Counter,
}

fn main() {}
