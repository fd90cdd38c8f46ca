//! Exemplars, by every way in, as `query_exemplars` gives them.

use serde_json::{Value, json};

use crate::peer::Peer;
use crate::scrape::Target;
use crate::support::{Server, encode, eventually, now_ns};

fn path(query: &str) -> String {
    format!(
        "/api/v1/query_exemplars?query={}&start=0&end=4000000000",
        encode(query)
    )
}

async fn found(server: &Server, query: &str) -> Value {
    server.json(&path(query)).await["data"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_of_otlp_stand_with_the_series_that_a_panel_shows() {
    let server = Server::start().await;
    let at = now_ns() / 1_000_000 * 1_000_000;
    let seconds = (at / 1_000_000) as f64 / 1000.0;
    let (trace, span) = ("0102030405060708090a0b0c0d0e0f10", "0102030405060708");
    let exemplar = |value: f64| {
        json!({"timeUnixNano": at.to_string(), "asDouble": value, "traceId": trace, "spanId": span,
               "filteredAttributes": [{"key": "user.id", "value": {"intValue": "7"}},
                                      {"key": "long", "value": {"stringValue": "x".repeat(200)}}]})
    };
    let point = |more: Value| {
        let mut point = json!({"timeUnixNano": at.to_string()});
        point
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        point
    };
    let refused: Vec<Value> = (0..70)
        .map(|i| json!({"key": format!("k{i}"), "value": {"intValue": "1"}}))
        .collect();
    let body = json!({"resourceMetrics": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeMetrics": [{"metrics": [
            {"name": "orders", "sum": {"isMonotonic": true, "aggregationTemporality": 2, "dataPoints": [
                point(json!({"asInt": "3", "exemplars": [exemplar(1.0), {"timeUnixNano": "1"}]})),
                point(json!({"asInt": "3", "attributes": refused, "exemplars": [exemplar(2.0)]}))
            ]}},
            {"name": "lat", "unit": "s", "histogram": {"aggregationTemporality": 2, "dataPoints": [
                point(json!({"count": "3", "sum": 9.0, "explicitBounds": [1.0, 5.0], "bucketCounts": ["1", "1", "1"],
                             "exemplars": [exemplar(0.5), exemplar(5.0), exemplar(7.5)]}))]}},
            {"name": "spread", "exponentialHistogram": {"aggregationTemporality": 2, "dataPoints": [
                point(json!({"count": "1", "sum": 2.0, "scale": 0, "positive": {"offset": 0, "bucketCounts": ["1"]},
                             "exemplars": [exemplar(2.0)]}))]}}
        ]}]
    }]});
    let answer = server.send("metrics", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let expect = |name: &str, le: Option<&str>, value: &str| {
        let mut labels = json!({"__name__": name, "job": "shop"});
        if let Some(le) = le {
            labels["le"] = le.into();
        }
        json!({"seriesLabels": labels, "exemplars": [{
            "labels": {"span_id": span, "trace_id": trace, "user_id": "7"}, "value": value, "timestamp": seconds}]})
    };
    assert_eq!(
        found(&server, "rate(orders_total[5m])").await,
        json!([expect("orders_total", None, "1")])
    );
    assert_eq!(
        found(
            &server,
            "histogram_quantile(0.9, sum by (le) (rate(lat_seconds_bucket[5m])))"
        )
        .await,
        json!([
            expect("lat_seconds_bucket", Some("+Inf"), "7.5"),
            expect("lat_seconds_bucket", Some("1"), "0.5"),
            expect("lat_seconds_bucket", Some("5"), "5")
        ])
    );
    assert_eq!(
        found(&server, "spread").await,
        json!([expect("spread", None, "2")])
    );
    server.stop().await;
}

const TEXT: &str = "# TYPE req counter\nreq_total{path=\"/\"} 3 # {trace_id=\"abc\"} 1 1700000000.25\n\
    # TYPE lat histogram\nlat_bucket{le=\"1\"} 2 # {trace_id=\"def\",span_id=\"12\"} 0.5\nlat_bucket{le=\"+Inf\"} 2\n\
    lat_sum 1\nlat_count 2\n# EOF\n";

const OPENMETRICS: &str = "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_of_a_scrape_are_kept_once_though_seen_again() {
    let target = Target::start("").await;
    target.answers("200 OK", OPENMETRICS, TEXT.as_bytes());
    let address = target.addr.clone();
    let server = Server::with(move |config, dir| {
        let path = dir.path().join("prometheus.yml");
        let text = format!(
            "global: {{scrape_interval: 100ms}}\nscrape_configs: [{{job_name: app, static_configs: [{{targets: ['{address}']}}]}}]\n"
        );
        std::fs::write(&path, text).unwrap();
        config.config = Some(path);
    })
    .await;
    eventually("three scrapes", async || {
        let n = server.value("count_over_time(req_total[5m])").await?;
        (n.parse::<f64>().unwrap() >= 3.0).then_some(())
    })
    .await;
    let series = |name: &str, label: &str, value: &str| json!({"__name__": name, "instance": target.addr, "job": "app", label: value});
    let timed = json!({"labels": {"trace_id": "abc"}, "value": "1", "timestamp": 1_700_000_000.25});
    assert_eq!(
        found(&server, "req_total").await,
        json!([{"seriesLabels": series("req_total", "path", "/"), "exemplars": [timed]}])
    );
    let of_bucket = found(&server, "lat_bucket").await;
    assert_eq!(of_bucket.as_array().unwrap().len(), 1);
    assert_eq!(of_bucket[0]["seriesLabels"], series("lat_bucket", "le", "1"));
    let exemplars = of_bucket[0]["exemplars"].as_array().unwrap();
    assert_eq!(
        exemplars.len(),
        1,
        "one without a time of its own is the same at each scrape"
    );
    assert_eq!(
        exemplars[0]["labels"],
        json!({"span_id": "12", "trace_id": "def"})
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exemplars_that_a_real_prometheus_sends_are_those_it_has() {
    let server = Server::start().await;
    let target = Target::start("").await;
    target.answers("200 OK", OPENMETRICS, TEXT.as_bytes());
    let (scraped, to) = (target.addr.clone(), server.addrs.http);
    let config = move |_| {
        format!(
            "global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}\n\
             scrape_configs: [{{job_name: app, static_configs: [{{targets: ['{scraped}']}}]}}]\n\
             remote_write: [{{url: 'http://{to}/api/v1/write', send_exemplars: true, \
             queue_config: {{batch_send_deadline: 100ms}}}}]\n"
        )
    };
    let Some(peer) = Peer::start(config).await else {
        server.stop().await;
        return;
    };
    eventually("exemplars of both series", async || {
        let found = found(&server, "req_total or lat_bucket").await;
        (found.as_array().unwrap().len() == 2).then_some(())
    })
    .await;
    for query in [
        "req_total",
        "lat_bucket",
        "rate(lat_bucket[1m]) + on() group_left() req_total",
    ] {
        let path = path(query);
        let (ours, theirs) = (server.json(&path).await, peer.json(&path).await);
        let sorted = |answer: Value| {
            let mut data = answer["data"].as_array().unwrap().clone();
            data.sort_by_key(|series| series["seriesLabels"].to_string());
            data
        };
        assert_eq!(sorted(ours), sorted(theirs), "{query}");
    }
    peer.stop();
    server.stop().await;
}
