//! `watchroom check` and `watchroom test`, as a shell sees them: output and exit codes.

#![expect(clippy::unwrap_used, reason = "whatever fails here is a failure of the test")]

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn watchroom(dir: &Path, args: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_watchroom"))
        .args(args)
        .current_dir(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that reads nothing may be gone already.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    dir
}

const RULES: &str = "
groups:
- name: g
  rules:
  - alert: Down
    expr: up == 0
    for: 2m
";

const TESTS: &str = "
rule_files: ['r*.yml']
tests:
- name: fires
  interval: 1m
  input_series: [{series: 'up{job=\"a\"}', values: 0x5}]
  alert_rule_test: [{eval_time: 2m, alertname: Down, exp_alerts: [{exp_labels: {job: a}}]}]
- name: wrong
  interval: 1m
  input_series: [{series: 'up{job=\"a\"}', values: 0x5}]
  alert_rule_test: [{eval_time: 1m, alertname: Down, exp_alerts: [{exp_labels: {job: a}}]}]
";

#[test]
fn rules_are_tested() {
    let dir = folder(&[("rules.yml", RULES), ("tests.yml", TESTS)]);
    let fine = watchroom(
        dir.path(),
        &["test", "rules", "--run", "^fires$", "tests.yml"],
        "",
    );
    assert_eq!(
        (fine.code, fine.out.as_str()),
        (0, "tests.yml: ok\n1 of 1 tests passed\n"),
        "{}",
        fine.err
    );
    let wrong = watchroom(
        dir.path(),
        &["test", "rules", "--diff", "--junit", "out.xml", "t*.yml"],
        "",
    );
    assert_eq!(
        (wrong.code, wrong.out.as_str()),
        (
            1,
            "tests.yml: FAILED\n  wrong\n    alertname \"Down\", time 1m\n      - {alertname=\"Down\", job=\"a\"} annotations {}\n1 of 2 tests passed\n"
        )
    );
    assert!(wrong.err.contains("1 of 2 tests failed"), "{}", wrong.err);
    let junit = std::fs::read_to_string(dir.path().join("out.xml")).unwrap();
    assert!(junit.contains("tests=\"2\" failures=\"1\""), "{junit}");
    assert_eq!(watchroom(dir.path(), &["test", "rules", "none.yml"], "").code, 3);
    assert_eq!(watchroom(dir.path(), &["test", "rules"], "").code, 2);
    assert_eq!(
        watchroom(dir.path(), &["test", "rules", "--run", "(", "tests.yml"], "").code,
        2
    );
}

#[test]
fn rules_are_checked() {
    let twice = format!("{RULES}  - alert: Down\n    expr: up < 1\n");
    let bad = "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: sum(\n  - alert: B\n    expr: up\n    annotations: {s: '{{ $value | humanise }}'}\n";
    let dir = folder(&[
        ("rules.yml", RULES),
        ("twice.yml", &twice),
        ("bad.yml", bad),
        ("m.txt", "down 1\n"),
    ]);
    let check = |args: &[&str]| watchroom(dir.path(), &[&["check", "rules"], args].concat(), "");
    assert_eq!(check(&["rules.yml"]).code, 0);
    let advice = check(&["twice.yml"]);
    assert!(
        advice.code == 0 && advice.out.contains("twice.yml:8: advice"),
        "{}",
        advice.out
    );
    assert_eq!(check(&["--strict", "twice.yml"]).code, 1);
    let wrong = check(&["bad.yml"]);
    assert_eq!(wrong.code, 1);
    for expect in [
        "bad.yml:4: error: group \"g\", rule \"A\": cannot parse expr: 1:4",
        "bad.yml:6: error",
        "did you mean \"humanize\"",
    ] {
        assert!(wrong.out.contains(expect), "{}", wrong.out);
    }
    let json = check(&["--format", "json", "bad.yml"]);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(
        (&json["errors"], &json["findings"][0]["line"]),
        (&2.into(), &4.into())
    );
    assert_eq!(check(&["--metrics", "m.txt", "--", "rules.yml"]).code, 0);
    let unknown = folder(&[
        (
            "r.yml",
            "groups: [{name: g, rules: [{record: a, expr: b + c}, {record: d, expr: a}]}]",
        ),
        ("m.txt", "b 1\n"),
    ]);
    let unknown = watchroom(
        unknown.path(),
        &["check", "rules", "r.yml", "--metrics", "m.txt"],
        "",
    );
    assert!(
        unknown.code == 1 && unknown.out.contains("nobody exposes or records \"c\""),
        "{}",
        unknown.out
    );
    assert!(
        !unknown.out.contains("\"a\"\n") && !unknown.out.contains("\"b\""),
        "{}",
        unknown.out
    );
}

#[test]
fn metrics_and_their_number_are_checked() {
    let dir = folder(&[]);
    let text = "# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"2\"} 1\n";
    let check = |args: &[&str], text: &str| watchroom(dir.path(), &[&["check"], args].concat(), text);
    let fine = check(&["metrics", "--strict"], text);
    assert_eq!(
        (fine.code, fine.out.as_str()),
        (0, "standard input: 1 metrics, 2 series\n")
    );
    let advice = check(&["metrics"], "a 1\n");
    assert!(
        advice.code == 0 && advice.out.contains("advice: a: no help text"),
        "{}",
        advice.out
    );
    assert_eq!(check(&["metrics", "--strict"], "a 1\n").code, 1);
    let wrong = check(&["metrics"], "a{ 1\n");
    assert!(
        wrong.code == 1 && wrong.out.contains("standard input:1: error"),
        "{}",
        wrong.out
    );
    assert_eq!(check(&["metrics", "none.txt"], "").code, 3);
    assert_eq!(check(&["cardinality", "--max-series", "2"], text).code, 0);
    let many = check(&["cardinality", "--max-series", "1"], text);
    assert!(
        many.code == 1
            && many
                .out
                .contains("a_total: 2 series, at most 1 are allowed; label \"x\" has 2 values"),
        "{}",
        many.out
    );
    assert_eq!(
        check(&["cardinality", "--backend", "http://127.0.0.1:1"], "").code,
        3
    );
}

#[test]
fn configurations_are_checked() {
    let config = "scrape_configs:\n- job_name: a\n  static_configs: [{targets: ['h:1']}]\nrule_files: [rules.yml, missing*.yml]\nalerting:\n  alertmanagers: [{static_configs: [{targets: ['am:9093']}]}]\n\
                  remote_write: []\n";
    let dir = folder(&[
        ("rules.yml", RULES),
        ("p.yml", config),
        ("bad.yml", "scrape_configs: [{job_name: a, scheme: ftp}]\n"),
    ]);
    let check = |args: &[&str]| watchroom(dir.path(), &[&["check", "config"], args].concat(), "");
    let fine = check(&["p.yml"]);
    assert_eq!(fine.code, 0, "{}{}", fine.out, fine.err);
    assert!(
        fine.out
            .contains("p.yml: 1 jobs, 1 static targets, 1 rule files, 1 alertmanager sections"),
        "{}",
        fine.out
    );
    assert!(
        fine.out
            .contains("p.yml:7: advice: remote_write is not supported"),
        "{}",
        fine.out
    );
    assert!(fine.out.contains("no file fits"), "{}", fine.out);
    assert_eq!(check(&["--strict", "p.yml"]).code, 1);
    let bad = check(&["bad.yml"]);
    assert!(bad.code == 1 && bad.out.contains("scheme"), "{}", bad.out);
    assert_eq!(check(&["none.yml"]).code, 3);
}

/// Ends a server whatever becomes of the test.
struct Up(std::process::Child);

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The body of an answer.
fn get(address: &str, path: &str) -> Option<String> {
    use std::io::Read as _;
    let mut stream = std::net::TcpStream::connect(address).ok()?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n"
    )
    .ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

#[test]
fn hangup_reads_the_rules_again() {
    use std::io::BufRead as _;
    let dir = folder(&[("rules.yml", RULES)]);
    let mut up = Up(Command::new(env!("CARGO_BIN_EXE_watchroom"))
        .args([
            "up",
            "--listen=127.0.0.1:0",
            "--otlp-grpc=127.0.0.1:0",
            "--otlp-http=127.0.0.1:0",
        ])
        .args(["--data-dir=data", "--rules=rules.yml"])
        .env("RUST_LOG", "info")
        .current_dir(dir.path())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap());
    let mut lines = std::io::BufReader::new(up.0.stderr.take().unwrap()).lines();
    let mut wait_for = |what: &str| loop {
        let line = lines.next().expect("the server goes on").unwrap();
        if line.contains(what) {
            return line;
        }
    };
    let line = wait_for("page and APIs");
    let address = line.split_once("http://").unwrap().1.trim().to_owned();
    assert!(
        get(&address, "/api/v1/rules")
            .unwrap()
            .contains(r#""name":"Down""#)
    );
    let hang_up = || {
        let pid = up.0.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-HUP", &pid])
                .status()
                .unwrap()
                .success()
        );
    };
    std::fs::write(dir.path().join("rules.yml"), "groups: [{").unwrap();
    hang_up();
    wait_for("cannot be read again");
    assert!(
        get(&address, "/api/v1/rules")
            .unwrap()
            .contains(r#""name":"Down""#)
    );
    std::fs::write(dir.path().join("rules.yml"), RULES.replace("Down", "Gone")).unwrap();
    hang_up();
    wait_for("was read again");
    assert!(
        get(&address, "/api/v1/rules")
            .unwrap()
            .contains(r#""name":"Gone""#)
    );
}
