//! Running tests: series are loaded as time goes on, groups are evaluated, and what is firing is compared.

use std::fmt;
use std::time::Duration;

use watchroom_model::{HistogramSample, Labels, Point, Sample};
use watchroom_query::promql::{self, EvalOptions, Value, WindowBounds};

use super::values::Given;
use super::{AlertCase, Failure, Row, Test, TestReport, UnitTests, compare};
use crate::{AlertState, Group, GroupSpec, Memory, Over, Surroundings};

/// Evaluations of all groups that one test may take.
const MAX_EVALUATIONS: u64 = 1_000_000;

/// How tests are run.
#[derive(Clone, Copy)]
pub struct Settings<'a> {
    /// Which edges the windows of expressions include.
    pub windows: WindowBounds,
    /// Whether a test of this name is to be run; the name of one without is empty.
    pub wanted: &'a dyn Fn(&str) -> bool,
}

impl Default for Settings<'_> {
    fn default() -> Self {
        Self {
            windows: WindowBounds::default(),
            wanted: &|_| true,
        }
    }
}

impl fmt::Debug for Settings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("windows", &self.windows)
            .finish_non_exhaustive()
    }
}

impl UnitTests {
    /// Runs the tests over groups of rules, those of all of [`UnitTests::rule_files`], in order.
    #[must_use]
    pub fn run(&self, groups: &[GroupSpec], settings: &Settings<'_>) -> Vec<TestReport> {
        let mut groups: Vec<&GroupSpec> = groups.iter().collect();
        groups.sort_by_key(|group| {
            let place = self.group_eval_order.iter().position(|name| *name == group.name);
            place.unwrap_or(0)
        });
        let wanted = self
            .tests
            .iter()
            .enumerate()
            .filter(|(_, test)| (settings.wanted)(&test.name));
        wanted
            .map(|(i, test)| TestReport {
                name: match test.name.as_str() {
                    "" => format!("tests[{i}]"),
                    name => name.to_owned(),
                },
                failures: self.test(test, &groups, settings),
            })
            .collect()
    }

    fn test(&self, test: &Test, specs: &[&GroupSpec], settings: &Settings<'_>) -> Vec<Failure> {
        let times = test
            .alerts
            .iter()
            .map(|case| case.at)
            .chain(test.exprs.iter().map(|case| case.at));
        let end = times.max().unwrap_or_default();
        let step = self.evaluation_interval;
        let steps = end.as_millis() / step.as_millis().max(1);
        if steps >= u128::from(MAX_EVALUATIONS) {
            return vec![Failure::Fails {
                what: "test".into(),
                at: end,
                reason: format!("more than {MAX_EVALUATIONS} evaluations would be needed"),
            }];
        }
        let mut bench = Bench {
            memory: Memory::default(),
            loaded: 0,
            test,
            options: EvalOptions {
                window: settings.windows,
                subquery_step: step,
                ..EvalOptions::default()
            },
            groups: specs
                .iter()
                .map(|spec| Group::new((*spec).clone()).with_external(test.external.clone()))
                .collect(),
        };
        let mut failures = Vec::new();
        for i in 0..=steps as u32 {
            let at = step * i;
            let failed = bench.evaluate(at);
            if !failed.is_empty() {
                failures.extend(failed);
                return failures;
            }
            // A test between two evaluations sees the first of them.
            let mut due: Vec<&AlertCase> = test
                .alerts
                .iter()
                .filter(|case| case.at >= at && case.at < at + step)
                .collect();
            due.sort_by_key(|case| case.at);
            failures.extend(due.into_iter().filter_map(|case| bench.alerts(case, self.fuzzy)));
        }
        bench.load_until(end);
        for case in &test.exprs {
            let what = format!("expr {:?}", case.text);
            let fails = |reason| Failure::Fails {
                what: what.clone(),
                at: case.at,
                reason,
            };
            match (bench.query(&case.text, case.at), case.expected.clone()) {
                (Err(reason), _) | (_, Err(reason)) => failures.push(fails(reason)),
                (Ok(mut got), Ok(mut expected)) => {
                    compare::sort(&mut got);
                    compare::sort(&mut expected);
                    if !compare::same(&expected, &got, self.fuzzy) {
                        failures.push(Failure::Differs {
                            what: what.clone(),
                            at: case.at,
                            expected,
                            got,
                        });
                    }
                }
            }
        }
        failures
    }
}

/// One test while it runs.
struct Bench<'a> {
    memory: Memory,
    /// Values of each series that are loaded.
    loaded: usize,
    test: &'a Test,
    options: EvalOptions,
    groups: Vec<Group>,
}

impl Bench<'_> {
    fn ms(&self, at: Duration) -> i64 {
        self.test
            .start_ms
            .saturating_add(i64::try_from(at.as_millis()).unwrap_or(i64::MAX))
    }

    /// Loads what series have up to a moment: rules must not see what is yet to come.
    fn load_until(&mut self, at: Duration) {
        let interval_ms = self.test.interval.as_millis().max(1);
        let upto = usize::try_from(at.as_millis() / interval_ms + 1).unwrap_or(usize::MAX);
        for input in &self.test.input {
            let values = input.values.iter().enumerate().take(upto).skip(self.loaded);
            for (i, value) in values {
                let offset = i64::try_from(interval_ms * i as u128).unwrap_or(i64::MAX);
                let t_ms = self.test.start_ms.saturating_add(offset);
                match value {
                    Given::Nothing => {}
                    Given::Number(value) => self.memory.add(&input.labels, Sample { t_ms, value: *value }),
                    Given::Histogram(histogram) => {
                        let histogram = histogram.clone();
                        self.memory
                            .add_histogram(&input.labels, HistogramSample { t_ms, histogram });
                    }
                }
            }
        }
        self.loaded = upto;
    }

    /// Evaluates every group; rules that failed.
    fn evaluate(&mut self, at: Duration) -> Vec<Failure> {
        self.load_until(at);
        let now_ms = self.ms(at);
        let mut failures = Vec::new();
        for group in &mut self.groups {
            let around = Surroundings {
                evaluate: &Over {
                    source: &self.memory,
                    options: &self.options,
                },
                sink: &self.memory,
                elapsed: &|| Duration::ZERO,
            };
            group.evaluate(&around, now_ms);
            for rule in group.status() {
                if let Some(error) = rule.last_error {
                    failures.push(Failure::Fails {
                        what: format!("rule {:?}", rule.spec.name),
                        at,
                        reason: error.to_owned(),
                    });
                }
            }
        }
        failures
    }

    fn alerts(&self, case: &AlertCase, fuzzy: bool) -> Option<Failure> {
        let pairs = |labels: &Labels| labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        let mut got = Vec::new();
        for rule in self.groups.iter().flat_map(Group::status) {
            let firing = rule
                .alerts
                .into_iter()
                .filter(|alert| alert.state == AlertState::Firing);
            got.extend(
                firing
                    .filter(|alert| alert.name == case.name)
                    .map(|alert| Row::Alert {
                        labels: pairs(&alert.labels),
                        annotations: alert.annotations.clone(),
                    }),
            );
        }
        let mut expected = case.expected.clone();
        compare::sort(&mut got);
        compare::sort(&mut expected);
        (!compare::same(&expected, &got, fuzzy)).then(|| Failure::Differs {
            what: format!("alertname {:?}", case.name),
            at: case.at,
            expected,
            got,
        })
    }

    fn query(&self, text: &str, at: Duration) -> Result<Vec<Row>, String> {
        let query = promql::parse(text).map_err(|error| error.to_string())?;
        let output = promql::instant(&query, &self.memory, self.ms(at), &self.options)
            .map_err(|error| error.to_string())?;
        match output.value {
            Value::Vector(vector) => Ok(vector
                .into_iter()
                .map(|(labels, point)| match point {
                    Point::Float(sample) => Row::Number(labels, sample.value),
                    Point::Histogram(sample) => Row::Histogram(labels, sample.histogram.as_ref().clone()),
                })
                .collect()),
            Value::Scalar(sample) => Ok(vec![Row::Number(Labels::empty(), sample.value)]),
            _ => Err("rule result is not a vector or scalar".into()),
        }
    }
}
