//! Runs the commands of a file.

use watchroom_model::{Labels, NativeHistogram, Point, SeriesData};
use watchroom_query::promql::{self, EvalOptions, Value, WindowBounds};

use crate::case::{self, Command, Eval, Expected, Given};

#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) passed: usize,
    pub(crate) total: usize,
    /// `line: query: why`
    pub(crate) failures: Vec<String>,
}

/// Runs the commands of a file with windows of one version of Prometheus.
pub(crate) fn run(text: &str, window: WindowBounds) -> Outcome {
    let mut outcome = Outcome::default();
    let mut store: Vec<SeriesData> = Vec::new();
    for command in case::read(text) {
        match command {
            Command::Clear => store.clear(),
            Command::Load(series) => series.into_iter().for_each(|one| add(&mut store, one)),
            Command::Eval(eval) => {
                outcome.total += 1;
                match check(&eval, &store, window) {
                    Ok(()) => outcome.passed += 1,
                    Err(why) => outcome
                        .failures
                        .push(format!("{}: {}: {why}", eval.line, eval.query)),
                }
            }
        }
    }
    outcome
}

fn add(store: &mut Vec<SeriesData>, series: SeriesData) {
    match store.iter_mut().find(|one| one.labels == series.labels) {
        None => store.push(series),
        Some(known) => {
            known
                .samples
                .retain(|old| series.samples.iter().all(|new| new.t_ms != old.t_ms));
            known.samples.extend(series.samples);
            known.samples.sort_by_key(|s| s.t_ms);
        }
    }
}

#[expect(clippy::ptr_arg, reason = "a slice cannot be a trait object")]
fn check(eval: &Eval, store: &Vec<SeriesData>, window: WindowBounds) -> Result<(), String> {
    let options = EvalOptions {
        window,
        ..EvalOptions::default()
    };
    let at = i64::try_from(eval.at.as_millis()).unwrap();
    let query = match promql::parse(&eval.query) {
        Ok(query) => query,
        Err(_) if eval.fails => return Ok(()),
        Err(error) => return Err(error.to_string()),
    };
    let instant = promql::instant(&query, store, at, &options);
    if eval.fails {
        return match instant {
            Err(_) => Ok(()),
            Ok(output) => Err(format!("should fail, gives {:?}", output.value)),
        };
    }
    let instant = instant.map_err(|error| error.to_string())?.value;
    compare(&eval.expected, &instant, eval.ordered)?;
    if eval.ordered {
        return Ok(());
    }
    // The same moment, in the middle of a range.
    let minute = 60_000;
    let range = promql::range(&query, store, at - minute, at + minute, minute, &options);
    let Value::Matrix(matrix) = range.map_err(|error| format!("as a range: {error}"))?.value else {
        return Err("a range query must give a matrix".into());
    };
    let here = |one: &SeriesData| {
        let floats = one.samples.iter().map(|s| Point::Float(*s));
        let histograms = one.histograms.iter().map(|s| Point::Histogram(s.clone()));
        let point = floats.chain(histograms).find(|point| point.t_ms() == at)?;
        Some((one.labels.clone(), point))
    };
    let column: Vec<(Labels, Point)> = matrix.iter().filter_map(here).collect();
    let value = match (&eval.expected, &column[..]) {
        (Expected::Scalar(_), [(_, Point::Float(only))]) => Value::Scalar(*only),
        _ => Value::Vector(column),
    };
    compare(&eval.expected, &value, false).map_err(|why| format!("as a range: {why}"))
}

fn compare(expected: &Expected, got: &Value, ordered: bool) -> Result<(), String> {
    match (expected, got) {
        (Expected::Scalar(expected), Value::Scalar(got)) if almost_equal(*expected, got.value) => Ok(()),
        (Expected::Vector(expected), Value::Vector(got)) => {
            let describe = || format!("expected {expected:?}, got {got:?}");
            if expected.len() != got.len() {
                return Err(describe());
            }
            for (i, (labels, value)) in expected.iter().enumerate() {
                let found = if ordered {
                    got.get(i)
                } else {
                    got.iter().find(|(l, _)| l == labels)
                };
                if !found.is_some_and(|(l, got)| l == labels && same(value, got)) {
                    return Err(describe());
                }
            }
            Ok(())
        }
        _ => Err(format!("expected {expected:?}, got {got:?}")),
    }
}

fn same(expected: &Given, got: &Point) -> bool {
    match (expected, got) {
        (Given::Number(expected), Point::Float(got)) => almost_equal(*expected, got.value),
        (Given::Histogram(expected), Point::Histogram(got)) => same_histogram(expected, &got.histogram),
        _ => false,
    }
}

fn same_histogram(a: &NativeHistogram, b: &NativeHistogram) -> bool {
    let buckets = |a: &[(i32, f64)], b: &[(i32, f64)]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.0 == b.0 && almost_equal(a.1, b.1))
    };
    a.schema == b.schema
        && a.bounds == b.bounds
        && almost_equal(a.zero_threshold, b.zero_threshold)
        && almost_equal(a.zero_count, b.zero_count)
        && almost_equal(a.count, b.count)
        && almost_equal(a.sum, b.sum)
        && buckets(&a.positive, &b.positive)
        && buckets(&a.negative, &b.negative)
}

/// Equal up to a millionth, as Prometheus compares.
fn almost_equal(a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || difference < f64::MIN_POSITIVE {
        return difference < 1e-6 * f64::MIN_POSITIVE;
    }
    difference / (a.abs() + b.abs()) < 1e-6
}
