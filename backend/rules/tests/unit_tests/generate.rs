//! Random rules over random series; the same seed gives the same files.

use std::fmt::Write as _;

use watchroom_rules::{UnitTestFailure, UnitTestRow};

/// A small generator of numbers, so that a seed means the same for ever.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x1234_5678_9ABC_DEF1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub(crate) fn below(&mut self, n: u64) -> u64 {
        (self.next() >> 16) % n
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len() as u64) as usize]
    }
}

pub(crate) struct Case {
    pub(crate) rules: String,
    series: String,
    interval: &'static str,
    checks: Vec<(String, String)>,
}

pub(crate) fn case(seed: u64) -> Case {
    let mut random = Random::new(seed);
    let mut rules = String::from("groups:\n");
    let mut names = vec!["x".to_owned(), "y".to_owned()];
    let mut alerts = Vec::new();
    for g in 0..1 + random.below(2) {
        let _ = writeln!(rules, "- name: g{g}\n  rules:");
        for r in 0..1 + random.below(4) {
            let of = names[random.below(names.len() as u64) as usize].clone();
            let inner = match random.below(7) {
                0 => format!("sum by (job) ({of})"),
                1 => format!("sum_over_time({of}[5m])"),
                2 => format!("max without (instance) ({of} * 2)"),
                3 => format!("{of} offset 2m"),
                4 => format!("max_over_time({of}[3m:1m])"),
                5 => format!("count({of}) by (instance)"),
                _ => format!("{of} - on (job, instance) group_left y"),
            };
            if random.below(2) == 0 {
                let name = format!("r{g}:{r}");
                let labels = random.one(&["{}", "{team: core}", "{job: all, n: 1}"]);
                let _ = writeln!(
                    rules,
                    "  - record: {name}\n    expr: {inner}\n    labels: {labels}"
                );
                names.push(name);
            } else {
                let (hold, keep) = (
                    random.one(&["0s", "1m", "3m", "10m"]),
                    random.one(&["0s", "0s", "2m"]),
                );
                let _ = writeln!(
                    rules,
                    "  - alert: A{g}{r}\n    expr: {inner} > {}\n    for: {hold}\n    keep_firing_for: {keep}\n    labels: {{severity: '{{{{ $labels.job }}}}-{hold}'}}\n    \
                     annotations: {{is: '{{{{ $value | humanize }}}} {{{{ $labels.instance }}}}'}}",
                    random.below(4)
                );
                alerts.push(format!("A{g}{r}"));
            }
        }
    }
    // Debian's promtool does not know keep_firing_for yet.
    let rules = rules
        .lines()
        .filter(|line| !line.contains("keep_firing_for"))
        .fold(String::new(), |all, line| all + line + "\n");
    let mut series = String::new();
    for name in ["x", "y"] {
        for (job, instance) in [("a", "1"), ("a", "2"), ("b", "1")] {
            let mut values = Vec::new();
            for _ in 0..2 + random.below(5) {
                values.push(match random.below(7) {
                    0 => format!("_x{}", 1 + random.below(3)),
                    1 => "stale".to_owned(),
                    2 => format!("{}+{}x{}", random.below(5), random.below(4), random.below(6)),
                    3 => format!("{}-0.5x{}", random.below(9), random.below(4)),
                    4 => format!("{}x{}", random.below(5), random.below(4)),
                    5 => format!("{}.25", random.below(100)),
                    _ => format!("-{}e{}", random.below(9), random.below(3)),
                });
            }
            let _ = writeln!(
                series,
                "  - {{series: '{name}{{job=\"{job}\", instance=\"{instance}\"}}', values: '{}'}}",
                values.join(" ")
            );
        }
    }
    let mut checks = Vec::new();
    for alert in alerts {
        for _ in 0..2 {
            checks.push((format!("alertname {alert:?}"), format!("{}m", random.below(15))));
        }
    }
    for name in names
        .into_iter()
        .chain(["ALERTS".to_owned(), "sum(x) by (job)".to_owned()])
    {
        checks.push((format!("expr {name:?}"), format!("{}m", random.below(15))));
    }
    checks.sort();
    checks.dedup();
    Case {
        rules,
        series,
        interval: ["1m", "30s", "2m"][random.below(3) as usize],
        checks,
    }
}

impl Case {
    /// A file of tests that expects what was found: differences to a file that expects nothing.
    pub(crate) fn tests(&self, found: &[&UnitTestFailure]) -> String {
        let (mut alerts, mut exprs) = (String::new(), String::new());
        for (what, at) in &self.checks {
            let got = found
                .iter()
                .find_map(|failure| match failure {
                    UnitTestFailure::Differs {
                        what: of,
                        at: when,
                        got,
                        ..
                    } if of == what && *at == format!("{}m", when.as_secs() / 60) => Some(&got[..]),
                    _ => None,
                })
                .unwrap_or_default();
            if let Some(name) = what.strip_prefix("alertname ") {
                let _ = writeln!(
                    alerts,
                    "  - eval_time: {at}\n    alertname: {name}\n    exp_alerts:"
                );
                for row in got {
                    let UnitTestRow::Alert { labels, annotations } = row else {
                        panic!("{row}");
                    };
                    let map = |pairs: &[(String, String)]| {
                        let pairs = pairs.iter().filter(|(name, _)| name != "alertname");
                        let pairs: Vec<String> = pairs.map(|(n, v)| format!("{n}: {v:?}")).collect();
                        format!("{{{}}}", pairs.join(", "))
                    };
                    let _ = writeln!(
                        alerts,
                        "    - exp_labels: {}\n      exp_annotations: {}",
                        map(labels),
                        map(annotations)
                    );
                }
            } else if let Some(expr) = what.strip_prefix("expr ") {
                let _ = writeln!(exprs, "  - expr: {expr}\n    eval_time: {at}\n    exp_samples:");
                for row in got {
                    let UnitTestRow::Number(labels, value) = row else {
                        panic!("{row}");
                    };
                    let labels = match labels.is_empty() {
                        true => "{}".to_owned(),
                        false => labels.to_string(),
                    };
                    let _ = writeln!(exprs, "    - {{labels: '{labels}', value: {value}}}");
                }
            }
        }
        let (series, interval) = (&self.series, self.interval);
        format!(
            "rule_files: [rules.yml]\nevaluation_interval: 1m\ngroup_eval_order: [g0, g1]\ntests:\n- interval: {interval}\n  input_series:\n{series}  alert_rule_test:\n{alerts}  \
             promql_expr_test:\n{exprs}"
        )
    }

    /// The same with one thing changed, so that it must fail; `None` if nothing was found that could be changed.
    pub(crate) fn wrong_tests(&self, seed: u64, found: &[&UnitTestFailure]) -> Option<String> {
        let right = self.tests(found);
        let (from, to) = match seed % 3 {
            0 => ("value: ", "value: 1"),
            1 => ("severity: \"", "severity: \"not "),
            _ => (
                "exp_samples:\n    - {labels: '",
                "exp_samples:\n    - {labels: 'other",
            ),
        };
        let change = |from: &str, to: &str| right.contains(from).then(|| right.replacen(from, to, 1));
        change(from, to).or_else(|| change("value: ", "value: 1"))
    }
}
