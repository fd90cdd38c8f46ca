//! The stock OpenTelemetry SDK of Python sends traces, metrics and logs; each is found again through the APIs, value by value.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may say why"
)]

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};
use watchroom_e2e::http::{encode, get};
use watchroom_e2e::{Backend, eventually, peer};

const EXE: &str = env!("CARGO_BIN_EXE_watchroom-e2e");

fn send(python: &std::path::Path, protocol: &str, at: SocketAddr, service: &str) -> Value {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/python/send.py");
    let output = Command::new(python)
        .args([script, protocol, &format!("http://{at}"), service])
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    assert!(!stderr.contains("Failed to export"), "{stderr}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn tag<'a>(span: &'a Value, key: &str) -> &'a Value {
    let tags = span["tags"].as_array().map(Vec::as_slice).unwrap_or_default();
    tags.iter()
        .find(|tag| tag["key"] == key)
        .map_or(&Value::Null, |tag| &tag["value"])
}

fn field<'a>(log: &'a Value, key: &str) -> &'a Value {
    let fields = log["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    fields
        .iter()
        .find(|field| field["key"] == key)
        .map_or(&Value::Null, |field| &field["value"])
}

fn check_trace(backend: &Backend, ids: &Value, service: &str) {
    let trace_id = ids["trace_id"].as_str().unwrap();
    let trace = eventually("the trace arrives whole", || {
        let answer = get(backend.http, &format!("/api/traces/{trace_id}"));
        let trace = (answer.status == 200).then(|| answer.json()["data"][0].clone())?;
        (trace["spans"].as_array()?.len() == 2).then_some(trace)
    });
    let spans = trace["spans"].as_array().unwrap();
    let named = |name: &str| spans.iter().find(|span| span["operationName"] == name).unwrap();

    let root = named("GET /orders");
    assert_eq!(root["spanID"], ids["root_id"]);
    assert_eq!(root["references"], json!([]));
    assert_eq!(tag(root, "span.kind"), "server");
    assert_eq!(tag(root, "http.route"), "/orders");
    assert_eq!(tag(root, "size"), 17);
    assert_eq!(tag(root, "ratio"), 0.5);
    assert_eq!(tag(root, "cached"), true);
    assert_eq!(tag(root, "tags"), r#"["a","b"]"#);
    assert_eq!(tag(root, "otel.scope.name"), "python-scope");
    assert_eq!(field(&root["logs"][0], "event"), "checked");
    assert_eq!(field(&root["logs"][0], "rule"), "stock");
    assert_eq!(field(&root["logs"][0], "n"), 3);

    let child = named("SELECT orders");
    assert_eq!(child["spanID"], ids["child_id"]);
    let parent = &child["references"][0];
    assert_eq!(
        (&parent["refType"], &parent["spanID"]),
        (&json!("CHILD_OF"), &ids["root_id"])
    );
    assert_eq!(tag(child, "span.kind"), "client");
    assert_eq!(tag(child, "error"), true);
    assert_eq!(tag(child, "otel.status_description"), "no such table");
    assert_eq!(field(&child["logs"][0], "event"), "exception");
    assert_eq!(field(&child["logs"][0], "exception.message"), "bad order");

    let process = &trace["processes"][root["processID"].as_str().unwrap()];
    assert_eq!(process["serviceName"], service);
    assert_eq!(tag(process, "deployment.environment"), "test");
    assert_eq!(tag(process, "answer"), 42);

    let found = backend.json(&format!(
        "/api/traces?service={service}&operation={}",
        encode("SELECT orders")
    ));
    assert_eq!(found["data"][0]["traceID"], *trace_id);
    let none = backend.json(&format!("/api/traces?service={service}&minDuration=1h"));
    assert_eq!(none["data"], json!([]));
    assert!(
        backend.json("/api/services")["data"]
            .as_array()
            .unwrap()
            .contains(&json!(service))
    );
}

#[track_caller]
fn check_value(backend: &Backend, promql: &str, expect: &str) {
    let value = eventually(promql, || {
        backend
            .query(promql)
            .first()
            .map(|series| series["value"][1].clone())
    });
    assert_eq!(value, expect, "{promql}");
}

fn check_metrics(backend: &Backend, service: &str) {
    let at = format!(r#"job="{service}",instance="one""#);
    check_value(backend, &format!(r#"requests_total{{{at},method="GET"}}"#), "3");
    check_value(backend, &format!(r#"requests_total{{{at},method="POST"}}"#), "4");
    check_value(backend, &format!("queue_length{{{at}}}"), "-2");
    check_value(backend, &format!("temperature_celsius{{{at}}}"), "21.5");
    for (le, expect) in [("0.1", "1"), ("1", "3"), ("10", "3"), ("+Inf", "4")] {
        check_value(
            backend,
            &format!(r#"work_duration_seconds_bucket{{{at},kind="fast",le="{le}"}}"#),
            expect,
        );
    }
    check_value(backend, &format!("work_duration_seconds_count{{{at}}}"), "4");
    check_value(
        backend,
        &format!("round(work_duration_seconds_sum{{{at}}}, 0.01)"),
        "101.25",
    );
    check_value(
        backend,
        &format!(r#"target_info{{{at},deployment_environment="test"}}"#),
        "1",
    );
    let metadata = backend.json("/api/v1/metadata?metric=work_duration_seconds");
    let about = &metadata["data"]["work_duration_seconds"][0];
    assert_eq!(
        (&about["type"], &about["help"]),
        (&json!("histogram"), &json!("Time to work."))
    );
}

fn check_logs(backend: &Backend, ids: &Value, service: &str) {
    let query = format!(r#"{{service_name="{service}",level="error"}} |= "order 17""#);
    let path = format!("/loki/api/v1/query_range?query={}", encode(&query));
    let stream = eventually("the log record arrives", || {
        backend.json(&path)["data"]["result"].get(0).cloned()
    });
    assert_eq!(stream["values"][0][1], "order 17 was refused");
    assert_eq!(stream["stream"]["trace_id"], ids["trace_id"]);
    assert_eq!(stream["stream"]["span_id"], ids["child_id"]);
    assert_eq!(stream["stream"]["reason"], "stock");
    assert_eq!(stream["stream"]["order"], "17");
}

fn check(protocol: &str) {
    let Some(python) = peer::python() else { return };
    let backend = Backend::start(EXE, &[]);
    let at = if protocol == "grpc" {
        backend.otlp_grpc
    } else {
        backend.otlp_http
    };
    let service = format!("python-{protocol}");
    let ids = send(&python, protocol, at, &service);
    check_trace(&backend, &ids, &service);
    check_metrics(&backend, &service);
    check_logs(&backend, &ids, &service);
}

#[test]
fn all_signals_arrive_over_grpc() {
    check("grpc");
}

#[test]
fn all_signals_arrive_over_http() {
    check("http");
}
