//! Random queries over native histograms.
//!
//! Asked is what Prometheus 2.42 knows of them: selectors, `rate`, `increase`, `delta`, `sum`, `+`, set operators, the functions
//! `histogram_count`, `_sum`, `_fraction` and `_quantile`, and what looks at presence alone. Left out are quantiles and fractions
//! of the differences of counters, which have negative counts, and the quantiles of 0 and 1: Prometheus 2 looks for them in empty buckets too,
//! of which there are as many as its storage happens to write. For the same reason every histogram has a bucket of each sign from the start.

use std::collections::BTreeMap;
use std::sync::Arc;

use watchroom_model::{HistogramSample, Labels, METRIC_NAME, NativeHistogram, SeriesData};
use watchroom_query::promql::{self, EvalOptions, Value, WindowBounds, parse_value};

use crate::data::{LENGTH_MS, Random, START_MS};
use crate::{equal, from_env, peer, remote_write};

/// Every 15 s; all series at the same moments, in which they may be missing.
fn series() -> Vec<SeriesData> {
    let mut random = Random::new(11);
    let mut all = Vec::new();
    for (i, (job, instance)) in [("api", "a"), ("api", "b"), ("web", "a"), ("web", "c")]
        .into_iter()
        .enumerate()
    {
        for metric in ["latency", "size"] {
            let labels = Labels::from_pairs([(METRIC_NAME, metric), ("job", job), ("instance", instance)]);
            let schema = [0, 0, 1, 3][i];
            let negative = metric == "size";
            all.push(SeriesData {
                labels,
                samples: Vec::new(),
                histograms: walk(&mut random, schema, negative),
            });
        }
    }
    all
}

fn walk(random: &mut Random, schema: i8, negative: bool) -> Vec<HistogramSample> {
    let fresh = || NativeHistogram {
        schema,
        zero_threshold: 2f64.powi(-10),
        ..NativeHistogram::default()
    };
    let fresh = || NativeHistogram {
        count: if negative { 2.0 } else { 1.0 },
        positive: vec![(1, 1.0)],
        negative: if negative { vec![(1, 1.0)] } else { Vec::new() },
        ..fresh()
    };
    let (mut now, mut samples) = (fresh(), Vec::new());
    let mut skip = 0;
    for step in 0..LENGTH_MS / 15_000 {
        if random.below(90) == 0 {
            now = fresh();
        }
        for _ in 0..random.below(6) {
            // Exact in binary, so that the order of additions makes no difference.
            now.sum += random.below(64) as f64 / 8.0;
            now.count += 1.0;
            let index = random.below(8 << schema.max(0)) as i32 - 2;
            let side = match random.below(if negative { 8 } else { 6 }) {
                0 => {
                    now.zero_count += 1.0;
                    continue;
                }
                6.. => &mut now.negative,
                _ => &mut now.positive,
            };
            match side.binary_search_by_key(&index, |(i, _)| *i) {
                Ok(at) => side[at].1 += 1.0,
                Err(at) => side.insert(at, (index, 1.0)),
            }
        }
        if random.below(60) == 0 {
            skip = random.below(30);
        }
        if skip > 0 {
            skip -= 1;
            continue;
        }
        samples.push(HistogramSample {
            t_ms: START_MS + step * 15_000,
            histogram: Arc::new(now.clone()),
        });
    }
    samples
}

/// A value of an answer.
#[derive(Debug)]
enum Given {
    Number(f64),
    /// Count, sum, and each bucket's rule, bounds and count.
    Histogram(f64, f64, Vec<[f64; 3]>),
}

type Answer = BTreeMap<String, BTreeMap<i64, Given>>;

#[expect(clippy::ptr_arg, reason = "a slice cannot be a trait object")]
fn ours(
    query: &str,
    source: &Vec<SeriesData>,
    (start, end, step): (i64, i64, i64),
) -> Result<Answer, String> {
    let options = EvalOptions {
        window: WindowBounds::Closed,
        ..EvalOptions::default()
    };
    let query = promql::parse(query).map_err(|error| error.to_string())?;
    let output =
        promql::range(&query, source, start, end, step, &options).map_err(|error| error.to_string())?;
    let Value::Matrix(matrix) = output.value else {
        return Err("not a matrix".into());
    };
    let mut answer = Answer::new();
    for one in matrix {
        let points = answer.entry(one.labels.to_string()).or_default();
        points.extend(one.samples.iter().map(|s| (s.t_ms, Given::Number(s.value))));
        points.extend(one.histograms.iter().map(|s| {
            let buckets = s.histogram.buckets().filter(|bucket| bucket.count != 0.0);
            let buckets = buckets.map(|bucket| [bucket.lower, bucket.upper, bucket.count]);
            (
                s.t_ms,
                Given::Histogram(s.histogram.count, s.histogram.sum, buckets.collect()),
            )
        }));
    }
    Ok(answer)
}

fn theirs(peer: &peer::Peer, query: &str, (start, end, step): (i64, i64, i64)) -> Result<Answer, String> {
    let number = |value: &serde_json::Value| parse_value(value.as_str().unwrap()).unwrap();
    let t_ms = |value: &serde_json::Value| (value.as_f64().unwrap() * 1000.0).round() as i64;
    let list = |value: &serde_json::Value| value.as_array().cloned().unwrap_or_default();
    let mut answer = Answer::new();
    for one in peer.range_json(query, start, end, step)? {
        let points = answer.entry(peer::labels_of(&one).to_string()).or_default();
        for point in list(&one["values"]) {
            points.insert(t_ms(&point[0]), Given::Number(number(&point[1])));
        }
        for point in list(&one["histograms"]) {
            let of = &point[1];
            let buckets = list(&of["buckets"]);
            let buckets = buckets
                .iter()
                .map(|b| [number(&b[1]), number(&b[2]), number(&b[3])]);
            let given = Given::Histogram(number(&of["count"]), number(&of["sum"]), buckets.collect());
            points.insert(t_ms(&point[0]), given);
        }
    }
    Ok(answer)
}

fn same(a: &Given, b: &Given) -> bool {
    match (a, b) {
        (Given::Number(a), Given::Number(b)) => equal(*a, *b),
        (Given::Histogram(count_a, sum_a, a), Given::Histogram(count_b, sum_b, b)) => {
            equal(*count_a, *count_b)
                && equal(*sum_a, *sum_b)
                && a.len() == b.len()
                && a.iter()
                    .flatten()
                    .zip(b.iter().flatten())
                    .all(|(a, b)| equal(*a, *b))
        }
        _ => false,
    }
}

fn difference(ours: &Answer, theirs: &Answer) -> Option<String> {
    for labels in ours.keys().chain(theirs.keys()) {
        let (Some(a), Some(b)) = (ours.get(labels), theirs.get(labels)) else {
            return Some(format!("series {labels} is on one side only"));
        };
        for t_ms in a.keys().chain(b.keys()) {
            match (a.get(t_ms), b.get(t_ms)) {
                (Some(x), Some(y)) if same(x, y) => {}
                (x, y) => return Some(format!("{labels} at {t_ms}:\n  ours   {x:?}\n  theirs {y:?}")),
            }
        }
    }
    None
}

struct Generator {
    random: Random,
    /// Whether differences of counters are left out.
    counts_only: bool,
}

impl Generator {
    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        self.random.pick(from)
    }

    fn shift(&mut self) -> &'static str {
        self.pick(&[
            "",
            "",
            "",
            " offset 3m",
            " offset -1m",
            " @ end()",
            " @ start() offset 30s",
        ])
    }

    fn selector(&mut self) -> String {
        let matchers = [
            "",
            "",
            "{job=\"api\"}",
            "{instance!=\"a\"}",
            "{instance=~\"a|c\"}",
        ];
        format!("{}{}", self.pick(&["latency", "size"]), self.pick(&matchers))
    }

    fn range(&mut self) -> String {
        let window = self.pick(&["[1m]", "[2m]", "[5m]", "[20m]", "[50s]", "[10m:1m]", "[5m:45s]"]);
        format!("{}{window}{}", self.selector(), self.shift())
    }

    /// Something that is histograms.
    fn histograms(&mut self, depth: u32) -> String {
        let grouping = [
            "",
            "by (job)",
            "by (instance)",
            "without (instance)",
            "by (job, instance)",
        ];
        match self.random.below(if depth == 0 { 3 } else { 6 }) {
            0 => format!("{}{}", self.selector(), self.shift()),
            1 | 2 => {
                let f = match self.counts_only {
                    true => self.pick(&["rate", "increase"]),
                    false => self.pick(&["rate", "increase", "delta"]),
                };
                format!("{f}({})", self.range())
            }
            3 => format!("sum {} ({})", self.pick(&grouping), self.histograms(depth - 1)),
            4 => {
                let on = self.pick(&["", "on(job, instance)", "ignoring(x)"]);
                format!(
                    "({}) + {on} ({})",
                    self.histograms(depth - 1),
                    self.histograms(depth - 1)
                )
            }
            _ => {
                let op = self.pick(&["and", "or", "unless"]);
                let on = self.pick(&["", "on(job)", "on(instance, job)", "on()"]);
                format!(
                    "({}) {op} {on} ({})",
                    self.histograms(depth - 1),
                    self.histograms(depth - 1)
                )
            }
        }
    }

    fn query(&mut self) -> String {
        let form = self.random.below(8);
        self.counts_only = (3..=5).contains(&form);
        let inner = self.histograms(2);
        match form {
            0 => inner,
            1 => format!("histogram_count({inner})"),
            2 => format!("histogram_sum({inner})"),
            3 => {
                let (lower, upper) = (
                    self.pick(&["-Inf", "0", "-1.5", "0.3", "2"]),
                    self.pick(&["+Inf", "0", "1", "3.7", "16"]),
                );
                format!("histogram_fraction({lower}, {upper}, {inner})")
            }
            4 | 5 => {
                let q = self.pick(&["0.01", "0.1", "0.5", "0.9", "0.99", "0.999", "-1", "2"]);
                format!("histogram_quantile({q}, {inner})")
            }
            6 => format!("{} by (job) ({inner})", self.pick(&["count", "group"])),
            _ => format!(
                "{}({})",
                self.pick(&["count_over_time", "present_over_time"]),
                self.range()
            ),
        }
    }
}

#[test]
fn answers_on_native_histograms_as_prometheus_2_does() {
    let source = series();
    let Some(peer) = peer::Peer::start_for_histograms() else {
        return;
    };
    let mut by_time: BTreeMap<i64, Vec<(&Labels, &HistogramSample)>> = BTreeMap::new();
    for one in &source {
        for sample in &one.histograms {
            by_time
                .entry(sample.t_ms)
                .or_default()
                .push((&one.labels, sample));
        }
    }
    for samples in by_time.values() {
        peer.write(&remote_write::request(samples));
    }
    let (seed, count) = (
        from_env("WATCHROOM_SEED", 20_260_101),
        from_env("WATCHROOM_QUERIES", 1_000),
    );
    let mut generator = Generator {
        random: Random::new(seed),
        counts_only: false,
    };
    let (mut failures, mut answered, mut refused) = (Vec::new(), 0, 0);
    for _ in 0..count {
        let query = generator.query();
        let r = &mut generator.random;
        let start_ms = START_MS + r.below((LENGTH_MS / 1000) as u64) as i64 * 1000;
        let step_ms = [15, 60, 77][r.below(3) as usize] * 1000;
        let times = (start_ms, start_ms + step_ms * (1 + r.below(8) as i64), step_ms);
        match (ours(&query, &source, times), theirs(&peer, &query, times)) {
            (Ok(ours), Ok(theirs)) => {
                answered += usize::from(!theirs.is_empty());
                if let Some(what) = difference(&ours, &theirs) {
                    failures.push(format!("{query}\n  {times:?} {what}"));
                }
            }
            (Err(_), Err(_)) => refused += 1,
            (Ok(_), Err(error)) => failures.push(format!("{query}\n  only Prometheus refuses it: {error}")),
            (Err(error), Ok(_)) => failures.push(format!("{query}\n  only we refuse it: {error}")),
        }
    }
    println!(
        "native histograms, seed {seed}: {count} queries, {answered} with a result, {refused} refused by both, {} differ",
        failures.len()
    );
    assert!(
        failures.is_empty(),
        "{}",
        failures.iter().take(10).cloned().collect::<Vec<_>>().join("\n")
    );
    assert!(
        answered * 2 > count as usize,
        "too few queries have a result to say anything"
    );
}
