//! What a file is read as.

use super::job::FileDiscovery;
use super::*;
use crate::ingest::scrape::work_out;

const FILE: &str = r#"
global:
  scrape_interval: 15s
  external_labels: {site: x, from: "${NO_SUCH_VARIABLE}y"}
  query_log_file: q
rule_files: [rules/*.yml]
alerting: {alertmanagers: []}
scrape_configs:
  - job_name: app
    scrape_interval: 5s
    metrics_path: /m
    honor_labels: true
    params: {module: [a b, c]}
    sample_limit: 10
    static_configs:
      - targets: ["h:1", "drop-me:1", "plain"]
        labels: {env: prod, n: 5}
    relabel_configs:
      - {source_labels: [__address__], regex: "drop.*", action: drop}
      - {source_labels: [__address__], regex: "(.+):.*", target_label: host, replacement: "${1}_x"}
    oauth2:
      client_id: x
  - job_name: discovered
    file_sd_configs: [{files: [t/*.json]}]
"#;

#[test]
fn reads_what_it_uses_and_tells_what_it_does_not() {
    let read = read(FILE, Path::new("/etc/p")).unwrap();
    let unused: Vec<(&str, Option<usize>)> = read.unused.iter().map(|u| (&*u.key, u.line)).collect();
    assert_eq!(
        unused,
        [
            ("global.query_log_file", Some(5)),
            ("scrape_configs[0].oauth2", Some(21)),
        ]
    );
    assert_eq!(read.external_labels.to_string(), r#"{from="y", site="x"}"#);
    assert_eq!(read.rule_files, [PathBuf::from("/etc/p/rules/*.yml")]);
    assert_eq!(
        read.jobs[1].files,
        [FileDiscovery {
            files: vec!["/etc/p/t/*.json".into()],
            refresh: Duration::from_secs(300),
        }]
    );
    let job = &read.jobs[0];
    let out = work_out(job, &job.static_groups);
    assert_eq!((out.dropped.count, &*out.wrong), (1, &[][..]));
    let shown: Vec<String> = out
        .targets
        .iter()
        .map(|t| format!("{} {}", t.labels, t.url()))
        .collect();
    assert_eq!(
        shown,
        [
            r#"{env="prod", host="h_x", instance="h:1", job="app", n="5"} http://h:1/m?module=a+b&module=c"#,
            r#"{env="prod", instance="plain:80", job="app", n="5"} http://plain:80/m?module=a+b&module=c"#,
        ]
    );
    let spec = &out.targets[0].spec;
    assert_eq!(
        (spec.interval, spec.timeout),
        (Duration::from_secs(5), Duration::from_secs(5))
    );
    assert!(spec.how.honor_labels && spec.how.honor_timestamps && spec.how.limits.samples == 10);
    assert_eq!(
        spec.discovered.to_string(),
        r#"{__address__="h:1", __metrics_path__="/m", __param_module="a b", __scheme__="http", __scrape_interval__="5s", __scrape_timeout__="5s", env="prod", job="app", n="5"}"#
    );
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
            "scrape_configs: [{job_name: a, scheme: ftp}]",
            "scrape_configs[0].scheme: expected http or https, got \"ftp\"",
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
            "scrape_configs: [{job_name: a, tls_config: {ca: nonsense}}]",
            "scrape_configs[0].tls_config.ca: it holds no certificate in PEM form",
        ),
        (
            "scrape_configs: [{job_name: a, basic_auth: {username: u}, bearer_token: x}]",
            "scrape_configs[0]: at most one of basic_auth and bearer_token is allowed",
        ),
        (
            "scrape_configs: [{job_name: a, scrape_protocols: [Morse]}]",
            "scrape_configs[0].scrape_protocols: \"Morse\" is not a protocol",
        ),
        (
            "scrape_configs: [{job_name: a, metric_relabel_configs: [{action: hashmod, target_label: x}]}]",
            "scrape_configs[0].metric_relabel_configs[0].modulus: it is missing or 0",
        ),
        (
            "scrape_configs: [{job_name: a, proxy_url: 'socks5://x'}]",
            "scrape_configs[0].proxy_url: expected a proxy such as http://host:3128",
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
    let out = work_out(&read.jobs[0], &read.jobs[0].static_groups);
    assert_eq!(
        out.wrong,
        ["job \"a\": \"http://h:1/m\" is not an address (host:port)"]
    );
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

#[test]
fn jobs_may_stand_in_files_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let more = "scrape_configs: [{job_name: more, static_configs: [{targets: ['h:1', 'h:2']}]}]";
    std::fs::write(dir.path().join("more.yml"), more).unwrap();
    let text = "scrape_configs: [{job_name: a}]\nscrape_config_files: ['*.yml']\n";
    let jobs = check(text, dir.path()).unwrap();
    assert_eq!(jobs, [("a".to_owned(), 0), ("more".to_owned(), 2)]);
    std::fs::write(dir.path().join("more.yml"), "scrape_configs: 1").unwrap();
    let error = check(text, dir.path()).unwrap_err();
    assert!(
        error.contains("more.yml.scrape_configs: expected a list"),
        "{error}"
    );
}

#[test]
fn external_labels_know_the_environment() {
    let lookup = |name: &str| format!("<{name}>");
    for (text, expect) in [
        ("a", "a"),
        ("${HOME}-$A_1.b", "<HOME>-<A_1>.b"),
        ("$$x $", "$x $"),
        ("${open", "${open"),
    ] {
        assert_eq!(expanded(text, lookup), expect, "{text}");
    }
}

#[test]
fn limits_of_a_job_win_over_those_of_all() {
    let text = "global: {sample_limit: 5, label_limit: 7, scrape_native_histograms: true}\nscrape_configs:\n- {job_name: a, sample_limit: 9}\n- {job_name: b, scrape_protocols: [PrometheusText0.0.4], body_size_limit: 1KB}\n";
    let read = read(text, Path::new(".")).unwrap();
    let (a, b) = (&read.jobs[0].how, &read.jobs[1].how);
    assert_eq!((a.limits.samples, a.limits.labels, a.protocols.len()), (9, 7, 5));
    assert_eq!((b.limits.samples, b.body_limit, b.protocols.len()), (5, 1024, 1));
}
