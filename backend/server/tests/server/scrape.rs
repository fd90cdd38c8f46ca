//! Scraping of a real target over HTTP.

use std::sync::{Arc, Mutex};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use crate::support::{Server, eventually, gzip};

/// A target that answers with what it is told.
pub(crate) struct Target {
    pub(crate) addr: String,
    answer: Arc<Mutex<Vec<u8>>>,
    /// Heads of the requests that came.
    heads: Arc<Mutex<Vec<String>>>,
}

impl Target {
    pub(crate) async fn start(text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = Self {
            addr: listener.local_addr().unwrap().to_string(),
            answer: Arc::default(),
            heads: Arc::default(),
        };
        target.says(text);
        let (answer, heads) = (Arc::clone(&target.answer), Arc::clone(&target.heads));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                heads.lock().unwrap().push(String::from_utf8(head).unwrap());
                let answer = answer.lock().unwrap().clone();
                let _ = stream.write_all(&answer).await;
            }
        });
        target
    }

    fn says(&self, text: &str) {
        self.answers("200 OK", "content-type: text/plain\r\n", text.as_bytes());
    }

    pub(crate) fn answers(&self, status: &str, headers: &str, body: &[u8]) {
        let head = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n",
            body.len()
        );
        *self.answer.lock().unwrap() = [head.as_bytes(), body].concat();
    }
}

/// A server that scrapes ten times a second by a `prometheus.yml`.
async fn scraping(job: String) -> Server {
    Server::with(move |config, dir| {
        let path = dir.path().join("prometheus.yml");
        let text = format!("global: {{scrape_interval: 100ms}}\nscrape_configs:\n  - job_name: app\n{job}");
        std::fs::write(&path, text).unwrap();
        config.config = Some(path);
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_of_a_target_come_with_its_labels_and_end_when_they_vanish() {
    let target = Target::start("# TYPE m gauge\n# HELP m Help.\nm{a=\"1\"} 1\nm{a=\"2\"} 2\n").await;
    let server = scraping(format!(
        "    static_configs: [{{targets: ['{}'], labels: {{env: test}}}}]\n",
        target.addr
    ))
    .await;
    let series = format!(r#"m{{job="app",instance="{}",env="test",a="1"}}"#, target.addr);
    server.eventually(&series, Some("1")).await;
    server.eventually("up", Some("1")).await;
    server.eventually("scrape_samples_scraped", Some("2")).await;
    server
        .eventually("scrape_samples_post_metric_relabeling", Some("2"))
        .await;
    assert!(server.value("scrape_duration_seconds").await.is_some());
    let metadata = server.json("/api/v1/metadata?metric=m").await;
    assert_eq!(
        metadata["data"]["m"][0],
        json!({"type": "gauge", "unit": "", "help": "Help."})
    );

    target.says("m{a=\"2\"} 5\n");
    server.eventually(r#"m{a="1"}"#, None).await;
    server.eventually(r#"m{a="2"}"#, Some("5")).await;

    target.answers("500 Internal Server Error", "", b"");
    server.eventually("up", Some("0")).await;
    server.eventually("m", None).await;
    let targets = server.json("/api/v1/targets").await;
    let shown = &targets["data"]["activeTargets"][0];
    assert_eq!(shown["health"], "down");
    assert_eq!(
        shown["lastError"],
        "server returned HTTP status 500 Internal Server Error"
    );
    assert_eq!(shown["scrapeUrl"], format!("http://{}/metrics", target.addr));
    assert_eq!(shown["scrapePool"], "app");
    assert_eq!(
        shown["labels"],
        json!({"env": "test", "instance": target.addr, "job": "app"})
    );

    target.says("m{a=\"2\"} 6\n");
    server.eventually(r#"m{a="2"}"#, Some("6")).await;
    let targets = server.json("/api/v1/targets").await;
    assert_eq!(targets["data"]["activeTargets"][0]["lastError"], "");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn openmetrics_gzip_credentials_and_relabelling_work() {
    let target = Target::start("").await;
    let text = "# TYPE jobs counter\njobs_total{job=\"mine\"} 3 # {trace_id=\"x\"} 1\nnoise 1\n# EOF\n";
    let headers = "content-type: application/openmetrics-text; version=1.0.0\r\ncontent-encoding: gzip\r\n";
    target.answers("200 OK", headers, &gzip(text.as_bytes()));
    let server = scraping(format!(
        "    honor_labels: true\n    metrics_path: /m\n    params: {{x: [y]}}\n    authorization: {{credentials: abc}}\n    \
         metric_relabel_configs: [{{source_labels: [__name__], regex: noise, action: drop}}]\n    static_configs: [{{targets: ['{}']}}]\n",
        target.addr
    ))
    .await;
    server.eventually(r#"jobs_total{job="mine"}"#, Some("3")).await;
    server
        .eventually("scrape_samples_post_metric_relabeling", Some("1"))
        .await;
    assert_eq!(server.value("noise").await, None);
    let head = target.heads.lock().unwrap()[0].clone();
    assert!(head.starts_with("GET /m?x=y HTTP/1.1\r\n"), "{head}");
    assert!(head.contains("authorization: Bearer abc\r\n"), "{head}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_targets_are_down_with_a_reason() {
    let target = Target::start("").await;
    let server = scraping(format!(
        "    body_size_limit: 64KB\n    sample_limit: 3\n    static_configs: [{{targets: ['{}']}}]\n",
        target.addr
    ))
    .await;
    let bomb = gzip(&vec![b'\n'; 32 << 20]);
    for (headers, body, reason) in [
        (
            "",
            b"m{".to_vec(),
            "line 1: expected a label or a closing brace, got the end of the line",
        ),
        ("", b"\xff\xfe 1\n".to_vec(), "body is not valid UTF-8"),
        ("", vec![b'\n'; 100 << 10], "body is larger than 65536 bytes"),
        (
            "content-encoding: gzip\r\n",
            bomb,
            "body is larger than 65536 bytes",
        ),
        (
            "content-encoding: br\r\n",
            b"".to_vec(),
            "content encoding \"br\" was not asked for",
        ),
        ("", b"a 1\nb 1\nc 1\nd 1\n".to_vec(), "sample limit exceeded"),
        (
            "content-type: application/openmetrics-text\r\n",
            b"a 1\n".to_vec(),
            "# EOF",
        ),
    ] {
        target.answers("200 OK", headers, &body);
        eventually(reason, async || {
            let targets = server.json("/api/v1/targets").await;
            let error = targets["data"]["activeTargets"][0]["lastError"]
                .as_str()
                .unwrap()
                .to_owned();
            error.contains(reason).then_some(())
        })
        .await;
    }
    server.eventually("up", Some("0")).await;
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn targets_given_by_url_have_a_job_and_those_of_files_come_and_go() {
    let (first, second) = (Target::start("m 1\n").await, Target::start("m 2\n").await);
    let named = format!("named=http://{}/metrics", first.addr).parse().unwrap();
    let server = Server::with(|config, dir| {
        std::fs::write(dir.path().join("t.json"), format!(r#"[{{"targets": ["{}"]}}]"#, second.addr)).unwrap();
        let path = dir.path().join("prometheus.yml");
        let text = "scrape_configs: [{job_name: found, scrape_interval: 100ms, file_sd_configs: [{files: ['*.json'], refresh_interval: 1s}]}]";
        std::fs::write(&path, text).unwrap();
        config.config = Some(path);
        config.scrape = vec![named];
    })
    .await;
    server.eventually(r#"m{job="named"}"#, Some("1")).await;
    server.eventually(r#"m{job="found"}"#, Some("2")).await;
    std::fs::write(server.dir.path().join("t.json"), "not a list").unwrap();
    std::fs::write(server.dir.path().join("u.json"), "[]").unwrap();
    // A file that is not valid changes nothing; one that is gone takes its targets along, and their series end.
    std::fs::remove_file(server.dir.path().join("t.json")).unwrap();
    server.eventually(r#"m{job="found"}"#, None).await;
    server.eventually(r#"up{job="found"}"#, None).await;
    let targets = server.json("/api/v1/targets").await;
    assert_eq!(targets["data"]["activeTargets"].as_array().unwrap().len(), 1);
    server.stop().await;
}
