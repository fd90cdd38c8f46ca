//! Federation and remote read: what is kept here, as another Prometheus gets it.

use serde_json::{Value, json};

use crate::peer::Peer;
use crate::support::{Server, encode, eventually, now_ns};

/// A server with a counter of two series and a gauge, ten samples each over the last 100 s.
async fn filled() -> (Server, u64) {
    let server = Server::start().await;
    let now = now_ns() / 1_000_000_000;
    for i in 0..10u64 {
        let at = ((now - 100 + i * 10) * 1_000_000_000).to_string();
        let point = |value: u64, pay: &str| {
            json!({"timeUnixNano": at, "asInt": value.to_string(),
                   "attributes": [{"key": "pay", "value": {"stringValue": pay}}]})
        };
        let body = json!({"resourceMetrics": [{
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeMetrics": [{"metrics": [
                {"name": "orders", "sum": {"isMonotonic": true, "aggregationTemporality": 2,
                    "dataPoints": [point(i, "card"), point(2 * i, "ca\"sh\\")]}},
                {"name": "queue", "gauge": {"dataPoints": [point(i % 3, "")]}}
            ]}]
        }]});
        let answer = server.send("metrics", &body).await;
        assert_eq!(answer.text(), "{}");
    }
    (server, now)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_newest_samples_are_federated() {
    let (server, now) = filled().await;
    let query = format!(
        "match[]={}&match[]=queue",
        encode(r#"{__name__=~"orders.*",pay!="x"}"#)
    );
    let answer = server.get(&format!("/federate?{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let at = (now - 10) * 1000;
    assert_eq!(
        answer.text(),
        format!(
            "# TYPE orders_total untyped\n\
             orders_total{{job=\"shop\",pay=\"ca\\\"sh\\\\\",instance=\"\"}} 18 {at}\n\
             orders_total{{job=\"shop\",pay=\"card\",instance=\"\"}} 9 {at}\n\
             # TYPE queue untyped\nqueue{{job=\"shop\",instance=\"\"}} 0 {at}\n"
        )
    );
    assert_eq!(server.get("/federate").await.text(), "");
    assert_eq!(server.get("/federate?match[]=%7B").await.status, 400);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_prometheus_federates_and_reads_from_here() {
    let (server, now) = filled().await;
    let addr = server.addrs.http;
    let config = move |_| {
        format!(
            "global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}\n\
             remote_read: [{{url: 'http://{addr}/api/v1/read', read_recent: true}}]\n\
             scrape_configs:\n- job_name: federate\n  metrics_path: /federate\n  honor_labels: true\n  \
             honor_timestamps: false\n  params: {{'match[]': ['queue']}}\n  static_configs: [{{targets: ['{addr}']}}]\n"
        )
    };
    let Some(peer) = Peer::start(config).await else {
        server.stop().await;
        return;
    };
    let sorted = |answer: Value| {
        let mut result = answer["data"]["result"].as_array().unwrap().clone();
        result.sort_by_key(|series| series["metric"].to_string());
        result
    };
    let at = now - 5;
    for query in [
        "orders_total[2m]",
        "sum by (pay) (rate(orders_total[1m]))",
        r#"orders_total{pay=~"ca.*",job!="x"}"#,
        r#"{__name__=~"orders.+",pay!~"card|x"}"#,
        "nothing",
    ] {
        let path = format!("/api/v1/query?query={}&time={at}", encode(query));
        let (ours, theirs) = (server.json(&path).await, peer.json(&path).await);
        assert_eq!(sorted(ours.clone()), sorted(theirs), "{query}");
        assert_eq!(sorted(ours).is_empty(), query == "nothing", "{query}");
    }
    eventually("the federated gauge", async || {
        let path = format!(
            "/api/v1/query?query={}",
            encode(r#"queue{job="shop"} and on() up{job="federate"} == 1"#)
        );
        (!sorted(peer.json(&path).await).is_empty()).then_some(())
    })
    .await;
    peer.stop();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_reads_are_refused() {
    let server = Server::start().await;
    let snappy = |bytes: &[u8]| snap::raw::Encoder::new().compress_vec(bytes).unwrap();
    let headers = "content-type: application/x-protobuf\r\ncontent-encoding: snappy\r\n";
    // A query whose one matcher is a regular expression that is none, and one of a type that there is not.
    let regex = b"\x0a\x0a\x1a\x08\x08\x02\x12\x01a\x1a\x01(";
    let kind = b"\x0a\x04\x1a\x02\x08\x09";
    for (body, reason) in [
        (vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0], "once decompressed"),
        (snappy(&vec![0; 2 << 20]), "once decompressed"),
        (b"nonsense".to_vec(), "not valid snappy"),
        (snappy(&[0xff; 100]), "not a valid request"),
        (snappy(regex), "regular expression"),
        (snappy(kind), "of type 9"),
        (snappy(&b"\x0a\x00".repeat(65)), "more than 64 queries"),
    ] {
        let answer = server
            .post(server.addrs.http, "/api/v1/read", headers, &body)
            .await;
        assert_eq!(answer.status, 400, "{reason}: {}", answer.text());
        assert!(answer.text().contains(reason), "{reason}: {}", answer.text());
    }
    server.stop().await;
}
