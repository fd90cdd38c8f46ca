//! Remote stores that are there: Debian's Prometheus, VictoriaMetrics, and a second server of ours for all three signals.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use watchroom_server::{Config, RemoteStore, RemoteWriteVersion};

use crate::certificates::Authority;
use crate::peer::Peer;
use crate::support::{Server, encode, eventually, now_ns, now_s};

/// A store at this address.
pub(crate) fn store(addr: std::net::SocketAddr) -> Option<RemoteStore> {
    Some(RemoteStore::new(format!("http://{addr}").parse().unwrap()))
}

/// One gauge with one point for each value of the label `i`.
fn gauge(name: &str, values: &[f64]) -> Value {
    let points: Vec<_> = values
        .iter()
        .enumerate()
        .map(|(i, value)| {
            json!({"timeUnixNano": now_ns().to_string(), "asDouble": value,
                   "attributes": [{"key": "i", "value": {"stringValue": i.to_string()}}]})
        })
        .collect();
    json!({"resourceMetrics": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeMetrics": [{"metrics": [{"name": name, "description": "A gauge.", "gauge": {"dataPoints": points}}]}]}]})
}

fn trace(id: &str) -> Value {
    let start = now_ns() - 5_000_000;
    let span = |span: &str, parent: &str, name: &str, kind: u8| {
        json!({"traceId": id, "spanId": span, "parentSpanId": parent, "name": name, "kind": kind,
            "startTimeUnixNano": start.to_string(), "endTimeUnixNano": (start + 3_000_000).to_string(),
            "traceState": "a=b", "status": {"code": 2, "message": "late"},
            "attributes": [{"key": "n", "value": {"intValue": "7"}}, {"key": "list", "value": {"arrayValue": {"values": [{"boolValue": true}]}}}],
            "events": [{"timeUnixNano": start.to_string(), "name": "retry", "attributes": [{"key": "f", "value": {"doubleValue": 0.5}}]}],
            "links": [{"traceId": "000000000000000000000000000000aa", "spanId": "00000000000000bb"}]})
    };
    json!({"resourceSpans": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}},
                                                           {"key": "host.name", "value": {"stringValue": "h"}}]},
        "scopeSpans": [{"scope": {"name": "lib", "version": "1.2"},
            "spans": [span("0000000000000001", "", "GET /", 2), span("0000000000000002", "0000000000000001", "pay", 3)]}]}]})
}

/// One log record for each body.
pub(crate) fn lines(bodies: &[String]) -> Value {
    let records: Vec<_> = bodies
        .iter()
        .map(|body| {
            json!({"timeUnixNano": now_ns().to_string(), "severityNumber": 9, "body": {"stringValue": body},
                   "traceId": "000000000000000000000000000000ff", "spanId": "00000000000000ee",
                   "attributes": [{"key": "http.route", "value": {"stringValue": "/pay"}}]})
        })
        .collect();
    json!({"resourceLogs": [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
        "scopeLogs": [{"logRecords": records}]}]})
}

const RULES: &str = "
groups:
  - name: g
    interval: 300ms
    rules:
      - {record: 'shop:temp', expr: sum(temp)}
      - {record: 'shop:twice', expr: 'shop:temp * 2'}
      - {alert: Warm, expr: temp > 2}
";

fn with_rules(config: &mut Config, dir: &tempfile::TempDir) {
    let path = dir.path().join("rules.yml");
    std::fs::write(&path, RULES).unwrap();
    config.rules = vec![path];
}

/// What has to hold for any store of metrics.
async fn keeps_metrics(server: &Server) {
    eventually("a store that answers", async || {
        (server.get("/-/ready").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(
        server
            .send("metrics", &gauge("temp", &[1.0, 2.5, f64::from(u32::MAX)]))
            .await
            .text(),
        "{}"
    );
    server.eventually(r#"temp{i="1"}"#, Some("2.5")).await;
    // The page's APIs are the store's.
    let now = now_s();
    let path = format!(
        "/api/v1/query_range?query=temp&start={}&end={now}&step=15",
        now - 60.0
    );
    assert_eq!(server.json(&path).await["data"]["resultType"], "matrix");
    let names = server.json("/api/v1/label/__name__/values").await;
    assert!(
        names["data"].as_array().unwrap().contains(&json!("temp")),
        "{names}"
    );
    let form = server
        .post(
            server.addrs.http,
            "/api/v1/query",
            "content-type: application/x-www-form-urlencoded\r\n",
            b"query=count(temp)",
        )
        .await;
    assert_eq!(
        form.json()["data"]["result"][0]["value"][1],
        "3",
        "{}",
        form.text()
    );
    // Its errors come through.
    let wrong = server.get("/api/v1/query?query=temp%7B").await;
    assert!(matches!(wrong.status, 400 | 422), "{}", wrong.status);
    assert_eq!(wrong.json()["status"], "error");
    // Rules see it, and each other's results in it; alerts are this server's own.
    server.eventually("shop:temp", Some("4294967298.5")).await;
    eventually("a rule over a rule's result", async || {
        let twice: f64 = server.value("shop:twice").await?.parse().ok()?;
        (twice == 2.0 * 4_294_967_298.5).then_some(())
    })
    .await;
    eventually("an alert", async || {
        let alerts = server.json("/api/v1/alerts").await;
        (alerts["data"]["alerts"].as_array()?.len() == 2).then_some(())
    })
    .await;
    server
        .eventually(
            r#"count(ALERTS{alertname="Warm",alertstate="firing"})"#,
            Some("2"),
        )
        .await;
    // Nothing of it is here.
    let status = server.json("/api/watchroom/status").await;
    assert_eq!(status["store"]["samples"], 0, "{status}");
    let metrics = &status["stores"]["metrics"];
    assert_eq!(
        (&metrics["answers"], &metrics["takes_data"]),
        (&json!(true), &json!(true)),
        "{status}"
    );
    assert_eq!(
        (&status["stores"]["traces"], &metrics["refused_items"]),
        (&Value::Null, &json!(0))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_kept_by_prometheus() {
    let flag = "--web.enable-remote-write-receiver";
    let Some(peer) = Peer::start_with(&[flag], |_| "global: {}\n".to_owned()).await else {
        return;
    };
    let addr = peer.addr;
    let server = Server::with(|config, dir| {
        config.remotes.metrics = store(addr);
        with_rules(config, dir);
    })
    .await;
    keeps_metrics(&server).await;
    // What spans come to goes there as well.
    assert_eq!(server.send("traces", &trace(&"1".repeat(32))).await.text(), "{}");
    eventually("the metrics of spans", async || {
        let result = peer
            .json("/api/v1/query?query=traces_spanmetrics_calls_total")
            .await;
        (result["data"]["result"].as_array()?.len() == 2).then_some(())
    })
    .await;
    server.stop().await;
    peer.stop();
}

/// VictoriaMetrics on a port of 127.0.0.1.
struct Victoria(
    Child,
    std::net::SocketAddr,
    #[expect(dead_code, reason = "its directory")] tempfile::TempDir,
);

impl Victoria {
    #[expect(clippy::print_stdout, reason = "what was not compared is to be seen")]
    async fn start() -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let started = Command::new("victoria-metrics")
            .arg(format!("-httpListenAddr={addr}"))
            .arg(format!("-storageDataPath={}", dir.path().join("data").display()))
            .args([
                "-search.latencyOffset=0s",
                "-search.disableCache",
                "-loggerLevel=ERROR",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                assert!(
                    std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none(),
                    "victoria-metrics is required: {error}"
                );
                println!("not compared with VictoriaMetrics: victoria-metrics: {error}");
                return None;
            }
        };
        let peer = Self(process, addr, dir);
        eventually("a VictoriaMetrics that listens", async || {
            tokio::net::TcpStream::connect(addr).await.ok()
        })
        .await;
        Some(peer)
    }
}

impl Drop for Victoria {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_kept_by_victoria_metrics() {
    let Some(peer) = Victoria::start().await else {
        return;
    };
    let addr = peer.1;
    let server = Server::with(|config, dir| {
        config.remotes.metrics = store(addr);
        with_rules(config, dir);
    })
    .await;
    keeps_metrics(&server).await;
    server.stop().await;
}

async fn keeps_everything(second: &Server, server: &Server) {
    assert_eq!(server.send("metrics", &gauge("temp", &[1.0])).await.text(), "{}");
    server.eventually(r#"temp{i="0"}"#, Some("1")).await;
    assert_eq!(second.value("temp").await.as_deref(), Some("1"));
    let metadata = server.json("/api/v1/metadata?metric=temp").await;
    assert_eq!(metadata["data"]["temp"][0]["help"], "A gauge.", "{metadata}");

    let id = "0".repeat(31) + "f";
    assert_eq!(server.send("traces", &trace(&id)).await.text(), "{}");
    let path = format!("/api/traces/{id}");
    let found = eventually("the trace", async || {
        let answer = server.get(&path).await;
        (answer.status == 200).then(|| answer.json())
    })
    .await;
    // What went through two servers is what one alone keeps.
    let direct = Server::start().await;
    assert_eq!(direct.send("traces", &trace(&id)).await.text(), "{}");
    let expect = direct.json(&path).await;
    let spans = |answer: &Value| {
        let mut spans = answer["data"][0]["spans"].as_array().unwrap().clone();
        spans.sort_by_key(|span| span["spanID"].to_string());
        for span in &mut spans {
            for time in ["startTime", "processID"] {
                span[time].take();
            }
            for log in span["logs"].as_array_mut().unwrap() {
                log["timestamp"].take();
            }
        }
        spans
    };
    assert_eq!(spans(&found), spans(&expect));
    assert_eq!(found["data"][0]["processes"], expect["data"][0]["processes"]);
    direct.stop().await;
    assert_eq!(server.json("/api/services").await["data"], json!(["shop"]));
    let unknown = server.get(&format!("/api/traces/{}", "9".repeat(32))).await;
    assert_eq!(unknown.status, 404);

    assert_eq!(
        server
            .send("logs", &lines(&["hello \"there\"\n2".to_owned()]))
            .await
            .text(),
        "{}"
    );
    let push = format!(
        r#"{{"streams":[{{"stream":{{"job":"j","level":"warn"}},"values":[["{}","pushed",{{"user":"u"}}]]}}]}}"#,
        now_ns()
    );
    let headers = "content-type: application/json\r\n";
    let pushed = server
        .post(server.addrs.http, "/loki/api/v1/push", headers, push.as_bytes())
        .await;
    assert_eq!(pushed.status, 204);
    let query = |expr: &str| format!("/loki/api/v1/query_range?query={}", encode(expr));
    let stream = eventually("the lines", async || {
        let answer = server.json(&query(r#"{service_name="shop"}"#)).await;
        answer["data"]["result"].as_array()?.first().cloned()
    })
    .await;
    assert_eq!(stream["values"][0][1], "hello \"there\"\n2");
    assert_eq!(stream["stream"]["level"], "info", "{stream}");
    let by_route = server
        .json(&query(r#"{service_name="shop"} | http_route="/pay""#))
        .await;
    assert_eq!(
        by_route["data"]["result"].as_array().unwrap().len(),
        1,
        "{by_route}"
    );
    eventually("the pushed line", async || {
        let answer = server.json(&query(r#"{job="j"} |= "pushed""#)).await;
        (answer["data"]["result"].as_array()?.len() == 1).then_some(())
    })
    .await;
    let status = server.json("/api/watchroom/status").await;
    for what in ["samples", "spans", "log_lines"] {
        assert_eq!(status["store"][what], 0, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_server_keeps_all_three_signals() {
    let second = Server::start().await;
    let addrs = second.addrs;
    let server = Server::with(|config, _| {
        config.remotes.metrics = store(addrs.http);
        config.remotes.traces = store(addrs.http);
        config.remotes.logs = store(addrs.http);
    })
    .await;
    keeps_everything(&second, &server).await;
    let mut tail = crate::loki::open_tail(&server, r#"{service_name="shop"} |= "live""#).await;
    assert_eq!(
        server
            .send("logs", &lines(&["a live line".to_owned()]))
            .await
            .text(),
        "{}"
    );
    let message = crate::loki::next_text(&mut tail).await;
    assert!(message.to_string().contains("a live line"), "{message}");
    server.stop().await;
    second.stop().await;
}

/// The other forms: remote write 2.0, OTLP over gRPC; TLS and tokens towards the stores, which the client's own do not replace.
#[tokio::test(flavor = "multi_thread")]
async fn stores_are_reached_by_tls_with_credentials_and_by_newer_protocols() {
    let authority = Authority::new();
    let second = Server::with(|config, dir| {
        let (cert, key) = authority.server(dir.path());
        (config.security.tls_cert, config.security.tls_key) = (Some(cert), Some(key));
        let tokens = dir.path().join("tokens");
        std::fs::write(&tokens, "front read,write front-front-front-front\n").unwrap();
        config.security.auth_token_file = Some(tokens);
    })
    .await;
    let addrs = second.addrs;
    let server = Server::with(|config, dir| {
        let auth = dir.path().join("auth");
        std::fs::write(&auth, "bearer front-front-front-front\n").unwrap();
        let ca = dir.path().join("ca.pem");
        std::fs::write(&ca, authority.pem()).unwrap();
        let url = |scheme: &str, addr: std::net::SocketAddr| {
            format!("{scheme}://localhost:{}", addr.port()).parse().unwrap()
        };
        let store = |otlp| {
            Some(RemoteStore {
                url: url("https", addrs.http),
                write_url: otlp,
                auth_file: Some(auth.clone()),
            })
        };
        config.remotes.metrics = store(None);
        config.remotes.traces = store(Some(url("grpcs", addrs.otlp_grpc)));
        config.remotes.logs = store(None);
        config.remotes.remote_write = RemoteWriteVersion::V2;
        config.remotes.ca = Some(ca);
    })
    .await;
    assert_eq!(server.send("metrics", &gauge("temp", &[1.0])).await.text(), "{}");
    server.eventually(r#"temp{i="0"}"#, Some("1")).await;
    let id = "0".repeat(31) + "f";
    assert_eq!(server.send("traces", &trace(&id)).await.text(), "{}");
    eventually("the trace", async || {
        (server.get(&format!("/api/traces/{id}")).await.status == 200).then_some(())
    })
    .await;
    assert_eq!(
        server.send("logs", &lines(&["hello".to_owned()])).await.text(),
        "{}"
    );
    eventually("the line", async || {
        let answer = server.json("/loki/api/v1/labels").await;
        answer["data"]
            .as_array()?
            .contains(&json!("service_name"))
            .then_some(())
    })
    .await;
    let status = server.json("/api/watchroom/status").await;
    assert_eq!(status["stores"]["metrics"]["refused_items"], 0, "{status}");
    server.stop().await;
    second.stop().await;
}
