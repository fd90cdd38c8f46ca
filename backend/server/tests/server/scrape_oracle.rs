//! The same `prometheus.yml` given to Debian's Prometheus and to this server, scraping the same targets: the same series come of it.

mod site;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::peer::Peer;
use crate::support::{Server, encode};
use site::{Site, page};

/// Every series at the moment, as text with its value; durations are left out.
type Shown = BTreeMap<String, String>;

async fn series(server: &Server, addr: std::net::SocketAddr) -> Shown {
    let query = encode(r#"{job=~".+",__name__!="scrape_duration_seconds"}"#);
    let answer = server
        .ask(addr, &format!("/api/v1/query?query={query}"), None)
        .await;
    let mut shown = Shown::new();
    for series in answer.json()["data"]["result"].as_array().unwrap() {
        let value = match &series["histogram"] {
            Value::Null => series["value"][1].to_string(),
            histogram => histogram[1].to_string(),
        };
        shown.insert(series["metric"].to_string(), value);
    }
    shown
}

/// What both sides tell of their targets.
async fn targets(server: &Server, addr: std::net::SocketAddr) -> Vec<String> {
    let answer = server.ask(addr, "/api/v1/targets", None).await.json();
    let mut shown: Vec<String> = Vec::new();
    for target in answer["data"]["activeTargets"].as_array().unwrap() {
        let of = [
            "scrapePool",
            "scrapeUrl",
            "health",
            "labels",
            "discoveredLabels",
            "scrapeInterval",
            "scrapeTimeout",
        ];
        let is_error = target["lastError"] != "";
        shown.push(format!(
            "{:?} {is_error}",
            of.map(|field| target[field].to_string())
        ));
    }
    for target in answer["data"]["droppedTargets"].as_array().unwrap() {
        shown.push(target["discoveredLabels"].to_string());
    }
    shown.sort();
    shown
}

/// Waits until both sides show the same, and `enough` of it.
async fn alike(server: &Server, peer: &Peer, what: &str, enough: impl Fn(&Shown) -> bool) -> Shown {
    let mut last = (Shown::new(), Shown::new());
    for _ in 0..240 {
        last = (
            series(server, server.addrs.http).await,
            series(server, peer.addr).await,
        );
        if last.0 == last.1 && enough(&last.0) {
            return last.0;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    let only = |a: &Shown, b: &Shown| -> Vec<String> {
        a.iter()
            .filter(|(key, value)| b.get(*key) != Some(value))
            .map(|(key, value)| format!("  {key} {value}"))
            .collect()
    };
    panic!(
        "{what}: {} series here, {} there\nonly here:\n{}\nonly there:\n{}",
        last.0.len(),
        last.1.len(),
        only(&last.0, &last.1).join("\n"),
        only(&last.1, &last.0).join("\n")
    );
}

const TEXT: &str = "# HELP m Help.\n# TYPE m gauge\nm{a=\"1\",job=\"mine\",empty=\"\"} 1.5\nm{a=\"2\",instance=\"\"} -2e3\nm{a=\"2\",instance=\"\"} 7\n\
    m{meta_zone=\"z\",meta_row=\"Up\"} NaN\nodd{q=\"a\\\"b\\\\c\\nd\",u=\"äö€\"} +Inf\n# TYPE h histogram\nh_bucket{le=\"0.5\"} 1\nh_bucket{le=\"+Inf\"} 3\n\
    h_sum 4\nh_count 3\nuntyped_metric 1e-3\n";

const OPEN_METRICS: &str = "# TYPE foo_seconds counter\n# UNIT foo_seconds seconds\n# HELP foo_seconds Help.\nfoo_seconds_total{a=\"b\"} 17.0 # \
    {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879607.789\nfoo_seconds_created{a=\"b\"} 1520430000.123\n# TYPE s summary\ns{quantile=\"0.5\"} 3\ns_count 4\n\
    # TYPE i info\ni_info{version=\"1\"} 1\n# EOF\n";

/// The configuration, with the sites that it scrapes.
fn config(sites: &Sites, dir: &Path, password: &str) -> String {
    let at = |site: &Site| site.addr.clone();
    let (text, open, tls) = (at(&sites.text), at(&sites.open), at(&sites.tls));
    let dir = dir.display();
    format!(
        r#"
global: {{scrape_interval: 1s, scrape_timeout: 900ms, external_labels: {{site: "${{HOME}}"}}}}
scrape_configs:
- {{job_name: text, static_configs: [{{targets: ['{text}'], labels: {{env: test, a: target}}}}]}}
- {{job_name: honest, honor_labels: true, static_configs: [{{targets: ['{text}'], labels: {{env: test}}}}]}}
- {{job_name: open, params: {{x: [a b, c], y: ['&']}}, metrics_path: /probe, static_configs: [{{targets: ['{open}']}}]}}
- job_name: relabelled
  static_configs:
  - targets: ['{text}', 'drop-me:1', 'keep-not:2', 'other:3']
    labels: {{__meta_kind: Web, shard_of: abc, same: 'x'}}
  relabel_configs:
  - {{source_labels: [__address__], regex: 'drop-me.*', action: drop}}
  - {{source_labels: [__address__], regex: '127.*|other.*', action: keep}}
  - {{source_labels: [__address__, shard_of], separator: '@', target_label: hash, modulus: 1000, action: hashmod}}
  - {{source_labels: [__meta_kind], target_label: lower, action: lowercase}}
  - {{source_labels: [__meta_kind], target_label: upper, action: uppercase}}
  - {{source_labels: [__meta_kind], regex: '(.)(.*)', target_label: 'made_$1', replacement: '$2-${{1}}_x$$-$1_x'}}
  - {{source_labels: [shard_of], target_label: same, action: dropequal}}
  - {{source_labels: [shard_of], target_label: shard_of, action: keepequal}}
  - {{regex: '__meta_(.+)', action: labelmap}}
  - {{regex: 'shard_.*', action: labeldrop}}
  - {{source_labels: [__address__], regex: 'other.*', target_label: __address__, replacement: '{open}'}}
  - {{target_label: __param_target, replacement: 'a/b'}}
  - {{target_label: __scrape_interval__, replacement: 2s}}
  metric_relabel_configs:
  - {{source_labels: [__name__], regex: 'h_.*', action: drop}}
  - {{regex: 'meta_(.+)', replacement: 'found_$1', action: labelmap}}
  - {{regex: 'meta_.+', action: labeldrop}}
  - {{source_labels: [__name__, a], separator: '/', regex: 'm/2', target_label: __name__, replacement: renamed}}
- {{job_name: kept, metric_relabel_configs: [{{regex: '__name__|job|instance|a', action: labelkeep}}], static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: samples, sample_limit: 3, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: enough, sample_limit: 11, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: labels, label_limit: 4, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: names, label_name_length_limit: 8, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: values, label_value_length_limit: 20, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: body, body_size_limit: 100B, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: many, target_limit: 1, static_configs: [{{targets: ['{text}', '{open}']}}]}}
- {{job_name: broken, metrics_path: /broken, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: missing, metrics_path: /missing, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: moved, metrics_path: /moved, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: unmoved, metrics_path: /moved, follow_redirects: false, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: nobody, static_configs: [{{targets: ['127.0.0.1:1']}}]}}
- {{job_name: timed, metrics_path: /timed, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: untimed, metrics_path: /timed, honor_timestamps: false, static_configs: [{{targets: ['{text}']}}]}}
- {{job_name: proto, metrics_path: /proto, static_configs: [{{targets: ['{text}']}}]}}
- job_name: secured
  scheme: https
  basic_auth: {{username: user, password_file: {password}}}
  tls_config: {{ca_file: {dir}/ca.pem, server_name: localhost}}
  static_configs: [{{targets: ['{tls}']}}]
- {{job_name: careless, scheme: https, authorization: {{credentials: token}}, tls_config: {{insecure_skip_verify: true}}, static_configs: [{{targets: ['{tls}']}}]}}
- {{job_name: distrusted, scheme: https, static_configs: [{{targets: ['{tls}']}}]}}
- {{job_name: otherwise, scheme: https, tls_config: {{ca_file: {dir}/ca.pem, server_name: elsewhere}}, static_configs: [{{targets: ['{tls}']}}]}}
- {{job_name: proxied, proxy_url: 'http://{text}', static_configs: [{{targets: ['nowhere.invalid:80']}}]}}
- {{job_name: found, file_sd_configs: [{{files: ['{dir}/found/*.json', '{dir}/found/*.yml'], refresh_interval: 1s}}]}}
"#
    )
}

struct Sites {
    text: Site,
    open: Site,
    tls: Site,
}

async fn sites(dir: &TempDir, authority: &Authority) -> Sites {
    let text = Site::start(None, |head| {
        let path = head.split(' ').nth(1).unwrap_or("");
        match path {
            "/missing" => page("404 Not Found", "", b"nothing here"),
            "/broken" => page("200 OK", "", b"m 1\nm{ 2\n"),
            "/moved" => page("302 Found", "location: /metrics\r\n", b""),
            "/timed" => page(
                "200 OK",
                "",
                format!("t{{a=\"1\"}} 1 {}\nt{{a=\"2\"}} 2\n", site::minute_ms()).as_bytes(),
            ),
            "/proto" => page("200 OK", site::PROTOBUF, &site::families()),
            // As a proxy it is asked for whole addresses.
            path if path.starts_with("http://nowhere.invalid") => page("200 OK", "", b"through_proxy 1\n"),
            _ => page(
                "200 OK",
                "content-type: text/plain; version=0.0.4\r\n",
                TEXT.as_bytes(),
            ),
        }
    })
    .await;
    let open = Site::start(None, |head| {
        let asked = head.split(' ').nth(1).unwrap_or("").to_owned();
        let n_params = asked.matches(['?', '&']).count();
        let text = OPEN_METRICS.replace("s_count 4", &format!("s_count {n_params}"));
        page(
            "200 OK",
            "content-type: application/openmetrics-text; version=1.0.0; charset=utf-8\r\n",
            text.as_bytes(),
        )
    })
    .await;
    let tls = Site::start(Some(authority.server(dir.path())), |head| {
        let head = head.to_ascii_lowercase();
        let basic = head.contains("authorization: basic dxnlcjpzzwnyzxq=");
        match basic || head.contains("authorization: bearer token") {
            true => page("200 OK", "", b"secret_metric 42\n"),
            false => page("401 Unauthorized", "", b""),
        }
    })
    .await;
    Sites { text, open, tls }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_file_gives_the_same_series_as_prometheus() {
    let dir = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    std::fs::write(dir.path().join("ca.pem"), authority.pem()).unwrap();
    let password = dir.path().join("password");
    std::fs::write(&password, "secret\n").unwrap();
    let found = dir.path().join("found");
    std::fs::create_dir(&found).unwrap();
    let sites = Arc::new(sites(&dir, &authority).await);
    let list = |label: &str| {
        format!(
            r#"[{{"targets": ["{}"], "labels": {{"from": "{label}"}}}}]"#,
            sites.text.addr
        )
    };
    std::fs::write(found.join("a.json"), list("json")).unwrap();
    std::fs::write(
        found.join("b.yml"),
        format!("- targets: ['{}']\n", sites.open.addr),
    )
    .unwrap();
    let text = config(&sites, dir.path(), &password.display().to_string());
    let args = ["--enable-feature=native-histograms"];
    let Some(peer) = Peer::start_with(&args, |_| text.clone()).await else {
        return;
    };
    let server = Server::with(|settings, own| {
        let path = own.path().join("prometheus.yml");
        std::fs::write(&path, text).unwrap();
        settings.config = Some(path);
        settings.query_windows = watchroom_server::WindowBounds::Closed;
    })
    .await;
    let up = |shown: &Shown| {
        shown
            .keys()
            .filter(|key| key.contains(r#""__name__":"up""#))
            .count()
    };
    let settled = |shown: &Shown| {
        // After the first scrapes no series is new.
        let new = shown
            .iter()
            .filter(|(key, value)| key.contains("scrape_series_added") && *value != "\"0\"");
        up(shown) == 29 && new.count() == 0
    };
    let shown = alike(&server, &peer, "all targets", settled).await;
    let of_job = |job: &str| {
        shown
            .keys()
            .filter(|key| key.contains(&format!("\"job\":\"{job}\"")))
            .count()
    };
    for (job, more_than) in [
        ("text", 12),
        ("honest", 10),
        ("open", 8),
        ("relabelled", 15),
        ("secured", 4),
        ("careless", 4),
        ("found", 20),
        ("proto", 12),
        ("proxied", 4),
    ] {
        assert!(of_job(job) > more_than, "{job}: {} series", of_job(job));
    }
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..120 {
        ours = targets(&server, server.addrs.http).await;
        theirs = targets(&server, peer.addr).await;
        if ours == theirs {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(250)).await;
    }
    assert_eq!(ours, theirs, "targets, their labels and addresses");

    // A list that is none changes nothing; one that is changed or gone does.
    std::fs::write(found.join("a.json"), "no list").unwrap();
    std::fs::write(found.join("c.yml"), "[]").unwrap();
    std::fs::remove_file(found.join("b.yml")).unwrap();
    let gone = |shown: &Shown| {
        let of_job = |key: &&String| key.contains("\"job\":\"found\"") && key.contains(r#""__name__":"up""#);
        shown.keys().filter(of_job).count() == 1
    };
    alike(&server, &peer, "a target that is gone", gone).await;
    std::fs::write(found.join("a.json"), list("other")).unwrap();
    let changed = |shown: &Shown| shown.keys().any(|key| key.contains("\"from\":\"other\""));
    alike(&server, &peer, "a target that is another", changed).await;

    // A target that answers otherwise: its series end.
    sites.text.says(|_| page("200 OK", "", b"m{a=\"1\"} 9\n"));
    let few = |shown: &Shown| !shown.keys().any(|key| key.contains("odd"));
    alike(&server, &peer, "a target that has less", few).await;
    sites.open.says(|_| page("503 Service Unavailable", "", b""));
    let down = |shown: &Shown| !shown.keys().any(|key| key.contains("foo_seconds_total"));
    alike(&server, &peer, "a target that is down", down).await;
    peer.stop();
    server.stop().await;
}
