//! Tests of evaluating rules over series held in memory.

use watchroom_model::{Labels, Sample, SeriesData, is_stale};
use watchroom_query::promql::EvalOptions;

use crate::{AlertState, Evaluation, External, Group, RuleError, load};

const MINUTE: i64 = 60_000;

/// A series with a value for each minute.
fn series(labels: &[(&str, &str)], values: &[f64]) -> SeriesData {
    let samples = values
        .iter()
        .enumerate()
        .map(|(i, v)| Sample {
            t_ms: i as i64 * MINUTE,
            value: *v,
        })
        .collect();
    SeriesData::floats(Labels::from_pairs(labels.iter().copied()), samples)
}

fn group(rules: &str) -> Group {
    let text = format!("groups:\n- name: test\n  rules:\n{rules}");
    let mut groups = load("test.yml", &text).unwrap_or_else(|errors| panic!("{}\n{text}", errors[0]));
    Group::new(groups.remove(0))
}

#[expect(clippy::ptr_arg, reason = "a slice cannot be a trait object")]
fn at(group: &mut Group, source: &Vec<SeriesData>, minute: i64) -> Evaluation {
    group.evaluate(source, minute * MINUTE, &EvalOptions::default())
}

/// `from>to` of each transition.
fn moves(evaluation: &Evaluation) -> Vec<String> {
    let word = |state: Option<AlertState>| state.map_or("", AlertState::as_str);
    evaluation
        .transitions
        .iter()
        .map(|t| format!("{}>{}", word(t.from), word(t.to)))
        .collect()
}

fn written(evaluation: &Evaluation) -> Vec<String> {
    let value = |v: f64| {
        if is_stale(v) {
            "stale".to_owned()
        } else {
            v.to_string()
        }
    };
    evaluation
        .samples
        .iter()
        .map(|(labels, sample)| format!("{labels} {}", value(sample.value)))
        .collect()
}

const DOWN: &str = "
  - alert: Down
    expr: up == 0
    for: 2m
    labels: {severity: warning, where: '{{ $labels.job }}'}
    annotations: {summary: '{{ $labels.instance }} is at {{ $value }}'}
";

fn up(values: &[f64]) -> Vec<SeriesData> {
    vec![series(
        &[("__name__", "up"), ("job", "deriva"), ("instance", "a:1")],
        values,
    )]
}

#[test]
fn an_alert_is_pending_then_fires_then_is_resolved() {
    let source = up(&[0.0, 0.0, 0.0, 1.0, 1.0]);
    let mut group = group(DOWN);
    let first = at(&mut group, &source, 0);
    assert_eq!(moves(&first), [">pending"]);
    let labels = r#"{alertname="Down", instance="a:1", job="deriva", severity="warning", where="deriva"}"#;
    assert_eq!(first.alerts[0].labels.to_string(), labels);
    assert_eq!(
        first.alerts[0].annotations,
        [("summary".to_owned(), "a:1 is at 0".to_owned())]
    );
    assert_eq!(moves(&at(&mut group, &source, 1)), [""; 0]);
    let firing = at(&mut group, &source, 2);
    assert_eq!(moves(&firing), ["pending>firing"]);
    assert_eq!(
        (firing.alerts[0].active_at_ms, firing.alerts[0].fired_at_ms),
        (0, Some(2 * MINUTE))
    );
    let resolved = at(&mut group, &source, 3);
    assert_eq!(moves(&resolved), ["firing>resolved"]);
    assert_eq!(resolved.alerts[0].resolved_at_ms, Some(3 * MINUTE));
    // It is told for a while, then forgotten.
    assert_eq!(at(&mut group, &source, 18).alerts.len(), 1);
    assert_eq!(at(&mut group, &source, 19).alerts.len(), 0);
}

#[test]
fn an_alert_without_for_fires_at_once() {
    let mut group = group("  - {alert: Down, expr: up == 0}\n");
    assert_eq!(
        moves(&at(&mut group, &up(&[0.0]), 0)),
        [">pending", "pending>firing"]
    );
}

#[test]
fn a_pending_alert_that_ceases_is_forgotten() {
    let source = up(&[0.0, 1.0, 0.0]);
    let mut group = group(DOWN);
    at(&mut group, &source, 0);
    assert_eq!(moves(&at(&mut group, &source, 1)), ["pending>"]);
    assert_eq!(at(&mut group, &source, 2).alerts[0].active_at_ms, 2 * MINUTE);
}

#[test]
fn keeps_firing_for_the_time_asked() {
    let source = up(&[0.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    let mut group = group("  - {alert: Down, expr: up == 0, keep_firing_for: 2m}\n");
    at(&mut group, &source, 0);
    for minute in 1..=5 {
        assert_eq!(
            moves(&at(&mut group, &source, minute)),
            [""; 0],
            "minute {minute}"
        );
    }
    // Counted from minute 4, since the condition held again at 3.
    assert_eq!(moves(&at(&mut group, &source, 6)), ["firing>resolved"]);
}

#[test]
fn shows_alerts_as_series_and_ends_them() {
    let source = up(&[0.0, 0.0, 0.0, 1.0]);
    let mut group = group("  - {alert: Down, expr: up == 0, for: 1m}\n");
    let labels = r#"instance="a:1", job="deriva""#;
    let pending = format!(r#"ALERTS{{alertname="Down", alertstate="pending", {labels}}}"#);
    let firing = format!(r#"ALERTS{{alertname="Down", alertstate="firing", {labels}}}"#);
    let since = format!(r#"ALERTS_FOR_STATE{{alertname="Down", {labels}}}"#);
    at(&mut group, &source, 0);
    let fires = written(&at(&mut group, &source, 1));
    assert_eq!(
        fires,
        [
            format!("{firing} 1"),
            format!("{since} 0"),
            format!("{pending} stale")
        ]
    );
    at(&mut group, &source, 2);
    let ends = written(&at(&mut group, &source, 3));
    assert_eq!(ends, [format!("{firing} stale"), format!("{since} stale")]);
    assert_eq!(written(&at(&mut group, &source, 4)), [""; 0]);
}

#[test]
fn a_later_rule_sees_what_an_earlier_one_recorded() {
    let source = vec![
        series(&[("__name__", "x"), ("job", "a")], &[1.0, 2.0]),
        series(&[("__name__", "x"), ("job", "b")], &[10.0, 20.0]),
        series(&[("__name__", "x:sum")], &[11.0]),
    ];
    let mut group = group(
        "  - {record: 'x:sum', expr: sum(x), labels: {team: core}}\n  - {alert: High, expr: 'x:sum{team=\"core\"} > 20'}\n",
    );
    let evaluation = at(&mut group, &source, 1);
    assert_eq!(written(&evaluation)[0], r#"x:sum{team="core"} 22"#);
    assert_eq!(evaluation.alerts[0].value, 22.0);
    let results: Vec<usize> = evaluation
        .outcomes
        .iter()
        .map(|o| *o.result.as_ref().unwrap())
        .collect();
    assert_eq!(results, [1, 1]);
}

#[test]
fn a_recorded_series_that_ends_is_marked_stale() {
    let mut source = vec![series(&[("__name__", "x")], &[1.0])];
    let mut group = group("  - {record: y, expr: x * 2}\n");
    assert_eq!(written(&at(&mut group, &source, 0)), ["y 2"]);
    source.clear();
    assert_eq!(written(&at(&mut group, &source, 1)), ["y stale"]);
    assert_eq!(written(&at(&mut group, &source, 2)), [""; 0]);
}

#[test]
fn closing_a_group_ends_its_series() {
    let mut group = group("  - {record: y, expr: vector(1)}\n");
    at(&mut group, &Vec::new(), 0);
    let ended = group.close(MINUTE);
    assert_eq!(ended.len(), 1);
    assert!(ended[0].0.metric_name() == "y" && is_stale(ended[0].1.value));
}

#[test]
fn a_rule_that_fails_keeps_its_alerts_and_says_why() {
    let mut source = up(&[0.0, 0.0]);
    let mut group =
        group("  - {alert: Down, expr: '-{__name__=~\"up|gone\"} == 0'}\n  - {alert: Text, expr: '\"x\"'}\n");
    at(&mut group, &source, 0);
    // A second metric with the same labels makes the negation ambiguous.
    source.push(series(
        &[("__name__", "gone"), ("job", "deriva"), ("instance", "a:1")],
        &[0.0, 0.0],
    ));
    let evaluation = at(&mut group, &source, 1);
    assert!(matches!(evaluation.outcomes[0].result, Err(RuleError::Eval(_))));
    assert_eq!(evaluation.alerts.len(), 1);
    assert_eq!(evaluation.samples, []);
    let status = group.status();
    assert_eq!(
        status[0].last_error.map(|error| error.split(':').next().unwrap()),
        Some("cannot evaluate the expression")
    );
    assert_eq!(
        status[1].last_error,
        Some("result of the expression must be an instant vector or a scalar, got string")
    );
}

#[test]
fn labels_that_make_two_alerts_the_same_are_an_error() {
    let source = vec![
        series(&[("__name__", "up"), ("instance", "a")], &[0.0]),
        series(&[("__name__", "up"), ("instance", "b")], &[0.0]),
    ];
    let mut group = group("  - {alert: Down, expr: up == 0, labels: {instance: all}}\n");
    let evaluation = at(&mut group, &source, 0);
    assert_eq!(
        evaluation.outcomes[0].result.as_ref().unwrap_err().to_string(),
        r#"vector contains metrics with the same labelset after applying rule labels: {alertname="Down", instance="all"}"#
    );
    assert_eq!(evaluation.alerts, []);
}

#[test]
fn a_group_limits_what_a_rule_gives() {
    let source = vec![
        series(&[("__name__", "up"), ("instance", "a")], &[0.0]),
        series(&[("__name__", "up"), ("instance", "b")], &[0.0]),
    ];
    let text = "groups: [{name: g, limit: 1, rules: [{alert: Down, expr: up == 0}, {record: y, expr: up}]}]";
    let mut group = Group::new(load("f", text).unwrap().remove(0));
    for outcome in at(&mut group, &source, 0).outcomes {
        assert!(matches!(
            outcome.result,
            Err(RuleError::Limit { limit: 1, got: 2 })
        ));
    }
}

#[test]
fn state_outlives_a_restart_and_time_away_does_not_count() {
    let source = up(&[0.0; 30]);
    let mut before = group(DOWN);
    at(&mut before, &source, 0);
    at(&mut before, &source, 1);
    let snapshot = before.snapshot(MINUTE);
    // Pending for one minute, then away for ten.
    let mut after = group(DOWN);
    after.restore(&snapshot, 11 * MINUTE);
    assert_eq!(after.status()[0].alerts[0].state, AlertState::Pending);
    assert_eq!(moves(&at(&mut after, &source, 11)), [""; 0]);
    assert_eq!(moves(&at(&mut after, &source, 12)), ["pending>firing"]);
    // A firing alert goes on firing, and is resolved if its condition went away meanwhile.
    let snapshot = after.snapshot(12 * MINUTE);
    let mut third = group(DOWN);
    third.restore(&snapshot, 13 * MINUTE);
    assert_eq!(moves(&at(&mut third, &source, 13)), [""; 0]);
    let mut fourth = group(DOWN);
    fourth.restore(&snapshot, 13 * MINUTE);
    assert_eq!(moves(&at(&mut fourth, &Vec::new(), 13)), ["firing>resolved"]);
    // Old state says nothing any more.
    let mut late = group(DOWN);
    late.restore(&snapshot, 12 * MINUTE + 61 * MINUTE);
    assert_eq!(late.status()[0].alerts.len(), 0);
}

#[test]
fn restores_by_place_then_by_name() {
    let two = "  - {alert: A, expr: up == 0, labels: {severity: low}}\n  - {alert: A, expr: up == 0, labels: {severity: high}}\n";
    let mut before = group(two);
    at(&mut before, &up(&[0.0]), 0);
    let mut after = group(two);
    after.restore(&before.snapshot(0), 0);
    let severities: Vec<_> = after
        .status()
        .iter()
        .map(|rule| rule.alerts[0].labels.get("severity").unwrap().to_owned())
        .collect();
    assert_eq!(severities, ["low", "high"]);
}

#[test]
fn templates_ask_the_store_and_know_the_installation() {
    let rules = "
  - alert: Down
    expr: up == 0
    annotations:
      all: '{{ with query \"count(up)\" }}{{ . | first | value }}{{ end }} at {{ $externalURL }} in {{ $externalLabels.region }}'
      bad: '{{ query \"sum(\" }}'
";
    let external = External {
        labels: Labels::from_pairs([("region", "eu")]),
        url: "http://room".into(),
    };
    let mut group = group(rules).with_external(external);
    let evaluation = at(&mut group, &up(&[0.0]), 0);
    assert_eq!(evaluation.alerts[0].annotations[0].1, "1 at http://room in eu");
    assert_eq!(
        evaluation.alerts[0].annotations[1].1,
        "<error expanding template: error calling query: 1:4: parse error: unclosed parenthesis \"(\">"
    );
}

#[test]
fn the_offset_of_a_group_moves_its_evaluation_back() {
    let source = vec![series(&[("__name__", "x")], &[1.0, 2.0, 3.0])];
    let text = "groups: [{name: g, query_offset: 1m, rules: [{record: y, expr: x}]}]";
    let mut group = Group::new(load("f", text).unwrap().remove(0));
    let evaluation = at(&mut group, &source, 2);
    assert_eq!(
        evaluation.samples[0].1,
        Sample {
            t_ms: MINUTE,
            value: 2.0
        }
    );
}
