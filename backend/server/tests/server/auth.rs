//! Credentials and rights, in each protocol's own words.

use std::net::SocketAddr;

use crate::certificates::{Authority, request as request_over_tls};
use crate::support::{Answer, Server, eventually, request};

const READ: &str = "authorization: Bearer read-read-read-read\r\n";
const WRITE: &str = "authorization: Bearer write-write-write\r\n";
const ADMIN: &str = "authorization: Bearer admin-admin-admin\r\n";

async fn guarded() -> Server {
    Server::with(|config, dir| {
        let tokens = dir.path().join("tokens");
        let text =
            "grafana read read-read-read-read\nagent write write-write-write\nroot admin admin-admin-admin\n";
        std::fs::write(&tokens, text).unwrap();
        config.security.auth_token_file = Some(tokens);
        config.self_scrape = true;
    })
    .await
}

async fn get(server: &Server, path: &str, headers: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n{headers}");
    request(server.addrs.http, &head, b"").await
}

async fn logs(server: &Server, addr: SocketAddr, headers: &str) -> Answer {
    let headers = format!("content-type: application/json\r\n{headers}");
    server
        .post(addr, "/v1/logs", &headers, br#"{"resourceLogs": []}"#)
        .await
}

async fn grpc(server: &Server, headers: &str) -> Answer {
    let headers = format!("content-type: application/grpc\r\n{headers}");
    let path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
    server.post(server.addrs.otlp_grpc, path, &headers, &[0; 5]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn without_credentials_every_protocol_is_refused_in_its_words() {
    let server = guarded().await;
    for path in [
        "/",
        "/metrics",
        "/api/traces",
        "/loki/api/v1/labels",
        "/api/watchroom/status",
        "/federate",
    ] {
        let answer = get(&server, path, "").await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(
            answer
                .header("www-authenticate")
                .unwrap()
                .starts_with("Basic realm="),
            "{path}"
        );
    }
    let answer = get(&server, "/api/v1/labels", "").await;
    assert_eq!(answer.status, 401);
    assert_eq!(answer.json()["errorType"], "unauthorized");
    let answer = logs(&server, server.addrs.otlp_http, "").await;
    assert_eq!((answer.status, answer.json()["code"].as_i64()), (401, Some(16)));
    let answer = grpc(&server, "").await;
    assert_eq!((answer.status, answer.header("grpc-status")), (200, Some("16")));
    for wrong in [
        "authorization: Bearer wrong-wrong-wrong-wrong\r\n",
        "authorization: Bearer read-read-read-rea\r\n",
        "authorization: read-read-read-read\r\n",
        "authorization: Basic cmVhZC1yZWFkLXJlYWQtcmVhZA==\r\n",
    ] {
        assert_eq!(get(&server, "/", wrong).await.status, 401, "{wrong}");
    }
    // Whether it lives is no secret.
    for path in ["/-/healthy", "/-/ready", "/ready"] {
        assert_eq!(get(&server, path, "").await.status, 200, "{path}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_does_what_its_rights_allow() {
    let server = guarded().await;
    assert_eq!(get(&server, "/api/v1/labels", READ).await.status, 200);
    assert_eq!(get(&server, "/", ADMIN).await.status, 200);
    let answer = get(&server, "/api/v1/labels", WRITE).await;
    assert_eq!(answer.status, 403);
    assert!(
        answer.text().contains("agent does not have the right"),
        "{}",
        answer.text()
    );
    for addr in [server.addrs.http, server.addrs.otlp_http] {
        assert_eq!(logs(&server, addr, WRITE).await.status, 200);
        assert_eq!(logs(&server, addr, READ).await.status, 403);
    }
    assert_eq!(grpc(&server, WRITE).await.header("grpc-status"), None);
    assert_eq!(grpc(&server, READ).await.header("grpc-status"), Some("7"));
    // A browser gives name and token as user and password: `grafana:read-read-read-read`.
    let basic = "authorization: Basic Z3JhZmFuYTpyZWFkLXJlYWQtcmVhZC1yZWFk\r\n";
    assert_eq!(get(&server, "/", basic).await.status, 200);
    // The server's own metrics come without passing a listener.
    eventually("the server's own metrics", async || {
        let answer = get(&server, "/api/v1/query?query=watchroom_build_info", READ).await;
        (answer.json()["data"]["result"].as_array()?.len() == 1).then_some(())
    })
    .await;
    let metrics = get(&server, "/metrics", READ).await.text();
    assert!(
        metrics.contains("watchroom_client_refused_requests_total{reason=\"rights\"} 4"),
        "{metrics}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_that_change_are_read_again() {
    let server = guarded().await;
    let tokens = server.dir.path().join("tokens");
    std::fs::write(&tokens, "grafana read another-another-another\n").unwrap();
    let new = "authorization: Bearer another-another-another\r\n";
    eventually("the new token", async || {
        (get(&server, "/", new).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(get(&server, "/", READ).await.status, 401);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_web_config_of_prometheus_is_obeyed() {
    let authority = Authority::new();
    let hash = bcrypt::hash("secret", 4).unwrap();
    let server = Server::with(|config, dir| {
        authority.server(dir.path());
        let file = dir.path().join("web.yml");
        let text = format!(
            "tls_server_config:\n  cert_file: server.pem\n  key_file: server.key\n  min_version: TLS13\nhttp_server_config:\n  \
             http2: false\n  headers:\n    X-Frame-Options: deny\nbasic_auth_users:\n  alice: {hash}\n"
        );
        std::fs::write(&file, text).unwrap();
        config.security.web_config = Some(file);
    })
    .await;
    let client = authority.trusting(None, &["h2", "http/1.1"]);
    let stream = crate::certificates::connect(server.addrs.http, &client)
        .await
        .unwrap();
    let (_, session) = stream.get_ref();
    assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
    assert_eq!(session.protocol_version(), Some(rustls::ProtocolVersion::TLSv1_3));
    let client = authority.trusting(None, &[]);
    let answer = request_over_tls(server.addrs.http, &client, "GET / HTTP/1.1\r\n", b"")
        .await
        .unwrap();
    assert_eq!(
        (answer.status, answer.header("x-frame-options")),
        (401, Some("deny"))
    );
    // `alice:secret`
    let head = "GET / HTTP/1.1\r\nauthorization: Basic YWxpY2U6c2VjcmV0\r\n";
    let answer = request_over_tls(server.addrs.http, &client, head, b"")
        .await
        .unwrap();
    assert_eq!(answer.status, 200);
    server.stop().await;
}

/// Guessing is slowed down, and whoever knows the password comes in all the while.
#[tokio::test(flavor = "multi_thread")]
async fn guessing_passwords_is_stopped_and_others_are_served() {
    let server = Server::with(|config, dir| {
        let file = dir.path().join("web.yml");
        let hash = bcrypt::hash("secret", 5).unwrap();
        std::fs::write(&file, format!("basic_auth_users: {{alice: '{hash}'}}\n")).unwrap();
        config.security.web_config = Some(file);
    })
    .await;
    let right = "authorization: Basic YWxpY2U6c2VjcmV0\r\n";
    assert_eq!(get(&server, "/", right).await.status, 200);
    let guesses = (0..60).map(|i| {
        let pair = format!("alice:guess {i:04}");
        let header = format!("authorization: Basic {}\r\n", base64(pair.as_bytes()));
        let addr = server.addrs.http;
        tokio::spawn(async move {
            let head = format!("GET / HTTP/1.1\r\nhost: localhost\r\n{header}");
            request(addr, &head, b"").await
        })
    });
    let (mut wrong, mut stopped) = (0, 0);
    for guess in guesses.collect::<Vec<_>>() {
        let answer = guess.await.unwrap();
        match answer.status {
            401 => wrong += 1,
            429 => {
                assert!(answer.header("retry-after").is_some());
                stopped += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(stopped >= 20 && wrong >= 1, "{wrong} {stopped}");
    assert_eq!(get(&server, "/", right).await.status, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_that_are_too_large_are_refused() {
    let server = guarded().await;
    for n in [5_000, 20_000] {
        let header = format!("authorization: Bearer {}\r\n", "x".repeat(n));
        let answer = get(&server, "/", &header).await;
        assert!(matches!(answer.status, 401 | 431), "{}", answer.status);
    }
    let header = format!("authorization: Basic {}\r\n", "A".repeat(200_000));
    assert_eq!(get(&server, "/", &header).await.status, 431);
    assert_eq!(get(&server, "/", READ).await.status, 200);
    server.stop().await;
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let group = [three[0], *three.get(1).unwrap_or(&0), *three.get(2).unwrap_or(&0)];
        let number = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for i in 0..4 {
            match i <= three.len() {
                true => out.push(char::from(DIGITS[(number >> (18 - 6 * i)) as usize & 63])),
                false => out.push('='),
            }
        }
    }
    out
}
