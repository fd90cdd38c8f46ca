//! The Prometheus API: envelopes, shapes, limits, errors.

use serde_json::{Value, json};

use crate::support::{Server, encode, now_ns, now_s};

/// Two gauges and a counter with values over two minutes.
async fn filled() -> (Server, i64) {
    let server = Server::start().await;
    let start_ms = i64::try_from(now_ns() / 1_000_000).unwrap() - 120_000;
    for step in 0..=8i64 {
        let nanos = ((start_ms + step * 15_000) * 1_000_000).to_string();
        let point = |zone: &str, value: i64| {
            json!({"timeUnixNano": nanos, "asInt": value.to_string(),
                "attributes": [{"key": "zone", "value": {"stringValue": zone}}]})
        };
        let body = json!({"resourceMetrics": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeMetrics": [{"metrics": [
                {"name": "temp", "description": "How warm.", "gauge": {"dataPoints": [point("a", step), point("b", 10 * step)]}},
                {"name": "hits", "sum": {"aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [point("a", 30 * step)]}}
            ]}]
        }]});
        assert_eq!(server.send("metrics", &body).await.text(), "{}");
    }
    (server, start_ms)
}

async fn failure(server: &Server, path: &str) -> (u16, Value) {
    let answer = server.get(path).await;
    let json = answer.json();
    assert_eq!(json["status"], "error");
    (answer.status, json)
}

#[tokio::test(flavor = "multi_thread")]
async fn instant_queries_have_prometheus_shapes() {
    let (server, start_ms) = filled().await;
    let at = (start_ms + 120_000) as f64 / 1000.0;
    let path = |expr: &str| format!("/api/v1/query?time={at}&query={}", encode(expr));
    let vector = server.json(&path(r#"temp{zone="b"} * 2"#)).await;
    assert_eq!(
        vector,
        json!({"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {"job": "shop", "zone": "b"}, "value": [vector["data"]["result"][0]["value"][0], "160"]}
        ]}})
    );
    assert_eq!(vector["data"]["result"][0]["value"][0].as_f64(), Some(at));
    let scalar = server.json(&path("1 / 0")).await;
    assert_eq!(scalar["data"]["resultType"], "scalar");
    assert_eq!(scalar["data"]["result"][1], "+Inf");
    let string = server.json(&path("\"a\\\"b\"")).await;
    assert_eq!(string["data"]["result"][1], "a\"b");
    let matrix = server.json(&path(r#"temp{zone="a"}[31s]"#)).await;
    assert_eq!(matrix["data"]["resultType"], "matrix");
    let values: Vec<&Value> = matrix["data"]["result"][0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| &pair[1])
        .collect();
    assert_eq!(values, ["6", "7", "8"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn range_queries_work_by_get_and_by_form() {
    let (server, start_ms) = filled().await;
    let (start, end) = (start_ms as f64 / 1000.0, (start_ms + 120_000) as f64 / 1000.0);
    let form = format!(
        "query={}&start={start}&end={end}&step=30s",
        encode(r#"temp{zone="a"}"#)
    );
    let by_get = server.json(&format!("/api/v1/query_range?{form}")).await;
    let values: Vec<&Value> = by_get["data"]["result"][0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pair| &pair[1])
        .collect();
    assert_eq!(values, ["0", "2", "4", "6", "8"]);
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    let by_form = server
        .post(server.addrs.http, "/api/v1/query_range", headers, form.as_bytes())
        .await;
    assert_eq!(by_form.json(), by_get);
    let rate = encode("sum by (zone) (rate(hits_total[1m]))");
    let rate = server
        .json(&format!(
            "/api/v1/query_range?query={rate}&start={end}&end={end}&step=1"
        ))
        .await;
    assert_eq!(rate["data"]["result"][0]["values"][0][1], "2");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_series_labels_values_and_metadata() {
    let (server, start_ms) = filled().await;
    let series = server
        .json("/api/v1/series?match[]=temp&match[]=hits_total")
        .await;
    assert_eq!(
        series["data"],
        json!([
            {"__name__": "hits_total", "job": "shop", "zone": "a"},
            {"__name__": "temp", "job": "shop", "zone": "a"},
            {"__name__": "temp", "job": "shop", "zone": "b"}
        ])
    );
    let labels = server.json("/api/v1/labels?match[]=temp").await;
    assert_eq!(labels["data"], json!(["__name__", "job", "zone"]));
    let names = server.json("/api/v1/label/__name__/values").await;
    assert_eq!(names["data"], json!(["hits_total", "temp"]));
    let zones = server.json("/api/v1/label/zone/values?match[]=hits_total").await;
    assert_eq!(zones["data"], json!(["a"]));
    let limited = server.json("/api/v1/label/zone/values?limit=1").await;
    assert_eq!(limited["data"], json!(["a"]));
    assert_eq!(limited["warnings"], json!(["results truncated due to limit"]));
    let before = (start_ms - 86_400_000 * 30) / 1000;
    let none = server
        .json(&format!(
            "/api/v1/series?match[]=temp&start={}&end={before}",
            before - 1
        ))
        .await;
    assert_eq!(none["data"], json!([]));
    let metadata = server.json("/api/v1/metadata").await;
    assert_eq!(
        metadata["data"]["temp"],
        json!([{"type": "gauge", "unit": "", "help": "How warm."}])
    );
    assert_eq!(metadata["data"]["hits_total"][0]["type"], "counter");
    let build = server.json("/api/v1/status/buildinfo").await;
    assert_eq!(build["data"]["application"], "watchroom");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_query_is_told() {
    let server = Server::start().await;
    let now = now_s();
    for (path, status, kind, reason) in [
        ("/api/v1/query".to_owned(), 400, "bad_data", "\"query\""),
        (
            "/api/v1/query?query=sum(".to_owned(),
            400,
            "bad_data",
            "parse error",
        ),
        (
            "/api/v1/query?query=up&time=never".to_owned(),
            400,
            "bad_data",
            "\"time\"",
        ),
        (
            "/api/v1/query?query=up&timeout=long".to_owned(),
            400,
            "bad_data",
            "\"timeout\"",
        ),
        (
            "/api/v1/query_range?query=up&start=1".to_owned(),
            400,
            "bad_data",
            "\"end\"",
        ),
        (
            format!("/api/v1/query_range?query=up&start={now}&end=1&step=1"),
            400,
            "bad_data",
            "end timestamp must not be before start time",
        ),
        (
            "/api/v1/query_range?query=up&start=1&end=2&step=0".to_owned(),
            400,
            "bad_data",
            "zero or negative",
        ),
        (
            "/api/v1/query_range?query=up&start=0&end=11002&step=1".to_owned(),
            400,
            "bad_data",
            "exceeded maximum resolution of 11,000 points per timeseries",
        ),
        (
            "/api/v1/series".to_owned(),
            400,
            "bad_data",
            "no match[] parameter provided",
        ),
        (
            "/api/v1/series?match[]=sum(up)".to_owned(),
            400,
            "bad_data",
            "match[]",
        ),
        (
            "/api/v1/label/U__a_zz_/values".to_owned(),
            400,
            "bad_data",
            "invalid label name",
        ),
        (
            "/api/v1/rules?type=odd".to_owned(),
            400,
            "bad_data",
            "not supported value",
        ),
        (
            "/api/v1/nothing".to_owned(),
            404,
            "not_found",
            "there is no GET /api/v1/nothing",
        ),
    ] {
        let (got, json) = failure(&server, &path).await;
        assert_eq!(
            (got, &json["errorType"]),
            (status, &json!(kind)),
            "{path}: {json}"
        );
        assert!(json["error"].as_str().unwrap().contains(reason), "{path}: {json}");
    }
    let ok = server
        .json("/api/v1/query_range?query=up&start=0&end=11000&step=1")
        .await;
    assert_eq!(ok["data"]["result"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_that_holds_too_much_or_takes_too_long_is_refused() {
    let (server, _) = filled().await;
    let slow = encode("count_over_time(sum(temp)[5d:1s]) + count_over_time(sum(temp)[5d:1s])");
    let (status, json) = failure(&server, &format!("/api/v1/query?query={slow}&timeout=1ms")).await;
    assert_eq!((status, &json["errorType"]), (503, &json!("timeout")), "{json}");
    server.stop().await;
    let server = Server::with(|config, _| config.limits.max_query_samples = 5).await;
    let at = now_ns().to_string();
    let points: Vec<Value> = (0..10)
        .map(|i| {
            json!({"timeUnixNano": at, "asInt": "1",
                "attributes": [{"key": "i", "value": {"intValue": i.to_string()}}]})
        })
        .collect();
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "many", "gauge": {"dataPoints": points}}]}]}]});
    assert_eq!(server.send("metrics", &body).await.text(), "{}");
    let (status, json) = failure(&server, "/api/v1/query?query=sum(many)").await;
    assert_eq!((status, &json["errorType"]), (422, &json!("execution")), "{json}");
    assert!(json["error"].as_str().unwrap().contains('5'), "{json}");
    server.stop().await;
}
