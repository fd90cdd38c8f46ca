//! Starting, stopping, starting again.

use std::error::Error as _;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use watchroom_server::{ShutdownError, start};

use crate::support::{Server, config, now_ns, read_answer};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_in_is_there_after_a_restart() {
    let server = Server::start().await;
    let at = now_ns();
    let resource = json!({"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]});
    let spans = json!([{"traceId": "01".repeat(16), "spanId": "01".repeat(8), "name": "op", "kind": 2,
        "startTimeUnixNano": at.to_string(), "endTimeUnixNano": (at + 1000).to_string()}]);
    server
        .send(
            "traces",
            &json!({"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": spans}]}]}),
        )
        .await;
    let records = json!([{"timeUnixNano": at.to_string(), "body": {"stringValue": "hello"}}]);
    server
        .send(
            "logs",
            &json!({"resourceLogs": [{"resource": resource, "scopeLogs": [{"logRecords": records}]}]}),
        )
        .await;
    let points = json!([{"timeUnixNano": at.to_string(), "asInt": "5"}]);
    let metrics = json!([{"name": "m", "gauge": {"dataPoints": points}}]);
    server
        .send(
            "metrics",
            &json!({"resourceMetrics": [{"resource": resource, "scopeMetrics": [{"metrics": metrics}]}]}),
        )
        .await;

    let server = Server::again(server.stop().await, |_, _| ()).await;
    assert_eq!(server.value("m").await.as_deref(), Some("5"));
    // The last counts of spans were written on the way out.
    assert_eq!(
        server.value("traces_spanmetrics_calls_total").await.as_deref(),
        Some("1")
    );
    assert_eq!(server.json("/api/services").await["data"], json!(["shop"]));
    let trace = server.json(&format!("/api/traces/{}", "01".repeat(16))).await;
    assert_eq!(trace["data"][0]["spans"][0]["operationName"], "op");
    let logs = server
        .json("/loki/api/v1/query_range?query=%7Bservice_name%3D%22shop%22%7D")
        .await;
    assert_eq!(logs["data"]["result"][0]["values"][0][1], "hello");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_with_its_flag() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = taken.local_addr().unwrap();
    for flag in ["--listen", "--otlp-grpc", "--otlp-http"] {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(&dir);
        match flag {
            "--listen" => config.listen = addr,
            "--otlp-grpc" => config.otlp_grpc = addr,
            _ => config.otlp_http = addr,
        }
        let error = start(config).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot listen on {addr} ({flag}); choose another address or port, or 0 for a free one")
        );
        assert!(error.source().unwrap().to_string().contains("in use"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut missing = config(&dir);
    missing.config = Some(dir.path().join("none.yml"));
    let error = start(missing).await.unwrap_err().to_string();
    assert!(
        error.contains("none.yml") && error.contains("--config"),
        "{error}"
    );
    let mut wrong = config(&dir);
    let path = dir.path().join("p.yml");
    std::fs::write(&path, "scrape_configs: 5").unwrap();
    wrong.config = Some(path);
    let error = start(wrong).await.unwrap_err().to_string();
    assert!(
        error.ends_with("(--config): scrape_configs: expected a list, got a number"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_data_directory_serves_one_server() {
    let server = Server::start().await;
    let error = start(config(&server.dir)).await.unwrap_err();
    let cause = error.source().map_or_else(String::new, ToString::to_string);
    assert!(
        format!("{error}: {cause}").contains("in use by another process"),
        "{error}: {cause}"
    );
    server.stop().await;
}

/// A request whose head has been read and whose body is awaited: the server has asked for it.
async fn under_way(addr: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = "POST /v1/logs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\
        expect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut asked = [0; 25];
    stream.read_exact(&mut asked).await.unwrap();
    assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_under_way_is_answered_before_the_server_stops() {
    let server = Server::start().await;
    let addr = server.addrs.otlp_http;
    let mut stream = under_way(addr).await;
    let stopping = tokio::spawn(server.running.shutdown(Duration::from_secs(30)));
    let closed = async || TcpStream::connect(addr).await.err();
    crate::support::eventually("the listener closes", closed).await;
    stream.write_all(b"{}").await.unwrap();
    let answer = read_answer(&mut stream).await;
    assert_eq!((answer.status, answer.text().as_str()), (200, "{}"));
    stopping.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_never_finishes_does_not_keep_the_server() {
    let server = Server::start().await;
    let _stream = under_way(server.addrs.otlp_http).await;
    let result = server.running.shutdown(Duration::from_millis(200)).await;
    assert!(
        matches!(result, Err(ShutdownError::TimedOut { .. })),
        "{result:?}"
    );
}
