//! Attributes that there are not.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "Bad-Prefix")]
struct M {
    /// Jobs.
    #[metric(label = "x")]
    jobs: Gauge,
}

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct N {
    /// Jobs.
    #[metric(label = "x")]
    jobs: Gauge,
}

fn main() {}
