//! Killed amid ingest: what was acknowledged more than a second before is there after the restart (BCK-2).

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use watchroom_e2e::http::{encode, send};
use watchroom_e2e::{Backend, eventually};

use crate::scene::{EXE, JSON};

/// What the backend said it has, in order, each with how long before the kill it said so.
#[derive(Default)]
struct Acknowledged(Mutex<Vec<(usize, tokio::time::Instant)>>);

fn now_ns(backend: &Backend) -> u64 {
    let answer = backend.json("/api/v1/query?query=time()");
    let seconds: f64 = answer["data"]["result"][1].as_str().unwrap().parse().unwrap();
    (seconds * 1e9) as u64
}

fn resource(body: Value) -> Value {
    let mut resource =
        json!({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "victim"}}]}});
    for (key, value) in body.as_object().unwrap() {
        resource[key] = value.clone();
    }
    resource
}

/// Bodies of the nth batch, by signal.
fn batch(n: usize, at: u64) -> [(&'static str, Value); 3] {
    let at = at.to_string();
    let spans: Vec<Value> = (0..20)
        .map(|i| {
            json!({
                "traceId": format!("{:032x}", n + 1), "spanId": format!("{:016x}", i + 1), "name": "work", "kind": 2,
                "startTimeUnixNano": at, "endTimeUnixNano": at,
            })
        })
        .collect();
    let points = json!([{"asInt": "1", "timeUnixNano": at, "attributes": [{"key": "n", "value": {"stringValue": n.to_string()}}]}]);
    let records = json!([{"timeUnixNano": at, "body": {"stringValue": format!("line {n}.")}}]);
    [
        (
            "traces",
            json!({"resourceSpans": [resource(json!({"scopeSpans": [{"spans": spans}]}))]}),
        ),
        (
            "metrics",
            json!({"resourceMetrics": [resource(json!({"scopeMetrics": [{"metrics": [
            {"name": "batch", "gauge": {"dataPoints": points}}]}]}))]}),
        ),
        (
            "logs",
            json!({"resourceLogs": [resource(json!({"scopeLogs": [{"logRecords": records}]}))]}),
        ),
    ]
}

/// Sends batches until the server is gone.
fn write(at: SocketAddr, begin_ns: u64, acknowledged: &Acknowledged, stop: &AtomicBool) {
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            return;
        }
        for (signal, body) in batch(n, begin_ns) {
            let body = body.to_string();
            let answer = send(
                at,
                "POST",
                &format!("/v1/{signal}"),
                &[("content-type", JSON)],
                body.as_bytes(),
            );
            match answer {
                Ok(answer) if answer.status == 200 => {}
                Ok(answer) => panic!("{} {}", answer.status, answer.text()),
                Err(_) => return,
            }
        }
        acknowledged
            .0
            .lock()
            .unwrap()
            .push((n, tokio::time::Instant::now()));
    }
}

#[test]
fn what_was_acknowledged_a_second_before_kill_9_is_found_after_the_restart() {
    let backend = Backend::start(EXE, &[]);
    let (http, at) = (backend.otlp_http, now_ns(&backend));
    let (acknowledged, stop) = (Acknowledged::default(), AtomicBool::new(false));
    let (backend, killed) = std::thread::scope(|scope| {
        scope.spawn(|| write(http, at, &acknowledged, &stop));
        eventually("a good deal is written", || {
            let all = acknowledged.0.lock().unwrap();
            let lasted = all
                .first()
                .zip(all.last())
                .map(|((_, first), (_, last))| *last - *first);
            (lasted > Some(Duration::from_secs(3)) && all.len() > 50).then_some(())
        });
        let killed = tokio::time::Instant::now();
        let backend = backend.restart(EXE, "KILL", &[]);
        stop.store(true, Ordering::Relaxed);
        (backend, killed)
    });
    let all = acknowledged.0.into_inner().unwrap();
    let safe: Vec<usize> = all
        .iter()
        .filter(|(_, when)| *when + Duration::from_secs(1) < killed)
        .map(|(n, _)| *n)
        .collect();
    assert!(safe.len() > 20, "{} of {} batches", safe.len(), all.len());

    let series = backend.query("batch");
    let found: Vec<&str> = series
        .iter()
        .map(|series| series["metric"]["n"].as_str().unwrap())
        .collect();
    let (from, to) = (at - 1_000_000_000, at + 1_000_000_000);
    let path = format!(
        "/loki/api/v1/query_range?limit=5000&start={from}&end={to}&query={}",
        encode("{service_name=\"victim\"}")
    );
    let streams = backend.json(&path);
    let lines: Vec<&str> = streams["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|stream| stream["values"].as_array().unwrap())
        .map(|value| value[1].as_str().unwrap())
        .collect();
    for n in safe {
        assert!(found.contains(&n.to_string().as_str()), "sample {n} is lost");
        assert!(lines.contains(&format!("line {n}.").as_str()), "line {n} is lost");
        let trace = backend.json(&format!("/api/traces/{:032x}", n + 1));
        assert_eq!(
            trace["data"][0]["spans"].as_array().map(Vec::len),
            Some(20),
            "trace {n}"
        );
    }
}
