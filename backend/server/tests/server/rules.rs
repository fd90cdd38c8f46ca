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

async fn send(server: &Server, value: u8) {
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
