//! Values of a closed set carry no data.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Label)]
#[label(crate = metrics)]
enum Route {
    Known,
    Other(String),
}

fn main() {}
