//! Suffixes of histograms are kept.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct M {
    /// Jobs.
    job_count: Gauge,
    /// Calls.
    #[metric(name = "Calls-made_total")]
    calls: Counter,
}

fn main() {}
