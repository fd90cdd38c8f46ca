//! Clients that mean harm, or behave as if: each is told off or cut off, and the server goes on serving.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, metric, number_data_point,
};
use prost::Message as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Server, encode, eventually, gzip, now_ns, request};

const PROTOBUF: &str = "content-type: application/x-protobuf\r\n";

async fn still_serves(server: &Server) {
    assert_eq!(server.get("/-/healthy").await.status, 200);
    let body = json!({"resourceLogs": []});
    assert_eq!(server.send("logs", &body).await.status, 200);
}

fn addresses(server: &Server) -> [std::net::SocketAddr; 3] {
    [server.addrs.http, server.addrs.otlp_http, server.addrs.otlp_grpc]
}

/// Reads until the server closes.
async fn closed(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "the server does not close");
    bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_bomb_is_refused_over_http_and_grpc() {
    let server = Server::start().await;
    let bomb = gzip(&vec![0; 200 << 20]);
    let headers = format!("{PROTOBUF}content-encoding: gzip\r\n");
    for addr in [server.addrs.http, server.addrs.otlp_http] {
        for signal in ["traces", "metrics", "logs"] {
            let answer = server.post(addr, &format!("/v1/{signal}"), &headers, &bomb).await;
            assert_eq!(answer.status, 413);
            assert!(answer.text().contains("once decompressed"), "{}", answer.text());
            assert_eq!(answer.header("retry-after"), None);
        }
    }
    let frame = [&[1][..], &u32::try_from(bomb.len()).unwrap().to_be_bytes(), &bomb].concat();
    let headers = "content-type: application/grpc\r\ngrpc-encoding: gzip\r\n";
    let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let answer = server.post(server.addrs.otlp_grpc, path, headers, &frame).await;
    assert_eq!(answer.header("grpc-status"), Some("8"), "{answer:?}");
    // Without a hint to retry, which makes it final.
    assert_eq!(answer.header("grpc-status-details-bin"), None);
    still_serves(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_body_that_would_decode_to_gigabytes_is_refused() {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
    use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
    let server = Server::start().await;
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![ScopeSpans {
                spans: vec![Span::default(); 3_000_000],
                ..ScopeSpans::default()
            }],
            ..ResourceSpans::default()
        }],
    };
    let answer = server
        .post(
            server.addrs.otlp_http,
            "/v1/traces",
            PROTOBUF,
            &request.encode_to_vec(),
        )
        .await;
    assert_eq!(answer.status, 413);
    assert!(
        answer.text().contains("send smaller batches"),
        "{}",
        answer.text()
    );
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}{{}}]}}]}}]}}"#,
        "{},".repeat(3_000_000)
    );
    let headers = "content-type: application/json\r\n";
    let answer = server
        .post(server.addrs.otlp_http, "/v1/traces", headers, body.as_bytes())
        .await;
    assert_eq!(answer.status, 413, "{}", answer.text());
    still_serves(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_and_deeply_nested_requests_are_refused() {
    let server = Server::start().await;
    // A value in a list in a value in a list …
    let mut nested = vec![];
    for _ in 0..5_000 {
        for tag in [0x0a, 0x2a] {
            let mut outer = vec![tag];
            prost::encoding::encode_varint(nested.len() as u64, &mut outer);
            outer.extend_from_slice(&nested);
            nested = outer;
        }
    }
    let bodies: [(&str, Vec<u8>); 4] = [
        (PROTOBUF, vec![0xff; 1000]),
        (PROTOBUF, nested),
        (
            "content-type: application/json\r\n",
            "[".repeat(100_000).into_bytes(),
        ),
        (
            "content-type: application/json\r\n",
            format!(
                r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}"#,
                r#"{"arrayValue":{"values":["#.repeat(50_000)
            )
            .into_bytes(),
        ),
    ];
    for (headers, body) in bodies {
        for signal in ["traces", "metrics", "logs"] {
            let answer = server
                .post(server.addrs.otlp_http, &format!("/v1/{signal}"), headers, &body)
                .await;
            assert!(matches!(answer.status, 200 | 400), "{signal}: {answer:?}");
        }
    }
    let answer = server
        .post(server.addrs.otlp_http, "/v1/logs", PROTOBUF, &[0xff; 10])
        .await;
    assert_eq!(answer.status, 400);
    still_serves(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_headers_are_cut_off_on_every_port() {
    let server = Server::start().await;
    for addr in addresses(&server) {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
        let line = format!("x-filler: {}\r\n", "a".repeat(1000));
        for _ in 0..1_000 {
            if stream.write_all(line.as_bytes()).await.is_err() {
                break;
            }
        }
        let answer = closed(&mut stream).await;
        let text = String::from_utf8_lossy(&answer);
        // The answer may be lost with the connection; what counts is that it is over.
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 431"), "{text}");
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let path = format!("GET /{} HTTP/1.1\r\n", "a".repeat(1 << 20));
        let _ = stream.write_all(path.as_bytes()).await;
        closed(&mut stream).await;
    }
    still_serves(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_headers_over_http2_are_cut_off() {
    let server = Server::start().await;
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    };
    let mut stream = TcpStream::connect(server.addrs.otlp_grpc).await.unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, b""));
    // A header block that never ends: `:method: POST`, then a name and a value over and over.
    bytes.extend(frame(1, 0, 1, &[0x83]));
    stream.write_all(&bytes).await.unwrap();
    let field = [&[0x40, 5][..], b"x-pad", &[100], &[b'a'; 100]].concat();
    let block = frame(9, 0, 1, &field.repeat(100));
    let mut sent = 0;
    while sent < 200 << 20 && stream.write_all(&block).await.is_ok() {
        sent += block.len();
    }
    assert!(sent < 200 << 20, "the server goes on reading");
    still_serves(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_are_cut_off_on_every_port() {
    let server = Server::with(|config, _| {
        config.limits.header_timeout = Duration::from_millis(300);
        config.limits.body_timeout = Duration::from_millis(300);
    })
    .await;
    for addr in addresses(&server) {
        // Nothing at all; the beginning of HTTP/2; the beginning of a head; a request and then idleness.
        for beginning in [
            "",
            "PRI * HT",
            "GET / HTTP/1.1\r\nx:",
            "GET /-/healthy HTTP/1.1\r\nhost: localhost\r\n\r\n",
        ] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(beginning.as_bytes()).await.unwrap();
            closed(&mut stream).await;
        }
    }
    let mut stream = TcpStream::connect(server.addrs.otlp_http).await.unwrap();
    let head =
        format!("POST /v1/logs HTTP/1.1\r\nhost: localhost\r\n{PROTOBUF}content-length: 100\r\n\r\nabc");
    stream.write_all(head.as_bytes()).await.unwrap();
    let answer = closed(&mut stream).await;
    assert!(
        answer.starts_with(b"HTTP/1.1 408"),
        "{:?}",
        String::from_utf8_lossy(&answer)
    );
    still_serves(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_beyond_the_limit_wait_and_are_served_in_their_turn() {
    let server = Server::with(|config, _| {
        config.limits.max_connections = 4;
        config.limits.header_timeout = Duration::from_millis(500);
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..40 {
        held.push(TcpStream::connect(server.addrs.http).await.unwrap());
    }
    still_serves(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nonsense_on_every_port_is_survived() {
    let server = Server::start().await;
    let mut seed = 1u64;
    let mut noise = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as u8
    };
    for addr in addresses(&server) {
        for preface in [
            &b""[..],
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/1.1\r\n",
            b"\x16\x03\x01",
        ] {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            let bytes: Vec<u8> = preface
                .iter()
                .copied()
                .chain(std::iter::repeat_with(&mut noise).take(4096))
                .collect();
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
            closed(&mut stream).await;
        }
    }
    still_serves(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_queries_are_refused() {
    let server = Server::start().await;
    let deep = format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000));
    let unary = format!("{}1", "-".repeat(20_000));
    let sums = format!("{}up{}", "sum(".repeat(20_000), ")".repeat(20_000));
    let regex = format!("up{{a=~\"{}\"}}", "(a{1000}){1000}");
    let bad = [
        "sum(",
        "up{",
        "\u{0}",
        "up[",
        "1 +",
        "up offset",
        &deep,
        &unary,
        &sums,
        &regex,
    ];
    for query in bad {
        let form = format!("query={}", encode(query));
        let headers = "content-type: application/x-www-form-urlencoded\r\n";
        let answer = server
            .post(server.addrs.http, "/api/v1/query", headers, form.as_bytes())
            .await;
        let start: String = query.chars().take(20).collect();
        assert_eq!(answer.status, 400, "{start}: {}", answer.text());
        assert_eq!(answer.json()["errorType"], "bad_data", "{start}");
    }
    let regex = encode(r#"{a=~"(a{1000}){1000}"}"#);
    let answer = server
        .get(&format!("/loki/api/v1/query_range?query={regex}"))
        .await;
    assert_eq!(answer.status, 400);
    still_serves(&server).await;
    server.stop().await;
}

/// One gauge with a label value for each number.
fn logins(at: u64, users: std::ops::Range<u64>) -> ExportMetricsServiceRequest {
    let points = users.map(|user| NumberDataPoint {
        attributes: vec![KeyValue {
            key: "user".into(),
            value: Some(AnyValue {
                value: Some(any_value::Value::StringValue(format!("u-{user}"))),
            }),
            ..KeyValue::default()
        }],
        time_unix_nano: at,
        value: Some(number_data_point::Value::AsInt(1)),
        ..NumberDataPoint::default()
    });
    let metric = Metric {
        name: "logins".into(),
        data: Some(metric::Data::Gauge(Gauge {
            data_points: points.collect(),
        })),
        ..Metric::default()
    };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            scope_metrics: vec![ScopeMetrics {
                metrics: vec![metric],
                ..ScopeMetrics::default()
            }],
            ..ResourceMetrics::default()
        }],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_million_label_values_stay_within_memory() {
    let server = Server::with(|config, _| config.max_memory_bytes = 64 << 20).await;
    let at = now_ns();
    let (mut taken, mut refused) = (0, 0);
    for batch in 0..50u64 {
        let body = logins(at, batch * 20_000..(batch + 1) * 20_000).encode_to_vec();
        let answer = server
            .post(server.addrs.otlp_http, "/v1/metrics", PROTOBUF, &body)
            .await;
        match answer.status {
            200 if answer.body.is_empty() => taken += 20_000,
            // A partial success, with the reason in it.
            200 => {
                assert!(answer.text().contains("limit"), "{}", answer.text());
                refused += 1;
            }
            503 => assert!(answer.header("retry-after").is_some()),
            _ => panic!("{answer:?}"),
        }
    }
    assert!(refused > 0, "{taken} series were taken");
    let status = server.json("/api/watchroom/status").await;
    let memory = status["store"]["memory_bytes"].as_u64().unwrap();
    assert!(memory <= 96 << 20, "{memory} bytes, {taken} series");
    still_serves(&server).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn when_too_much_is_under_way_the_sender_is_asked_to_try_again() {
    // The smallest budget is 96 MiB, of which a body takes twice its size while it comes.
    let server = Server::with(|config, _| config.max_memory_bytes = 1 << 20).await;
    let part = vec![0; 15 << 20];
    let head = format!(
        "POST /v1/logs HTTP/1.1\r\nhost: localhost\r\n{PROTOBUF}content-length: {}\r\n\r\n",
        part.len() + 1
    );
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut stream = TcpStream::connect(server.addrs.otlp_http).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&part).await.unwrap();
        held.push(stream);
    }
    let answer = eventually("the budget is used up", async || {
        let answer = server
            .post(server.addrs.otlp_http, "/v1/logs", PROTOBUF, &part)
            .await;
        (answer.status == 503).then_some(answer)
    })
    .await;
    assert_eq!(answer.header("retry-after"), Some("1"));
    assert_eq!(answer.body[..2], [8, 14]);
    drop(held);
    eventually("the budget is free again", async || {
        let answer = server.send("logs", &json!({"resourceLogs": []})).await;
        (answer.status == 200).then_some(())
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_name_for_this_machine_is_refused() {
    let server = Server::start().await;
    let head = "GET /api/services HTTP/1.1\r\nhost: evil.example\r\n";
    assert_eq!(request(server.addrs.http, head, b"").await.status, 421);
    let head = "GET /api/services HTTP/1.1\r\nhost: 127.0.0.1:7200\r\n";
    assert_eq!(request(server.addrs.http, head, b"").await.status, 200);
    server.stop().await;
}
