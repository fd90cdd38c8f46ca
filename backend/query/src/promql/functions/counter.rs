//! Functions of counters and gauges over a range: `rate`, `increase`, `delta`, `irate`, `idelta`, `changes`, `resets`.

use super::Kind::MixedWindow;
use super::{Function, arg_at, function, native};
use crate::promql::WindowBounds;
use crate::promql::ast::Call;
use crate::promql::engine::{Engine, Window};
use crate::promql::rows::{Rows, is_number};

pub(super) const FUNCTIONS: &[Function] = &[
    function("rate", MixedWindow(rate, native::rate)),
    function("increase", MixedWindow(increase, native::increase)),
    function("delta", MixedWindow(delta, native::delta)),
    function("irate", MixedWindow(irate, native::irate)),
    function("idelta", MixedWindow(idelta, native::idelta)),
    function("changes", MixedWindow(changes, native::changes)),
    function("resets", MixedWindow(resets, native::resets)),
];

/// Ends of names by which counters are known.
const COUNTER_SUFFIXES: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];

/// Remarks on the rate of what is probably not a counter.
pub(super) fn check_name(engine: &Engine<'_>, call: &Call, rows: &Rows) {
    if !["rate", "increase", "irate"].contains(&call.function.name) {
        return;
    }
    let mut checked = "";
    for (i, labels) in rows.labels.iter().enumerate() {
        let name = labels.metric_name();
        if name == checked || COUNTER_SUFFIXES.iter().any(|suffix| name.ends_with(suffix)) {
            continue;
        }
        if rows.row(i).iter().any(|cell| is_number(*cell)) {
            checked = name;
            let message = "metric might not be a counter, name does not end in _total/_sum/_count/_bucket";
            engine.info(arg_at(call, 0), format!("{message}: {name:?}"));
        }
    }
}

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
    let zero = (counter && change > 0.0 && first.value >= 0.0).then(|| first.value / change);
    Some(change * reach(window, zero))
}

/// How many times longer the window is taken to be than what its samples cover. A counter was zero `zero` times that before the first.
pub(super) fn reach(window: &Window<'_>, zero: Option<f64>) -> f64 {
    let (first, last) = (window.first(), window.last());
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
    if let Some(zero) = zero {
        to_start = to_start.min(sampled * zero);
    }
    if !zero_last && to_start >= far {
        to_start = distance / 2.0;
    }
    if to_end >= far {
        to_end = distance / 2.0;
    }
    (sampled + to_start + to_end) / sampled
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
