//! Bodies that are malformed, too large, too deep, or grow when they are unpacked.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;

use watchroom_e2e::http::{Answer, post, send};

use crate::scene::{JSON, PROTOBUF, backend, backend_is_well, connect, gzip, noise};

const SIGNALS: [&str; 3] = ["traces", "metrics", "logs"];

#[track_caller]
fn refuses(answer: &Answer, status: u16, words: &str) {
    let text = answer.text();
    assert!(
        answer.status == status && text.contains(words),
        "{} {text}",
        answer.status
    );
}

/// Sends a part of what was promised, and reads the answer.
fn promised(at: SocketAddr, head: &str, part: &[u8]) -> String {
    let mut stream = connect(at);
    let _ = stream.write_all(head.as_bytes());
    let _ = stream.write_all(part);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn malformed_requests_are_refused_with_the_reason() {
    let mut backend = backend();
    for signal in SIGNALS {
        let path = format!("/v1/{signal}");
        for at in [backend.otlp_http, backend.http] {
            refuses(
                &post(at, &path, PROTOBUF, &noise(10_000)),
                400,
                "body is not a valid request",
            );
            refuses(
                &post(at, &path, PROTOBUF, &[0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f]),
                400,
                "body is not a valid request",
            );
            refuses(
                &post(at, &path, JSON, b"{\"resource"),
                400,
                "body is not a valid request",
            );
            refuses(
                &post(at, &path, JSON, &noise(10_000)),
                400,
                "body is not a valid request",
            );
            refuses(
                &post(at, &path, "text/plain", b"hello"),
                415,
                "application/x-protobuf",
            );
            let coded = |coding, body: &[u8]| {
                let headers = [("content-type", PROTOBUF), ("content-encoding", coding)];
                send(at, "POST", &path, &headers, body).unwrap()
            };
            refuses(&coded("gzip", &noise(10_000)), 400, "gzip");
            refuses(
                &coded("br", b"x"),
                415,
                "content encoding \"br\" is not supported",
            );
        }
    }
    backend_is_well(&mut backend);
}

#[test]
fn depth_is_limited() {
    let mut backend = backend();
    // A value in a list in a value in a list …
    let mut value = b"\x0a\x01x".to_vec();
    for _ in 0..5_000 {
        for tag in [0x0a, 0x2a] {
            let mut outer = vec![tag];
            prost::encoding::encode_varint(value.len() as u64, &mut outer);
            outer.extend_from_slice(&value);
            value = outer;
        }
    }
    // ResourceLogs, ScopeLogs, LogRecord, body.
    for tag in [0x2a, 0x12, 0x12, 0x0a] {
        let mut outer = vec![tag];
        prost::encoding::encode_varint(value.len() as u64, &mut outer);
        outer.extend_from_slice(&value);
        value = outer;
    }
    refuses(
        &post(backend.otlp_http, "/v1/logs", PROTOBUF, &value),
        400,
        "body is not a valid request",
    );
    let nested = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{}"#,
        r#"{"arrayValue":{"values":["#.repeat(100_000)
    );
    refuses(
        &post(backend.otlp_http, "/v1/logs", JSON, nested.as_bytes()),
        400,
        "body is not a valid request",
    );
    for open in ["[", "{\"a\":"] {
        refuses(
            &post(
                backend.otlp_http,
                "/v1/traces",
                JSON,
                open.repeat(100_000).as_bytes(),
            ),
            400,
            "body is not a valid request",
        );
    }
    backend_is_well(&mut backend);
}

#[test]
fn bombs_are_refused_at_the_limit() {
    let mut backend = backend();
    let bomb = gzip(&vec![0; 400 << 20]);
    let headers = [("content-type", PROTOBUF), ("content-encoding", "gzip")];
    for signal in SIGNALS {
        for at in [backend.otlp_http, backend.http] {
            let answer = send(at, "POST", &format!("/v1/{signal}"), &headers, &bomb).unwrap();
            refuses(&answer, 413, "bytes once decompressed");
        }
    }
    // A bomb in a bomb is a body that is no protobuf.
    let twice = gzip(&bomb);
    refuses(
        &send(backend.otlp_http, "POST", "/v1/logs", &headers, &twice).unwrap(),
        400,
        "body is not a valid request",
    );
    backend_is_well(&mut backend);
}

#[test]
fn a_body_beyond_the_limit_is_refused_before_it_is_whole() {
    let mut backend = backend();
    let part = vec![b'a'; 17 << 20];
    for at in [backend.otlp_http, backend.http] {
        let head = format!("POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-type: {PROTOBUF}\r\n");
        let answer = promised(at, &format!("{head}content-length: 100000000000\r\n\r\n"), &part);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 413"),
            "{answer}"
        );
        // Chunks without an end.
        let chunk = [format!("{:x}\r\n", part.len()).as_bytes(), &part, b"\r\n"].concat();
        let answer = promised(at, &format!("{head}transfer-encoding: chunked\r\n\r\n"), &chunk);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 413"),
            "{answer}"
        );
    }
    // A small body whose decoded form would be gigabytes: millions of empty spans.
    let spans = [0x12, 0x00].repeat(3_000_000);
    let mut value = spans;
    for tag in [0x12, 0x0a] {
        let mut outer = vec![tag];
        prost::encoding::encode_varint(value.len() as u64, &mut outer);
        outer.extend_from_slice(&value);
        value = outer;
    }
    refuses(
        &post(backend.otlp_http, "/v1/traces", PROTOBUF, &value),
        413,
        "send smaller batches",
    );
    backend_is_well(&mut backend);
}
