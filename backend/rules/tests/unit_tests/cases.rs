//! Files written by hand: what passes, what fails, and what is no file of tests at all.

pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) rules: String,
    pub(crate) tests: String,
    pub(crate) passes: bool,
}

const RULES: &str = "
groups:
- name: first
  rules:
  - record: job:up:sum
    expr: sum by (job) (up)
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: page, where: '{{ $labels.instance }}'}
    annotations: {summary: '{{ $labels.instance }} is at {{ $value }}', url: '{{ $externalURL }}/{{ $externalLabels.region }}'}
- name: second
  rules:
  - alert: NoneUp
    expr: job:up:sum == 0
";

/// A test with series, alerts and expressions, each a text of YAML lists.
fn test(head: &str, series: &str, alerts: &str, exprs: &str) -> String {
    format!(
        "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n- {head}\n  input_series: {series}\n  alert_rule_test: {alerts}\n  promql_expr_test: {exprs}\n"
    )
}

const UP: &str = r#"[{series: 'up{job="a", instance="1"}', values: '0x10'}, {series: 'up{job="a", instance="2"}', values: '1 1 0x8'}]"#;

pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |name: &'static str, rules: &str, tests: String, passes: bool| {
        cases.push(Case {
            name,
            rules: rules.into(),
            tests,
            passes,
        });
    };
    let down = |instance: &str| {
        format!(
            "{{exp_labels: {{job: a, instance: '{instance}', severity: page, where: '{instance}'}}, exp_annotations: {{summary: '{instance} is at 0', url: /}}}}"
        )
    };
    let alert = |at: &str, name: &str, expect: &str| {
        format!("[{{eval_time: {at}, alertname: {name}, exp_alerts: [{expect}]}}]")
    };
    let expr = |expr: &str, at: &str, expect: &str| {
        format!("[{{expr: '{expr}', eval_time: {at}, exp_samples: [{expect}]}}]")
    };
    let minute = "interval: 1m";

    add(
        "pending is not firing",
        RULES,
        test(minute, UP, &alert("1m", "Down", ""), "[]"),
        true,
    );
    add(
        "fires after for",
        RULES,
        test(minute, UP, &alert("2m", "Down", &down("1")), "[]"),
        true,
    );
    add(
        "two fire, in any order",
        RULES,
        test(
            minute,
            UP,
            &alert("4m", "Down", &format!("{}, {}", down("2"), down("1"))),
            "[]",
        ),
        true,
    );
    add(
        "between evaluations the earlier one counts",
        RULES,
        test(minute, UP, &alert("150s", "Down", &down("1")), "[]"),
        true,
    );
    add(
        "one too few",
        RULES,
        test(minute, UP, &alert("4m", "Down", &down("1")), "[]"),
        false,
    );
    add(
        "one too many",
        RULES,
        test(minute, UP, &alert("1m", "Down", &down("1")), "[]"),
        false,
    );
    add(
        "an alert that nobody knows does not fire",
        RULES,
        test(minute, UP, &alert("4m", "Missing", ""), "[]"),
        true,
    );
    add(
        "an alert that nobody knows cannot be expected",
        RULES,
        test(minute, UP, &alert("4m", "Missing", &down("1")), "[]"),
        false,
    );
    add(
        "a wrong annotation",
        RULES,
        test(
            minute,
            UP,
            &alert("2m", "Down", &down("1").replace("is at 0", "is at 1")),
            "[]",
        ),
        false,
    );
    add(
        "a missing annotation",
        RULES,
        test(
            minute,
            UP,
            &alert(
                "2m",
                "Down",
                "{exp_labels: {job: a, instance: '1', severity: page, where: '1'}}",
            ),
            "[]",
        ),
        false,
    );
    add(
        "a wrong label",
        RULES,
        test(
            minute,
            UP,
            &alert("2m", "Down", &down("1").replace("page", "ticket")),
            "[]",
        ),
        false,
    );
    add(
        "labels and address of the installation",
        RULES,
        test(
            "{interval: 1m, external_url: 'http://room', external_labels: {region: eu}",
            UP,
            &alert(
                "2m",
                "Down",
                &down("1").replace("url: /", "url: 'http://room/eu'"),
            ),
            "[]",
        )
        .replace(
            "- {interval: 1m, external_url: 'http://room', external_labels: {region: eu}",
            "- interval: 1m\n  external_url: 'http://room'\n  external_labels: {region: eu}",
        ),
        true,
    );
    add(
        "the second group sees the first",
        RULES,
        // Promtool takes groups in no order of its own.
        test(minute, UP, &alert("2m", "NoneUp", "{exp_labels: {job: a}}"), "[]")
            .replace("tests:", "group_eval_order: [first, second]\ntests:"),
        true,
    );
    add(
        "the order of groups can be turned round",
        RULES,
        test(minute, UP, &alert("2m", "NoneUp", "{exp_labels: {job: a}}"), "[]")
            .replace("tests:", "group_eval_order: [second, first]\ntests:"),
        false,
    );
    add(
        "the order names a group twice",
        RULES,
        test(minute, UP, "[]", "[]").replace("tests:", "group_eval_order: [first, first]\ntests:"),
        false,
    );
    add(
        "a recorded series",
        RULES,
        test(
            minute,
            UP,
            "[]",
            &expr("job:up:sum", "1m", "{labels: 'job:up:sum{job=\"a\"}', value: 1}"),
        ),
        true,
    );
    add(
        "its name counts",
        RULES,
        test(
            minute,
            UP,
            "[]",
            &expr("job:up:sum", "1m", "{labels: '{job=\"a\"}', value: 1}"),
        ),
        false,
    );
    add(
        "a wrong value",
        RULES,
        test(
            minute,
            UP,
            "[]",
            &expr("job:up:sum", "1m", "{labels: 'job:up:sum{job=\"a\"}', value: 2}"),
        ),
        false,
    );
    add(
        "a scalar",
        RULES,
        test(minute, UP, "[]", &expr("1 + 1", "1m", "{labels: '{}', value: 2}")),
        true,
    );
    add(
        "a text has no samples",
        RULES,
        test(minute, UP, "[]", &expr("\"a\"", "1m", "")),
        false,
    );
    add(
        "a range vector has none either",
        RULES,
        test(minute, UP, "[]", &expr("up[5m]", "1m", "")),
        false,
    );
    add(
        "an expression that is none",
        RULES,
        test(minute, UP, "[]", &expr("sum(", "1m", "")),
        false,
    );
    add(
        "a selector that is none",
        RULES,
        test(minute, UP, "[]", &expr("up", "1m", "{labels: '{job=', value: 1}")),
        false,
    );
    add(
        "ALERTS and ALERTS_FOR_STATE",
        RULES,
        test(
            minute,
            UP,
            "[]",
            "[{expr: 'count(ALERTS{alertname=\"Down\"}) by (alertstate)', eval_time: 3m, exp_samples: [{labels: '{alertstate=\"firing\"}', value: 1}, \
             {labels: '{alertstate=\"pending\"}', value: 1}]}, {expr: 'max(ALERTS_FOR_STATE{alertname=\"Down\"})', eval_time: 3m, exp_samples: [{labels: '{}', value: 120}]}]",
        ),
        true,
    );
    add(
        "not a number is not even itself",
        RULES,
        test(
            minute,
            UP,
            "[]",
            &expr("0 / 0", "1m", "{labels: '{}', value: .nan}"),
        ),
        false,
    );
    add(
        "infinity",
        RULES,
        test(
            minute,
            UP,
            "[]",
            &expr("1 / 0", "1m", "{labels: '{}', value: .inf}"),
        ),
        true,
    );
    add(
        "the last digits count",
        RULES,
        test(
            minute,
            UP,
            "[]",
            &expr("0.1 + 0.2", "1m", "{labels: '{}', value: 0.3}"),
        ),
        false,
    );
    let notation = |values: &str, at: &str, expect: &str| {
        test(
            minute,
            &format!("[{{series: x, values: '{values}'}}]"),
            "[]",
            &expr("x", at, expect),
        )
    };
    add(
        "steps up",
        RULES,
        notation("1+2x3", "3m", "{labels: x, value: 7}"),
        true,
    );
    add(
        "steps down",
        RULES,
        notation("1-0.1x3", "3m", "{labels: x, value: 0.7000000000000001}"),
        true,
    );
    add(
        "repeats",
        RULES,
        notation("_x2 5x2 7", "5m", "{labels: x, value: 7}"),
        true,
    );
    add(
        "gaps are filled by the lookback",
        RULES,
        notation("3 _ _", "2m", "{labels: x, value: 3}"),
        true,
    );
    add("stale ends it", RULES, notation("3 stale", "1m", ""), true);
    add(
        "numbers of every kind",
        RULES,
        notation("0x0 1e2 -3.5 Inf", "2m", "{labels: x, value: -3.5}"),
        true,
    );
    add(
        "the end of a window that is closed",
        RULES,
        notation("1 2 3", "7m", "{labels: x, value: 3}"),
        true,
    );
    add("values that are none", RULES, notation("1 two", "0m", ""), false);
    add("a step without times", RULES, notation("1+1", "0m", ""), false);
    add(
        "a repetition without a number",
        RULES,
        notation("1x", "0m", ""),
        false,
    );
    add(
        "a series that is none",
        RULES,
        test(minute, "[{series: 'x{a=1}', values: '1'}]", "[]", "[]"),
        false,
    );
    add(
        "series at half minutes",
        RULES,
        test(
            "interval: 30s",
            "[{series: x, values: '0+1x20'}]",
            "[]",
            &expr("x", "5m", "{labels: x, value: 10}"),
        ),
        true,
    );
    add(
        "a field that nobody knows",
        RULES,
        test("intervall: 1m", UP, "[]", "[]"),
        false,
    );
    add(
        "an alert without its name",
        RULES,
        test(minute, UP, "[{eval_time: 1m}]", "[]"),
        false,
    );
    add(
        "a time that is none",
        RULES,
        test(minute, UP, &alert("5 minutes", "Down", ""), "[]"),
        false,
    );
    add("nothing to test", RULES, "rule_files: [rules.yml]\n".into(), true);
    add(
        "no tests, no rules",
        "groups: []",
        "rule_files: [rules.yml]\ntests: []\n".into(),
        true,
    );
    add(
        "rules that cannot be read",
        "groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]",
        test(minute, UP, "[]", "[]"),
        false,
    );
    let both = "groups: [{name: g, rules: [{record: y, expr: '-{__name__=~\"up|upp\"}'}]}]";
    add(
        "a rule that fails",
        both,
        test(
            minute,
            "[{series: 'up{a=\"1\"}', values: '1x5'}, {series: 'upp{a=\"1\"}', values: '_ _ 1x3'}]",
            "[]",
            &expr("1", "4m", "{labels: '{}', value: 1}"),
        ),
        false,
    );
    add(
        "it does not matter before it fails",
        both,
        test(
            minute,
            "[{series: 'up{a=\"1\"}', values: '1x5'}, {series: 'upp{a=\"1\"}', values: '_ _ 1x3'}]",
            "[]",
            &expr("y", "1m", "{labels: 'y{a=\"1\"}', value: -1}"),
        ),
        true,
    );
    let limited = "groups: [{name: g, limit: 1, rules: [{record: y, expr: up}]}]";
    add(
        "more series than the group allows",
        limited,
        test(minute, UP, "[]", &expr("1", "1m", "{labels: '{}', value: 1}")),
        false,
    );
    let future = "groups: [{name: g, rules: [{record: y, expr: 'x offset -2m'}]}]";
    add(
        "rules do not see what is yet to come",
        future,
        test(
            minute,
            "[{series: x, values: '0+1x10'}]",
            "[]",
            "[{expr: y, eval_time: 5m, exp_samples: [{labels: y, value: 5}]}]",
        ),
        true,
    );
    let typed =
        "groups: [{name: g, rules: [{alert: A, expr: up == 0, labels: {tier: 1.50, on: True, n: 007}}]}]";
    add(
        "scalars are texts as they are written",
        typed,
        test(
            minute,
            "[{series: up, values: '0'}]",
            &alert("0m", "A", "{exp_labels: {tier: '1.50', on: 'True', n: '007'}}"),
            "[]",
        ),
        true,
    );
    add(
        "two tests, each with its own series",
        RULES,
        test(
            minute,
            UP,
            &alert("4m", "Down", &format!("{}, {}", down("1"), down("2"))),
            "[]",
        ) + &format!(
            "- interval: 1m\n  name: second\n  input_series: []\n  alert_rule_test: {}\n",
            alert("4m", "Down", "")
        ),
        true,
    );
    cases
}
