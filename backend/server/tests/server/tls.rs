//! TLS on every listener.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::certificates::{Authority, connect, request};
use crate::support::{Server, eventually};

const JSON: &str = "content-type: application/json\r\ncontent-length: 20\r\n";
const NO_LOGS: &[u8] = br#"{"resourceLogs": []}"#;

async fn with_tls(authority: &Authority, asks: bool) -> Server {
    Server::with(|config, dir| {
        let (cert, key) = authority.server(dir.path());
        (config.security.tls_cert, config.security.tls_key) = (Some(cert), Some(key));
        if asks {
            let ca = dir.path().join("clients.pem");
            std::fs::write(&ca, authority.pem()).unwrap();
            config.security.tls_client_ca = Some(ca);
        }
        config.limits.handshake_timeout = Duration::from_secs(2);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_listener_speaks_tls() {
    let authority = Authority::new();
    let server = with_tls(&authority, false).await;
    let client = authority.trusting(None, &["http/1.1"]);
    let page = request(server.addrs.http, &client, "GET / HTTP/1.1\r\n", b"")
        .await
        .unwrap();
    assert_eq!(page.status, 200);
    for addr in [server.addrs.http, server.addrs.otlp_http] {
        let head = format!("POST /v1/logs HTTP/1.1\r\n{JSON}");
        let answer = request(addr, &client, &head, NO_LOGS).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    // Whoever speaks plainly is told.
    let answer = server.get("/").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("use https"), "{}", answer.text());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_and_the_page_are_offered_http2() {
    let authority = Authority::new();
    let server = with_tls(&authority, false).await;
    let client = authority.trusting(None, &["h2", "http/1.1"]);
    for addr in [server.addrs.http, server.addrs.otlp_grpc] {
        let stream = connect(addr, &client).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut sender, connection) = hyper::client::conn::http2::handshake(executor, io).await.unwrap();
        tokio::spawn(connection);
        let path = match addr == server.addrs.http {
            true => "/-/healthy",
            false => "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        };
        let request = http::Request::post(format!("https://localhost{path}"))
            .method(if addr == server.addrs.http { "GET" } else { "POST" })
            .header("content-type", "application/grpc")
            .body(http_body_util::Full::new(bytes::Bytes::from_static(&[0; 5])))
            .unwrap();
        let response = sender.send_request(request).await.unwrap();
        assert_eq!(response.version(), http::Version::HTTP_2);
        assert_eq!(response.status(), 200);
        if addr == server.addrs.otlp_grpc {
            use http_body_util::BodyExt as _;
            let collected = response.into_body().collect().await.unwrap();
            assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_the_right_certificate_does_not_come_in() {
    let authority = Authority::new();
    let server = with_tls(&authority, true).await;
    let known = authority.trusting(Some(authority.client()), &[]);
    let stranger = authority.trusting(Some(Authority::new().client()), &[]);
    let nobody = authority.trusting(None, &[]);
    let head = "GET /api/v1/labels HTTP/1.1\r\n";
    assert_eq!(
        request(server.addrs.http, &known, head, b"")
            .await
            .unwrap()
            .status,
        200
    );
    for addr in [server.addrs.http, server.addrs.otlp_grpc, server.addrs.otlp_http] {
        assert!(request(addr, &stranger, head, b"").await.is_none());
        assert!(request(addr, &nobody, head, b"").await.is_none());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_changes_is_read_again_and_a_broken_one_is_not_used() {
    let (old, new) = (Authority::new(), Authority::new());
    let server = with_tls(&old, false).await;
    let (trusts_old, trusts_new) = (old.trusting(None, &[]), new.trusting(None, &[]));
    assert!(connect(server.addrs.http, &trusts_old).await.is_ok());
    assert!(connect(server.addrs.http, &trusts_new).await.is_err());
    std::fs::write(server.dir.path().join("server.pem"), "nonsense").unwrap();
    // A broken file leaves the old certificate in force: nothing to wait for but the next change.
    new.server(server.dir.path());
    eventually("the new certificate", async || {
        connect(server.addrs.http, &trusts_new).await.ok()
    })
    .await;
    std::fs::write(server.dir.path().join("server.key"), "nonsense").unwrap();
    let again = Authority::new();
    let trusts_again = again.trusting(None, &[]);
    assert!(connect(server.addrs.http, &trusts_new).await.is_ok());
    again.server(server.dir.path());
    eventually("the third certificate", async || {
        connect(server.addrs.otlp_http, &trusts_again).await.ok()
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_half_handshakes_are_cut_off() {
    let authority = Authority::new();
    let server = with_tls(&authority, false).await;
    let hello = [&[0x16, 0x03, 0x01, 0x40, 0x00, 0x01][..], &[0xaa; 300]].concat();
    let garbage: [&[u8]; 5] = [
        &[0; 64],
        &[0xff; 4_000],
        b"\x16\x03\x01\xff\xff\xff\xff\xff",
        b"\x80\x2e\x01\x00\x02",
        &hello,
    ];
    for addr in [server.addrs.http, server.addrs.otlp_grpc, server.addrs.otlp_http] {
        let mut open = Vec::new();
        for bytes in garbage {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            let _ = stream.write_all(bytes).await;
            open.push(stream);
        }
        // One that says nothing at all.
        open.push(TcpStream::connect(addr).await.unwrap());
        for mut stream in open {
            let mut rest = Vec::new();
            let read = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut rest)).await;
            assert!(read.is_ok(), "the server keeps the connection");
        }
    }
    let client = authority.trusting(None, &[]);
    let head = "GET /-/healthy HTTP/1.1\r\n";
    assert_eq!(
        request(server.addrs.http, &client, head, b"")
            .await
            .unwrap()
            .status,
        200
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_used_is_told_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    let (cert, key) = authority.server(dir.path());
    let other = tempfile::tempdir().unwrap();
    let (_, wrong_key) = authority.server(other.path());
    let start = async |cert: &std::path::Path, key: Option<&std::path::Path>| {
        let mut config = crate::support::config(&dir);
        config.security.tls_cert = Some(cert.to_owned());
        config.security.tls_key = key.map(Into::into);
        watchroom_server::start(config).await.unwrap_err().to_string()
    };
    let error = start(&cert, None).await;
    assert_eq!(error, "--tls-cert needs --tls-key");
    let error = start(&cert, Some(&wrong_key)).await;
    assert!(error.contains("do not go together"), "{error}");
    let error = start(&key, Some(&key)).await;
    assert!(
        error.contains("server.key: there is no certificate in it"),
        "{error}"
    );
    let error = start(&dir.path().join("none.pem"), Some(&key)).await;
    assert!(error.contains("none.pem"), "{error}");
}
