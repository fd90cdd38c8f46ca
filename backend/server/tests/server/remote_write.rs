//! Remote write, both versions: what is kept, what is refused and how, and a real Prometheus as the sender.

use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};
use watchroom_server::RemoteWrite;

use crate::peer::Peer;
use crate::support::{Answer, Server, encode, eventually, now_ns};

/// `prometheus.WriteRequest`.
#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Histogram {
    #[prost(uint64, tag = "1")]
    count: u64,
    #[prost(double, tag = "3")]
    sum: f64,
    #[prost(sint32, tag = "4")]
    schema: i32,
    #[prost(uint64, tag = "6")]
    zero_count: u64,
    #[prost(message, repeated, tag = "11")]
    positive_spans: Vec<Span>,
    #[prost(sint64, repeated, tag = "12")]
    positive_deltas: Vec<i64>,
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Span {
    #[prost(sint32, tag = "1")]
    offset: i32,
    #[prost(uint32, tag = "2")]
    length: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "4")]
    help: String,
    #[prost(string, tag = "5")]
    unit: String,
}

/// `io.prometheus.write.v2.Request`.
#[derive(Clone, PartialEq, Message)]
struct Request2 {
    #[prost(string, repeated, tag = "4")]
    symbols: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    timeseries: Vec<TimeSeries2>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries2 {
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    histograms: Vec<Histogram>,
    #[prost(message, repeated, tag = "4")]
    exemplars: Vec<Exemplar2>,
    #[prost(message, optional, tag = "5")]
    metadata: Option<Metadata2>,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar2 {
    #[prost(uint32, repeated, tag = "1")]
    labels: Vec<u32>,
    #[prost(double, tag = "2")]
    value: f64,
    #[prost(int64, tag = "3")]
    timestamp: i64,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Metadata2 {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(uint32, tag = "3")]
    help: u32,
    #[prost(uint32, tag = "4")]
    unit: u32,
}

const V1: &str = "content-type: application/x-protobuf\r\ncontent-encoding: snappy\r\n";
const V2: &str = "content-type: application/x-protobuf;proto=io.prometheus.write.v2.Request\r\ncontent-encoding: snappy\r\n";

fn labels(pairs: &[(&str, &str)]) -> Vec<Label> {
    let label = |(name, value): &(&str, &str)| Label {
        name: (*name).into(),
        value: (*value).into(),
    };
    pairs.iter().map(label).collect()
}

fn series(pairs: &[(&str, &str)], samples: &[(i64, f64)]) -> TimeSeries {
    TimeSeries {
        labels: labels(pairs),
        samples: samples
            .iter()
            .map(|&(timestamp, value)| Sample { value, timestamp })
            .collect(),
        ..TimeSeries::default()
    }
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

async fn write(server: &Server, headers: &str, request: &impl Message) -> Answer {
    let body = snappy(&request.encode_to_vec());
    server
        .post(server.addrs.http, "/api/v1/write", headers, &body)
        .await
}

fn now_ms() -> i64 {
    i64::try_from(now_ns() / 1_000_000).unwrap()
}

fn histogram(timestamp: i64) -> Histogram {
    Histogram {
        count: 6,
        sum: 9.5,
        schema: 0,
        zero_count: 1,
        positive_spans: vec![Span { offset: 1, length: 2 }],
        positive_deltas: vec![2, 1],
        timestamp,
    }
}

fn written(answer: &Answer) -> [Option<&str>; 3] {
    ["samples", "histograms", "exemplars"]
        .map(|what| answer.header(&format!("x-prometheus-remote-write-{what}-written")))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_by_version_1_is_there() {
    let server = Server::start().await;
    let at = now_ms() - 10_000;
    let mut hot = series(&[("__name__", "hot"), ("job", "j")], &[]);
    hot.histograms = vec![histogram(at)];
    let request = WriteRequest {
        timeseries: vec![
            series(
                &[("__name__", "reqs_total"), ("job", "j")],
                &[(at - 5_000, 1.0), (at, 4.0)],
            ),
            // Not in order, which the specification forbids and a lenient receiver takes.
            series(
                &[("job", "k"), ("__name__", "reqs_total"), ("http.route", "/ä")],
                &[(at, 7.5)],
            ),
            hot,
        ],
        metadata: vec![Metadata {
            kind: 1,
            name: "reqs_total".into(),
            help: "Requests.".into(),
            unit: "".into(),
        }],
    };
    let answer = write(&server, V1, &request).await;
    assert_eq!((answer.status, answer.text()), (204, String::new()));
    assert_eq!(written(&answer), [None; 3], "version 1 has no such headers");
    assert_eq!(server.value("reqs_total{job=\"j\"}").await.as_deref(), Some("4"));
    assert_eq!(
        server
            .value("increase(reqs_total{job=\"j\"}[1m]) > bool 0")
            .await
            .as_deref(),
        Some("1")
    );
    assert_eq!(
        server
            .value(r#"{"reqs_total", "http.route"="/ä"}"#)
            .await
            .as_deref(),
        Some("7.5")
    );
    assert_eq!(server.value("histogram_count(hot)").await.as_deref(), Some("6"));
    assert_eq!(server.value("histogram_sum(hot)").await.as_deref(), Some("9.5"));
    let metadata = server.json("/api/v1/metadata?metric=reqs_total").await;
    assert_eq!(
        metadata["data"]["reqs_total"],
        json!([{"type": "counter", "unit": "", "help": "Requests."}])
    );
    // What a sender repeats because it did not see the answer is no mistake.
    assert_eq!(
        write(
            &server,
            V1,
            &WriteRequest {
                timeseries: vec![series(&[("__name__", "reqs_total"), ("job", "j")], &[(at, 4.0)])],
                metadata: vec![],
            }
        )
        .await
        .status,
        204
    );
    server.stop().await;
}

fn request2(at: i64) -> Request2 {
    let symbols = [
        "",
        "__name__",
        "lat_count",
        "job",
        "j",
        "trace_id",
        "abc",
        "Time to answer.",
        "seconds",
    ];
    Request2 {
        symbols: symbols.map(str::to_owned).to_vec(),
        timeseries: vec![TimeSeries2 {
            labels: vec![1, 2, 3, 4],
            samples: vec![Sample {
                value: 2.0,
                timestamp: at,
            }],
            histograms: vec![],
            exemplars: vec![Exemplar2 {
                labels: vec![5, 6],
                value: 0.5,
                timestamp: at,
            }],
            metadata: Some(Metadata2 {
                kind: 3,
                help: 7,
                unit: 8,
            }),
        }],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_by_version_2_is_there_and_counted_in_the_answer() {
    let server = Server::start().await;
    let at = now_ms() - 10_000;
    let mut request = request2(at);
    let mut native = request.timeseries[0].clone();
    native.labels = vec![1, 6, 3, 4];
    native.samples.clear();
    native.exemplars.clear();
    native.histograms = vec![histogram(at)];
    request.timeseries.push(native);
    let answer = write(&server, V2, &request).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    assert_eq!(written(&answer), [Some("1"), Some("1"), Some("1")]);
    assert_eq!(server.value(r#"lat_count{job="j"}"#).await.as_deref(), Some("2"));
    let found = |query: &str, more: &str| {
        let path = format!("/api/v1/query_exemplars?query={}{more}", encode(query));
        async { server.json(&{ path }).await["data"].clone() }
    };
    let seconds = at as f64 / 1000.0;
    assert_eq!(
        found("rate(lat_count[1m]) / on() up", "").await,
        json!([{
            "seriesLabels": {"__name__": "lat_count", "job": "j"},
            "exemplars": [{"labels": {"trace_id": "abc"}, "value": "0.5", "timestamp": seconds}]
        }])
    );
    assert_eq!(found("lat_count{job=\"other\"}", "").await, json!([]));
    assert_eq!(
        found("lat_count", &format!("&end={}", seconds - 1.0)).await,
        json!([])
    );
    assert_eq!(server.get("/api/v1/query_exemplars?query=%7B").await.status, 400);
    assert_eq!(server.get("/api/v1/query_exemplars").await.status, 400);
    assert_eq!(server.value("histogram_count(abc)").await.as_deref(), Some("6"));
    let metadata = server.json("/api/v1/metadata?metric=lat").await;
    assert_eq!(
        metadata["data"]["lat"],
        json!([{"type": "histogram", "unit": "seconds", "help": "Time to answer."}])
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_kept_is_told_and_the_rest_is_kept() {
    let server = Server::start().await;
    let at = now_ms() - 10_000;
    let good = |name: &str, samples: &[(i64, f64)]| series(&[("__name__", name)], samples);
    let mut wrong_histogram = series(&[("__name__", "wrong")], &[]);
    wrong_histogram.histograms = vec![Histogram {
        positive_spans: vec![Span { offset: 0, length: 9 }],
        ..histogram(at)
    }];
    let request = WriteRequest {
        timeseries: vec![
            good("a", &[(at, 1.0), (at - 1, 1.0), (at, 2.0)]),
            series(&[("job", "j")], &[(at, 1.0)]),
            series(&[("__name__", "twice"), ("a", "1"), ("a", "2")], &[(at, 1.0)]),
            series(&[("__name__", "nameless"), ("", "2")], &[(at, 1.0)]),
            series(&[("__name__", "long"), ("a", &"x".repeat(5_000))], &[(at, 1.0)]),
            good("future", &[(at + 86_400_000, 1.0)]),
            wrong_histogram,
            good("b", &[(at, 3.0)]),
        ],
        metadata: vec![],
    };
    let answer = write(&server, V1, &request).await;
    assert_eq!(answer.status, 400, "400 is what a sender does not retry");
    assert_eq!(answer.header("retry-after"), None);
    for reason in [
        "series has no metric name (1)",
        "series has a label twice (1)",
        "label has no name (1)",
        "longer than 4096 bytes",
        "older than the newest of its series (1)",
        "another value at that time (1)",
        "ahead of the server's clock (1)",
        "spans for another number of buckets",
    ] {
        assert!(answer.text().contains(reason), "{reason}: {}", answer.text());
    }
    assert_eq!(server.value("a").await.as_deref(), Some("1"));
    assert_eq!(server.value("b").await.as_deref(), Some("3"));

    let mut request = request2(at);
    request.timeseries[0].samples.push(Sample {
        value: 1.0,
        timestamp: at - 1,
    });
    let answer = write(&server, V2, &request).await;
    assert_eq!(answer.status, 400);
    assert_eq!(written(&answer), [Some("1"), Some("0"), Some("1")]);
    request.timeseries[0].labels = vec![1, 99];
    let answer = write(&server, V2, &request).await;
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .text()
            .contains("symbol 99 is referred to, of which there are 9"),
        "{}",
        answer.text()
    );
    assert_eq!(written(&answer), [Some("0"); 3]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_marker_ends_numbers_and_histograms() {
    let server = Server::start().await;
    let at = now_ms() - 10_000;
    let stale = f64::from_bits(0x7ff0_0000_0000_0002);
    let mut hot = series(&[("__name__", "hot")], &[]);
    hot.histograms = vec![histogram(at)];
    let mut request = WriteRequest {
        timeseries: vec![series(&[("__name__", "up")], &[(at, 1.0)]), hot],
        metadata: vec![],
    };
    assert_eq!(write(&server, V1, &request).await.status, 204);
    assert_eq!(server.value("up").await.as_deref(), Some("1"));
    request.timeseries[0].samples = vec![Sample {
        value: stale,
        timestamp: at + 1,
    }];
    request.timeseries[1].histograms = vec![Histogram {
        sum: stale,
        timestamp: at + 1,
        ..Histogram::default()
    }];
    assert_eq!(write(&server, V1, &request).await.status, 204);
    assert_eq!(server.value("up").await, None);
    assert_eq!(server.value("histogram_count(hot)").await, None);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_are_refused_for_good_and_the_server_goes_on() {
    let server = Server::start().await;
    let path = "/api/v1/write";
    let post = async |headers: &str, body: &[u8]| server.post(server.addrs.http, path, headers, body).await;
    let good = WriteRequest {
        timeseries: vec![series(&[("__name__", "a")], &[(now_ms(), 1.0)])],
        metadata: vec![],
    }
    .encode_to_vec();
    // A block that claims to be of gigabytes, and one that is of many megabytes.
    for (body, status) in [
        (vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0], 413),
        (snappy(&vec![0; 100 << 20]), 413),
        (vec![0xff; 100], 400),
        (good.clone(), 400),
        (snappy(&good)[..10].to_vec(), 400),
        (snappy(&good[..good.len() - 3]), 400),
        (snappy(&[0xff; 1000]), 400),
        (snappy(b"\x0a\x05\x12\x03\x08\x01\x10"), 400),
        (snappy(b"\x78\x01"), 204),
        (snappy(b""), 204),
    ] {
        for headers in [V1, V2] {
            let answer = post(headers, &body).await;
            assert_eq!(answer.status, status, "{headers} {}", answer.text());
            assert_eq!(answer.text().is_empty(), status == 204);
        }
    }
    // Two bytes of a sample become many in memory.
    let mut many = WriteRequest {
        timeseries: vec![series(&[("__name__", "a")], &[])],
        metadata: vec![],
    };
    many.timeseries[0].samples = vec![Sample::default(); 6_000_000];
    let answer = write(&server, V1, &many).await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert!(
        answer.text().contains("send smaller batches"),
        "{}",
        answer.text()
    );
    for headers in [
        "",
        "content-type: application/json\r\n",
        "content-type: application/x-protobuf\r\ncontent-encoding: gzip\r\n",
        "content-type: application/x-protobuf;proto=other\r\n",
    ] {
        let answer = post(headers, &snappy(&good)).await;
        assert_eq!(answer.status, 415, "{headers}");
    }
    let answer = server.get(path).await;
    assert_eq!(answer.status, 405);
    assert_eq!(post(V1, &snappy(&good)).await.status, 204);
    server.stop().await;
}

/// Whether two answers are the same; of a computed value the last digits may differ.
fn alike(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        (Value::String(a), Value::String(b)) => {
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-12 * a.abs().max(b.abs());
            a == b || matches!((a.parse(), b.parse()), (Ok(a), Ok(b)) if close(a, b))
        }
        (a, b) => a == b,
    }
}

/// Everything that a Prometheus scrapes of itself, sent on to us, answers alike there and here.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_real_prometheus_sends_answers_as_it_does_there() {
    let server = Server::start().await;
    let config = |port: u16| {
        format!(
            "global: {{scrape_interval: 250ms, scrape_timeout: 250ms}}\n\
             scrape_configs: [{{job_name: own, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}]\n\
             remote_write:\n- url: http://{}/api/v1/write\n  \
             queue_config: {{min_shards: 1, max_shards: 1, batch_send_deadline: 100ms}}\n  \
             metadata_config: {{send_interval: 500ms}}\n",
            server.addrs.http
        )
    };
    let Some(peer) = Peer::start(config).await else {
        server.stop().await;
        return;
    };
    // Scrapes arrive in order, and each whole: once one is here, all before it are.
    let times = eventually("samples of four scrapes", async || {
        let found = server.query("count_over_time(up[5m])").await;
        let enough = found
            .first()
            .is_some_and(|(_, n)| n.parse::<f64>().unwrap() >= 5.0);
        if !enough {
            return None;
        }
        let path = format!("/api/v1/query?query={}", encode("up[5m]"));
        let samples = server.json(&path).await;
        let values = samples["data"]["result"][0]["values"].as_array().unwrap().clone();
        Some(
            values
                .iter()
                .map(|pair| pair[0].as_f64().unwrap())
                .collect::<Vec<f64>>(),
        )
    })
    .await;
    let at = times[times.len() - 2];
    let mut n_series = 0;
    for query in [
        "{__name__=~\".+\"}[5m]",
        "sum by (__name__) ({__name__=~\"prometheus_.+_total\"})",
        "histogram_quantile(0.9, rate(prometheus_http_request_duration_seconds_bucket[5m]))",
        "rate(process_cpu_seconds_total[5m])",
    ] {
        let path = format!("/api/v1/query?query={}&time={at}", encode(query));
        let (ours, theirs) = (server.json(&path).await, peer.json(&path).await);
        let sorted = |answer: &Value| {
            let mut result = answer["data"]["result"].as_array().unwrap().clone();
            result.sort_by_key(|series| series["metric"].to_string());
            result
        };
        let (ours, theirs) = (sorted(&ours), sorted(&theirs));
        assert_eq!(ours.len(), theirs.len(), "{query}");
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!(alike(ours, theirs), "{query}:\n{ours}\n{theirs}");
        }
        n_series += ours.len();
    }
    assert!(n_series > 500, "compared {n_series} series only");
    let told = eventually("metadata", async || {
        let metadata = server.json("/api/v1/metadata?metric=go_goroutines").await;
        metadata["data"].get("go_goroutines").cloned()
    })
    .await;
    assert_eq!(told[0]["type"], "gauge");
    let failed = "sum(prometheus_remote_storage_samples_failed_total) + sum(prometheus_remote_storage_samples_retried_total)";
    let path = format!("/api/v1/query?query={}", encode(failed));
    assert_eq!(peer.json(&path).await["data"]["result"][0]["value"][1], "0");
    peer.stop();
    server.stop().await;
}

proptest! {
    /// Whatever becomes of a good request on its way, it is read within its bounds or refused.
    #[test]
    fn a_damaged_write_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        second: bool,
        max_bytes in 0_usize..20_000,
    ) {
        let mut hot = series(&[("__name__", "hot"), ("job", "j")], &[(1, 1.0), (2, 2.0)]);
        hot.histograms = vec![histogram(3)];
        let first = WriteRequest {
            timeseries: vec![hot],
            metadata: vec![Metadata::default()],
        };
        let (version, mut body) = match second {
            true => (RemoteWrite::V2, request2(1).encode_to_vec()),
            false => (RemoteWrite::V1, first.encode_to_vec()),
        };
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(cut.index(2 * body.len()).max(1));
        match version.read(&body, max_bytes) {
            Ok((kept, rejected)) => prop_assert!(kept + rejected as usize <= body.len() / 2),
            Err(told) => prop_assert!(!told.is_empty()),
        }
    }
}
