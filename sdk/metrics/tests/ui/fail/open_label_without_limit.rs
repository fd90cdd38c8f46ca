//! An open set declares its limit.

#![allow(unused_imports, reason = "each case needs some of them")]

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Gauge, Histogram, Info, Label, Metrics};

#[derive(Label)]
#[label(crate = metrics)]
struct Route(String);

fn main() {}
