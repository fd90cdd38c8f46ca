//! The doc comment is the help.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct M {
    jobs: Gauge,
}

fn main() {}
