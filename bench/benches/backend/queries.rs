//! Queries over the same samples, by turns; the answers are compared.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use watchroom_bench::Stopwatch;
use watchroom_bench::backend::{Connection, Fleet, Kind, Server};

use crate::ingest::{now_ms, send_until};
use crate::table::{Goal, Row, Unit, median};

const N_INSTANCES: usize = 1_000;
/// Runs of each query; the figure is their median.
const N_RUNS: usize = 7;
const HOUR_S: i64 = 3_600;

/// How much data there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Data {
    /// 1 h at 15 s.
    Hour,
    /// 24 h at 120 s, of counters and a gauge.
    Day,
}

#[derive(Debug, Clone, Copy)]
struct Query {
    name: &'static str,
    expr: &'static str,
    /// Time between two steps, seconds; none for an instant query at the end.
    step_s: Option<i64>,
    data: Data,
}

const QUERIES: [Query; 15] = [
    hour(
        "`sum by (rate)` of 10 000 series",
        "sum by (code) (rate(http_requests_total[5m]))",
    ),
    hour(
        "`histogram_quantile` of 100 series",
        r#"histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket{instance=~"host-0000.*"}[5m])))"#,
    ),
    hour(
        "`histogram_quantile` of 10 000 series",
        "histogram_quantile(0.99, sum by (le) (rate(http_request_duration_seconds_bucket[5m])))",
    ),
    hour("`topk(10, rate)`", "topk(10, rate(http_requests_total[5m]))"),
    hour(
        "one instance out of 10 000 series",
        r#"rate(http_requests_total{instance="host-00500.example.net:9100"}[5m])"#,
    ),
    hour(
        "an error ratio with a regex",
        r#"sum(rate(http_requests_total{code=~"5.."}[5m])) / sum(rate(http_requests_total[5m]))"#,
    ),
    Query {
        name: "a `[2h:1s]` subquery on 600 series",
        expr: r#"max_over_time(rate(http_requests_total{instance=~"host-000[0-5].*"}[5m])[2h:1s])"#,
        step_s: None,
        data: Data::Hour,
    },
    hour(
        "panel over 1 h, 10 series",
        r#"process_resident_memory_bytes{instance=~"host-0000.*"}"#,
    ),
    hour("panel over 1 h, 1 000 series", "process_resident_memory_bytes"),
    hour(
        "panel over 1 h, 10 000 series, summed",
        "sum(http_requests_total)",
    ),
    hour("panel over 1 h, 10 000 series, all", "http_requests_total"),
    day(
        "panel over 24 h, 10 series",
        r#"rate(http_requests_total{instance="host-00500.example.net:9100"}[10m])"#,
    ),
    day(
        "panel over 24 h, 1 000 series",
        r#"rate(http_requests_total{method="GET", code="200"}[10m])"#,
    ),
    day(
        "panel over 24 h, 10 000 series, summed",
        "sum by (code) (rate(http_requests_total[10m]))",
    ),
    day(
        "panel over 24 h, the largest of 1 000 gauges",
        "max(max_over_time(process_resident_memory_bytes[10m]))",
    ),
];

const fn hour(name: &'static str, expr: &'static str) -> Query {
    Query {
        name,
        expr,
        step_s: Some(60),
        data: Data::Hour,
    }
}

const fn day(name: &'static str, expr: &'static str) -> Query {
    Query {
        name,
        expr,
        step_s: Some(300),
        data: Data::Day,
    }
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    let mut ratios = Vec::new();
    let mut differs = Row::new(
        "largest relative difference of a value from Prometheus' in all of these",
        Unit::Difference,
        Goal::None,
    );
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for data in [Data::Hour, Data::Day] {
        let (fleet, n_steps, step_ms): (fn(_) -> _, _, _) = match data {
            Data::Hour => (Fleet::new, 240, 15_000),
            Data::Day => (Fleet::lean, 720, 120_000),
        };
        let end_ms = now_ms() / 120_000 * 120_000;
        let servers: Vec<Server> = Kind::installed()
            .into_iter()
            .map(|kind| {
                let server = Server::start(kind, &[]);
                send_until(&server, 0..N_INSTANCES, fleet, n_steps, step_ms, end_ms);
                if kind == Kind::Victoria {
                    let _ = server.get("/internal/force_flush");
                }
                server
            })
            .collect();
        // What comes after ingest, such as merging, is not to fall on a query.
        std::thread::sleep(Duration::from_secs(10));
        for query in QUERIES.iter().filter(|query| query.data == data) {
            let row = ask(query, &servers, end_ms / 1_000, &mut worst);
            if let Some(ratio) = row.of(Kind::Prometheus).zip(row.of(Kind::Watchroom)) {
                ratios.push(ratio.0 / ratio.1);
            }
            rows.push(row);
        }
    }
    for kind in Kind::ALL {
        if let Some(worst) = worst.get(kind.name()) {
            differs.add(kind, *worst);
        }
    }
    rows.push(differs);
    eprintln!(
        "  in the median {:.2} times as fast as Prometheus",
        median(ratios)
    );
    rows
}

fn ask(query: &Query, servers: &[Server], end_s: i64, worst: &mut BTreeMap<&str, f64>) -> Row {
    let mut row = Row::new(query.name, Unit::Seconds, Goal::OfPrometheusAtMost(1.0));
    let mut connections: Vec<Connection> = servers.iter().map(Server::connect).collect();
    let mut times = vec![Vec::new(); servers.len()];
    let mut answers = vec![BTreeMap::new(); servers.len()];
    // The first run warms caches and is not counted.
    for run in 0..=N_RUNS {
        for (i, connection) in connections.iter_mut().enumerate() {
            let (path, fields) = request(query, end_s);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let watch = Stopwatch::start();
            let answer = connection.post_form(path, &fields).expect("a server answers");
            let took = watch.elapsed().as_secs_f64();
            assert!(
                answer.is_success(),
                "{} of {}: {}",
                query.name,
                servers[i].kind.name(),
                answer.text()
            );
            if run == 0 {
                answers[i] = values(&answer.body);
            } else {
                times[i].push(took);
            }
        }
    }
    for (server, times) in servers.iter().zip(times) {
        row.add(server.kind, median(times));
    }
    let of_prometheus = servers.iter().position(|server| server.kind == Kind::Prometheus);
    if let Some(at) = of_prometheus {
        for (server, answer) in servers.iter().zip(&answers) {
            let found = difference(answer, &answers[at]);
            if server.kind == Kind::Watchroom && found > 1e-9 {
                eprintln!("  DIFFERS by {found:e}: {}", query.expr);
            }
            if server.kind != Kind::Prometheus {
                let worst = worst.entry(server.kind.name()).or_default();
                *worst = worst.max(found);
            }
        }
    }
    row
}

fn request(query: &Query, end_s: i64) -> (&'static str, Vec<(&'static str, String)>) {
    let span_s = match query.data {
        Data::Hour => HOUR_S,
        Data::Day => 24 * HOUR_S,
    };
    let expr = ("query", query.expr.to_owned());
    match query.step_s {
        None => (
            "/api/v1/query",
            vec![expr, ("time", end_s.to_string()), ("nocache", "1".to_owned())],
        ),
        Some(step_s) => (
            "/api/v1/query_range",
            vec![
                expr,
                ("start", (end_s - span_s + step_s).to_string()),
                ("end", end_s.to_string()),
                ("step", step_s.to_string()),
                ("nocache", "1".to_owned()),
            ],
        ),
    }
}

/// Values by series and time.
fn values(body: &[u8]) -> BTreeMap<(String, i64), f64> {
    let answer: Value = serde_json::from_slice(body).expect("an answer is JSON");
    let result = answer["data"]["result"]
        .as_array()
        .expect("an answer has a result");
    let mut out = BTreeMap::new();
    for series in result {
        let labels = series["metric"].to_string();
        let points = series["values"].as_array().cloned();
        for point in points.unwrap_or_else(|| vec![series["value"].clone()]) {
            let t_ms = point[0].as_f64().map_or(0, |t| (t * 1_000.0) as i64);
            let value = point[1].as_str().and_then(|text| text.parse().ok());
            out.insert((labels.clone(), t_ms), value.unwrap_or(f64::NAN));
        }
    }
    out
}

/// The largest relative difference; infinite if one has a point that the other has not.
fn difference(a: &BTreeMap<(String, i64), f64>, b: &BTreeMap<(String, i64), f64>) -> f64 {
    if a.len() != b.len() {
        return f64::INFINITY;
    }
    a.iter()
        .map(|(place, x)| match b.get(place) {
            None => f64::INFINITY,
            Some(y) if x == y || x.is_nan() && y.is_nan() => 0.0,
            Some(y) => (x - y).abs() / x.abs().max(y.abs()),
        })
        .fold(0.0, f64::max)
}
