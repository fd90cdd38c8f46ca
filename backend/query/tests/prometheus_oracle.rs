//! Random queries, answered by Debian's Prometheus (2.x) and here, on the same samples, compared value by value.
//!
//! The seed is fixed unless `WATCHROOM_SEED` sets another; `WATCHROOM_QUERIES` sets how many queries. Where there is no
//! `prometheus` and `promtool` the test says so; with `WATCHROOM_REQUIRE_PEERS` it fails.

#![expect(clippy::unwrap_used, reason = "whatever fails here is a failure of the test")]
#![expect(clippy::print_stdout, reason = "says what was compared, or why nothing was")]

#[path = "prometheus_oracle/data.rs"]
mod data;
#[path = "prometheus_oracle/generate.rs"]
mod generate;
#[path = "prometheus_oracle/native.rs"]
mod native;
#[path = "prometheus_oracle/peer.rs"]
mod peer;
#[path = "prometheus_oracle/remote_write.rs"]
mod remote_write;

use std::collections::BTreeMap;

use watchroom_model::SeriesData;
use watchroom_query::promql::{self, EvalOptions, Value, WindowBounds};

/// Labels, then values by milliseconds.
type Answer = BTreeMap<String, BTreeMap<i64, f64>>;

fn from_env(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .map_or(default, |text| text.parse().unwrap())
}

#[expect(clippy::ptr_arg, reason = "a slice cannot be a trait object")]
fn ours(
    query: &str,
    source: &Vec<SeriesData>,
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
) -> Result<Answer, String> {
    let options = EvalOptions {
        window: WindowBounds::Closed,
        ..EvalOptions::default()
    };
    let query = promql::parse(query).map_err(|error| error.to_string())?;
    let output = promql::range(&query, source, start_ms, end_ms, step_ms, &options)
        .map_err(|error| error.to_string())?;
    let Value::Matrix(matrix) = output.value else {
        return Err("not a matrix".into());
    };
    let points = |one: &SeriesData| one.samples.iter().map(|s| (s.t_ms, s.value)).collect();
    Ok(matrix
        .iter()
        .map(|one| (one.labels.to_string(), points(one)))
        .collect())
}

fn equal(a: f64, b: f64) -> bool {
    a == b
        || (a.is_nan() && b.is_nan())
        || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
        || (a - b).abs() < 1e-9
}

fn difference(ours: &Answer, theirs: &Answer) -> Option<String> {
    for labels in ours.keys().chain(theirs.keys()) {
        let (Some(a), Some(b)) = (ours.get(labels), theirs.get(labels)) else {
            return Some(format!(
                "series {labels} is only {}",
                if ours.contains_key(labels) {
                    "ours"
                } else {
                    "theirs"
                }
            ));
        };
        for t_ms in a.keys().chain(b.keys()) {
            match (a.get(t_ms), b.get(t_ms)) {
                (Some(x), Some(y)) if equal(*x, *y) => {}
                (x, y) => return Some(format!("{labels} at {t_ms}: ours {x:?}, theirs {y:?}")),
            }
        }
    }
    None
}

#[test]
fn answers_as_prometheus_2_does() {
    let source = data::series();
    let Some(peer) = peer::Peer::start(&source) else {
        return;
    };
    let (seed, count) = (
        from_env("WATCHROOM_SEED", 20_240_607),
        from_env("WATCHROOM_QUERIES", 1500),
    );
    let mut generator = generate::Generator::new(seed);
    let (mut failures, mut answered, mut refused) = (Vec::new(), 0, 0);
    for _ in 0..count {
        let query = generator.query();
        let (start_ms, end_ms, step_ms) = generator.range();
        let theirs = peer.range(&query, start_ms, end_ms, step_ms);
        match (ours(&query, &source, start_ms, end_ms, step_ms), theirs) {
            (Ok(ours), Ok(theirs)) => {
                answered += usize::from(!theirs.is_empty());
                if let Some(what) = difference(&ours, &theirs) {
                    failures.push(format!("{query}\n  [{start_ms}, {end_ms}, {step_ms}] {what}"));
                }
            }
            (Err(_), Err(_)) => refused += 1,
            (Ok(_), Err(error)) => failures.push(format!("{query}\n  only Prometheus refuses it: {error}")),
            (Err(error), Ok(_)) => failures.push(format!("{query}\n  only we refuse it: {error}")),
        }
    }
    println!(
        "seed {seed}: {count} queries, {answered} with a result, {refused} refused by both, {} differ",
        failures.len()
    );
    assert!(
        failures.is_empty(),
        "{}",
        failures.iter().take(20).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(
        answered * 2 > count as usize,
        "too few queries have a result to say anything"
    );
}
