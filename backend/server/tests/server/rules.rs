//! Rules on a running server.

use serde_json::json;

use crate::support::{Server, eventually, now_ns};

const RULES: &str = r#"
groups:
  - name: g
    interval: 200ms
    rules:
      - record: warm:count
        expr: count(temp > 1)
      - alert: Warm
        expr: temp > 1
        labels: {severity: warning}
        annotations: {summary: "zone {{ $labels.zone }} is at {{ $value }}"}
      - alert: Slow
        expr: temp > 1
        for: 1h
"#;

pub(crate) async fn send(server: &Server, value: u8) {
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "temp", "gauge": {"dataPoints": [
        {"timeUnixNano": now_ns().to_string(), "asInt": value.to_string(),
         "attributes": [{"key": "zone", "value": {"stringValue": "a"}}]}]}}]}]}]});
    assert_eq!(server.send("metrics", &body).await.text(), "{}");
}

fn with_rules(config: &mut watchroom_server::Config, dir: &tempfile::TempDir) {
    let path = dir.path().join("rules.yml");
    std::fs::write(&path, RULES).unwrap();
    config.rules = vec![path];
}

#[tokio::test(flavor = "multi_thread")]
async fn alerts_fire_and_resolve_and_survive_a_restart() {
    let server = Server::with(with_rules).await;
    send(&server, 5).await;
    server
        .eventually(
            r#"ALERTS{alertname="Warm",alertstate="firing",severity="warning",zone="a"}"#,
            Some("1"),
        )
        .await;
    server
        .eventually(r#"ALERTS{alertname="Slow",alertstate="pending"}"#, Some("1"))
        .await;
    server.eventually("warm:count", Some("1")).await;
    let alerts = server.json("/api/v1/alerts").await;
    let warm = alerts["data"]["alerts"]
        .as_array()
        .unwrap()
        .iter()
        .find(|alert| alert["labels"]["alertname"] == "Warm")
        .unwrap()
        .clone();
    assert_eq!(warm["state"], "firing");
    assert_eq!(warm["value"], "5e+00");
    assert_eq!(warm["annotations"], json!({"summary": "zone a is at 5"}));
    let rules = server.json("/api/v1/rules?type=alert").await;
    let group = &rules["data"]["groups"][0];
    assert_eq!(
        (group["name"].as_str(), group["interval"].as_f64()),
        (Some("g"), Some(0.2))
    );
    assert_eq!(group["rules"][0]["state"], "firing");
    assert_eq!(group["rules"][0]["query"], "temp > 1");
    assert_eq!(group["rules"][0]["health"], "ok");
    assert_eq!(group["rules"][1]["duration"], 3600.0);
    assert_eq!(group["rules"].as_array().unwrap().len(), 2);
    let slow_since = alerts_since(&server, "Slow").await;

    let dir = server.stop().await;
    let server = Server::again(dir, with_rules).await;
    let again = eventually("the alert is there again", async || {
        let alerts = server.json("/api/v1/alerts").await;
        (alerts["data"]["alerts"].as_array().unwrap().len() == 2).then_some(())
    });
    again.await;
    // Pending since before the restart, give or take the time during which nobody looked.
    assert!(alerts_since(&server, "Slow").await.as_str()[..13] == slow_since[..13]);

    send(&server, 0).await;
    server.eventually(r#"ALERTS{alertname="Warm"}"#, None).await;
    let alerts = server.json("/api/v1/alerts").await;
    assert_eq!(alerts["data"]["alerts"], json!([]));
    server.stop().await;
}

async fn alerts_since(server: &Server, name: &str) -> String {
    let alerts = server.json("/api/v1/alerts").await;
    let all = alerts["data"]["alerts"].as_array().unwrap();
    let alert = all
        .iter()
        .find(|alert| alert["labels"]["alertname"] == name)
        .unwrap();
    alert["activeAt"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_that_are_not_valid_keep_the_server_from_starting() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = crate::support::config(&dir);
    let path = dir.path().join("bad.yml");
    std::fs::write(&path, "groups: [{name: g, rules: [{alert: A, expr: 'sum('}]}]").unwrap();
    config.rules = vec![path];
    let error = watchroom_server::start(config).await.unwrap_err().to_string();
    assert!(error.contains("--rules") && error.contains("bad.yml"), "{error}");
}

/// Rules of a file that changes while the server runs.
const BEFORE: &str = r#"
groups:
  - name: g
    interval: 200ms
    rules:
      - {alert: Slow, expr: temp > 1, for: 1h, labels: {severity: warning}}
      - {record: gone, expr: temp * 2}
  - name: stays
    interval: 200ms
    rules: [{record: kept, expr: temp * 3, labels: {team: core}}]
"#;

const AFTER: &str = r#"
groups:
  - name: stays
    interval: 200ms
    rules: [{record: kept, expr: temp * 3, labels: {team: core}}]
  - name: g
    interval: 200ms
    rules:
      - {record: new, expr: temp * 4}
      - {alert: Slow, expr: temp > 2, for: 1h, labels: {severity: warning}}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_read_again_without_loss_of_state() {
    let server = Server::with(|config, dir| {
        let path = dir.path().join("rules.yml");
        std::fs::write(&path, BEFORE).unwrap();
        config.rules = vec![path];
    })
    .await;
    send(&server, 5).await;
    server.eventually("gone", Some("10")).await;
    server
        .eventually(r#"ALERTS{alertname="Slow",alertstate="pending"}"#, Some("1"))
        .await;
    let since = alerts_since(&server, "Slow").await;
    let reload = async || server.post(server.addrs.http, "/-/reload", "", b"").await;
    let path = server.dir.path().join("rules.yml");
    std::fs::write(&path, "groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]").unwrap();
    let refused = reload().await;
    assert_eq!(refused.status, 500, "{}", refused.text());
    assert!(refused.text().contains("rules.yml"), "{}", refused.text());
    assert_eq!(
        server.json("/api/v1/rules").await["data"]["groups"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    std::fs::write(&path, AFTER).unwrap();
    assert_eq!(reload().await.status, 200);
    server.eventually("new", Some("20")).await;
    // A rule that is gone ends its series.
    server.eventually("gone", None).await;
    assert_eq!(alerts_since(&server, "Slow").await, since);
    let rules = server.json("/api/v1/rules?type=alert").await;
    assert_eq!(rules["data"]["groups"][0]["rules"][0]["query"], "temp > 2");
    std::fs::write(&path, "groups: []").unwrap();
    assert_eq!(reload().await.status, 200);
    server.eventually("kept", None).await;
    server.eventually("count(ALERTS)", None).await;
    assert_eq!(server.json("/api/v1/alerts").await["data"]["alerts"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_filtered_and_paged() {
    let server = Server::with(|config, dir| {
        let path = dir.path().join("rules.yml");
        std::fs::write(&path, BEFORE).unwrap();
        config.rules = vec![path];
    })
    .await;
    send(&server, 5).await;
    server.eventually("count(ALERTS)", Some("1")).await;
    let file = crate::support::encode(&server.dir.path().join("rules.yml").display().to_string());
    let names = async |params: &str| {
        let answer = server.json(&format!("/api/v1/rules?{params}")).await;
        let groups = answer["data"]["groups"].as_array().unwrap().clone();
        let rules = groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap().clone());
        rules
            .map(|rule| rule["name"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join(" ")
    };
    for (params, expect) in [
        ("", "Slow gone kept"),
        ("type=record", "gone kept"),
        ("type=ALERT", "Slow"),
        ("rule_name[]=kept&rule_name[]=Slow", "Slow kept"),
        ("rule_group[]=stays", "kept"),
        ("file[]=other.yml", ""),
        (&format!("file[]={file}&rule_group[]=g"), "Slow gone"),
        ("match[]={severity=\"warning\"}", "Slow"),
        (
            "match[]={severity=~\".%2B\"}&match[]={team=\"core\"}",
            "Slow kept",
        ),
        ("match[]={severity=\"none\"}", ""),
    ] {
        let params = params.replace('{', "%7B").replace('}', "%7D").replace('"', "%22");
        assert_eq!(names(&params).await, expect, "{params}");
    }
    let with = server.json("/api/v1/rules?type=alert").await;
    let rule = &with["data"]["groups"][0]["rules"][0];
    assert_eq!(rule["alerts"].as_array().unwrap().len(), 1);
    assert!(
        rule["evaluationTime"].as_f64().unwrap() >= 0.0 && rule["lastEvaluation"].as_str().unwrap() > "2020"
    );
    let without = server.json("/api/v1/rules?type=alert&exclude_alerts=true").await;
    assert!(without["data"]["groups"][0]["rules"][0].get("alerts").is_none());
    let first = server.json("/api/v1/rules?group_limit=1").await;
    assert_eq!(first["data"]["groups"][0]["name"], "g");
    let token = first["data"]["groupNextToken"].as_str().unwrap();
    let second = server
        .json(&format!("/api/v1/rules?group_limit=1&group_next_token={token}"))
        .await;
    assert_eq!(second["data"]["groups"][0]["name"], "stays");
    assert!(second["data"].get("groupNextToken").is_none());
    for wrong in [
        "type=x",
        "group_limit=0",
        "group_next_token=x",
        "group_limit=1&group_next_token=x",
        "match[]=%7B",
        "exclude_alerts=maybe",
    ] {
        assert_eq!(
            server.get(&format!("/api/v1/rules?{wrong}")).await.status,
            400,
            "{wrong}"
        );
    }
    let metrics = server.get("/metrics").await.text();
    assert!(metrics.contains(";g\"} 2\n"), "{metrics}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn native_histograms_are_recorded_as_such() {
    let server = Server::with(|config, dir| {
        let path = dir.path().join("rules.yml");
        let text = "groups: [{name: g, interval: 200ms, rules: [{record: 'latency:sum', expr: sum(latency)}, {record: n, expr: 'histogram_count(latency:sum)'}]}]";
        std::fs::write(&path, text).unwrap();
        config.rules = vec![path];
    })
    .await;
    let body = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "latency", "exponentialHistogram": {
        "aggregationTemporality": 2,
        "dataPoints": [{"timeUnixNano": now_ns().to_string(), "count": "3", "sum": 4.5, "scale": 0, "zeroCount": "0",
            "positive": {"offset": 0, "bucketCounts": ["1", "2"]}}]}}]}]}]});
    assert_eq!(server.send("metrics", &body).await.text(), "{}");
    server.eventually("n", Some("3")).await;
    let answer = server.json("/api/v1/query?query=latency:sum").await;
    assert_eq!(answer["data"]["result"][0]["histogram"][1]["sum"], "4.5");
    server.stop().await;
}
