//! Who is told of alerts: a real Alertmanager, and receivers of webhooks that take, refuse, hang and talk nonsense.

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use watchroom_server::Config;

use crate::rules::send;
use crate::support::{Server, eventually, request};

const RULES: &str = "
groups:
- name: g
  interval: 200ms
  rules:
  - alert: Warm
    expr: temp > 1
    labels: {severity: warning}
    annotations: {summary: 'zone {{ $labels.zone }} is at {{ $value }}'}
";

fn with_rules(config: &mut Config, dir: &TempDir) {
    let path = dir.path().join("rules.yml");
    std::fs::write(&path, RULES).unwrap();
    config.rules = vec![path];
    let alerting = &mut config.alerting;
    alerting.resend_delay = Duration::from_millis(300);
    (alerting.group_wait, alerting.group_interval) = (Duration::ZERO, Duration::from_millis(300));
}

/// How a receiver answers one request.
#[derive(Debug, Clone, Copy)]
enum Manner {
    Takes,
    Fails,
    Refuses,
    Hangs,
    TalksNonsense,
}

/// A receiver on a free port; manners are used up one request each, then it takes.
#[derive(Debug, Clone)]
struct Receiver {
    addr: SocketAddr,
    taken: Arc<Mutex<Vec<(String, Value)>>>,
    asked: Arc<Mutex<usize>>,
}

impl Receiver {
    async fn start(manners: &[Manner]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let receiver = Self {
            addr: listener.local_addr().unwrap(),
            taken: Arc::default(),
            asked: Arc::default(),
        };
        let manners = Arc::new(Mutex::new(VecDeque::from(manners.to_vec())));
        let one = receiver.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (one, manners) = (one.clone(), Arc::clone(&manners));
                tokio::spawn(async move { one.answer(stream, &manners).await });
            }
        });
        receiver
    }

    async fn answer(
        &self,
        mut stream: tokio::net::TcpStream,
        manners: &Mutex<VecDeque<Manner>>,
    ) -> Option<()> {
        let mut bytes = Vec::new();
        let (head, body) = loop {
            let mut buffer = [0; 4096];
            let n = stream.read(&mut buffer).await.ok().filter(|n| *n > 0)?;
            bytes.extend_from_slice(&buffer[..n]);
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let Some((head, body)) = text.split_once("\r\n\r\n") else {
                continue;
            };
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                break (head.to_owned(), body.to_owned());
            }
        };
        *self.asked.lock().unwrap() += 1;
        let manner = manners.lock().unwrap().pop_front().unwrap_or(Manner::Takes);
        let answer = match manner {
            Manner::Takes => {
                let body = serde_json::from_str(&body).unwrap();
                self.taken.lock().unwrap().push((head, body));
                "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
            }
            Manner::Fails => "HTTP/1.1 500 Internal Server Error\r\ncontent-length: 4\r\n\r\noops",
            Manner::Refuses => "HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\nno",
            Manner::TalksNonsense => "220 smtp.example.org ready\r\n",
            Manner::Hangs => {
                // For as long as whoever asks has the patience.
                let _ = stream.read(&mut [0; 1]).await;
                return None;
            }
        };
        stream.write_all(answer.as_bytes()).await.ok()
    }

    fn url(&self) -> String {
        format!("http://{}/hook?token=1", self.addr)
    }

    fn bodies(&self) -> Vec<Value> {
        self.taken
            .lock()
            .unwrap()
            .iter()
            .map(|(_, body)| body.clone())
            .collect()
    }

    async fn told(&self, what: &str, check: impl Fn(&Value) -> bool) -> Value {
        eventually(what, async || self.bodies().into_iter().find(|body| check(body))).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_told_what_fires_and_what_is_resolved_in_groups() {
    let receiver = Receiver::start(&[]).await;
    let server = Server::with(|config, dir| {
        with_rules(config, dir);
        config.alerting.webhooks = vec![receiver.url().parse().unwrap()];
        config.alerting.external_url = Some("http://room.example".into());
    })
    .await;
    send(&server, 5).await;
    let firing = receiver
        .told("a firing alert", |body| body["status"] == "firing")
        .await;
    assert_eq!(
        (&firing["version"], &firing["truncatedAlerts"]),
        (&json!("4"), &json!(0))
    );
    assert_eq!(firing["groupLabels"], json!({"alertname": "Warm"}));
    assert_eq!(firing["commonLabels"]["severity"], "warning");
    assert_eq!(firing["commonAnnotations"], json!({"summary": "zone a is at 5"}));
    assert_eq!(firing["externalURL"], "http://room.example");
    let alert = &firing["alerts"][0];
    assert_eq!(
        (&alert["status"], &alert["endsAt"]),
        (&json!("firing"), &json!("0001-01-01T00:00:00Z"))
    );
    assert_eq!(
        alert["generatorURL"],
        "http://room.example/graph?g0.expr=temp+%3E+1&g0.tab=1"
    );
    assert_eq!(alert["fingerprint"].as_str().unwrap().len(), 16);
    // The link leads to the page's view of the expression.
    let link = server.get("/graph?g0.expr=temp+%3E+1&g0.tab=1").await;
    assert_eq!(
        (link.status, link.header("location")),
        (302, Some("/metrics-explorer?q=temp+%3E+1"))
    );
    send(&server, 0).await;
    let resolved = receiver
        .told("a resolved alert", |body| body["status"] == "resolved")
        .await;
    assert_eq!(resolved["alerts"][0]["status"], "resolved");
    assert_eq!(resolved["alerts"][0]["startsAt"], alert["startsAt"]);
    let told: Vec<Value> = receiver
        .bodies()
        .iter()
        .map(|body| body["status"].clone())
        .collect();
    assert_eq!(told, ["firing", "resolved"], "each state is told once");
    server.eventually("sum(temp)", Some("0")).await;
    let sent = format!(
        "watchroom_notifications_sent_total{{receiver=\"http://{}/…\"}} 2",
        receiver.addr
    );
    eventually("both are counted", async || {
        server.get("/metrics").await.text().contains(&sent).then_some(())
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_is_tried_again_and_one_that_is_gone_holds_up_no_other() {
    let failing = Receiver::start(&[Manner::Fails, Manner::TalksNonsense, Manner::Fails]).await;
    let hanging = Receiver::start(&[Manner::Hangs; 100]).await;
    let fine = Receiver::start(&[]).await;
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Server::with(|config, dir| {
        with_rules(config, dir);
        let urls = [
            format!("http://{gone}/"),
            hanging.url(),
            failing.url(),
            fine.url(),
        ];
        config.alerting.webhooks = urls.iter().map(|url| url.parse().unwrap()).collect();
    })
    .await;
    send(&server, 5).await;
    fine.told("the one that works", |body| body["status"] == "firing")
        .await;
    failing
        .told("the one that fails at first", |body| body["status"] == "firing")
        .await;
    assert!(*failing.asked.lock().unwrap() >= 4);
    assert_eq!(hanging.bodies(), [] as [Value; 0]);
    let metrics = server.get("/metrics").await.text();
    let errors = |addr: SocketAddr| {
        let line = format!("watchroom_notifications_errors_total{{receiver=\"http://{addr}/…\"}} ");
        let rest = metrics.split_once(&line).unwrap().1;
        rest.lines().next().unwrap().parse::<u64>().unwrap()
    };
    assert!(
        errors(failing.addr) >= 3 && errors(gone) >= 1 && errors(fine.addr) == 0,
        "{metrics}"
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silence_keeps_alerts_from_webhooks_and_survives_a_restart() {
    let receiver = Receiver::start(&[]).await;
    let with = |config: &mut Config, dir: &TempDir| {
        with_rules(config, dir);
        config.alerting.webhooks = vec![receiver.url().parse().unwrap()];
    };
    let server = Server::with(with).await;
    let post = async |server: &Server, body: Value| {
        let headers = "content-type: application/json\r\n";
        let body = body.to_string();
        server
            .post(
                server.addrs.http,
                "/api/watchroom/silences",
                headers,
                body.as_bytes(),
            )
            .await
    };
    let matchers = json!([{"name": "zone", "value": "a", "isRegex": false, "isEqual": true}]);
    let answer = post(&server, json!({"matchers": matchers, "endsAt": "2999-01-01T00:00:00Z", "createdBy": "me", "comment": "maintenance"})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let id = answer.json()["silenceID"].as_str().unwrap().to_owned();
    for wrong in [
        json!({"matchers": [], "endsAt": "2999-01-01T00:00:00Z"}),
        json!({"matchers": matchers, "endsAt": "2001-01-01T00:00:00Z"}),
        json!({"matchers": matchers}),
        json!({"matchers": [{"name": "a", "value": "(", "isRegex": true}], "endsAt": "2999-01-01T00:00:00Z"}),
    ] {
        let answer = post(&server, wrong.clone()).await;
        assert_eq!(answer.status, 400, "{wrong}: {}", answer.text());
    }
    let foreign = "content-type: application/json\r\norigin: http://evil.example\r\n";
    let answer = server
        .post(server.addrs.http, "/api/watchroom/silences", foreign, b"{}")
        .await;
    assert_eq!(answer.status, 403);
    let dir = server.stop().await;
    let server = Server::again(dir, with).await;
    let listed = server.json("/api/watchroom/silences").await;
    assert_eq!(
        (&listed[0]["id"], &listed[0]["status"]["state"]),
        (&json!(id), &json!("active"))
    );
    send(&server, 5).await;
    server.eventually("sum(ALERTS)", Some("1")).await;
    // Two groups' worth of time is seen in the numbers, not waited for: the alert is with the webhook, and nothing is told.
    eventually("the alert is with the webhook", async || {
        let metrics = server.get("/metrics").await.text();
        let waiting = format!(
            "watchroom_notifications_waiting{{receiver=\"http://{}/…\"}} 1",
            receiver.addr
        );
        metrics.contains(&waiting).then_some(())
    })
    .await;
    assert_eq!(*receiver.asked.lock().unwrap(), 0);
    let path = format!("DELETE /api/watchroom/silences/{id} HTTP/1.1\r\nhost: localhost\r\n");
    assert_eq!(request(server.addrs.http, &path, b"").await.status, 200);
    receiver
        .told("what was silenced", |body| body["status"] == "firing")
        .await;
    let again = request(
        server.addrs.http,
        "DELETE /api/watchroom/silences/none HTTP/1.1\r\nhost: localhost\r\n",
        b"",
    )
    .await;
    assert_eq!(again.status, 404);
    server.stop().await;
}

/// Debian's Alertmanager with a directory of its own.
struct Alertmanager {
    process: Child,
    addr: SocketAddr,
    dir: TempDir,
}

impl Alertmanager {
    #[expect(clippy::print_stdout, reason = "what was not compared is to be seen")]
    async fn start(dir: TempDir, addr: Option<SocketAddr>) -> Option<Self> {
        // A port that was free a moment ago: Alertmanager does not tell which one it got.
        let addr = addr.unwrap_or_else(|| TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
        let config = dir.path().join("alertmanager.yml");
        std::fs::write(&config, "route: {receiver: none}\nreceivers: [{name: none}]\n").unwrap();
        let started = Command::new("prometheus-alertmanager")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={addr}"))
            .args([
                "--cluster.listen-address=",
                "--log.level=error",
                "--web.route-prefix=/am",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                assert!(
                    std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none(),
                    "prometheus-alertmanager is required: {error}"
                );
                println!("not tested with Alertmanager: prometheus-alertmanager: {error}");
                return None;
            }
        };
        let peer = Self { process, addr, dir };
        eventually("an Alertmanager that listens", async || {
            tokio::net::TcpStream::connect(addr).await.ok()
        })
        .await;
        Some(peer)
    }

    async fn alerts(&self) -> Vec<Value> {
        let head = "GET /am/api/v2/alerts HTTP/1.1\r\nhost: localhost\r\n";
        let answer = request(self.addr, head, b"").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json().as_array().unwrap().clone()
    }

    fn kill(mut self) -> (TempDir, SocketAddr) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        (dir, self.addr)
    }
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_is_told_over_restarts_of_either() {
    let Some(peer) = Alertmanager::start(tempfile::tempdir().unwrap(), None).await else {
        return;
    };
    let addr = peer.addr;
    let with = |config: &mut Config, dir: &TempDir| {
        with_rules(config, dir);
        let path = dir.path().join("prometheus.yml");
        let text = "global: {external_labels: {region: eu, zone: outside}}\nalerting:\n  alert_relabel_configs:\n  - {regex: severity, action: labeldrop}\n  \
             alertmanagers:\n  - path_prefix: /am\n    timeout: 5s\n    file_sd_configs: [{files: [am.yml], refresh_interval: 1s}]\n";
        std::fs::write(path, text).unwrap();
        std::fs::write(dir.path().join("am.yml"), format!("- targets: ['{addr}']\n")).unwrap();
        config.config = Some(dir.path().join("prometheus.yml"));
    };
    let server = Server::with(with).await;
    let shown = eventually("the alertmanager is found", async || {
        let shown = server.json("/api/v1/alertmanagers").await;
        let url = shown["data"]["activeAlertmanagers"][0]["url"]
            .as_str()?
            .to_owned();
        Some(url)
    })
    .await;
    assert_eq!(shown, format!("http://{addr}/am/api/v2/alerts"));
    send(&server, 5).await;
    let alert = eventually("the alert is there", async || peer.alerts().await.pop()).await;
    // Labels of the alert win over those of the installation.
    assert_eq!(
        alert["labels"],
        json!({"alertname": "Warm", "zone": "a", "region": "eu"})
    );
    assert_eq!(alert["annotations"], json!({"summary": "zone a is at 5"}));
    assert_eq!(alert["status"]["state"], "active");

    // The Alertmanager forgets everything; it is told again by itself.
    let (dir, addr) = peer.kill();
    drop(dir);
    let peer = Alertmanager::start(tempfile::tempdir().unwrap(), Some(addr))
        .await
        .unwrap();
    let again = eventually("the alert is there again", async || peer.alerts().await.pop()).await;
    assert_eq!(again["startsAt"], alert["startsAt"]);

    // The server is started again; the alert goes on from when it began.
    let dir = server.stop().await;
    let server = Server::again(dir, with).await;
    let before = again["updatedAt"].clone();
    let after = eventually("the alert is told anew", async || {
        peer.alerts()
            .await
            .pop()
            .filter(|alert| alert["updatedAt"] != before)
    })
    .await;
    assert_eq!(after["startsAt"], alert["startsAt"]);

    send(&server, 0).await;
    eventually("the alert is resolved", async || {
        peer.alerts().await.is_empty().then_some(())
    })
    .await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alertmanager_that_refuses_or_fails_is_counted_and_tried_again() {
    let receiver = Receiver::start(&[Manner::Fails, Manner::TalksNonsense, Manner::Refuses]).await;
    let server = Server::with(|config, dir| {
        with_rules(config, dir);
        config.alerting.alertmanagers = vec![format!("http://{}", receiver.addr).parse().unwrap()];
    })
    .await;
    send(&server, 5).await;
    let alerts = receiver
        .told("alerts", |body| {
            body.as_array().is_some_and(|all| !all.is_empty())
        })
        .await;
    assert_eq!(alerts[0]["labels"]["alertname"], "Warm");
    let head = receiver.taken.lock().unwrap()[0].0.clone();
    assert!(head.starts_with("POST /api/v2/alerts HTTP/1.1"), "{head}");
    let metrics = server.get("/metrics").await.text();
    let url = format!("{{receiver=\"http://{}/api/v2/alerts\"}} ", receiver.addr);
    let value = |name: &str| {
        let rest = metrics
            .split_once(&format!("watchroom_notifications_{name}{url}"))
            .unwrap()
            .1;
        rest.lines().next().unwrap().parse::<u64>().unwrap()
    };
    assert!(
        value("errors_total") >= 3 && value("dropped_total") >= 1,
        "{metrics}"
    );
    server.stop().await;
}
