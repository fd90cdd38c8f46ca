//! A recording takes the labels that were declared.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Method {
    Get,
}

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct M {
    /// Calls.
    calls_total: Counter<Method>,
}

fn record(m: &M) {
    m.calls_total.inc("get");
}

fn main() {}
