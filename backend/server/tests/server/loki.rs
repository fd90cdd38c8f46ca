//! The Loki API: queries, labels, series, live tail, errors.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{Server, encode, now_ns};

fn body(service: &str, lines: &[(u64, u8, &str)]) -> Value {
    let records: Vec<Value> = lines
        .iter()
        .map(|(at, severity, text)| {
            json!({"timeUnixNano": at.to_string(), "severityNumber": severity, "body": {"stringValue": text}})
        })
        .collect();
    json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
        "scopeLogs": [{"logRecords": records}]
    }]})
}

async fn filled() -> (Server, u64) {
    let server = Server::start().await;
    let at = now_ns() - 60_000_000_000;
    let lines = [(at, 9, "one"), (at + 1, 17, "two failed"), (at + 2, 9, "three")];
    assert_eq!(server.send("logs", &body("shop", &lines)).await.text(), "{}");
    assert_eq!(
        server
            .send("logs", &body("web", &[(at + 3, 9, "four")]))
            .await
            .text(),
        "{}"
    );
    (server, at)
}

async fn lines(server: &Server, query: &str, more: &str) -> Vec<String> {
    let path = format!("/loki/api/v1/query_range?query={}{more}", encode(query));
    let found = server.json(&path).await;
    assert_eq!(found["data"]["resultType"], "streams");
    let streams = found["data"]["result"].as_array().unwrap();
    let values = streams
        .iter()
        .flat_map(|stream| stream["values"].as_array().unwrap());
    values.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn finds_lines_by_labels_text_time_and_limit() {
    let (server, at) = filled().await;
    let shop = r#"{service_name="shop"}"#;
    let mut all = lines(&server, shop, "").await;
    all.sort();
    assert_eq!(all, ["one", "three", "two failed"]);
    for (query, more, expect) in [
        (
            r#"{service_name="shop",level="info"}"#,
            String::new(),
            vec!["three", "one"],
        ),
        (
            r#"{service_name="shop",level="info"}"#,
            "&direction=forward".into(),
            vec!["one", "three"],
        ),
        (
            r#"{service_name="shop",level="info"}"#,
            "&limit=1".into(),
            vec!["three"],
        ),
        (
            r#"{service_name=~".+"} |= "fail""#,
            String::new(),
            vec!["two failed"],
        ),
        (
            r#"{service_name=~".+"} != "t" |~ "o[nu]""#,
            "&direction=forward".into(),
            vec!["one", "four"],
        ),
        (
            shop,
            format!("&start={}&end={}", at + 1, at + 2),
            vec!["two failed"],
        ),
        (shop, format!("&end={at}"), vec![]),
    ] {
        assert_eq!(lines(&server, query, &more).await, expect, "{query} {more}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_labels_values_and_streams() {
    let (server, _) = filled().await;
    assert_eq!(
        server.json("/loki/api/v1/labels").await,
        json!({"status": "success", "data": ["level", "service_name"]})
    );
    let values = server.json("/loki/api/v1/label/service_name/values").await;
    assert_eq!(values["data"], json!(["shop", "web"]));
    let query = encode(r#"{level="error"}"#);
    let values = server
        .json(&format!("/loki/api/v1/label/service_name/values?query={query}"))
        .await;
    assert_eq!(values["data"], json!(["shop"]));
    let selector = encode(r#"{service_name="shop"}"#);
    let series = server
        .json(&format!("/loki/api/v1/series?match[]={selector}"))
        .await;
    assert_eq!(
        series["data"],
        json!([{"level": "error", "service_name": "shop"}, {"level": "info", "service_name": "shop"}])
    );
    assert_eq!(server.get("/ready").await.text(), "ready\n");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_log_query_is_told_what_is_wrong() {
    let server = Server::start().await;
    for (more, reason) in [
        ("", "'query' is missing"),
        ("query=%7B", "parse error"),
        ("query=%7Ba%3D%22b%22%7D&limit=0", "max_entries_limit"),
        ("query=%7Ba%3D%22b%22%7D&limit=99999", "max_entries_limit"),
        ("query=%7Ba%3D%22b%22%7D&start=never", "'start'"),
        (
            "query=%7Ba%3D%22b%22%7D&start=2000000000&end=1000000000",
            "end timestamp",
        ),
        ("query=%7Ba%3D%22b%22%7D&direction=up", "invalid direction"),
    ] {
        let answer = server.get(&format!("/loki/api/v1/query_range?{more}")).await;
        assert_eq!(answer.status, 400, "{more}");
        assert!(answer.text().contains(reason), "{more}: {}", answer.text());
    }
    server.stop().await;
}

/// What Grafana asks when one clicks "save & test" of a Loki data source, and what it expects.
#[tokio::test(flavor = "multi_thread")]
async fn answers_queries_that_read_no_line() {
    let server = Server::start().await;
    let query = encode("vector(1)+vector(1)");
    let found = server
        .json(&format!("/loki/api/v1/query?query={query}&time=4000000000"))
        .await;
    assert_eq!(found["data"]["resultType"], "vector");
    assert_eq!(
        found["data"]["result"],
        json!([{"metric": {}, "value": [4_000_000_000_u64, "2"]}])
    );
    let found = server
        .json(&format!(
            "/loki/api/v1/query_range?query={query}&start=10&end=20&step=5"
        ))
        .await;
    assert_eq!(found["data"]["resultType"], "matrix");
    assert_eq!(
        found["data"]["result"],
        json!([{"metric": {}, "values": [[10, "2"], [15, "2"], [20, "2"]]}])
    );
    for (more, reason) in [
        ("query=vector(1)&step=x", "'step'"),
        ("query=vector(time())", "expected a number"),
    ] {
        let answer = server.get(&format!("/loki/api/v1/query_range?{more}")).await;
        assert_eq!(answer.status, 400, "{more}");
        assert!(answer.text().contains(reason), "{more}: {}", answer.text());
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_may_come_in_a_form() {
    let (server, _) = filled().await;
    let form = format!("query={}&limit=1", encode(r#"{service_name="web"}"#));
    let headers = "content-type: application/x-www-form-urlencoded\r\n";
    for path in ["/loki/api/v1/query_range", "/loki/api/v1/query"] {
        let answer = server
            .post(server.addrs.http, path, headers, form.as_bytes())
            .await;
        assert_eq!(
            answer.json()["data"]["result"][0]["values"][0][1],
            "four",
            "{path}"
        );
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_may_not_follow_the_logs() {
    let server = Server::start().await;
    let head = "GET /loki/api/v1/tail?query=%7Ba%3D%22b%22%7D HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\n\
        origin: http://evil.example\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nconnection: upgrade\r\n\r\n";
    let mut stream = TcpStream::connect(server.addrs.http).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut status = [0; 12];
    stream.read_exact(&mut status).await.unwrap();
    assert_eq!(&status, b"HTTP/1.1 403");
    drop(stream);
    server.stop().await;
}

/// Opens a WebSocket by hand and returns it once it is open.
pub(crate) async fn open_tail(server: &Server, query: &str) -> TcpStream {
    let mut stream = TcpStream::connect(server.addrs.http).await.unwrap();
    let head = format!(
        "GET /loki/api/v1/tail?query={} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        encode(query)
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    stream
}

/// Reads frames until one of text.
pub(crate) async fn next_text(stream: &mut TcpStream) -> Value {
    loop {
        let opcode = stream.read_u8().await.unwrap() & 0x0f;
        let length = match stream.read_u8().await.unwrap() {
            126 => usize::from(stream.read_u16().await.unwrap()),
            short => usize::from(short),
        };
        let mut payload = vec![0; length];
        stream.read_exact(&mut payload).await.unwrap();
        if opcode == 1 {
            return serde_json::from_slice(&payload).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_tail_shows_new_lines_that_fit_and_ends_with_the_server() {
    let (server, _) = filled().await;
    let mut tail = open_tail(&server, r#"{service_name="shop"} |= "new""#).await;
    let at = now_ns();
    server
        .send("logs", &body("web", &[(at, 9, "new elsewhere")]))
        .await;
    server
        .send("logs", &body("shop", &[(at, 9, "old"), (at + 1, 9, "brand new")]))
        .await;
    let message = next_text(&mut tail).await;
    assert_eq!(
        message,
        json!({"streams": [{
            "stream": {"level": "info", "service_name": "shop"},
            "values": [[(at + 1).to_string(), "brand new"]]
        }]})
    );
    server.stop().await;
    // A close frame, then the end.
    let mut rest = Vec::new();
    tail.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.first(), Some(&0x88));
}
