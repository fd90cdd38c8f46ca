//! The Jaeger API: search, services, operations, dependencies, errors.

use serde_json::{Value, json};

use crate::support::{Server, now_ns};

fn span(trace: u8, id: u8, name: &str, kind: u8, at: u64, ms: u64) -> Value {
    json!({"traceId": format!("{trace:02x}").repeat(16), "spanId": format!("{id:02x}").repeat(8), "name": name, "kind": kind,
        "startTimeUnixNano": at.to_string(), "endTimeUnixNano": (at + ms * 1_000_000).to_string()})
}

fn of(service: &str, spans: Vec<Value>) -> Value {
    json!({"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeSpans": [{"scope": {"name": "lib"}, "spans": spans}]})
}

/// Three traces of `web`; the second calls `shop`, which fails.
async fn filled() -> (Server, u64) {
    let server = Server::start().await;
    let at = now_ns() - 10_000_000_000;
    let mut child = span(2, 4, "serve", 2, at + 2_000_000, 40);
    child["parentSpanId"] = json!("03".repeat(8));
    child["status"] = json!({"code": 2, "message": "boom"});
    child["attributes"] = json!([{"key": "item", "value": {"intValue": "7"}}]);
    let body = json!({"resourceSpans": [
        of("web", vec![span(1, 1, "home", 2, at, 5), span(2, 3, "call", 3, at + 1_000_000, 50), span(3, 5, "home", 2, at + 5_000_000_000, 500)]),
        of("shop", vec![child]),
    ]});
    assert_eq!(server.send("traces", &body).await.text(), "{}");
    (server, at)
}

async fn ids(server: &Server, query: &str) -> Vec<String> {
    let found = server.json(&format!("/api/traces?{query}")).await;
    assert_eq!(found["errors"], Value::Null);
    let traces = found["data"].as_array().unwrap();
    traces
        .iter()
        .map(|trace| trace["traceID"].as_str().unwrap()[..2].to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_traces_by_each_field_of_the_form() {
    let (server, at) = filled().await;
    for (query, expect) in [
        ("service=web".to_owned(), vec!["03", "02", "01"]),
        ("service=web&limit=2".to_owned(), vec!["03", "02"]),
        ("service=web&operation=home".to_owned(), vec!["03", "01"]),
        ("service=web&minDuration=20ms".to_owned(), vec!["03", "02"]),
        (
            "service=web&minDuration=20ms&maxDuration=100ms".to_owned(),
            vec!["02"],
        ),
        (
            "service=shop&tags=%7B%22item%22%3A%227%22%7D".to_owned(),
            vec!["02"],
        ),
        ("service=shop&tag=error:true&tag=item:7".to_owned(), vec!["02"]),
        ("service=shop&tag=item:8".to_owned(), vec![]),
        ("service=web&tag=span.kind:client".to_owned(), vec!["02"]),
        (
            format!(
                "service=web&start={}&end={}",
                at / 1000 - 1,
                at / 1000 + 1_000_000
            ),
            vec!["02", "01"],
        ),
        ("service=nobody".to_owned(), vec![]),
        ("service=web&lookback=1h".to_owned(), vec!["03", "02", "01"]),
        (
            format!("service=web&lookback=2s&end={}", at / 1000 + 6_000_000),
            vec!["03"],
        ),
        (
            format!("traceID={}&traceID={}", "01".repeat(16), "03".repeat(16)),
            vec!["01", "03"],
        ),
    ] {
        assert_eq!(ids(&server, &query).await, expect, "{query}");
    }
    // The whole trace comes, the spans of other services too.
    let found = server.json("/api/traces?service=shop").await;
    assert_eq!(found["data"][0]["spans"].as_array().unwrap().len(), 2);
    assert_eq!(found["data"][0]["processes"].as_object().unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_services_operations_and_who_calls_whom() {
    let (server, _) = filled().await;
    assert_eq!(
        server.json("/api/services").await,
        json!({"data": ["shop", "web"], "total": 2, "limit": 0, "offset": 0, "errors": null})
    );
    assert_eq!(
        server.json("/api/services/web/operations").await["data"],
        json!(["call", "home"])
    );
    assert_eq!(
        server.json("/api/operations?service=web&spanKind=client").await["data"],
        json!([{"name": "call", "spanKind": "client"}])
    );
    for (query, expect) in [
        ("", json!([{"parent": "web", "child": "shop", "callCount": 1}])),
        (
            "?endTs=9999999999999&lookback=9999999999999",
            json!([{"parent": "web", "child": "shop", "callCount": 1}]),
        ),
        ("?endTs=1&lookback=1", json!([])),
    ] {
        assert_eq!(
            server.json(&format!("/api/dependencies{query}")).await["data"],
            expect,
            "{query}"
        );
    }
    let edge = r#"traces_service_graph_request_failed_total{client="web",server="shop"}"#;
    server.eventually(edge, Some("1")).await;
    let calls = r#"traces_spanmetrics_calls_total{service="shop",span_name="serve",span_kind="SPAN_KIND_SERVER",status_code="STATUS_CODE_ERROR"}"#;
    server.eventually(calls, Some("1")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_come_in_jaegers_envelope() {
    let (server, _) = filled().await;
    for (path, status, reason) in [
        ("/api/traces", 400, "parameter 'service' is required"),
        (
            "/api/traces?service=web&limit=x",
            400,
            "unable to parse parameter 'limit'",
        ),
        (
            "/api/traces?service=web&minDuration=5",
            400,
            "unable to parse parameter 'minDuration'",
        ),
        (
            "/api/traces?service=web&minDuration=5s&maxDuration=1s",
            400,
            "'maxDuration' should be greater",
        ),
        (
            "/api/traces?service=web&tags=nonsense",
            400,
            "unable to parse parameter 'tags'",
        ),
        (
            "/api/traces?service=web&start=x",
            400,
            "unable to parse parameter 'start'",
        ),
        (
            "/api/traces?service=web&lookback=x",
            400,
            "unable to parse parameter 'lookback'",
        ),
        (
            "/api/dependencies?endTs=x",
            400,
            "unable to parse parameter 'endTs'",
        ),
        ("/api/traces/xyz", 400, "invalid trace id \"xyz\""),
        ("/api/traces/00", 400, "invalid trace id \"00\""),
        ("/api/traces/abcdef", 404, "trace not found"),
        ("/api/operations", 400, "parameter 'service' is required"),
    ] {
        let answer = server.get(path).await;
        let json = answer.json();
        assert_eq!((answer.status, &json["data"]), (status, &Value::Null), "{path}");
        assert_eq!(json["errors"][0]["code"], status);
        assert!(
            json["errors"][0]["msg"].as_str().unwrap().contains(reason),
            "{path}: {json}"
        );
    }
    server.stop().await;
}
