//! Remote stores that are not there, go, come back, are slow, or refuse.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::watch;

use crate::remote::{lines, store};
use crate::support::{Server, encode, eventually, now_ns, request};

/// An address where nothing listens.
fn nowhere() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

async fn second_at(dir: tempfile::TempDir, addr: SocketAddr) -> Server {
    Server::again(dir, |config, _| config.listen = addr).await
}

async fn in_front_of(addr: SocketAddr) -> Server {
    Server::with(|config, _| config.remotes.logs = store(addr)).await
}

/// How many lines of ours a store has, each counted once.
async fn n_lines(second: &Server) -> usize {
    let expr = encode(r#"{service_name="shop"}"#);
    let answer = second
        .json(&format!("/loki/api/v1/query_range?query={expr}&limit=5000"))
        .await;
    let streams = answer["data"]["result"].as_array().unwrap();
    let bodies: std::collections::HashSet<&str> = streams
        .iter()
        .flat_map(|stream| stream["values"].as_array().unwrap())
        .map(|value| value[1].as_str().unwrap())
        .collect();
    bodies.len()
}

/// The part of the status that is about the store of logs.
async fn logs_store(server: &Server) -> Value {
    server.json("/api/watchroom/status").await["stores"]["logs"].clone()
}

/// A metric of the server itself.
async fn own(server: &Server, name: &str) -> u64 {
    let text = server.get("/metrics").await.text();
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("watchroom_remote_{name}{{store=\"logs\"}}")));
    line.unwrap_or_else(|| panic!("{name}: {text}"))
        .rsplit_once(' ')
        .unwrap()
        .1
        .parse()
        .unwrap()
}

fn batch(first: usize, n: usize) -> Value {
    let bodies: Vec<String> = (first..first + n).map(|i| format!("line {i}")).collect();
    lines(&bodies)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_before_the_store_was_there_arrives() {
    let addr = nowhere();
    let server = in_front_of(addr).await;
    for i in 0..3 {
        assert_eq!(server.send("logs", &batch(100 * i, 100)).await.status, 200);
    }
    let ready = eventually("that it is not ready", async || {
        let ready = server.get("/-/ready").await;
        (ready.status == 503).then_some(ready)
    })
    .await;
    assert!(ready.text().contains("the store of logs"), "{}", ready.text());
    let answer = server.get("/loki/api/v1/labels").await;
    assert_eq!(answer.status, 502);
    assert!(answer.text().contains(&addr.to_string()), "{}", answer.text());
    // The other signals are not touched by it.
    assert_eq!(server.get("/api/v1/query?query=1").await.status, 200);
    assert_eq!(logs_store(&server).await["answers"], json!(false));
    let second = second_at(tempfile::tempdir().unwrap(), addr).await;
    eventually("all lines", async || {
        (n_lines(&second).await == 300).then_some(())
    })
    .await;
    eventually("that it is ready", async || {
        (server.get("/-/ready").await.status == 200).then_some(())
    })
    .await;
    server.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_goes_and_comes_back_loses_nothing_that_was_acknowledged() {
    let mut second = Server::start().await;
    let addr = second.addrs.http;
    let server = in_front_of(addr).await;
    let mut acknowledged = 0;
    for round in 0..3 {
        for i in 0..10 {
            let sent = server.send("logs", &batch(1_000 * round + 20 * i, 20)).await;
            assert_eq!(sent.status, 200, "{}", sent.text());
            acknowledged += 20;
        }
        if round < 2 {
            // It goes while lines are on their way.
            let dir = second.stop().await;
            assert_eq!(
                server.send("logs", &batch(1_000 * round + 500, 5)).await.status,
                200
            );
            acknowledged += 5;
            second = second_at(dir, addr).await;
        }
    }
    eventually("every line that was acknowledged", async || {
        (n_lines(&second).await == acknowledged).then_some(())
    })
    .await;
    eventually("an empty queue", async || {
        (own(&server, "queue_items").await == 0).then_some(())
    })
    .await;
    assert_eq!(own(&server, "refused_items_total").await, 0);
    server.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_asks_senders_to_come_back_and_the_books_balance() {
    let addr = nowhere();
    let server = Server::with(|config, _| {
        config.remotes.logs = store(addr);
        config.remotes.queue_bytes = 20_000;
    })
    .await;
    let mut acknowledged = 0;
    let refused = loop {
        let answer = server.send("logs", &batch(acknowledged, 20)).await;
        if answer.status != 200 {
            break answer;
        }
        acknowledged += 20;
        assert!(acknowledged < 10_000, "the queue has no end");
    };
    assert_eq!(
        (refused.status, refused.header("retry-after")),
        (503, Some("2")),
        "{}",
        refused.text()
    );
    assert!(acknowledged >= 20);
    let push = format!(
        r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["{}","{}"]]}}]}}"#,
        now_ns(),
        "x".repeat(20_000)
    );
    let headers = "content-type: application/json\r\n";
    let pushed = server
        .post(server.addrs.http, "/loki/api/v1/push", headers, push.as_bytes())
        .await;
    assert_eq!(pushed.status, 503);
    let second = second_at(tempfile::tempdir().unwrap(), addr).await;
    eventually("every line that was acknowledged", async || {
        (n_lines(&second).await == acknowledged).then_some(())
    })
    .await;
    eventually("an empty queue", async || {
        (own(&server, "queue_items").await == 0).then_some(())
    })
    .await;
    let offered = own(&server, "offered_items_total").await;
    let turned_away = own(&server, "turned_away_items_total").await;
    let sent = own(&server, "sent_items_total").await;
    assert_eq!(
        (offered, turned_away, sent),
        (acknowledged as u64 + 21, 21, acknowledged as u64)
    );
    server.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_stopped_keeps_what_was_not_sent() {
    let addr = nowhere();
    let server = in_front_of(addr).await;
    assert_eq!(server.send("logs", &batch(0, 50)).await.status, 200);
    let dir = server.stop().await;
    assert!(dir.path().join("data/remote-logs.queue").exists());
    let server = Server::again(dir, |config, _| config.remotes.logs = store(addr)).await;
    assert_eq!(own(&server, "queue_items").await, 50);
    let second = second_at(tempfile::tempdir().unwrap(), addr).await;
    eventually("every line", async || {
        (n_lines(&second).await == 50).then_some(())
    })
    .await;
    let dir = server.stop().await;
    assert!(!dir.path().join("data/remote-logs.queue").exists());
    second.stop().await;
}

/// What a made-up store has been asked, head and body.
type Asked = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

/// A store made up for a test: answers each request as `answer` says, once `open` is true.
async fn made_up(
    open: watch::Receiver<bool>,
    answer: impl Fn(&str, &[u8]) -> &'static str + Send + Sync + 'static,
) -> (SocketAddr, Asked) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let asked = Asked::default();
    let (log, answer) = (Arc::clone(&asked), Arc::new(answer));
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (log, answer, mut open) = (Arc::clone(&log), Arc::clone(&answer), open.clone());
            tokio::spawn(async move {
                let mut bytes = Vec::new();
                loop {
                    let end = loop {
                        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                            break end + 4;
                        }
                        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                            return;
                        }
                    };
                    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
                    let length = head
                        .lines()
                        .find_map(|line| line.strip_prefix("content-length: ")?.parse().ok())
                        .unwrap_or(0usize);
                    while bytes.len() < end + length {
                        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    let body = bytes[end..end + length].to_vec();
                    bytes.drain(..end + length);
                    if head.starts_with("post") && open.wait_for(|open| *open).await.is_err() {
                        return;
                    }
                    let status = answer(&head, &body);
                    log.lock().unwrap().push((head, body));
                    let text = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\n{{}}");
                    if stream.write_all(text.as_bytes()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    (addr, asked)
}

fn unsnapped(body: &[u8]) -> Vec<u8> {
    snap::raw::Decoder::new().decompress_vec(body).unwrap_or_default()
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_store_holds_up_no_sender() {
    let (open, opened) = watch::channel(false);
    let (addr, asked) = made_up(opened, |_, _| "204 No Content").await;
    let server = in_front_of(addr).await;
    for i in 0..5 {
        // Acknowledged though the store has answered nothing yet.
        assert_eq!(server.send("logs", &batch(10 * i, 10)).await.status, 200);
    }
    assert_eq!(own(&server, "sent_items_total").await, 0);
    assert_eq!(own(&server, "queue_items").await, 50);
    open.send(true).unwrap();
    eventually("an empty queue", async || {
        (own(&server, "sent_items_total").await == 50).then_some(())
    })
    .await;
    // In the order in which they came.
    let asked = asked.lock().unwrap().clone();
    let sent: Vec<u8> = asked
        .iter()
        .filter(|(head, _)| head.starts_with("post"))
        .flat_map(|(_, body)| unsnapped(body))
        .collect();
    let at = |text: &str| {
        sent.windows(text.len())
            .position(|window| window == text.as_bytes())
            .unwrap()
    };
    assert!(at("line 0") < at("line 9") && at("line 9") < at("line 49"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_of_the_server_are_waited_out_and_credentials_stay_apart() {
    let (open, opened) = watch::channel(true);
    let (state, states) = watch::channel("503 Service Unavailable");
    let (addr, asked) = made_up(opened, move |head, _| match head.starts_with("post") {
        true => *states.borrow(),
        false => "200 OK",
    })
    .await;
    let server = in_front_of(addr).await;
    assert_eq!(server.send("logs", &batch(0, 10)).await.status, 200);
    for next in ["401 Unauthorized", "429 Too Many Requests", "204 No Content"] {
        let before = own(&server, "retries_total").await;
        eventually("another try", async || {
            (own(&server, "retries_total").await > before).then_some(())
        })
        .await;
        assert_eq!(own(&server, "queue_items").await, 10);
        state.send(next).unwrap();
    }
    eventually("an empty queue", async || {
        (own(&server, "sent_items_total").await == 10).then_some(())
    })
    .await;
    let head = "GET /loki/api/v1/labels HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer of-the-client\r\ncookie: a=b\r\n";
    assert_eq!(request(server.addrs.http, head, b"").await.status, 200);
    let asked = asked.lock().unwrap().clone();
    assert!(
        asked
            .iter()
            .any(|(head, _)| head.starts_with("get /loki/api/v1/labels"))
    );
    assert!(
        asked
            .iter()
            .all(|(head, _)| !head.contains("of-the-client") && !head.contains("cookie"))
    );
    drop(open);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_refused_series_costs_no_other() {
    let (_open, opened) = watch::channel(true);
    let (addr, asked) = made_up(opened, |_, body| match has(&unsnapped(body), "worst") {
        true => "400 Bad Request",
        false => "204 No Content",
    })
    .await;
    let server = Server::with(|config, _| config.remotes.metrics = store(addr)).await;
    let metrics: Vec<_> = (0..40)
        .map(|i| {
            let name = if i == 17 {
                "worst".to_owned()
            } else {
                format!("m{i}")
            };
            let point = json!({"timeUnixNano": now_ns().to_string(), "asDouble": 1.0});
            json!({"name": name, "gauge": {"dataPoints": [point]}})
        })
        .collect();
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]});
    assert_eq!(server.send("metrics", &body).await.status, 200);
    let metric = async |name: &str| {
        let text = server.get("/metrics").await.text();
        let line = text
            .lines()
            .find(|line| line.starts_with(&format!("watchroom_remote_{name}{{store=\"metrics\"}}")));
        line.unwrap().rsplit_once(' ').unwrap().1.parse::<u64>().unwrap()
    };
    eventually("an empty queue", async || {
        (metric("queue_items").await == 0).then_some(())
    })
    .await;
    assert_eq!(
        (
            metric("sent_items_total").await,
            metric("refused_items_total").await
        ),
        (39, 1)
    );
    let asked = asked.lock().unwrap().clone();
    let taken: Vec<u8> = asked
        .iter()
        .map(|(_, body)| unsnapped(body))
        .filter(|request| !has(request, "worst"))
        .flatten()
        .collect();
    for i in (0..40).filter(|i| *i != 17) {
        assert!(has(&taken, &format!("m{i}")), "{i}");
    }
    server.stop().await;
}
