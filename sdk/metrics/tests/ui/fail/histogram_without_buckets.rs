//! A histogram declares its buckets.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct M {
    /// Time.
    time: Histogram,
    /// Jobs.
    #[metric(buckets = [1, 2])]
    jobs: Gauge,
}

fn main() {}
