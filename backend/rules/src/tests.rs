//! Tests of evaluating rules over series held in memory.

use std::sync::Mutex;
use std::time::Duration;

use watchroom_model::{HistogramSample, Labels, NativeHistogram, Sample, SeriesData, is_stale};
use watchroom_query::SeriesSource;
use watchroom_query::promql::EvalOptions;

use crate::{
    AlertState, Batch, Evaluation, External, Group, Memory, Over, RuleError, Sink, SinkError, Surroundings,
    load,
};

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

/// Keeps what is written, and hands it on to a store in memory if there is one.
#[derive(Default)]
struct Written<'a> {
    batches: Mutex<Vec<Batch>>,
    into: Option<&'a Memory>,
}

impl Sink for Written<'_> {
    fn append(&self, batch: &Batch) -> Result<(), SinkError> {
        self.batches.lock().unwrap().push(batch.clone());
        self.into.map_or(Ok(()), |memory| memory.append(batch))
    }
}

/// An evaluation and what it wrote.
struct Done {
    evaluation: Evaluation,
    written: Vec<Batch>,
}

impl std::ops::Deref for Done {
    type Target = Evaluation;
    fn deref(&self) -> &Evaluation {
        &self.evaluation
    }
}

fn run(group: &mut Group, source: &dyn SeriesSource, into: Option<&Memory>, now_ms: i64) -> Done {
    let options = EvalOptions::default();
    let sink = Written {
        into,
        ..Written::default()
    };
    let evaluation = group.evaluate(
        &Surroundings {
            evaluate: &Over {
                source,
                options: &options,
            },
            sink: &sink,
            elapsed: &|| Duration::ZERO,
        },
        now_ms,
    );
    Done {
        evaluation,
        written: sink.batches.into_inner().unwrap(),
    }
}

#[expect(clippy::ptr_arg, reason = "a slice cannot be a trait object")]
fn at(group: &mut Group, source: &Vec<SeriesData>, minute: i64) -> Done {
    run(group, source, None, minute * MINUTE)
}

/// A store in memory with these series.
fn memory(series: &[SeriesData]) -> Memory {
    let memory = Memory::default();
    for one in series {
        one.samples
            .iter()
            .for_each(|sample| memory.add(&one.labels, *sample));
        for sample in &one.histograms {
            memory.add_histogram(&one.labels, sample.clone());
        }
    }
    memory
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

fn written(done: &Done) -> Vec<String> {
    let value = |v: f64| {
        if is_stale(v) {
            "stale".to_owned()
        } else {
            v.to_string()
        }
    };
    done.written
        .iter()
        .flat_map(|batch| &batch.samples)
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
    let memory = memory(&source);
    let evaluation = run(&mut group, &memory, Some(&memory), MINUTE);
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
    assert_eq!(ended.samples.len(), 1);
    assert!(ended.samples[0].0.metric_name() == "y" && is_stale(ended.samples[0].1.value));
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
    assert_eq!(evaluation.written, []);
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
    for outcome in at(&mut group, &source, 0).evaluation.outcomes {
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
        evaluation.written[0].samples[0].1,
        Sample {
            t_ms: MINUTE,
            value: 2.0
        }
    );
}

fn histogram(count: f64) -> NativeHistogram {
    NativeHistogram {
        count,
        sum: count * 2.0,
        positive: vec![(1, count)],
        ..NativeHistogram::default()
    }
}

fn latency(counts: &[f64]) -> SeriesData {
    let samples = counts.iter().enumerate().map(|(i, count)| HistogramSample {
        t_ms: i as i64 * MINUTE,
        histogram: histogram(*count).into(),
    });
    SeriesData {
        labels: Labels::from_pairs([("__name__", "latency"), ("job", "a")]),
        samples: Vec::new(),
        histograms: samples.collect(),
    }
}

#[test]
fn a_recorded_native_histogram_stays_one_and_a_later_rule_sees_it() {
    let memory = memory(&[latency(&[3.0])]);
    let mut group = group(
        "  - {record: 'latency:sum', expr: sum(latency)}\n  - {record: n, expr: 'histogram_count(latency:sum)'}\n",
    );
    let done = run(&mut group, &memory, Some(&memory), 0);
    let (labels, sample) = &done.written[0].histograms[0];
    assert_eq!((labels.to_string().as_str(), sample.t_ms), ("latency:sum", 0));
    assert_eq!((sample.histogram.count, sample.histogram.sum), (3.0, 6.0));
    assert_eq!(written(&done), ["n 3"]);
    // Its end is a stale marker like any other's.
    let done = run(&mut group, &Vec::new(), Some(&memory), MINUTE);
    assert_eq!(written(&done), ["latency:sum stale", "n stale"]);
    assert!(done.written.iter().all(|batch| batch.histograms.is_empty()));
}

#[test]
fn an_alert_about_a_native_histogram_shows_it() {
    let mut group = group("  - {alert: Any, expr: latency, annotations: {what: '{{ $value }}'}}\n");
    let done = at(&mut group, &vec![latency(&[3.0])], 0);
    assert_eq!(done.alerts[0].annotations[0].1, "{count:3, sum:6, (1,2]:3}");
    assert_eq!(done.alerts[0].value, 0.0);
}

#[test]
fn a_result_that_is_not_kept_is_a_failure_of_the_rule() {
    struct Full;
    impl Sink for Full {
        fn append(&self, _: &Batch) -> Result<(), SinkError> {
            Err(SinkError::new("disk is full"))
        }
    }
    let mut group = group("  - {record: y, expr: vector(1)}\n");
    let options = EvalOptions::default();
    let nothing: Vec<SeriesData> = Vec::new();
    let around = Surroundings {
        evaluate: &Over {
            source: &nothing,
            options: &options,
        },
        sink: &Full,
        elapsed: &|| Duration::ZERO,
    };
    group.evaluate(&around, 0);
    assert_eq!(
        group.status()[0].last_error,
        Some("results cannot be written: disk is full")
    );
}

#[test]
fn alerts_are_told_at_once_when_they_change_and_again_after_a_while() {
    let source = up(&[0.0, 0.0, 0.0, 0.0, 1.0]);
    let mut group = group("  - {alert: Down, expr: up == 0, for: 1m}\n");
    let (resend, interval) = (Duration::from_secs(90), Duration::from_secs(60));
    let mut due = |minute: i64| {
        at(&mut group, &source, minute);
        let due = group.due(minute * MINUTE, resend, interval);
        due.iter()
            .map(|n| (n.resolved, n.starts_at_ms / MINUTE, n.ends_at_ms))
            .collect::<Vec<_>>()
    };
    assert_eq!(due(0), []);
    assert_eq!(due(1), [(false, 1, MINUTE + 360_000)]);
    assert_eq!(due(2), []);
    assert_eq!(due(3), [(false, 1, 3 * MINUTE + 360_000)]);
    assert_eq!(due(4), [(true, 1, 4 * MINUTE)]);
    assert_eq!(due(5), []);
    assert_eq!(due(6), [(true, 1, 4 * MINUTE)]);
    // Told for fifteen minutes, not longer.
    assert_eq!(due(19).len(), 1);
    assert_eq!(due(20), []);
}

#[test]
fn pending_alerts_of_a_former_process_are_found_again_in_their_series() {
    let rule = "  - {alert: Down, expr: up == 0, for: 30m}\n";
    let memory = memory(&up(&[0.0; 120]));
    let mut before = group(rule);
    for minute in 0..=8 {
        run(&mut before, &memory, Some(&memory), minute * MINUTE);
    }
    let since = |at: i64| {
        let mut after = group(rule).looking_up_state();
        run(&mut after, &memory, None, at * MINUTE).alerts[0].active_at_ms / MINUTE
    };
    // Away for twelve minutes, which do not count.
    assert_eq!(since(20), 12);
    // More than an hour: it starts anew.
    assert_eq!(since(80), 80);
    // A rule that was about to fire waits ten minutes.
    for minute in 9..=25 {
        run(&mut before, &memory, Some(&memory), minute * MINUTE);
    }
    assert_eq!(since(40), 20);
    // One that fired already fires again at once.
    for minute in 26..=31 {
        run(&mut before, &memory, Some(&memory), minute * MINUTE);
    }
    let mut after = group(rule).looking_up_state();
    let done = run(&mut after, &memory, None, 50 * MINUTE);
    assert_eq!(moves(&done), [">pending", "pending>firing"]);
    // One that ended is not found.
    run(&mut before, &Vec::new(), Some(&memory), 32 * MINUTE);
    assert_eq!(since(60), 60);
}

#[test]
fn a_group_read_again_keeps_the_state_of_rules_that_stay() {
    let two = "  - {alert: Down, expr: up == 0, for: 1m}\n  - {record: y, expr: vector(1)}\n";
    let mut before = group(two);
    at(&mut before, &up(&[0.0]), 0);
    let mut after = group("  - {alert: Down, expr: 'up < 1', for: 1m}\n");
    let ended = after.take_over(before, MINUTE);
    assert_eq!(ended.samples.len(), 1);
    assert_eq!(ended.samples[0].0.metric_name(), "y");
    assert_eq!(moves(&at(&mut after, &up(&[0.0, 0.0]), 1)), ["pending>firing"]);
}
