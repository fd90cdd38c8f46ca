//! Limits of each client, and how each protocol is told.

use serde_json::json;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Server, eventually, now_ns};

async fn limited(limits: &[&str]) -> Server {
    Server::with(|config, _| {
        config.client_limits = limits
            .iter()
            .map(|text| text.parse::<watchroom_server::ClientLimit>().unwrap())
            .collect();
    })
    .await
}

fn lines(n: usize) -> serde_json::Value {
    let record = json!({"timeUnixNano": now_ns().to_string(), "body": {"stringValue": "x"}});
    json!({"resourceLogs": [{"scopeLogs": [{"logRecords": vec![record; n]}]}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn beyond_its_rate_a_sender_is_asked_to_come_back() {
    // So slow that nothing is paid back while the test runs.
    let server = limited(&["samples=0.01"]).await;
    // The first request is taken whole, however large; those after it pay.
    assert_eq!(server.send("logs", &lines(500)).await.status, 200);
    let answer = server.send("logs", &lines(1)).await;
    assert_eq!(answer.status, 429, "{}", answer.text());
    assert_eq!(answer.header("retry-after"), Some("600"));
    assert_eq!(answer.json()["code"], 8);
    for (path, headers) in [
        ("/loki/api/v1/push", "content-type: application/json\r\n"),
        ("/api/v1/write", "content-type: application/x-protobuf\r\n"),
    ] {
        let answer = server.post(server.addrs.http, path, headers, b"{}").await;
        assert_eq!(
            (answer.status, answer.header("retry-after")),
            (429, Some("600")),
            "{path}"
        );
        assert!(answer.text().contains("of one client"), "{}", answer.text());
    }
    let headers = "content-type: application/grpc\r\n";
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let answer = server.post(server.addrs.otlp_grpc, path, headers, &[0; 5]).await;
    assert_eq!(answer.header("grpc-status"), Some("8"));
    // RetryInfo makes it one that a sender retries.
    let details = answer.header("grpc-status-details-bin").unwrap();
    assert!(!details.is_empty(), "{answer:?}");
    // Reading is not writing.
    assert_eq!(server.get("/api/v1/labels").await.status, 200);
    let metrics = server.get("/metrics").await.text();
    assert!(
        metrics.contains("watchroom_client_refused_requests_total{reason=\"samples\"} 4"),
        "{metrics}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_and_requests_have_rates_of_their_own() {
    let server = limited(&["bytes=1"]).await;
    assert_eq!(server.send("logs", &lines(10)).await.status, 200);
    assert_eq!(server.send("logs", &lines(1)).await.status, 429);
    server.stop().await;
    let server = limited(&["requests=0.01"]).await;
    assert_eq!(server.get("/api/v1/labels").await.status, 200);
    let answer = server.get("/api/v1/labels").await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json()["errorType"], "too_many_requests");
    // Whether it lives can always be asked.
    assert_eq!(server.get("/-/healthy").await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn series_beyond_a_clients_limit_are_left_out_and_the_rest_is_kept() {
    let server = limited(&["series=3"]).await;
    let point = |i: usize| {
        json!({"timeUnixNano": now_ns().to_string(), "asDouble": 1.0,
               "attributes": [{"key": "i", "value": {"stringValue": i.to_string()}}]})
    };
    let body = |range: std::ops::Range<usize>| {
        let points: Vec<_> = range.map(point).collect();
        json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "m", "gauge": {"dataPoints": points}}]}]}]})
    };
    let answer = server.send("metrics", &body(0..5)).await;
    assert_eq!(answer.status, 200);
    let partial = &answer.json()["partialSuccess"];
    assert_eq!(partial["rejectedDataPoints"], "2", "{}", answer.text());
    assert!(
        partial["errorMessage"]
            .as_str()
            .unwrap()
            .contains("limit of its client")
    );
    assert_eq!(server.value("count(m)").await.as_deref(), Some("3"));
    // The same over remote write, where the sender is told not to try again.
    let compressed = snap::raw::Encoder::new().compress_vec(&one_sample("w")).unwrap();
    let headers = "content-type: application/x-protobuf\r\ncontent-encoding: snappy\r\n";
    let answer = server
        .post(server.addrs.http, "/api/v1/write", headers, &compressed)
        .await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("limit of its client"), "{}", answer.text());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_runs_few_queries_at_a_time() {
    let server = limited(&["queries=1"]).await;
    // A form that is announced and does not come keeps its query open.
    let mut open = TcpStream::connect(server.addrs.http).await.unwrap();
    let head = "POST /api/v1/query HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/x-www-form-urlencoded\r\n\
                content-length: 100\r\n\r\n";
    open.write_all(head.as_bytes()).await.unwrap();
    let refused = eventually("a query beyond the limit", async || {
        let answer = server.get("/api/v1/labels").await;
        (answer.status == 429).then_some(answer)
    })
    .await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    drop(open);
    eventually("room for a query", async || {
        (server.get("/api/v1/labels").await.status == 200).then_some(())
    })
    .await;
    server.stop().await;
}

/// A `WriteRequest` of one sample, now.
fn one_sample(name: &str) -> Vec<u8> {
    let field = |number: u8, bytes: &[u8]| [&[number << 3 | 2, bytes.len() as u8], bytes].concat();
    let label = [field(1, b"__name__"), field(2, name.as_bytes())].concat();
    let mut sample = [&[0x09][..], &1f64.to_le_bytes(), &[0x10]].concat();
    prost::encoding::encode_varint(now_ns() / 1_000_000, &mut sample);
    let series = [field(1, &label), field(2, &sample)].concat();
    field(1, &series)
}
