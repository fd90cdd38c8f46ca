//! Series of closed labels are bounded by their types.

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Label, Metrics, Reservoir};

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Method {
    Get,
}

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct M {
    /// Stays.
    #[metric(expire = "10m")]
    a_total: Counter<Method>,
    /// Beyond one.
    #[metric(quantiles = [0.5, 1.5])]
    b: Reservoir<Method>,
}

fn main() {}
