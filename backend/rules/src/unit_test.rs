//! Unit tests of rules, in promtool's own file format.
//!
//! Invariant: what a file asks for is bounded before it is done: samples of its series, evaluations, bytes.
//! Not here: finding and reading files, and how a report is shown.
//!
//! Source: Prometheus, "Unit Testing for Rules", and `cmd/promtool/unittest.go`.

mod compare;
mod report;
mod run;
mod shape;
mod values;

use std::collections::HashSet;
use std::time::Duration;

use watchroom_model::Labels;
use watchroom_query::promql;

pub use report::{Failure, Row, TestReport};
pub use run::Settings;
use shape::Shape;
use values::Input;

/// Bytes that a file may have.
const MAX_BYTES: usize = 16 << 20;

/// Values that all series of a file may expand to.
const MAX_VALUES: usize = 5_000_000;

/// Interval of evaluations and of series where the file names none.
const INTERVAL: Duration = Duration::from_secs(60);

/// A file of unit tests.
#[derive(Debug, Clone)]
pub struct UnitTests {
    /// Rule files under test, as written: relative to the file's folder, perhaps with wildcards.
    pub rule_files: Vec<String>,
    /// Time between evaluations of every group.
    pub evaluation_interval: Duration,
    group_eval_order: Vec<String>,
    fuzzy: bool,
    tests: Vec<Test>,
}

/// One test: series, and what is expected of rules and expressions over them.
#[derive(Debug, Clone)]
struct Test {
    name: String,
    start_ms: i64,
    input: Vec<Input>,
    interval: Duration,
    alerts: Vec<AlertCase>,
    exprs: Vec<ExprCase>,
    external: crate::External,
}

#[derive(Debug, Clone)]
struct AlertCase {
    at: Duration,
    name: String,
    expected: Vec<Row>,
}

#[derive(Debug, Clone)]
struct ExprCase {
    text: String,
    at: Duration,
    /// Or what is wrong with what is expected.
    expected: Result<Vec<Row>, String>,
}

impl UnitTests {
    /// Reads the text of a file.
    ///
    /// ```
    /// use watchroom_rules::{UnitTests, UnitTestSettings, load};
    ///
    /// let rules = load("rules.yml", "groups: [{name: g, rules: [{alert: Down, expr: up == 0, for: 2m}]}]").unwrap();
    /// let tests = UnitTests::read("
    /// rule_files: [rules.yml]
    /// tests:
    /// - interval: 1m
    ///   input_series: [{series: 'up{job=\"a\"}', values: 0x5}]
    ///   alert_rule_test: [{eval_time: 3m, alertname: Down, exp_alerts: [{exp_labels: {job: a}}]}]
    /// ").unwrap();
    /// let reports = tests.run(&rules, &UnitTestSettings::default());
    /// assert!(reports.iter().all(|report| report.failures.is_empty()));
    /// ```
    ///
    /// # Errors
    /// What is wrong, with its line where known.
    pub fn read(text: &str) -> Result<Self, String> {
        if text.len() > MAX_BYTES {
            return Err(format!("file is longer than {MAX_BYTES} bytes"));
        }
        let shape: Option<Shape> = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
        let shape = shape.unwrap_or_default();
        let evaluation_interval = match shape::duration("evaluation_interval", &shape.evaluation_interval)? {
            Duration::ZERO => INTERVAL,
            interval => interval,
        };
        let mut seen = HashSet::new();
        let group_eval_order: Vec<String> = shape.group_eval_order.into_iter().map(|name| name.0).collect();
        if let Some(twice) = group_eval_order.iter().find(|name| !seen.insert(*name)) {
            return Err(format!("group_eval_order: {twice:?} is there twice"));
        }
        let tests = shape.tests.into_iter().enumerate();
        let mut room = MAX_VALUES;
        let tests = tests
            .map(|(i, test)| {
                let name = match test.name.0.as_str() {
                    "" => format!("tests[{i}]"),
                    name => format!("tests[{i}] ({name})"),
                };
                Self::read_test(test, evaluation_interval, &mut room).map_err(|why| format!("{name}.{why}"))
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            rule_files: shape.rule_files.into_iter().map(|file| file.0).collect(),
            evaluation_interval,
            group_eval_order,
            fuzzy: shape.fuzzy_compare,
            tests,
        })
    }

    fn read_test(test: shape::Test, evaluation_interval: Duration, room: &mut usize) -> Result<Test, String> {
        let interval = match shape::duration("interval", &test.interval)? {
            Duration::ZERO => evaluation_interval,
            interval => interval,
        };
        let mut alerts = Vec::new();
        for (i, case) in test.alert_rule_test.into_iter().enumerate() {
            let place = format!("alert_rule_test[{i}]");
            if case.alertname.0.is_empty() {
                return Err(format!("{place}.alertname: it is missing"));
            }
            let expected = case.exp_alerts.into_iter().map(|alert| {
                let mut labels = alert.exp_labels.0;
                labels.insert("alertname".into(), case.alertname.0.clone());
                Row::Alert {
                    labels: labels.into_iter().collect(),
                    annotations: alert.exp_annotations.0.into_iter().collect(),
                }
            });
            alerts.push(AlertCase {
                at: shape::duration(&format!("{place}.eval_time"), &case.eval_time)?,
                expected: expected.collect(),
                name: case.alertname.0,
            });
        }
        let mut exprs = Vec::new();
        for (i, case) in test.promql_expr_test.into_iter().enumerate() {
            let at = shape::duration(&format!("promql_expr_test[{i}].eval_time"), &case.eval_time)?;
            let expected = case.exp_samples.into_iter().map(|sample| {
                let labels = values::labels(&sample.labels.0)
                    .map_err(|why| format!("labels {:?}: {why}", sample.labels.0))?;
                Ok(match sample.histogram.0.as_str() {
                    "" => Row::Number(labels, sample.value),
                    text => Row::Histogram(
                        labels,
                        promql::parse_histogram(text).map_err(|why| format!("histogram {text:?}: {why}"))?,
                    ),
                })
            });
            exprs.push(ExprCase {
                text: case.expr.0,
                at,
                expected: expected.collect(),
            });
        }
        let mut input = Vec::new();
        for (i, series) in test.input_series.into_iter().enumerate() {
            let read = Input::read(&series.series.0, &series.values.0)
                .map_err(|why| format!("input_series[{i}] ({}): {why}", series.series.0))?;
            *room = room
                .checked_sub(read.values.len())
                .ok_or_else(|| format!("input_series[{i}]: the file has more than {MAX_VALUES} values"))?;
            input.push(read);
        }
        Ok(Test {
            name: test.name.0,
            start_ms: shape::timestamp(&test.start_timestamp.0)?,
            input,
            interval,
            alerts,
            exprs,
            external: crate::External {
                labels: Labels::from_pairs(test.external_labels.0.iter()),
                url: test.external_url.0,
            },
        })
    }
}
