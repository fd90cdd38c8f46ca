//! Version 3 of the Jaeger API: what comes out is what went in, as OTLP.

use serde_json::{Value, json};

use crate::support::{Server, encode, now_ns};

/// A request of one trace with two services, with every kind of field.
fn request(at: u64) -> Value {
    let end = |ms: u64| (at + ms * 1_000_000).to_string();
    let text = |key: &str, value: &str| json!({"key": key, "value": {"stringValue": value}});
    json!({"resourceSpans": [
        {"resource": {"attributes": [text("service.name", "web"), text("host.name", "h")]}, "scopeSpans": [
            {"scope": {"name": "lib", "version": "1.2", "attributes": [{"key": "k", "value": {"boolValue": true}}]}, "spans": [{
                "traceId": "0a".repeat(16), "spanId": "01".repeat(8), "name": "home", "kind": 2,
                "startTimeUnixNano": at.to_string(), "endTimeUnixNano": end(50),
                "status": {"code": 2, "message": "boom"}, "traceState": "a=b",
                "attributes": [
                    {"key": "n", "value": {"intValue": "9007199254740993"}},
                    {"key": "ratio", "value": {"doubleValue": 0.5}},
                    {"key": "raw", "value": {"bytesValue": "/w=="}},
                    {"key": "list", "value": {"arrayValue": {"values": [{"intValue": "1"}]}}},
                    {"key": "map", "value": {"kvlistValue": {"values": [text("in", "side")]}}}
                ],
                "events": [{"timeUnixNano": at.to_string(), "name": "hit", "attributes": [text("e", "1")]}],
                "links": [{"traceId": "0b".repeat(16), "spanId": "02".repeat(8), "attributes": [text("l", "1")]}]
            }]}
        ]},
        {"resource": {"attributes": [text("service.name", "shop")]}, "scopeSpans": [
            {"scope": {}, "spans": [{
                "traceId": "0a".repeat(16), "spanId": "03".repeat(8), "parentSpanId": "01".repeat(8), "name": "serve", "kind": 2,
                "startTimeUnixNano": (at + 1_000_000).to_string(), "endTimeUnixNano": end(20), "status": {}
            }]}
        ]}
    ]})
}

fn rfc3339(ns: u64) -> String {
    let moment = time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(ns)).unwrap();
    moment
        .format(&time::format_description::well_known::Rfc3339)
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_comes_back_as_it_was_sent() {
    let server = Server::start().await;
    let at = now_ns() - 5_000_000_000;
    let sent = request(at);
    assert_eq!(server.send("traces", &sent).await.text(), "{}");
    let id = "0a".repeat(16);
    assert_eq!(
        server.json(&format!("/api/v3/traces/{id}")).await,
        json!({ "result": sent })
    );
    // The first version of the API shows the scope as tags.
    let v1 = server
        .json(&format!("/api/traces/{id}?raw=true&prettyPrint=true"))
        .await;
    let tags = v1["data"][0]["spans"][0]["tags"].as_array().unwrap();
    for (key, value) in [
        ("otel.scope.name", json!("lib")),
        ("otel.scope.version", json!("1.2")),
        ("otel.scope.k", json!(true)),
    ] {
        assert!(
            tags.iter().any(|tag| tag["key"] == key && tag["value"] == value),
            "{key}: {tags:?}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_by_each_parameter() {
    let server = Server::start().await;
    let at = now_ns() - 5_000_000_000;
    server.send("traces", &request(at)).await;
    assert_eq!(
        server.json("/api/v3/services").await,
        json!({"services": ["shop", "web"]})
    );
    assert_eq!(
        server
            .json("/api/v3/operations?service=web&span_kind=SERVER")
            .await,
        json!({"operations": [{"name": "home", "spanKind": "server"}]})
    );
    assert_eq!(
        server
            .json("/api/v3/operations?service=web&span_kind=client")
            .await,
        json!({"operations": []})
    );
    let window = format!(
        "query.start_time_min={}&query.start_time_max={}",
        encode(&rfc3339(at - 1_000_000_000)),
        encode(&rfc3339(at + 1_000_000_000))
    );
    for (query, found) in [
        ("query.service_name=web", true),
        ("query.service_name=web&query.operation_name=home", true),
        ("query.service_name=web&query.operation_name=serve", false),
        (
            "query.service_name=web&query.duration_min=40ms&query.duration_max=60ms",
            true,
        ),
        ("query.service_name=web&query.duration_min=60ms", false),
        (
            "query.service_name=shop&query.attributes=%7B%22error%22%3A%22false%22%7D",
            true,
        ),
        (
            "query.attributes=%7B%22otel.scope.k%22%3A%22true%22%7D&query.search_depth=1",
            true,
        ),
        (
            "query.attributes=%7B%22ratio%22%3A%220.7%22%7D&query.num_traces=5",
            false,
        ),
    ] {
        let answer = server.get(&format!("/api/v3/traces?{window}&{query}")).await;
        let body = answer.json();
        if found {
            assert_eq!(answer.status, 200, "{query}: {body}");
            // The whole trace comes, whichever of its spans was looked for.
            assert_eq!(
                body["result"]["resourceSpans"].as_array().unwrap().len(),
                2,
                "{query}"
            );
        } else {
            assert_eq!(
                body,
                json!({"error": {"httpCode": 404, "message": "No traces found"}}),
                "{query}"
            );
        }
    }
    let early = format!(
        "query.start_time_min={}&query.start_time_max={}",
        encode(&rfc3339(at - 2_000_000_000)),
        encode(&rfc3339(at - 1_000_000_000))
    );
    assert_eq!(
        server
            .get(&format!("/api/v3/traces?{early}&query.service_name=web"))
            .await
            .status,
        404
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_name_the_parameter() {
    let server = Server::start().await;
    let window = "query.start_time_min=2026-01-01T00:00:00Z&query.start_time_max=2026-01-02T00:00:00Z";
    for (path, status, reason) in [
        (
            "/api/v3/traces".to_owned(),
            400,
            "malformed parameter query.start_time_min: it is required",
        ),
        (
            "/api/v3/traces?query.start_time_min=yesterday".to_owned(),
            400,
            "malformed parameter query.start_time_min: \"yesterday\" is not RFC 3339",
        ),
        (
            format!("/api/v3/traces?{window}&query.duration_min=5"),
            400,
            "malformed parameter query.duration_min: invalid duration \"5\"",
        ),
        (
            format!("/api/v3/traces?{window}&query.duration_min=5s&query.duration_max=1s"),
            400,
            "malformed parameter query.duration_max: it is less than",
        ),
        (
            format!("/api/v3/traces?{window}&query.attributes=x"),
            400,
            "malformed parameter query.attributes",
        ),
        (
            format!("/api/v3/traces?{window}&query.search_depth=0"),
            400,
            "malformed parameter query.search_depth",
        ),
        (
            "/api/v3/operations".to_owned(),
            400,
            "malformed parameter service",
        ),
        (
            "/api/v3/traces/xyz".to_owned(),
            400,
            "malformed parameter trace_id",
        ),
        ("/api/v3/traces/abcdef".to_owned(), 404, "No traces found"),
    ] {
        let answer = server.get(&path).await;
        let json = answer.json();
        assert_eq!(
            (answer.status, &json["error"]["httpCode"]),
            (status, &json!(status)),
            "{path}"
        );
        let message = json["error"]["message"].as_str().unwrap();
        assert!(message.starts_with(reason), "{path}: {message}");
    }
    server.stop().await;
}
