//! Loki push, as JSON and as protobuf: what is kept, what is refused and how.

use std::sync::Mutex;

use proptest::prelude::*;
use prost::Message;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use watchroom_server::LokiPush;

use crate::support::{Answer, Server, encode, eventually, gzip, now_ns};

const PATH: &str = "/loki/api/v1/push";
const JSON: &str = "content-type: application/json\r\n";
const PROTOBUF: &str = "content-type: application/x-protobuf\r\n";

/// `logproto.PushRequest`.
#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
    #[prost(uint64, tag = "3")]
    hash: u64,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Pair>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

async fn push(server: &Server, headers: &str, body: &[u8]) -> Answer {
    server.post(server.addrs.http, PATH, headers, body).await
}

async fn push_json(server: &Server, body: &Value) -> Answer {
    push(server, JSON, body.to_string().as_bytes()).await
}

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// The streams of a query.
async fn streams(server: &Server, query: &str) -> Value {
    let path = format!(
        "/loki/api/v1/query_range?direction=forward&query={}",
        encode(query)
    );
    server.json(&path).await["data"]["result"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_pushed_as_json_are_found_by_their_labels_and_metadata() {
    let server = Server::start().await;
    let at = now_ns() - 5_000_000_000;
    let trace = "0102030405060708090a0b0c0d0e0f10";
    let body = json!({"streams": [
        {"values": [
            [at.to_string(), "one"],
            [(at + 1).to_string(), "two \"quoted\"", {"user": "7", "trace_id": trace, "level": "error"}]
         ],
         "stream": {"job": "shop", "env": "prod"}},
        {"stream": {"service_name": "web"}, "values": [[(at + 2).to_string(), ""]]}
    ]});
    let answer = push_json(&server, &body).await;
    assert_eq!((answer.status, answer.text()), (204, String::new()));
    assert_eq!(
        streams(&server, r#"{job="shop"}"#).await,
        json!([
            {"stream": {"env": "prod", "job": "shop", "service_name": "shop"}, "values": [[at.to_string(), "one"]]},
            {"stream": {"env": "prod", "job": "shop", "service_name": "shop", "user": "7", "trace_id": trace,
                        "level": "error"},
             "values": [[(at + 1).to_string(), "two \"quoted\""]]}
        ])
    );
    let found = streams(&server, r#"{env="prod"} |= "two" | user="7""#).await;
    assert_eq!(found.as_array().unwrap().len(), 1);
    assert_eq!(
        streams(&server, r#"{service_name="web"}"#).await[0]["values"][0][1],
        ""
    );
    let values = server.json("/loki/api/v1/label/job/values").await;
    assert_eq!(values["data"], json!(["shop"]));
    server.stop().await;
}

fn at_seconds(ns: u64) -> Option<Timestamp> {
    Some(Timestamp {
        seconds: i64::try_from(ns / 1_000_000_000).unwrap(),
        nanos: i32::try_from(ns % 1_000_000_000).unwrap(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_pushed_as_protobuf_are_found_to_the_nanosecond() {
    let server = Server::start().await;
    let at = now_ns() - 5_000_000_000;
    let request = PushRequest {
        streams: vec![Stream {
            labels: r#"{app="shop", path="C:\\\"x\""}"#.into(),
            entries: vec![Entry {
                timestamp: at_seconds(at),
                line: "hällo".into(),
                metadata: vec![Pair {
                    name: "pod".into(),
                    value: "p-1".into(),
                }],
            }],
            hash: 7,
        }],
    };
    let body = snappy(&request.encode_to_vec());
    for headers in [
        PROTOBUF.to_owned(),
        format!("{PROTOBUF}content-encoding: snappy\r\n"),
    ] {
        assert_eq!(push(&server, &headers, &body).await.status, 204);
    }
    let labels = json!({"app": "shop", "path": "C:\\\"x\"", "service_name": "shop", "pod": "p-1"});
    assert_eq!(
        streams(&server, r#"{app="shop"}"#).await,
        json!([{"stream": labels, "values": [[at.to_string(), "hällo"], [at.to_string(), "hällo"]]}])
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn json_may_be_compressed() {
    let server = Server::start().await;
    let body = |line: &str| {
        json!({"streams": [{"stream": {"job": "j"}, "values": [[now_ns().to_string(), line]]}]})
            .to_string()
            .into_bytes()
    };
    let zlib = |bytes: &[u8]| {
        use std::io::Write as _;
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    for (encoding, body) in [
        ("gzip", gzip(&body("a"))),
        ("deflate", zlib(&body("b"))),
        ("snappy", snappy(&body("c"))),
        ("zstd", zstd::encode_all(&body("d")[..], 3).unwrap()),
    ] {
        let headers = format!("{JSON}content-encoding: {encoding}\r\n");
        assert_eq!(push(&server, &headers, &body).await.status, 204, "{encoding}");
    }
    let found = streams(&server, r#"{job="j"}"#).await;
    let lines: Vec<&str> = found[0]["values"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| v[1].as_str().unwrap())
        .collect();
    assert_eq!(lines, ["a", "b", "c", "d"]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_beyond_the_limits_is_refused_in_lokis_words_and_the_rest_is_kept() {
    let server = Server::start().await;
    let at = now_ns();
    let now = at.to_string();
    let many: serde_json::Map<String, Value> = (0..16).map(|i| (format!("l{i}"), json!("x"))).collect();
    let metadata: serde_json::Map<String, Value> = (0..129).map(|i| (format!("m{i}"), json!("x"))).collect();
    for (stream, value, reason) in [
        (
            json!({}),
            json!([now, "x"]),
            "error at least one label pair is required per stream",
        ),
        (
            json!({"a": ""}),
            json!([now, "x"]),
            "error at least one label pair is required per stream",
        ),
        (
            Value::Object(many),
            json!([now, "x"]),
            "has 16 label names; limit 15",
        ),
        (
            json!({"a": "x".repeat(3_000)}),
            json!([now, "x"]),
            "has label value too long: 'xxx",
        ),
        (
            json!({"x".repeat(3_000): "x"}),
            json!([now, "x"]),
            "has label name too long: 'xxx",
        ),
        (
            json!({"a": "b"}),
            json!([now, "x".repeat(300_000)]),
            "max entry size '262144' bytes exceeded for stream '{a=\"b\", service_name=\"unknown_service\"}' while adding \
             an entry with length '300000' bytes",
        ),
        (
            json!({"a": "b"}),
            json!([(at + 3_600_000_000_000).to_string(), "x"]),
            "has timestamp too new: 20",
        ),
        (
            json!({"a": "b"}),
            json!([now, "x", metadata]),
            "has too many structured metadata labels: '129' labels, limit: '128' labels",
        ),
        (
            json!({"a": "b"}),
            json!([now, "x", {"k": "v".repeat(70_000)}]),
            "has structured metadata too large: '70001' bytes, limit: '65536' bytes",
        ),
    ] {
        let body = json!({"streams": [
            {"stream": stream, "values": [value]},
            {"stream": {"job": "good"}, "values": [[now, "kept"]]}
        ]});
        let answer = push_json(&server, &body).await;
        assert_eq!(answer.status, 400, "{reason}");
        assert!(answer.text().contains(reason), "{reason}: {}", answer.text());
    }
    let found = streams(&server, r#"{job="good"}"#).await;
    assert_eq!(found[0]["values"].as_array().unwrap().len(), 9);
    assert_eq!(streams(&server, r#"{a=~".+"}"#).await, json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_pushes_are_refused_for_good_and_the_server_goes_on() {
    let server = Server::start().await;
    let nested = "[".repeat(200_000);
    let brackets = format!(
        r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[{}["1",""]]}}]}}"#,
        r#"["1",""],"#.repeat(1_500_000)
    );
    for (body, status, reason) in [
        ("", 400, "couldn't parse push request"),
        ("{}", 400, "missing field `streams`"),
        ("[]", 400, "expected an object with streams"),
        (r#"{"streams": 1}"#, 400, "expected a list of streams"),
        (r#"{"streams": []} x"#, 400, "trailing characters"),
        (
            r#"{"streams": [{"stream": {"a": 1}, "values": []}]}"#,
            400,
            "expected a string",
        ),
        (
            r#"{"streams": [{"stream": {"a": "b"}, "values": [["x", "y"]]}]}"#,
            400,
            "is not a time in nanoseconds",
        ),
        (
            r#"{"streams": [{"stream": {"a": "b"}, "values": [["-1", "y"]]}]}"#,
            400,
            "is not a time in nanoseconds",
        ),
        (
            r#"{"streams": [{"stream": {"a": "b"}, "values": [["1"]]}]}"#,
            400,
            "invalid length 1",
        ),
        (
            r#"{"streams": [{"stream": {"a": "b"}, "values": [["1", 5]]}]}"#,
            400,
            "expected a string",
        ),
        (&nested, 400, "couldn't parse push request"),
        (&brackets, 413, "send smaller batches"),
        (r#"{"streams": []}"#, 204, ""),
    ] {
        let answer = push(&server, JSON, body.as_bytes()).await;
        let shown: String = body.chars().take(80).collect();
        assert_eq!(answer.status, status, "{shown}: {}", answer.text());
        assert!(answer.text().contains(reason), "{shown}: {}", answer.text());
    }
    let stream = |labels: &str, timestamp| {
        let request = PushRequest {
            streams: vec![Stream {
                labels: labels.into(),
                entries: vec![Entry {
                    timestamp,
                    ..Entry::default()
                }],
                hash: 0,
            }],
        };
        snappy(&request.encode_to_vec())
    };
    let good = stream("{a=\"b\"}", at_seconds(now_ns()));
    let many = PushRequest {
        streams: vec![Stream {
            labels: "{a=\"b\"}".into(),
            entries: vec![Entry::default(); 2_000_000],
            hash: 0,
        }],
    };
    let before = Some(Timestamp {
        seconds: -1,
        nanos: 0,
    });
    let over = Some(Timestamp {
        seconds: i64::MAX,
        nanos: 999_999_999,
    });
    for (body, status) in [
        (vec![0xff, 0xff, 0xff, 0xff, 0x0f, 0], 413),
        (snappy(&vec![0; 100 << 20]), 413),
        (snappy(&many.encode_to_vec()), 413),
        (b"not snappy".to_vec(), 400),
        (snappy(&[0xff; 1000]), 400),
        (good[..good.len() - 4].to_vec(), 400),
        (stream("{", at_seconds(1)), 400),
        (stream(&"{".repeat(100_000), at_seconds(1)), 400),
        (stream("{a=\"b\"}", before), 400),
        (stream("{a=\"b\"}", over), 400),
        (good.clone(), 204),
    ] {
        let answer = push(&server, PROTOBUF, &body).await;
        assert_eq!(answer.status, status, "{}", answer.text());
    }
    let bomb = gzip(&vec![b' '; 100 << 20]);
    let answer = push(&server, &format!("{JSON}content-encoding: gzip\r\n"), &bomb).await;
    assert_eq!(answer.status, 413);
    for headers in ["", "content-type: text/plain\r\n"] {
        assert_eq!(push(&server, headers, &good).await.status, 415);
    }
    let headers = format!("{PROTOBUF}content-encoding: gzip\r\n");
    assert_eq!(push(&server, &headers, &good).await.status, 415);
    server.stop().await;
}

/// OTLP in zstd, over HTTP and over gRPC, and bombs of it.
#[tokio::test(flavor = "multi_thread")]
async fn otlp_may_be_sent_in_zstd() {
    let server = Server::start().await;
    let body = |line: &str| {
        json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [
            {"timeUnixNano": now_ns().to_string(), "body": {"stringValue": line}}]}]}]})
        .to_string()
        .into_bytes()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let headers = format!("{JSON}content-encoding: zstd\r\n");
    let answer = server
        .post(
            server.addrs.otlp_http,
            "/v1/logs",
            &headers,
            &zstd(&body("small")),
        )
        .await;
    assert_eq!((answer.status, answer.text()), (200, "{}".to_owned()));
    let found = streams(&server, r#"{service_name=~".+"}"#).await;
    assert_eq!(found[0]["values"][0][1], "small");
    let bomb = zstd(&vec![b' '; 200 << 20]);
    assert!(bomb.len() < 100 << 10);
    let answer = server
        .post(server.addrs.otlp_http, "/v1/logs", &headers, &bomb)
        .await;
    assert_eq!(answer.status, 413);
    let cut_off = &zstd(&body("small"))[..20];
    let answer = server
        .post(server.addrs.otlp_http, "/v1/logs", &headers, cut_off)
        .await;
    assert_eq!(answer.status, 400);
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    let headers = "content-type: application/grpc\r\ngrpc-encoding: zstd\r\n";
    for (message, status) in [(zstd(b""), "0"), (bomb, "8"), (b"nonsense".to_vec(), "3")] {
        let frame = [
            &[1][..],
            &u32::try_from(message.len()).unwrap().to_be_bytes(),
            &message,
        ]
        .concat();
        let answer = server.post(server.addrs.otlp_grpc, path, headers, &frame).await;
        // A good answer tells its status in trailers, which HTTP/1.1 shows not; the others in headers.
        assert_eq!(answer.header("grpc-status").unwrap_or("0"), status, "{answer:?}");
        assert_eq!(answer.header("grpc-accept-encoding"), Some("identity,gzip,zstd"));
    }
    server.stop().await;
}

/// Senders of both protocols are asked to try again when there is no room, which they do at 503.
#[tokio::test(flavor = "multi_thread")]
async fn when_too_much_is_under_way_both_protocols_are_told_to_try_again() {
    // The smallest budget is 96 MiB, of which a body takes twice its size while it comes.
    let server = Server::with(|config, _| config.max_memory_bytes = 1 << 20).await;
    let part = vec![0; 15 << 20];
    let hold = async |path: &str| {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{PROTOBUF}content-length: {}\r\n\r\n",
            part.len() + 1
        );
        let mut stream = TcpStream::connect(server.addrs.http).await.unwrap();
        stream.write_all(head.as_bytes()).await.unwrap();
        // It may be refused while it is sent, where a request that comes to its end takes its place for a moment.
        let _ = stream.write_all(&part).await;
        stream
    };
    let held = Mutex::new(Vec::new());
    for path in [PATH, "/api/v1/write", PATH] {
        let stream = hold(path).await;
        held.lock().unwrap().push(stream);
    }
    for path in [PATH, "/api/v1/write"] {
        let answer = eventually("the budget is used up", async || {
            let answer = server.post(server.addrs.http, path, PROTOBUF, &part).await;
            if answer.status != 503 {
                let stream = hold(path).await;
                held.lock().unwrap().push(stream);
            }
            (answer.status == 503).then_some(answer)
        })
        .await;
        assert_eq!(answer.header("retry-after"), Some("1"));
        assert!(answer.text().contains("try again"), "{}", answer.text());
    }
    drop(held);
    for path in [PATH, "/api/v1/write"] {
        eventually("the budget is free again", async || {
            let answer = server.post(server.addrs.http, path, PROTOBUF, &snappy(b"")).await;
            (answer.status == 204).then_some(())
        })
        .await;
    }
    server.stop().await;
}

fn sample_request() -> Vec<u8> {
    let entry = |at, line: &str| Entry {
        timestamp: at_seconds(at),
        line: line.into(),
        metadata: vec![Pair {
            name: "pod".into(),
            value: "p".into(),
        }],
    };
    let request = PushRequest {
        streams: vec![Stream {
            labels: r#"{job="a",env="b"}"#.into(),
            entries: vec![entry(1, "one"), entry(2, "two")],
            hash: 1,
        }],
    };
    request.encode_to_vec()
}

proptest! {
    /// Whatever becomes of a good request on its way, it is read within its bounds or refused.
    #[test]
    fn a_damaged_push_is_read_or_refused(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        as_json: bool,
        max_bytes in 0_usize..20_000,
    ) {
        let json = br#"{"streams":[{"stream":{"job":"a"},"values":[["1","one",{"k":"v"}],["2","two"]]}]}"#;
        let (form, mut body) = match as_json {
            true => (LokiPush::Json, json.to_vec()),
            false => (LokiPush::Protobuf, sample_request()),
        };
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        body.truncate(cut.index(2 * body.len()).max(1));
        match form.read(&body, max_bytes) {
            Ok((kept, rejected)) => prop_assert!(kept + rejected as usize <= body.len() / 2),
            Err(told) => prop_assert!(!told.is_empty()),
        }
    }
}
