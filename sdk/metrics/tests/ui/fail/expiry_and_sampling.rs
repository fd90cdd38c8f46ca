//! What does not expire, and what is not sampled, does not say so.

use watchroom_metrics as metrics;
use watchroom_metrics::{Counter, Histogram, Label, Metrics, SampledCounter};

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Method {
    Get,
}

#[derive(Label)]
#[label(crate = metrics, limit = 5)]
struct Route;

#[derive(Metrics)]
#[metrics(crate = metrics)]
struct M {
    /// No duration.
    #[metric(expire = "10 minutes")]
    a_total: Counter<Route>,
    /// Does not say one in how many.
    b_total: SampledCounter<Method>,
    /// Records all.
    #[metric(buckets = [1.0], one_in = 8)]
    c: Histogram<Method>,
    /// Has no quantiles.
    #[metric(buckets = [1.0], quantiles = [0.5])]
    d: Histogram<Method>,
    /// None of none.
    #[metric(one_in = 0)]
    e_total: SampledCounter<Method>,
}

fn main() {}
