//! Functions over a range with native histograms.
//!
//! Source: Prometheus `histogramRate`, `instantValue` and the documentation of native histograms.

use std::sync::Arc;

use watchroom_model::{NativeHistogram, ResetHint, Sample};

use crate::promql::engine::{Engine, Window};
use crate::promql::functions::counter::reach;
use crate::promql::{EvalError, WindowBounds};

type Given = Result<Option<f64>, EvalError>;

pub(crate) fn rate(engine: &Engine<'_>, window: &Window<'_>) -> Given {
    extrapolated(engine, window, true, Some(window.seconds()))
}

pub(crate) fn increase(engine: &Engine<'_>, window: &Window<'_>) -> Given {
    extrapolated(engine, window, true, None)
}

pub(crate) fn delta(engine: &Engine<'_>, window: &Window<'_>) -> Given {
    extrapolated(engine, window, false, None)
}

pub(crate) fn irate(engine: &Engine<'_>, window: &Window<'_>) -> Given {
    between_last_two(engine, window, true)
}

pub(crate) fn idelta(engine: &Engine<'_>, window: &Window<'_>) -> Given {
    between_last_two(engine, window, false)
}

pub(crate) fn sum_over_time(engine: &Engine<'_>, window: &Window<'_>) -> Given {
    let Some(histograms) = all(engine, window) else {
        return Ok(None);
    };
    match total(engine, window, &histograms) {
        Some(sum) => engine.hold(sum).map(Some),
        None => Ok(None),
    }
}

pub(crate) fn avg_over_time(engine: &Engine<'_>, window: &Window<'_>) -> Given {
    let Some(histograms) = all(engine, window) else {
        return Ok(None);
    };
    match total(engine, window, &histograms) {
        Some(sum) => engine.hold(sum.divide(histograms.len() as f64)).map(Some),
        None => Ok(None),
    }
}

pub(crate) fn changes(engine: &Engine<'_>, window: &Window<'_>) -> Given {
    Ok(Some(count_pairs(engine, window, |before, now| {
        match (before, now) {
            (Value::Number(a), Value::Number(b)) => a != b && !(a.is_nan() && b.is_nan()),
            (Value::Histogram(a), Value::Histogram(b)) => !same(a, b),
            _ => true,
        }
    })))
}

pub(crate) fn resets(engine: &Engine<'_>, window: &Window<'_>) -> Given {
    Ok(Some(count_pairs(engine, window, |before, now| {
        match (before, now) {
            (Value::Number(a), Value::Number(b)) => b < a,
            (Value::Histogram(a), Value::Histogram(b)) => b.is_reset_after(a),
            _ => true,
        }
    })))
}

/// Whether two histograms count the same, whatever is known of resets.
pub(crate) fn same(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    a.schema == b.schema
        && a.zero_threshold == b.zero_threshold
        && a.zero_count == b.zero_count
        && a.count == b.count
        && (a.sum == b.sum || (a.sum.is_nan() && b.sum.is_nan()))
        && a.positive == b.positive
        && a.negative == b.negative
        && a.bounds == b.bounds
}

enum Value {
    Number(f64),
    Histogram(Arc<NativeHistogram>),
}

fn count_pairs(engine: &Engine<'_>, window: &Window<'_>, f: impl Fn(&Value, &Value) -> bool) -> f64 {
    let value = |sample: &Sample| match engine.histogram(sample.value) {
        Some(histogram) => Value::Histogram(histogram),
        None => Value::Number(sample.value),
    };
    let values: Vec<Value> = window.samples.iter().map(value).collect();
    values.windows(2).filter(|pair| f(&pair[0], &pair[1])).count() as f64
}

/// Every sample as a histogram; a remark and nothing if one is a number.
fn all(engine: &Engine<'_>, window: &Window<'_>) -> Option<Vec<Arc<NativeHistogram>>> {
    let histograms: Option<Vec<_>> = window.samples.iter().map(|s| engine.histogram(s.value)).collect();
    if histograms.is_none() {
        let message = "encountered a mix of histograms and floats";
        engine.warn(
            window.at,
            format!("{message} for metric name {:?}", window.metric),
        );
    }
    histograms
}

fn total(
    engine: &Engine<'_>,
    window: &Window<'_>,
    histograms: &[Arc<NativeHistogram>],
) -> Option<NativeHistogram> {
    let (first, rest) = histograms.split_first()?;
    let sum = rest
        .iter()
        .try_fold((**first).clone(), |sum, histogram| sum.add(histogram));
    compatible(engine, window, sum)
}

fn compatible<E>(
    engine: &Engine<'_>,
    window: &Window<'_>,
    result: Result<NativeHistogram, E>,
) -> Option<NativeHistogram> {
    if result.is_err() {
        let message = "vector contains a mix of histograms with exponential and custom buckets schemas";
        engine.warn(
            window.at,
            format!("{message} for metric name {:?}", window.metric),
        );
    }
    result.ok()
}

/// Warns of a gauge where a counter is due, or the other way round.
fn check_kind(engine: &Engine<'_>, window: &Window<'_>, histograms: &[Arc<NativeHistogram>], counter: bool) {
    let is_gauge = |h: &Arc<NativeHistogram>| h.reset == ResetHint::Gauge;
    let wrong = match counter {
        true => histograms.iter().any(is_gauge).then_some("counter"),
        false => (!histograms.iter().all(is_gauge)).then_some("gauge"),
    };
    if let Some(due) = wrong {
        let message = format!("this native histogram metric is not a {due}: {:?}", window.metric);
        engine.warn(window.at, message);
    }
}

fn extrapolated(engine: &Engine<'_>, window: &Window<'_>, counter: bool, per: Option<f64>) -> Given {
    if window.samples.len() < 2 {
        return Ok(None);
    }
    let Some(histograms) = all(engine, window) else {
        return Ok(None);
    };
    let [first, .., last] = &histograms[..] else {
        return Ok(None);
    };
    check_kind(engine, window, &histograms, counter);
    let mut change = last.sub(first);
    if counter {
        for pair in histograms.windows(2) {
            if pair[1].is_reset_after(&pair[0]) {
                change = change.and_then(|change| change.add(&pair[0]));
            }
        }
    }
    let Some(change) = compatible(engine, window, change) else {
        return Ok(None);
    };
    // Prometheus 2 does not look for the zero of a histogram.
    let looks_for_zero = counter && engine.options.window == WindowBounds::LeftOpen;
    let zero =
        (looks_for_zero && change.count > 0.0 && first.count >= 0.0).then(|| first.count / change.count);
    let mut factor = reach(window, zero);
    if let Some(seconds) = per {
        factor /= seconds;
    }
    let mut result = change.scale(factor);
    result.reset = ResetHint::Gauge;
    engine.hold(result.compact()).map(Some)
}

fn between_last_two(engine: &Engine<'_>, window: &Window<'_>, counter: bool) -> Given {
    let [.., before, last] = window.samples else {
        return Ok(None);
    };
    let seconds = (last.t_ms - before.t_ms) as f64 / 1000.0;
    let pair = Window {
        samples: &window.samples[window.samples.len() - 2..],
        ..*window
    };
    let (a, b) = match (engine.histogram(before.value), engine.histogram(last.value)) {
        (Some(a), Some(b)) => (a, b),
        (None, None) if !counter => return Ok(Some(last.value - before.value)),
        (None, None) => {
            let change = if last.value < before.value {
                last.value
            } else {
                last.value - before.value
            };
            return Ok((seconds > 0.0).then(|| change / seconds));
        }
        _ => {
            all(engine, &pair);
            return Ok(None);
        }
    };
    check_kind(engine, window, &[a.clone(), b.clone()], counter);
    let change = match counter && b.is_reset_after(&a) {
        true => Ok((*b).clone()),
        false => b.sub(&a),
    };
    let Some(mut change) = compatible(engine, window, change) else {
        return Ok(None);
    };
    if counter {
        change = change.divide(seconds);
    }
    change.reset = ResetHint::Gauge;
    engine.hold(change.compact()).map(Some)
}
