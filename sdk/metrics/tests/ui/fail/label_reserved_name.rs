//! Names that histograms and servers keep.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Label)]
#[label(crate = metrics, name = "le")]
enum Bound {
    A,
}

#[derive(Label)]
#[label(crate = metrics, name = "Status-Code")]
enum Status {
    #[label(value = "ok")]
    A,
}

#[derive(Label)]
#[label(crate = metrics)]
enum Twice {
    #[label(value = "ok")]
    A,
    Ok,
}

fn main() {}
