//! What else clients of the Prometheus API rely on: reload, compression, pages of other origins, formats of queries, status.

use serde_json::json;

use crate::scrape::Target;
use crate::support::{Server, encode, eventually, gunzip, request};

/// A server that scrapes a target by a `prometheus.yml`, and the file's path.
async fn scraping(text: &str) -> (Server, std::path::PathBuf) {
    let text = text.to_owned();
    let server = Server::with(move |config, dir| {
        let path = dir.path().join("prometheus.yml");
        std::fs::write(&path, text).unwrap();
        config.config = Some(path);
        config.cors_origins = r"https://grafana\.example".parse().unwrap();
    })
    .await;
    let path = server.dir.path().join("prometheus.yml");
    (server, path)
}

fn job(name: &str, addr: &str, more: &str) -> String {
    format!(
        "- {{job_name: {name}, scrape_interval: 200ms, static_configs: [{{targets: ['{addr}']}}]{more}}}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_what_the_file_changes_and_nothing_else() {
    let (kept, other) = (Target::start("m 1\n").await, Target::start("m 2\n").await);
    let head = "scrape_configs:\n";
    let before = format!(
        "{head}{}{}",
        job("kept", &kept.addr, ""),
        job("going", &other.addr, "")
    );
    let (server, path) = scraping(&before).await;
    server.eventually(r#"m{job="kept"}"#, Some("1")).await;
    server.eventually(r#"m{job="going"}"#, Some("2")).await;
    let reload = || server.post(server.addrs.http, "/-/reload", "", b"");

    std::fs::write(&path, "scrape_configs: 5\n").unwrap();
    let answer = reload().await;
    assert_eq!(answer.status, 500, "{}", answer.text());
    assert!(
        answer.text().contains("scrape_configs: expected a list"),
        "{}",
        answer.text()
    );
    let info = server.json("/api/v1/status/runtimeinfo").await;
    assert_eq!(info["data"]["reloadConfigSuccess"], false);

    let new = job(
        "new",
        &other.addr,
        ", metric_relabel_configs: [{target_label: x, replacement: y}]",
    );
    std::fs::write(&path, format!("{head}{}{new}", job("kept", &kept.addr, ""))).unwrap();
    assert_eq!(reload().await.status, 200);
    server.eventually(r#"m{job="new",x="y"}"#, Some("2")).await;
    server.eventually(r#"m{job="going"}"#, None).await;
    server.eventually(r#"up{job="going"}"#, None).await;
    assert_eq!(server.value(r#"m{job="kept"}"#).await.as_deref(), Some("1"));
    let pools = server.json("/api/v1/scrape_pools").await;
    assert_eq!(pools["data"], json!({"scrapePools": ["kept", "new"]}));
    let info = server.json("/api/v1/status/runtimeinfo").await;
    assert_eq!(info["data"]["reloadConfigSuccess"], true);

    // A job that is changed: its series go on under the same labels.
    let changed = job("kept", &kept.addr, ", honor_labels: true, scrape_timeout: 150ms");
    std::fs::write(&path, format!("{head}{changed}")).unwrap();
    assert_eq!(reload().await.status, 200);
    eventually("the other timeout", async || {
        let targets = server.json("/api/v1/targets").await;
        let targets = targets["data"]["activeTargets"].as_array()?;
        (targets.len() == 1 && targets[0]["scrapeTimeout"] == "150ms").then_some(())
    })
    .await;
    let stale = r#"count_over_time(m{job="kept"}[5m]) > bool 0"#;
    assert_eq!(server.value(stale).await.as_deref(), Some("1"));
    assert_eq!(server.value(r#"m{job="kept"}"#).await.as_deref(), Some("1"));

    let foreign = server
        .post(
            server.addrs.http,
            "/-/reload",
            "origin: http://evil.example\r\n",
            b"",
        )
        .await;
    assert_eq!(foreign.status, 403);
    assert_eq!(server.get("/-/reload").await.status, 405);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_configuration_is_shown_without_secrets_and_with_what_has_no_effect() {
    let text = "global: {scrape_interval: 5s}\nscrape_configs:\n- job_name: a\n  basic_auth: {username: u, password: hidden}\nremote_write:\n- url: http://u:hidden@h/\n";
    let (server, _) = scraping(text).await;
    let config = server.json("/api/v1/status/config").await;
    let yaml = config["data"]["yaml"].as_str().unwrap();
    assert!(yaml.contains("username: u") && !yaml.contains("hidden"), "{yaml}");
    assert_eq!(
        config["data"]["unsupported"],
        json!([{"key": "remote_write", "line": 5}])
    );
    let flags = server.json("/api/v1/status/flags").await;
    assert_eq!(flags["data"]["retention-metrics"], "15d");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_compressed_for_those_who_take_it() {
    let (server, _) = scraping("scrape_configs: []\n").await;
    let query = encode("label_replace(vector(1), 'x', 'a long value', '', '')");
    let path = format!("/api/v1/query_range?query={query}&start=0&end=9000&step=10");
    let plain = server.get(&path).await;
    assert_eq!(plain.header("content-encoding"), None);
    let head = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n");
    let small = request(server.addrs.http, &head, b"").await;
    assert_eq!(small.header("content-encoding"), Some("gzip"));
    assert!(
        small.body.len() * 4 < plain.body.len(),
        "{} bytes",
        small.body.len()
    );
    assert_eq!(gunzip(&small.body), plain.body);
    let head = "GET /api/v1/status/buildinfo HTTP/1.1\r\nhost: localhost\r\naccept-encoding: gzip\r\n";
    let short = request(server.addrs.http, head, b"").await;
    assert_eq!(short.header("content-encoding"), None, "it is not worth it");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_other_origins_read_answers_only_if_they_are_named() {
    let (server, _) = scraping("scrape_configs: []\n").await;
    for (method, status) in [("GET", 200), ("OPTIONS", 204)] {
        for (origin, allowed) in [
            ("https://grafana.example", true),
            ("https://grafana.example.evil", false),
            ("http://localhost:1", false),
        ] {
            let head = format!("{method} /api/v1/labels HTTP/1.1\r\nhost: localhost\r\norigin: {origin}\r\n");
            let answer = request(server.addrs.http, &head, b"").await;
            assert_eq!(answer.status, status, "{method} {origin}");
            let shown = answer.header("access-control-allow-origin");
            assert_eq!(shown, allowed.then_some(origin), "{method} {origin}");
        }
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_are_formatted_and_parsed_and_results_limited() {
    let (server, _) = scraping("scrape_configs: []\n").await;
    let query = encode("sum(rate(a[300s]))by(b)/2");
    let formatted = server.json(&format!("/api/v1/format_query?query={query}")).await;
    assert_eq!(formatted["data"], "sum by (b) (rate(a[5m])) / 2");
    let parsed = server.json(&format!("/api/v1/parse_query?query={query}")).await;
    let of = &parsed["data"];
    assert_eq!((&of["type"], &of["op"]), (&json!("binaryExpr"), &json!("/")));
    assert_eq!(of["lhs"]["grouping"], json!(["b"]));
    assert_eq!(of["lhs"]["expr"]["args"][0]["range"], 300_000);
    assert_eq!(server.get("/api/v1/parse_query?query=a(").await.status, 400);
    let two = encode("vector(1) or label_replace(vector(2), 'x', 'y', '', '')");
    let limited = server.json(&format!("/api/v1/query?limit=1&query={two}")).await;
    assert_eq!(limited["data"]["result"].as_array().unwrap().len(), 1);
    assert_eq!(limited["warnings"], json!(["results truncated due to limit"]));
    let all = server.json(&format!("/api/v1/query?limit=2&query={two}")).await;
    assert_eq!(all.get("warnings"), None);
    assert_eq!(
        server
            .get(&format!("/api/v1/query?limit=x&query={two}"))
            .await
            .status,
        400
    );
    server.stop().await;
}
