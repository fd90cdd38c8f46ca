//! Dashboard and alerts: promtool reads them, the alerts fire when they should, and every metric they name is declared (DER-8).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use deriva::metrics::DerivaMetrics;
use serde_json::Value;
use watchroom::metrics::{Kind, Registry};

use crate::support::promtool;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("monitoring")
}

fn dashboard() -> Value {
    serde_json::from_str(&std::fs::read_to_string(folder().join("dashboard.json")).unwrap()).unwrap()
}

/// Every query of the dashboard, with the title of its panel.
fn queries() -> Vec<(String, String)> {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().flat_map(|panel| {
        let title = panel["title"].as_str().unwrap().to_owned();
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(move |target| (title.clone(), target["expr"].as_str().unwrap().to_owned()))
    });
    targets.collect()
}

/// The metrics that a text names.
fn names(text: &str) -> BTreeSet<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':');
    words.filter(|word| word.starts_with("deriva_")).collect()
}

/// The sample names that the declarations give.
fn declared() -> BTreeSet<String> {
    let registry = Registry::default();
    let _metrics = DerivaMetrics::register(&registry).unwrap();
    let entries = registry.catalogue().into_iter().flat_map(|entry| {
        let name = entry.declaration.name().to_owned();
        match entry.declaration.kind() {
            Kind::Histogram => ["_bucket", "_sum", "_count"]
                .map(|suffix| format!("{name}{suffix}"))
                .to_vec(),
            _ => vec![name],
        }
    });
    entries.collect()
}

#[track_caller]
fn passes(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(output.status.success(), "{said}");
    said
}

#[test]
fn promtool_accepts_the_rules() {
    let Some(mut promtool) = promtool() else { return };
    let said = passes(
        promtool
            .args(["check", "rules", "alerts.yml"])
            .current_dir(folder()),
    );
    assert!(said.contains("4 rules found"), "{said}");
}

#[test]
fn each_alert_fires_when_it_should_and_only_then() {
    let Some(mut promtool) = promtool() else { return };
    passes(
        promtool
            .args(["test", "rules", "alerts_test.yml"])
            .current_dir(folder()),
    );
}

#[test]
fn promtool_reads_every_query_of_the_dashboard() {
    let Some(mut promtool) = promtool() else { return };
    let mut rules = String::from("groups:\n  - name: dashboard\n    rules:\n");
    for (n, (_, query)) in queries().iter().enumerate() {
        let query = query
            .replace("$__rate_interval", "1m")
            .replace("$job", ".*")
            .replace("$instance", ".*");
        assert!(
            !query.contains('$'),
            "{query} uses a variable that the dashboard does not have"
        );
        rules.push_str(&format!(
            "      - record: dashboard:query:n{n}\n        expr: {}\n",
            Value::from(query)
        ));
    }
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.yml"), rules).unwrap();
    passes(
        promtool
            .args(["check", "rules", "rules.yml"])
            .current_dir(dir.path()),
    );
}

#[test]
fn every_metric_that_dashboard_and_alerts_name_is_declared() {
    let declared = declared();
    let alerts = std::fs::read_to_string(folder().join("alerts.yml")).unwrap();
    let alert_queries = alerts
        .split("\n        for:")
        .flat_map(|part| part.split("expr:").skip(1));
    let alert_queries = alert_queries.map(|query| {
        (
            "alerts.yml".to_owned(),
            query.split("labels:").next().unwrap().to_owned(),
        )
    });
    let mut named = BTreeSet::new();
    for (place, query) in queries().into_iter().chain(alert_queries) {
        let used = names(&query);
        assert!(!used.is_empty(), "{place}: {query} names no metric of Deriva");
        for name in used {
            assert!(
                declared.contains(name),
                "{place} names {name}, which Deriva does not declare"
            );
            named.insert(name.to_owned());
        }
    }
    // What the variables list their values by.
    for variable in dashboard()["templating"]["list"].as_array().unwrap() {
        for name in names(&variable["query"].to_string()) {
            assert!(
                declared.contains(name),
                "variable {} asks for {name}",
                variable["name"]
            );
        }
    }
    let families = |names: &BTreeSet<String>| -> BTreeSet<String> {
        let base = |name: &String| {
            let suffixes = ["_bucket", "_sum", "_count"].iter();
            suffixes.fold(name.clone(), |name, suffix| {
                name.strip_suffix(suffix).unwrap_or(&name).to_owned()
            })
        };
        names.iter().map(base).collect()
    };
    assert_eq!(
        families(&named),
        families(&declared),
        "a metric that nobody looks at, or the reverse"
    );
}

#[test]
fn the_dashboard_has_what_is_specified_and_its_panels_do_not_overlap() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let titles: BTreeSet<&str> = panels
        .iter()
        .map(|panel| panel["title"].as_str().unwrap())
        .collect();
    for title in [
        "RPC rate",
        "RPC latency",
        "Cache hit rate",
        "Cache size",
        "Active materializations",
        "Compute time by function",
        "Verification",
    ] {
        assert!(titles.contains(title), "{title}");
    }
    let latency = panels
        .iter()
        .find(|panel| panel["title"] == "RPC latency")
        .unwrap();
    let legends: Vec<&str> = latency["targets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["legendFormat"].as_str().unwrap())
        .collect();
    assert_eq!(legends, ["p50", "p95", "p99"]);
    let variables: Vec<&str> = dashboard["templating"]["list"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| variable["name"].as_str().unwrap())
        .collect();
    assert_eq!(variables, ["datasource", "job", "instance"]);
    assert!(dashboard["time"]["from"].is_string() && dashboard["time"]["to"].is_string());

    let mut cells: BTreeMap<(u64, u64), &str> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(
            ids.insert(panel["id"].as_u64().unwrap()),
            "{title}: its id is taken"
        );
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            assert!(!panel["targets"].as_array().unwrap().is_empty(), "{title}");
        }
        let at = |name: &str| panel["gridPos"][name].as_u64().unwrap();
        assert!(at("x") + at("w") <= 24, "{title} is wider than the page");
        for x in at("x")..at("x") + at("w") {
            for y in at("y")..at("y") + at("h") {
                let other = cells.insert((x, y), title);
                assert_eq!(other, None, "{title} overlaps");
            }
        }
    }
}

#[test]
fn every_alert_has_its_runbook() {
    let alerts = std::fs::read_to_string(folder().join("alerts.yml")).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let links: Vec<&str> = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("runbook: "))
        .collect();
    assert_eq!(links.len(), alerts.matches("- alert:").count());
    for link in links {
        let (file, anchor) = link.split_once('#').unwrap();
        let text = std::fs::read_to_string(root.join(file)).unwrap();
        let heads = text.lines().filter_map(|line| line.strip_prefix("## "));
        assert!(heads.map(str::to_lowercase).any(|head| head == anchor), "{link}");
    }
}
