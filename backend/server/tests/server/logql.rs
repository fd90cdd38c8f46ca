//! LogQL through the Loki API, over lines that came by OTLP and by Loki's push: what Grafana asks, and what it expects.

use serde_json::{Value, json};

use crate::support::{Server, encode, now_ns};

/// A server with lines of a minute ago: JSON and logfmt by Loki's push, and one by OTLP with attributes and a trace.
async fn filled() -> (Server, u64) {
    let server = Server::start().await;
    let at = (now_ns() / 1_000_000_000 - 60) * 1_000_000_000;
    let second = 1_000_000_000;
    let push = json!({"streams": [
        {"stream": {"service_name": "shop", "env": "dev"}, "values": [
            [(at + second).to_string(), r#"{"level":"info","path":"/cart","took":"120ms","code":200}"#],
            [(at + 2 * second).to_string(), r#"{"level":"error","path":"/pay","took":"2s","code":500}"#, {"user": "u1"}],
            [(at + 3 * second).to_string(), r#"{"level":"info","path":"/cart","took":"80ms","code":200}"#],
        ]},
        {"stream": {"service_name": "web"}, "values": [
            [(at + 4 * second).to_string(), "level=warn msg=\"slow answer\" bytes=2KB"],
            [(at + 5 * second).to_string(), "level=info msg=ok bytes=1KB"],
        ]},
    ]});
    let headers = "content-type: application/json\r\n";
    let answer = server
        .post(
            server.addrs.http,
            "/loki/api/v1/push",
            headers,
            push.to_string().as_bytes(),
        )
        .await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let otlp = json!({"resourceLogs": [{
        "resource": {"attributes": [
            {"key": "service.name", "value": {"stringValue": "deriva"}},
            {"key": "host.name", "value": {"stringValue": "h1"}},
        ]},
        "scopeLogs": [{"logRecords": [{
            "timeUnixNano": (at + 6 * second).to_string(),
            "severityNumber": 17,
            "traceId": "0102030405060708090a0b0c0d0e0f10",
            "body": {"stringValue": "cache miss"},
            "attributes": [{"key": "http.response.status_code", "value": {"intValue": "503"}}],
        }]}],
    }]});
    assert_eq!(server.send("logs", &otlp).await.text(), "{}");
    (server, at)
}

/// The texts that a query finds, newest first.
async fn texts(server: &Server, query: &str) -> Vec<String> {
    let found = server
        .json(&format!("/loki/api/v1/query_range?query={}", encode(query)))
        .await;
    let mut pairs: Vec<(String, String)> = found["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|stream| stream["values"].as_array().unwrap())
        .map(|pair| {
            (
                pair[0].as_str().unwrap().to_owned(),
                pair[1].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    pairs.sort();
    pairs.into_iter().rev().map(|(_, text)| text).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_work_on_lines_of_every_origin() {
    let (server, _) = filled().await;
    for (query, expect) in [
        (
            r#"{service_name="shop"} | json | level_extracted="" | level="error" | line_format "{{.path}} {{.user}}""#,
            vec!["/pay u1"],
        ),
        (
            r#"{service_name="shop"} | json | took > 100ms | line_format "{{.took}}""#,
            vec!["2s", "120ms"],
        ),
        (
            r#"{service_name="web"} | logfmt | bytes >= 2KB | line_format "{{.msg | upper}}""#,
            vec!["SLOW ANSWER"],
        ),
        (
            r#"{service_name=~".+"} | http_response_status_code >= 500 | host_name="h1" | trace_id=~"0102.*""#,
            vec!["cache miss"],
        ),
        (r#"{service_name=~"shop|web"} |> "<_>level=info<_>""#, vec![]),
        (
            r#"{service_name="shop"} | user="u1" | json p="path" | line_format "{{.p}}""#,
            vec!["/pay"],
        ),
        (
            r#"{service_name="web"} | json | __error__="JSONParserErr" | line_format "x""#,
            vec!["x", "x"],
        ),
    ] {
        assert_eq!(texts(&server, query).await, expect, "{query}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_over_lines_come_as_vectors_and_matrices() {
    let (server, at) = filled().await;
    let time = at / 1_000_000_000 + 10;
    for (query, expect) in [
        (
            r#"sum by (path) (count_over_time({service_name="shop"} | json [1m]))"#,
            json!([
                {"metric": {"path": "/cart"}, "value": [time, "2"]},
                {"metric": {"path": "/pay"}, "value": [time, "1"]},
            ]),
        ),
        (
            r#"max_over_time({service_name="shop"} | json | unwrap duration(took) [1m]) by (service_name)"#,
            json!([{"metric": {"service_name": "shop"}, "value": [time, "2"]}]),
        ),
        (
            r#"sum(rate({service_name=~".+"}[10s])) / 2"#,
            json!([{"metric": {}, "value": [time, "0.3"]}]),
        ),
        (
            r#"absent_over_time({service_name="gone"}[1m])"#,
            json!([{"metric": {"service_name": "gone"}, "value": [time, "1"]}]),
        ),
        (
            r#"topk(1, sum by (service_name) (count_over_time({service_name=~".+"}[1m])))"#,
            json!([{"metric": {"service_name": "shop"}, "value": [time, "3"]}]),
        ),
    ] {
        let path = format!("/loki/api/v1/query?query={}&time={time}", encode(query));
        let mut found = server.json(&path).await;
        assert_eq!(found["data"]["resultType"], "vector", "{query}");
        let result = found["data"]["result"].as_array_mut().unwrap();
        result.sort_by_key(|series| series["metric"].to_string());
        assert_eq!(found["data"]["result"], expect, "{query}");
        assert!(
            found["data"]["stats"]["summary"]["totalLinesProcessed"].is_u64(),
            "{query}"
        );
    }
    let (start, query) = (
        time - 10,
        encode(r#"sum(count_over_time({service_name="shop"}[2s]))"#),
    );
    let path = format!("/loki/api/v1/query_range?query={query}&start={start}&end={time}&step=2");
    let found = server.json(&path).await;
    assert_eq!(
        found["data"]["result"],
        json!([{"metric": {}, "values": [[start + 2, "2"], [start + 4, "1"]]}])
    );
    let form = format!("query={query}&time={time}");
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let answer = server
        .post(server.addrs.http, "/loki/api/v1/query", headers, form.as_bytes())
        .await;
    assert_eq!(
        (answer.status, answer.json()["data"]["resultType"].clone()),
        (200, "vector".into())
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_of_stream_line_and_pipeline_are_told_apart_for_grafana() {
    let (server, at) = filled().await;
    let query = encode(r#"{service_name="shop"} | json path, level | level="error""#);
    let head = format!(
        "GET /loki/api/v1/query_range?query={query} HTTP/1.1\r\nhost: localhost\r\nx-loki-response-encoding-flags: categorize-labels\r\n"
    );
    let found = crate::support::request(server.addrs.http, &head, b"")
        .await
        .json();
    assert_eq!(found["data"]["encodingFlags"], json!(["categorize-labels"]));
    let stream = &found["data"]["result"][0];
    assert_eq!(stream["stream"]["env"], "dev");
    assert_eq!(stream["stream"]["path"], Value::Null);
    let value = &stream["values"][0];
    assert_eq!(value[0], (at + 2_000_000_000).to_string());
    assert_eq!(value[2]["structuredMetadata"]["user"], "u1");
    assert_eq!(value[2]["parsed"]["path"], "/pay");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_queries_are_told_with_their_place() {
    let (server, _) = filled().await;
    for (query, reason) in [
        (
            r#"{service_name="shop"} | jsn"#,
            "1:25: parse error: unknown stage \"jsn\", did you mean \"json\"?",
        ),
        (
            r#"sum(rate({service_name="shop"}))"#,
            "1:31: parse error: unexpected \")\", expected a range such as [5m]",
        ),
        (
            r#"count_over_time({service_name="web"} | json [1h])"#,
            "pipeline error: \"JSONParserErr\" for series",
        ),
    ] {
        let answer = server
            .get(&format!("/loki/api/v1/query_range?query={}", encode(query)))
            .await;
        assert_eq!(answer.status, 400, "{query}");
        assert!(answer.text().contains(reason), "{query}: {}", answer.text());
    }
    let query = encode(r#"{service_name="shop"}"#);
    for (more, reason) in [
        ("start=1&end=4000000000", "the query time range exceeds the limit"),
        ("interval=x", "could not parse 'interval' parameter"),
    ] {
        let answer = server
            .get(&format!("/loki/api/v1/query_range?query={query}&{more}"))
            .await;
        assert_eq!(answer.status, 400, "{more}");
        assert!(answer.text().contains(reason), "{more}: {}", answer.text());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_how_much_there_is() {
    let (server, at) = filled().await;
    let all = encode(r#"{service_name=~".+"}"#);
    let found = server
        .json(&format!("/loki/api/v1/index/stats?query={all}"))
        .await;
    assert_eq!(
        (found["entries"].clone(), found["bytes"].is_u64()),
        (json!(6), true)
    );
    let found = server
        .json(&format!("/loki/api/v1/index/volume?query={all}&limit=2"))
        .await;
    let result = found["data"]["result"].as_array().unwrap();
    assert_eq!(
        (found["data"]["resultType"].clone(), result.len()),
        ("vector".into(), 2)
    );
    assert_eq!(result[0]["metric"], json!({"service_name": "shop"}));
    let bytes: f64 = result[0]["value"][1].as_str().unwrap().parse().unwrap();
    assert!(bytes > 150.0, "{bytes}");
    let found = server
        .json(&format!(
            "/loki/api/v1/index/volume?query={all}&targetLabels=env&aggregateBy=series"
        ))
        .await;
    let metrics: Vec<&Value> = found["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["metric"])
        .collect();
    assert_eq!(metrics, [&json!({"env": "dev"}), &json!({})]);
    let start = at / 1_000_000_000;
    let path = format!(
        "/loki/api/v1/index/volume_range?query={all}&start={start}&end={}&step=5",
        start + 20
    );
    let found = server.json(&path).await;
    assert_eq!(found["data"]["resultType"], "matrix");
    let web = found["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["metric"]["service_name"] == "web");
    let times: Vec<&Value> = web.unwrap()["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| &pair[0])
        .collect();
    assert_eq!(times, [&json!(start), &json!(start + 5)]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tells_what_labels_and_fields_there_are() {
    let (server, _) = filled().await;
    let found = server.json("/loki/api/v1/detected_labels").await;
    let labels = found["detectedLabels"].as_array().unwrap();
    assert!(
        labels.contains(&json!({"label": "service_name", "cardinality": 3})),
        "{found}"
    );
    let shop = encode(r#"{service_name="shop"}"#);
    let found = server
        .json(&format!("/loki/api/v1/detected_fields?query={shop}"))
        .await;
    let fields = found["fields"].as_array().unwrap();
    for field in [
        json!({"label": "code", "type": "int", "cardinality": 2, "parsers": ["json"]}),
        json!({"label": "took", "type": "duration", "cardinality": 3, "parsers": ["json"]}),
        json!({"label": "user", "type": "string", "cardinality": 1, "parsers": null}),
    ] {
        assert!(fields.contains(&field), "{field} in {found}");
    }
    let found = server
        .json(&format!("/loki/api/v1/detected_field/path/values?query={shop}"))
        .await;
    assert_eq!(found["values"], json!(["/cart", "/pay"]));
    let answer = server.get(&format!("/loki/api/v1/patterns?query={shop}")).await;
    assert_eq!(answer.status, 404);
    let found = server.json("/loki/api/v1/status/buildinfo").await;
    assert!(found["version"].is_string());
    let query = encode(r#"sum  by(a)(rate({b = "c"}[5m]))"#);
    let found = server
        .json(&format!("/loki/api/v1/format_query?query={query}"))
        .await;
    assert_eq!(
        found,
        json!({"status": "success", "data": r#"sum by (a) (rate({b="c"} [5m]))"#})
    );
    let answer = server.get("/loki/api/v1/format_query?query=x").await;
    assert_eq!(
        (answer.status, answer.json()["status"].clone()),
        (400, "invalid-query".into())
    );
    server.stop().await;
}
