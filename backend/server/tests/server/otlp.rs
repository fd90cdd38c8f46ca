//! OTLP in, by the stock clients and by hand; the three APIs out.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_client::MetricsServiceClient;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_client::TraceServiceClient;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum,
    Summary, SummaryDataPoint, summary_data_point::ValueAtQuantile,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use prost::Message as _;
use serde_json::{Value, json};
use tonic::codec::CompressionEncoding;
use tonic::transport::Channel;

use crate::support::{Server, encode, gzip, now_ns, request};

fn any(value: Any) -> Option<AnyValue> {
    Some(AnyValue { value: Some(value) })
}

fn attribute(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: any(value),
        ..KeyValue::default()
    }
}

fn text(key: &str, value: &str) -> KeyValue {
    attribute(key, Any::StringValue(value.into()))
}

fn resource() -> Option<Resource> {
    Some(Resource {
        attributes: vec![
            text("service.name", "shop"),
            text("service.namespace", "eu"),
            text("service.instance.id", "i-1"),
            text("deployment.environment.name", "test"),
            attribute("process.pid", Any::IntValue(42)),
        ],
        ..Resource::default()
    })
}

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "lib".into(),
        ..InstrumentationScope::default()
    })
}

fn traces(at: u64) -> ExportTraceServiceRequest {
    let span = Span {
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        parent_span_id: vec![9; 8],
        trace_state: "a=b".into(),
        name: "GET /cart".into(),
        kind: span::SpanKind::Server as i32,
        start_time_unix_nano: at,
        end_time_unix_nano: at + 12_345_000,
        attributes: vec![
            text("http.route", "/cart"),
            attribute("http.status", Any::IntValue(-5)),
            attribute("ratio", Any::DoubleValue(0.25)),
            attribute("cached", Any::BoolValue(true)),
            attribute("raw", Any::BytesValue(vec![0, 255])),
            attribute(
                "list",
                Any::ArrayValue(ArrayValue {
                    values: vec![AnyValue {
                        value: Some(Any::IntValue(1)),
                    }],
                }),
            ),
            attribute(
                "map",
                Any::KvlistValue(KeyValueList {
                    values: vec![text("k", "v")],
                }),
            ),
        ],
        events: vec![span::Event {
            time_unix_nano: at + 1_000_000,
            name: "miss".into(),
            attributes: vec![text("key", "x")],
            ..span::Event::default()
        }],
        links: vec![span::Link {
            trace_id: vec![7; 16],
            span_id: vec![7; 8],
            ..span::Link::default()
        }],
        status: Some(Status {
            message: "out of stock".into(),
            code: 2,
        }),
        ..Span::default()
    };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: resource(),
            scope_spans: vec![ScopeSpans {
                scope: scope(),
                spans: vec![span],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    }
}

fn logs(at: u64) -> ExportLogsServiceRequest {
    let record = LogRecord {
        time_unix_nano: at,
        severity_number: 17,
        severity_text: "ERROR".into(),
        body: any(Any::StringValue("out of \"stock\"".into())),
        attributes: vec![attribute("item.id", Any::IntValue(7))],
        trace_id: (1..=16).collect(),
        span_id: (1..=8).collect(),
        ..LogRecord::default()
    };
    ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: resource(),
            scope_logs: vec![ScopeLogs {
                scope: scope(),
                log_records: vec![record],
                ..ScopeLogs::default()
            }],
            ..ResourceLogs::default()
        }],
    }
}

fn number(at: u64, value: Number) -> NumberDataPoint {
    NumberDataPoint {
        attributes: vec![text("pay.by", "card")],
        time_unix_nano: at,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn metrics(at: u64) -> ExportMetricsServiceRequest {
    let metric = |name: &str, unit: &str, data| Metric {
        name: name.into(),
        unit: unit.into(),
        description: format!("About {name}."),
        data: Some(data),
        ..Metric::default()
    };
    let all = vec![
        metric(
            "orders",
            "{order}",
            Data::Sum(Sum {
                data_points: vec![number(at, Number::AsInt(12))],
                aggregation_temporality: 2,
                is_monotonic: true,
            }),
        ),
        metric(
            "queue.length",
            "1",
            Data::Gauge(Gauge {
                data_points: vec![number(at, Number::AsDouble(0.5))],
            }),
        ),
        metric(
            "latency",
            "s",
            Data::Histogram(Histogram {
                data_points: vec![HistogramDataPoint {
                    attributes: vec![],
                    time_unix_nano: at,
                    count: 6,
                    sum: Some(4.5),
                    bucket_counts: vec![1, 2, 3],
                    explicit_bounds: vec![0.1, 1.0],
                    ..HistogramDataPoint::default()
                }],
                aggregation_temporality: 2,
            }),
        ),
        metric(
            "size",
            "By",
            Data::Summary(Summary {
                data_points: vec![SummaryDataPoint {
                    time_unix_nano: at,
                    count: 2,
                    sum: 30.0,
                    quantile_values: vec![ValueAtQuantile {
                        quantile: 0.5,
                        value: 15.0,
                    }],
                    ..SummaryDataPoint::default()
                }],
            }),
        ),
    ];
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: resource(),
            scope_metrics: vec![ScopeMetrics {
                scope: scope(),
                metrics: all,
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

/// Everything that was sent is found again, value by value.
async fn check(server: &Server, at: u64) {
    let id = "0102030405060708090a0b0c0d0e0f10";
    let found = server.json(&format!("/api/traces/{id}")).await;
    let span = &found["data"][0]["spans"][0];
    let expect = json!({
        "traceID": id,
        "spanID": "0102030405060708",
        "operationName": "GET /cart",
        "references": [
            {"refType": "CHILD_OF", "traceID": id, "spanID": "0909090909090909"},
            {"refType": "FOLLOWS_FROM", "traceID": "07070707070707070707070707070707", "spanID": "0707070707070707"}
        ],
        "startTime": at / 1000,
        "duration": 12345,
        "tags": [
            {"key": "http.route", "type": "string", "value": "/cart"},
            {"key": "http.status", "type": "int64", "value": -5},
            {"key": "ratio", "type": "float64", "value": 0.25},
            {"key": "cached", "type": "bool", "value": true},
            {"key": "raw", "type": "binary", "value": "00ff"},
            {"key": "list", "type": "string", "value": "[1]"},
            {"key": "map", "type": "string", "value": "{\"k\":\"v\"}"},
            {"key": "otel.scope.name", "type": "string", "value": "lib"},
            {"key": "span.kind", "type": "string", "value": "server"},
            {"key": "otel.status_code", "type": "string", "value": "ERROR"},
            {"key": "otel.status_description", "type": "string", "value": "out of stock"},
            {"key": "w3c.tracestate", "type": "string", "value": "a=b"},
            {"key": "error", "type": "bool", "value": true}
        ],
        "logs": [{"timestamp": (at + 1_000_000) / 1000, "fields": [
            {"key": "event", "type": "string", "value": "miss"},
            {"key": "key", "type": "string", "value": "x"}
        ]}],
        "processID": "p1",
        "warnings": null
    });
    assert_eq!(*span, expect);
    assert_eq!(
        found["data"][0]["processes"]["p1"],
        json!({"serviceName": "shop", "tags": [
            {"key": "service.namespace", "type": "string", "value": "eu"},
            {"key": "service.instance.id", "type": "string", "value": "i-1"},
            {"key": "deployment.environment.name", "type": "string", "value": "test"},
            {"key": "process.pid", "type": "int64", "value": 42}
        ]})
    );

    let query = encode(r#"{service_name="shop"}"#);
    let found = server
        .json(&format!("/loki/api/v1/query_range?query={query}"))
        .await;
    let stream = &found["data"]["result"][0];
    assert_eq!(stream["values"], json!([[at.to_string(), "out of \"stock\""]]));
    for (name, value) in [
        ("service_name", "shop"),
        ("service_namespace", "eu"),
        ("deployment_environment", "test"),
        ("level", "error"),
        ("trace_id", id),
        ("span_id", "0102030405060708"),
        ("item_id", "7"),
        ("scope_name", "lib"),
        ("severity_text", "ERROR"),
        ("process_pid", "42"),
    ] {
        assert_eq!(stream["stream"][name], value, "{name} of {stream}");
    }

    for (expr, value) in [
        (
            r#"orders_total{job="eu/shop",instance="i-1",pay_by="card"}"#,
            "12",
        ),
        ("queue_length_ratio", "0.5"),
        (r#"latency_seconds_bucket{le="0.1"}"#, "1"),
        (r#"latency_seconds_bucket{le="1"}"#, "3"),
        (r#"latency_seconds_bucket{le="+Inf"}"#, "6"),
        ("latency_seconds_sum", "4.5"),
        ("latency_seconds_count", "6"),
        (r#"size_bytes{quantile="0.5"}"#, "15"),
        ("size_bytes_sum", "30"),
        ("size_bytes_count", "2"),
        (r#"target_info{process_pid="42"}"#, "1"),
    ] {
        assert_eq!(server.value(expr).await.as_deref(), Some(value), "{expr}");
    }
    let metadata = server.json("/api/v1/metadata?metric=latency_seconds").await;
    assert_eq!(
        metadata["data"],
        json!({"latency_seconds": [{"type": "histogram", "unit": "seconds", "help": "About latency."}]})
    );
}

async fn channel(server: &Server) -> Channel {
    Channel::from_shared(format!("http://{}", server.addrs.otlp_grpc))
        .unwrap()
        .connect()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_over_grpc_is_found_again() {
    for compression in [None, Some(CompressionEncoding::Gzip)] {
        let (server, at) = (Server::start().await, now_ns());
        let channel = channel(&server).await;
        let mut of_traces = TraceServiceClient::new(channel.clone());
        let mut of_logs = LogsServiceClient::new(channel.clone());
        let mut of_metrics = MetricsServiceClient::new(channel);
        if let Some(compression) = compression {
            of_traces = of_traces.send_compressed(compression);
            of_logs = of_logs.send_compressed(compression);
            of_metrics = of_metrics.send_compressed(compression);
        }
        let answer = of_traces.export(traces(at)).await.unwrap();
        assert_eq!(answer.into_inner().partial_success, None);
        of_logs.export(logs(at)).await.unwrap();
        of_metrics.export(metrics(at)).await.unwrap();
        check(&server, at).await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_over_http_is_found_again() {
    for (json, compressed, main) in [
        (false, false, false),
        (true, false, true),
        (false, true, true),
        (true, true, false),
    ] {
        let (server, at) = (Server::start().await, now_ns());
        let addr = if main {
            server.addrs.http
        } else {
            server.addrs.otlp_http
        };
        let bodies = match json {
            true => [
                ("traces", serde_json::to_vec(&traces(at)).unwrap()),
                ("logs", serde_json::to_vec(&logs(at)).unwrap()),
                ("metrics", serde_json::to_vec(&metrics(at)).unwrap()),
            ],
            false => [
                ("traces", traces(at).encode_to_vec()),
                ("logs", logs(at).encode_to_vec()),
                ("metrics", metrics(at).encode_to_vec()),
            ],
        };
        for (signal, body) in bodies {
            let content_type = if json {
                "application/json"
            } else {
                "application/x-protobuf"
            };
            let mut headers = format!("content-type: {content_type}\r\n");
            let mut body = body;
            if compressed {
                headers.push_str("content-encoding: gzip\r\n");
                body = gzip(&body);
            }
            let answer = server.post(addr, &format!("/v1/{signal}"), &headers, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("content-type"), Some(content_type));
            assert_eq!(answer.body, if json { b"{}".to_vec() } else { vec![] });
        }
        check(&server, at).await;
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_kept_is_counted_with_its_reason() {
    let server = Server::start().await;
    let mut request = traces(now_ns());
    let spans = &mut request.resource_spans[0].scope_spans[0].spans;
    let mut bad = spans[0].clone();
    bad.trace_id = vec![1; 3];
    spans.push(bad);
    let mut client = TraceServiceClient::new(channel(&server).await);
    let partial = client
        .export(request.clone())
        .await
        .unwrap()
        .into_inner()
        .partial_success
        .unwrap();
    assert_eq!(partial.rejected_spans, 1);
    assert_eq!(partial.error_message, "trace id is not 16 bytes, or is zero (1)");

    let at = now_ns();
    server
        .send("metrics", &serde_json::to_value(metrics(at)).unwrap())
        .await;
    let older = serde_json::to_value(metrics(at - 60_000_000_000)).unwrap();
    let answer = server.send("metrics", &older).await.json();
    let partial = &answer["partialSuccess"];
    assert!(
        partial["rejectedDataPoints"]
            .as_str()
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 0,
        "{answer}"
    );
    assert!(
        partial["errorMessage"]
            .as_str()
            .unwrap()
            .contains("older than the newest"),
        "{answer}"
    );
    let status = server.json("/api/watchroom/status").await;
    assert_eq!(status["ingest"]["spans_received"], 1);
    assert_eq!(status["ingest"]["spans_rejected"], 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn deltas_are_added_up_over_requests() {
    let (server, at) = (Server::start().await, now_ns());
    for i in 0..3u64 {
        let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
            {"name": "hits", "sum": {"aggregationTemporality": 1, "isMonotonic": true,
                "dataPoints": [{"timeUnixNano": (at + i * 1_000_000).to_string(), "asInt": "4"}]}},
            {"name": "spread", "exponentialHistogram": {"aggregationTemporality": 1,
                "dataPoints": [{"timeUnixNano": (at + i * 1_000_000).to_string(), "count": "3", "sum": 10, "scale": 0,
                    "positive": {"offset": 1, "bucketCounts": ["2", "1"]}}]}}
        ]}]}]});
        assert_eq!(server.send("metrics", &body).await.text(), "{}");
    }
    for (expr, value) in [
        ("hits_total", "12"),
        ("histogram_count(spread)", "9"),
        ("histogram_sum(spread)", "30"),
        ("histogram_quantile(1, spread)", "8"),
    ] {
        assert_eq!(server.value(expr).await.as_deref(), Some(value), "{expr}");
    }
    let answer = server.json("/api/v1/query?query=spread").await;
    let histogram = &answer["data"]["result"][0]["histogram"][1];
    let buckets = json!([[0, "2", "4", "6"], [0, "4", "8", "3"]]);
    assert_eq!(*histogram, json!({"count": "9", "sum": "30", "buckets": buckets}));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_windows_of_prometheus_2_are_a_setting() {
    use watchroom_server::WindowBounds;
    for (windows, expect) in [(WindowBounds::LeftOpen, "1"), (WindowBounds::Closed, "2")] {
        let server = Server::with(|config, _| config.query_windows = windows).await;
        // Whole seconds, so that the window can begin at the very moment of a sample.
        let now = now_ns() / 1_000_000_000;
        let points =
            [now - 60, now].map(|at| json!({"timeUnixNano": (at * 1_000_000_000).to_string(), "asInt": "1"}));
        let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
            {"name": "queue", "gauge": {"dataPoints": points}}]}]}]});
        assert_eq!(server.send("metrics", &body).await.text(), "{}");
        let query = format!("/api/v1/query?query=count_over_time(queue[1m])&time={now}");
        let answer = server.json(&query).await;
        assert_eq!(answer["data"]["result"][0]["value"][1], expect);
        server.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exponential_histograms_become_classic_ones_if_asked() {
    let classic = watchroom_server::ExponentialHistograms::Classic;
    let server = Server::with(|config, _| config.exponential_histograms = classic).await;
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [
        {"name": "spread", "exponentialHistogram": {"aggregationTemporality": 2,
            "dataPoints": [{"timeUnixNano": now_ns().to_string(), "count": "3", "sum": 10, "scale": 0,
                "positive": {"offset": 1, "bucketCounts": ["2", "1"]}}]}}
    ]}]}]});
    assert_eq!(server.send("metrics", &body).await.text(), "{}");
    for (expr, value) in [
        (r#"spread_bucket{le="4"}"#, "2"),
        (r#"spread_bucket{le="8"}"#, "3"),
        ("spread_count", "3"),
        ("spread_sum", "10"),
    ] {
        assert_eq!(server.value(expr).await.as_deref(), Some(value), "{expr}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_request_is_told_what_is_wrong_in_the_protocols_own_words() {
    let server = Server::start().await;
    let addr = server.addrs.otlp_http;
    let protobuf = "content-type: application/x-protobuf\r\n";
    for (headers, body, status, code, reason) in [
        (
            protobuf,
            &b"\xff\xff\xff"[..],
            400,
            3,
            "body is not a valid request",
        ),
        (
            "content-type: application/json\r\n",
            b"{\"resourceSpans\": 5}",
            400,
            3,
            "invalid type",
        ),
        (
            "content-type: text/plain\r\n",
            b"",
            415,
            12,
            "content type \"text/plain\" is not supported",
        ),
        (
            "content-type: application/x-protobuf\r\ncontent-encoding: br\r\n",
            b"",
            415,
            12,
            "content encoding \"br\" is not supported",
        ),
        (
            "content-type: application/x-protobuf\r\ncontent-encoding: gzip\r\n",
            b"nonsense",
            400,
            3,
            "not valid gzip",
        ),
    ] {
        let answer = server.post(addr, "/v1/traces", headers, body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        let message = if headers.starts_with(protobuf) {
            // google.rpc.Status: field 1 is the code, field 2 the message.
            assert_eq!(answer.body[..2], [8, code], "{:?}", answer.body);
            answer.text()
        } else {
            let json: Value = answer.json();
            assert_eq!(json["code"], code);
            json["message"].as_str().unwrap().to_owned()
        };
        assert!(message.contains(reason), "{message}");
    }
    assert_eq!(server.get("/v1/traces").await.status, 405);

    let grpc = server.addrs.otlp_grpc;
    let answer = server.post(grpc, "/v1/traces", protobuf, b"").await;
    assert_eq!(answer.status, 415);
    let mut client = tonic::client::Grpc::new(channel(&server).await);
    client.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static("/no.such.Service/Method");
    let codec = raw::Codec;
    let status = client
        .unary(tonic::Request::new(vec![]), path, codec)
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
    client.ready().await.unwrap();
    let path =
        http::uri::PathAndQuery::from_static("/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    let codec = raw::Codec;
    let status = client
        .unary(tonic::Request::new(vec![255; 3]), path, codec)
        .await
        .unwrap_err();
    assert_eq!(status.code(), tonic::Code::InvalidArgument);
    assert!(
        status.message().contains("body is not a valid request"),
        "{status}"
    );
    server.stop().await;
}

/// Bytes as they are, in place of a message.
mod raw {
    use bytes::{Buf as _, BufMut as _};
    use tonic::Status;
    use tonic::codec::{DecodeBuf, Decoder, EncodeBuf, Encoder};

    pub(super) struct Codec;

    impl tonic::codec::Codec for Codec {
        type Encode = Vec<u8>;
        type Decode = Vec<u8>;
        type Encoder = Self;
        type Decoder = Self;

        fn encoder(&mut self) -> Self {
            Self
        }

        fn decoder(&mut self) -> Self {
            Self
        }
    }

    impl Encoder for Codec {
        type Item = Vec<u8>;
        type Error = Status;

        fn encode(&mut self, item: Vec<u8>, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
            out.put_slice(&item);
            Ok(())
        }
    }

    impl Decoder for Codec {
        type Item = Vec<u8>;
        type Error = Status;

        fn decode(&mut self, bytes: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
            let n = bytes.remaining();
            Ok(Some(bytes.copy_to_bytes(n).to_vec()))
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_elsewhere_is_told_where_to_go() {
    let server = Server::start().await;
    for (head, status) in [("POST /v1/nope", 404), ("GET /", 404), ("GET /v1/traces", 405)] {
        let head = format!("{head} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 0\r\n");
        let answer = request(server.addrs.otlp_http, &head, b"").await;
        assert_eq!(answer.status, status, "{head}");
        assert!(
            answer.text().contains("by POST to /v1/traces"),
            "{}",
            answer.text()
        );
    }
    server.stop().await;
}
