//! Tests of evaluation over series held in memory. What Prometheus' own cases cover is not repeated here.

mod limits;
mod native;
mod notes;
mod ranges;
mod values;

use watchroom_model::{HistogramSample, Labels, Point, Sample, SeriesData};

use super::*;

const STEP_MS: i64 = 10_000;

/// A series with a sample every 10 s; `stale` stands for the marker, `_` for none.
fn series(name: &str, samples: &str) -> SeriesData {
    let (metric, rest) = name.split_once('{').unwrap_or((name, "}"));
    let pairs = rest
        .trim_end_matches('}')
        .split(',')
        .filter_map(|pair| pair.split_once('='));
    let labels = Labels::from_pairs(pairs.chain([("__name__", metric)]));
    let values = samples
        .split_whitespace()
        .enumerate()
        .filter(|(_, word)| *word != "_");
    let value = |word: &str| {
        if word == "stale" {
            watchroom_model::stale_nan()
        } else {
            parse_value(word).unwrap()
        }
    };
    let samples = values
        .map(|(i, word)| Sample {
            t_ms: i as i64 * STEP_MS,
            value: value(word),
        })
        .collect();
    SeriesData::floats(labels, samples)
}

/// One line for each series: `{labels} value@seconds …`
fn shown(value: &Value) -> Vec<String> {
    let sample = |s: &Sample| {
        format!(
            "{}@{}",
            format_value(s.value),
            format_value(s.t_ms as f64 / 1000.0)
        )
    };
    let histogram = |s: &HistogramSample| format!("{}@{}", s.histogram, format_value(s.t_ms as f64 / 1000.0));
    let point = |point: &Point| match point {
        Point::Float(s) => sample(s),
        Point::Histogram(s) => histogram(s),
    };
    match value {
        Value::Scalar(s) => vec![sample(s)],
        Value::String { text, .. } => vec![text.clone()],
        Value::Vector(vector) => vector
            .iter()
            .map(|(labels, s)| format!("{labels} {}", point(s)))
            .collect(),
        Value::Matrix(matrix) => {
            let line = |one: &SeriesData| {
                let mut samples: Vec<String> = one.samples.iter().map(sample).collect();
                samples.extend(one.histograms.iter().map(histogram));
                format!("{} {}", one.labels, samples.join(" "))
            };
            matrix.iter().map(line).collect()
        }
    }
}

#[track_caller]
fn check_instant(source: &[SeriesData], text: &str, seconds: i64, expect: &[&str]) {
    let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let output = instant(&query, &source.to_vec(), seconds * 1000, &EvalOptions::default());
    assert_eq!(
        shown(&output.unwrap_or_else(|error| panic!("{text}: {error}")).value),
        expect,
        "{text}"
    );
}

/// From 0 to 60 s, every 20 s.
#[track_caller]
fn check_range(source: &[SeriesData], text: &str, expect: &[&str]) {
    let query = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let output = range(
        &query,
        &source.to_vec(),
        0,
        60_000,
        20_000,
        &EvalOptions::default(),
    );
    assert_eq!(
        shown(&output.unwrap_or_else(|error| panic!("{text}: {error}")).value),
        expect,
        "{text}"
    );
}
