//! Functions of counters and gauges over a range: `rate`, `increase`, `delta`, `irate`, `idelta`, `changes`, `resets`.

use super::Kind::Window as Over;
use super::{Function, function};
use crate::promql::WindowBounds;
use crate::promql::engine::Window;

pub(super) const FUNCTIONS: &[Function] = &[
    function("rate", Over(rate)),
    function("increase", Over(increase)),
    function("delta", Over(delta)),
    function("irate", Over(irate)),
    function("idelta", Over(idelta)),
    function("changes", Over(changes)),
    function("resets", Over(resets)),
];

fn rate(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, true).map(|increase| increase / window.seconds())
}

fn increase(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, true)
}

fn delta(window: &Window<'_>) -> Option<f64> {
    extrapolated(window, false)
}

/// The change over the window, as if the samples reached its edges.
///
/// The series is taken to go on for half the mean distance of its samples beyond the outermost ones, or to the edge if that
/// is about one distance away; a counter is not taken below zero.
///
/// Source: Prometheus `extrapolatedRate`.
fn extrapolated(window: &Window<'_>, counter: bool) -> Option<f64> {
    if window.samples.len() < 2 {
        return None;
    }
    let (first, last) = (window.first(), window.last());
    let mut change = last.value - first.value;
    if counter {
        let mut before = first.value;
        for value in window.values().skip(1) {
            if value < before {
                change += before;
            }
            before = value;
        }
    }
    let sampled = (last.t_ms - first.t_ms) as f64 / 1000.0;
    let distance = sampled / (window.samples.len() - 1) as f64;
    let far = distance * 1.1;
    let mut to_start = (first.t_ms - window.start_ms) as f64 / 1000.0;
    let mut to_end = (window.end_ms - last.t_ms) as f64 / 1000.0;
    // Prometheus 2 looks for the zero of a counter before it cuts the distance, Prometheus 3 after.
    let zero_last = window.bounds == WindowBounds::LeftOpen;
    if zero_last && to_start >= far {
        to_start = distance / 2.0;
    }
    if counter && change > 0.0 && first.value >= 0.0 {
        to_start = to_start.min(sampled * (first.value / change));
    }
    if !zero_last && to_start >= far {
        to_start = distance / 2.0;
    }
    if to_end >= far {
        to_end = distance / 2.0;
    }
    Some(change * ((sampled + to_start + to_end) / sampled))
}

fn irate(window: &Window<'_>) -> Option<f64> {
    let [.., before, last] = window.samples else {
        return None;
    };
    let seconds = (last.t_ms - before.t_ms) as f64 / 1000.0;
    let change = if last.value < before.value {
        last.value
    } else {
        last.value - before.value
    };
    (seconds > 0.0).then(|| change / seconds)
}

fn idelta(window: &Window<'_>) -> Option<f64> {
    let [.., before, last] = window.samples else {
        return None;
    };
    Some(last.value - before.value)
}

fn changes(window: &Window<'_>) -> Option<f64> {
    let changed = |a: f64, b: f64| a != b && !(a.is_nan() && b.is_nan());
    Some(
        window
            .samples
            .windows(2)
            .filter(|pair| changed(pair[0].value, pair[1].value))
            .count() as f64,
    )
}

fn resets(window: &Window<'_>) -> Option<f64> {
    Some(
        window
            .samples
            .windows(2)
            .filter(|pair| pair[1].value < pair[0].value)
            .count() as f64,
    )
}
