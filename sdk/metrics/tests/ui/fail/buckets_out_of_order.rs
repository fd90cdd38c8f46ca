//! Bounds increase, in literals and in constants.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

const BOUNDS: [f64; 2] = [2.0, 1.0];

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct M {
    /// Time.
    #[metric(buckets = [1, 5, 3])]
    time: Histogram,
}

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct N {
    /// Time.
    #[metric(buckets = BOUNDS)]
    time: Histogram,
}

fn main() {}
