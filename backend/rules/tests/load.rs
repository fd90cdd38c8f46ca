//! What rule files are taken and refused, each checked against `promtool` where it is there.

#![expect(clippy::unwrap_used, reason = "whatever fails here is a failure of the test")]
#![expect(clippy::print_stdout, reason = "says what is not compared, and why")]

use std::io::Write;
use std::process::{Command, Stdio};

use watchroom_rules::{RuleKind, load};

/// What `promtool check rules` thinks of a file; `None` if there is no promtool.
fn promtool(text: &str) -> Option<bool> {
    static FILES: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let n = FILES.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("watchroom-rules-{}-{n}.yml", std::process::id()));
    std::fs::File::create(&path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let run = Command::new("promtool")
        .args(["check", "rules", "--lint=none"])
        .arg(&path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    std::fs::remove_file(&path).unwrap();
    match run {
        Ok(status) => Some(status.success()),
        Err(error) => {
            assert!(
                std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none(),
                "promtool is required: {error}"
            );
            println!("promtool not compared: {error}");
            None
        }
    }
}

#[track_caller]
fn takes(text: &str) -> Vec<watchroom_rules::GroupSpec> {
    let groups = load("rules.yml", text).unwrap_or_else(|errors| panic!("{}\n{text}", errors[0]));
    assert_ne!(
        promtool(text),
        Some(false),
        "promtool refuses what is taken here:\n{text}"
    );
    groups
}

#[track_caller]
fn refuses(text: &str, expect: &[&str]) {
    let errors = load("rules.yml", text).map(|_| ()).unwrap_err();
    let shown: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(shown, expect);
    assert_ne!(
        promtool(text),
        Some(true),
        "promtool takes what is refused here:\n{text}"
    );
}

#[test]
fn takes_a_full_file() {
    let groups = takes(
        r#"
groups:
  - name: deriva
    interval: 30s
    limit: 10
    rules:
      - record: deriva:rpc_errors:ratio5m
        expr: |
          sum(rate(deriva_rpc_total{status!="ok"}[5m]))
            / sum(rate(deriva_rpc_total[5m]))
        labels: {team: core, tier: 1}
      - alert: HighErrorRate
        expr: deriva:rpc_errors:ratio5m > 0.05
        for: 5m
        keep_firing_for: 10m
        labels:
          severity: warning
        annotations:
          summary: '{{ $value | humanizePercentage }} of calls fail on {{ $labels.instance }}'
          description: "{{ with query \"up\" }}{{ . | first | value }}{{ end }}"
      - alert: Constant
        expr: 1
  - name: empty
    rules: []
"#,
    );
    assert_eq!((groups.len(), groups[0].rules.len(), groups[0].limit), (2, 3, 10));
    assert_eq!(groups[0].rules[0].labels[1], ("tier".to_owned(), "1".to_owned()));
    let RuleKind::Alerting {
        hold,
        keep_firing,
        annotations,
    } = &groups[0].rules[1].kind
    else {
        panic!()
    };
    assert_eq!(
        (hold.as_secs(), keep_firing.as_secs(), annotations.len()),
        (300, 600, 2)
    );
}

#[test]
fn takes_files_without_rules() {
    for text in ["", "groups:\n", "groups: []\n", "# nothing\n"] {
        assert_eq!(takes(text).len(), 0, "{text:?}");
    }
}

#[test]
fn names_group_rule_line_and_position_of_a_bad_expression() {
    refuses(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n  - alert: B\n    expr: sum(rate(x))\n",
        &[
            "rules.yml:6: group \"g\", rule \"B\": cannot parse expr: 1:10: parse error: expected type range vector in call to \
           function \"rate\", got instant vector; write a range such as [5m] after it",
        ],
    );
}

#[test]
fn refuses_what_promtool_refuses() {
    refuses(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    fore: 5m\n",
        &[
            "rules.yml:6: groups[0].rules[0]: unknown field `fore`, expected one of `record`, `alert`, `expr`, `for`, \
           `keep_firing_for`, `labels`, `annotations` at line 6 column 5",
        ],
    );
    refuses(
        "groups: [{name: g, rules: [{expr: up}]}]",
        &["rules.yml: group \"g\", rule \"#1\": one of \"record\" or \"alert\" must be set"],
    );
    refuses(
        "groups: [{name: g, rules: [{alert: A, record: b, expr: up}]}]",
        &["rules.yml: group \"g\", rule \"b\": only one of \"record\" and \"alert\" must be set"],
    );
    refuses(
        "groups: [{name: g, rules: [{alert: A}]}]",
        &["rules.yml: group \"g\", rule \"A\": field \"expr\" must be set"],
    );
    refuses(
        "groups: [{name: '', rules: []}]",
        &["rules.yml: group \"\": group name must not be empty"],
    );
    refuses(
        "groups: [{name: g}, {name: g}]",
        &["rules.yml: group \"g\": group name is there twice in the file"],
    );
    refuses(
        "groups: [{name: g, rules: [{record: a-b, expr: up, for: 5m, annotations: {x: y}}]}]",
        &[
            "rules.yml: group \"g\", rule \"a-b\": invalid recording rule name \"a-b\"",
            "rules.yml: group \"g\", rule \"a-b\": invalid field \"annotations\" in recording rule",
            "rules.yml: group \"g\", rule \"a-b\": invalid field \"for\" in recording rule",
        ],
    );
    refuses(
        "groups: [{name: g, rules: [{alert: A, expr: up, labels: {'a-b': x}}]}]",
        &["rules.yml: group \"g\", rule \"A\": invalid label or annotation name \"a-b\""],
    );
    refuses(
        "groups: [{name: g, rules: [{alert: A, expr: up, for: soon}]}]",
        &[
            "rules.yml: group \"g\", rule \"A\": for: invalid duration \"soon\", expected a form such as 5m, 1h30m or 500ms",
        ],
    );
    refuses(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: up\n    annotations: {s: '{{ $value | humanise }}'}\n",
        &[
            "rules.yml:4: group \"g\", rule \"A\": annotation \"s\": template: function \"humanise\" not defined, did you mean \"humanize\"? at byte 12 of \
           \"{{ $value | humanise }}\"",
        ],
    );
    refuses(
        "groups: [{name: g, rules: [{alert: A, expr: up, labels: {s: '{{ $x }}'}}]}]",
        &[
            "rules.yml: group \"g\", rule \"A\": label \"s\": template: undefined variable \"$x\" at byte 3 of \"{{ $x }}\"",
        ],
    );
}

#[test]
fn tells_every_mistake_at_once() {
    let errors = load(
        "f",
        "groups: [{name: g, rules: [{alert: A, expr: 'x +'}, {alert: B, expr: 'y('}]}]",
    )
    .unwrap_err();
    assert_eq!(errors.len(), 2);
}
