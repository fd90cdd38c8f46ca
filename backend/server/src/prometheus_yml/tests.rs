//! What a file is read as.

use super::job::FileDiscovery;
use super::*;

const FILE: &str = r#"
global:
  scrape_interval: 15s
  external_labels: {site: x}
rule_files: [rules/*.yml]
alerting: {alertmanagers: []}
scrape_configs:
  - job_name: app
    scrape_interval: 5s
    metrics_path: /m
    honor_labels: true
    params: {module: [a b, c]}
    basic_auth: {username: u, password: p}
    sample_limit: 10
    static_configs:
      - targets: ["h:1", "drop-me:1", "plain"]
        labels: {env: prod, n: 5}
    relabel_configs:
      - {source_labels: [__address__], regex: "drop.*", action: drop}
      - {source_labels: [__address__], regex: "(.+):.*", target_label: host, replacement: "$1_x"}
    tls_config: {}
  - job_name: discovered
    file_sd_configs: [{files: [t/*.json]}]
"#;

#[test]
fn reads_what_it_uses_and_tells_what_it_does_not() {
    let read = read(FILE, Path::new("/etc/p")).unwrap();
    assert_eq!(
        read.unused,
        [
            "global.external_labels",
            "scrape_configs[0].tls_config",
            "alerting"
        ]
    );
    assert_eq!(read.rule_files, [PathBuf::from("/etc/p/rules/*.yml")]);
    assert_eq!(
        read.jobs[1].files,
        [FileDiscovery {
            files: vec!["/etc/p/t/*.json".into()],
            refresh: Duration::from_secs(300),
        }]
    );
    let job = &read.jobs[0];
    let targets = job.targets(&job.static_groups).unwrap();
    let shown: Vec<String> = targets
        .iter()
        .map(|t| format!("{} {}", t.labels, t.url()))
        .collect();
    assert_eq!(
        shown,
        [
            r#"{env="prod", host="h_x", instance="h:1", job="app", n="5"} http://h:1/m?module=a%20b"#,
            r#"{env="prod", instance="plain:80", job="app", n="5"} http://plain:80/m?module=a%20b"#,
        ]
    );
    let spec = &targets[0].spec;
    assert_eq!(spec.authorization.as_deref(), Some("Basic dTpw"));
    assert_eq!(
        (spec.interval, spec.timeout),
        (Duration::from_secs(5), Duration::from_secs(5))
    );
    assert!(spec.honor_labels && spec.honor_timestamps && spec.sample_limit == 10);
}

#[test]
fn says_what_is_wrong_and_where() {
    for (text, expect) in [
        (
            "scrape_configs: 5",
            "scrape_configs: expected a list, got a number",
        ),
        (
            "scrape_configs: [{}]",
            "scrape_configs[0].job_name: it is missing",
        ),
        ("[]", ": expected a mapping, got a list"),
        (
            "scrape_configs: [{job_name: a, scrape_interval: 5}]",
            "scrape_configs[0].scrape_interval: expected a duration such as 15s, got \"5\"",
        ),
        (
            "scrape_configs: [{job_name: a, scheme: https}]",
            "scrape_configs[0].scheme: \"https\" is not supported; only http is",
        ),
        (
            "scrape_configs: [{job_name: a}, {job_name: a}]",
            "scrape_configs[1].job_name: \"a\" is the name of another job",
        ),
        (
            "scrape_configs: [{job_name: a, relabel_configs: [{target_label: x, regex: '('}]}]",
            "scrape_configs[0].relabel_configs[0].regex: ",
        ),
        (
            "scrape_configs: [{job_name: a, honor_labels: maybe}]",
            "scrape_configs[0].honor_labels: expected true or false, got a text",
        ),
    ] {
        let error = read(text, Path::new(".")).unwrap_err();
        assert!(error.starts_with(expect), "{error}");
    }
}

#[test]
fn an_address_that_is_none_is_named() {
    let text = "scrape_configs: [{job_name: a, static_configs: [{targets: ['http://h:1/m']}]}]";
    let read = read(text, Path::new(".")).unwrap();
    let error = read.jobs[0].targets(&read.jobs[0].static_groups).unwrap_err();
    assert_eq!(error, "job \"a\": \"http://h:1/m\" is not an address (host:port)");
}

#[test]
fn discovery_files_are_yaml_or_json() {
    let json = r#"[{"targets": ["a:1"], "labels": {"x": "y"}}]"#;
    assert_eq!(
        static_groups(json),
        static_groups("- targets: ['a:1']\n  labels: {x: y}\n")
    );
    assert!(static_groups("{}").unwrap_err().contains("expected a list"));
}
