//! Random queries of the right types.
//!
//! Results are of two sorts: exact ones are the same to the last bit whatever the order of additions, and may be compared,
//! ranked and counted; the others may only be calculated with.
//! Left out are the cases whose answer is an accident: dates of infinite values, remainders and sines of huge ones; and those in
//! which Prometheus 2 errs and Prometheus 3 does not: `timestamp` and `predict_linear` with `@` in a range query, and a minus
//! sign before series that are the same without their names but never at the same time.

use crate::data::{LENGTH_MS, Random, START_MS};

pub(crate) struct Generator {
    random: Random,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: Random::new(seed),
        }
    }

    /// Start, end and step.
    pub(crate) fn range(&mut self) -> (i64, i64, i64) {
        let r = &mut self.random;
        let start_ms = START_MS + r.below((LENGTH_MS / 1000) as u64) as i64 * 1000;
        let step_ms = [1, 15, 60, 77, 300][r.below(5) as usize] * 1000;
        (start_ms, start_ms + step_ms * (1 + r.below(12) as i64), step_ms)
    }

    pub(crate) fn query(&mut self) -> String {
        if self.chance(3) {
            self.exact(3)
        } else {
            self.any(3)
        }
    }

    fn chance(&mut self, n: u64) -> bool {
        self.random.below(n) == 0
    }

    fn pick(&mut self, from: &[&'static str]) -> &'static str {
        self.random.pick(from)
    }

    fn metric(&mut self) -> String {
        let metric = self.pick(&["requests_total", "errors_total", "queue", "temperature"]);
        let matchers = self.pick(&[
            "",
            "",
            "",
            "{job=\"api\"}",
            "{instance!=\"a\"}",
            "{instance=~\"a|c\"}",
            "{job!~\"w.*\",instance=\"b\"}",
            "{x=\"\"}",
        ]);
        format!("{metric}{matchers}")
    }

    fn shift(&mut self) -> String {
        let offset = self.pick(&["", "", "", "", " offset 5m", " offset -2m", " offset 77s"]);
        let at = match self.random.below(12) {
            0 => " @ start()".to_owned(),
            1 => " @ end()".to_owned(),
            2 => format!(" @ {}", START_MS / 1000 + self.random.below(7200) as i64),
            _ => String::new(),
        };
        format!("{at}{offset}")
    }

    fn window(&mut self) -> &'static str {
        self.pick(&["[15s]", "[1m]", "[5m]", "[20m]", "[90s]"])
    }

    /// A range vector of samples or of an exact subquery.
    fn exact_range(&mut self, depth: u32) -> String {
        if depth > 0 && self.chance(4) {
            let step = self.pick(&["[5m:30s]", "[2m:15s]", "[10m:1m]", "[3m:]", "[100s:7s]"]);
            let inner = self.exact(depth - 1);
            return format!("({inner}){step}{}", self.shift());
        }
        format!("{}{}{}", self.metric(), self.window(), self.shift())
    }

    fn grouping(&mut self) -> &'static str {
        self.pick(&[
            "",
            "by (job)",
            "by (instance)",
            "without (instance)",
            "by (job, instance)",
            "without (job)",
            "by ()",
            "by (x)",
        ])
    }

    fn exact(&mut self, depth: u32) -> String {
        if depth == 0 {
            return format!("{}{}", self.metric(), self.shift());
        }
        let d = depth - 1;
        match self.random.below(22) {
            0..=2 => {
                let f = self.pick(&[
                    "min_over_time",
                    "max_over_time",
                    "count_over_time",
                    "last_over_time",
                    "present_over_time",
                    "changes",
                    "resets",
                    "idelta",
                ]);
                format!("{f}({})", self.exact_range(d))
            }
            3 | 4 => {
                let f = self.pick(&["min", "max", "count", "group", "sum"]);
                format!("{f} {} ({})", self.grouping(), self.exact(d))
            }
            5 => format!(
                "{} {} ({}, {})",
                self.pick(&["topk", "bottomk"]),
                self.grouping(),
                self.pick(&["1", "2", "5", "0"]),
                self.finite()
            ),
            6 => format!("count_values {} (\"v\", {})", self.grouping(), self.exact(d)),
            7 => format!(
                "{}({})",
                self.pick(&["abs", "ceil", "floor", "sgn"]),
                self.exact(d)
            ),
            8 => format!("clamp({}, -5, 40)", self.exact(d)),
            9 | 10 => {
                let op = self.pick(&[">", "<", ">=", "<=", "==", "!="]);
                let bool = self.pick(&["", "bool"]);
                format!(
                    "({}) {op} {bool} {}",
                    self.exact(d),
                    self.pick(&["0", "10", "-3.5", "100"])
                )
            }
            11 => {
                let op = self.pick(&[">", "<=", "!=", "> bool", "== bool"]);
                format!("({}) {op} on(job, instance) ({})", self.exact(d), self.exact(d))
            }
            12 | 13 => {
                let op = self.pick(&["and", "or", "unless"]);
                let on = self.pick(&["", "on(job)", "on(instance, job)", "ignoring(instance)", "on()"]);
                format!("({}) {op} {on} ({})", self.exact(d), self.exact(d))
            }
            14 => format!(
                "({}) {} {}",
                self.exact(d),
                self.pick(&["+", "-", "*"]),
                self.pick(&["2", "0.5", "-4"])
            ),
            15 => {
                let on = self.pick(&[
                    "on(job, instance)",
                    "ignoring(x)",
                    "",
                    "on(job) group_left()",
                    "on(instance) group_right(job)",
                ]);
                format!(
                    "({}) {} {on} ({})",
                    self.exact(d),
                    self.pick(&["+", "-"]),
                    self.exact(d)
                )
            }
            16 => format!("({}) * on(job) group_left(version) build_info", self.exact(d)),
            17 => format!(
                "label_replace({}, \"{}\", \"$1-x\", \"instance\", \"(a|b)\")",
                self.exact(d),
                self.pick(&["y", "instance"])
            ),
            18 => format!(
                "label_join({}, \"z\", \"-\", \"job\", \"instance\", \"none\")",
                self.exact(d)
            ),
            19 => format!(
                "{}({})",
                self.pick(&["absent", "sort", "sort_desc"]),
                self.exact(d)
            ),
            20 => format!("absent_over_time({})", self.exact_range(d)),
            _ => self
                .pick(&[
                    "time()",
                    "vector(time())",
                    "minute()",
                    "hour(requests_total)",
                    "day_of_week(vector(time()))",
                    "scalar(queue{job=\"api\",instance=\"a\"})",
                    "1 + 2 ^ 3 % 5",
                    "-queue",
                    "timestamp(errors_total offset 5m)",
                    "timestamp(abs(queue))",
                ])
                .to_owned(),
        }
    }

    /// A selector of series that are never infinite and never equal.
    fn finite(&mut self) -> String {
        format!(
            "{}{}",
            self.pick(&["requests_total", "errors_total"]),
            self.shift()
        )
    }

    fn counter_range(&mut self) -> String {
        format!(
            "{}{}{}",
            self.pick(&["requests_total", "errors_total", "errors_total{job=\"web\"}"]),
            self.window(),
            self.shift()
        )
    }

    fn any(&mut self, depth: u32) -> String {
        if depth == 0 {
            return format!("rate({})", self.counter_range());
        }
        let d = depth - 1;
        match self.random.below(14) {
            0..=2 => format!(
                "{}({})",
                self.pick(&["rate", "increase", "irate", "delta"]),
                self.counter_range()
            ),
            3 => {
                let f = self.pick(&[
                    "deriv",
                    "delta",
                    "avg_over_time",
                    "stddev_over_time",
                    "stdvar_over_time",
                    "sum_over_time",
                ]);
                format!("{f}({})", self.counter_range())
            }
            4 => format!(
                "quantile_over_time({}, {})",
                self.pick(&["0", "0.3", "0.99", "1", "1.5"]),
                self.counter_range()
            ),
            // Without "@": in a range query Prometheus 2 then moves the window of this one function along.
            5 => {
                let (window, ahead) = (self.window(), self.pick(&["60", "-30"]));
                format!("predict_linear(requests_total{window} offset 1m, {ahead})")
            }
            // Deviations of numbers only: of a lone NaN Prometheus 2 makes 0, Prometheus 3 NaN.
            6 if self.chance(3) => {
                let (f, range) = (self.pick(&["stddev", "stdvar"]), self.counter_range());
                format!("{f} {} (rate({range}))", self.grouping())
            }
            6 => format!(
                "{} {} ({})",
                self.pick(&["sum", "avg"]),
                self.grouping(),
                self.any(d)
            ),
            7 => format!(
                "quantile {} ({}, {})",
                self.grouping(),
                self.pick(&["0.1", "0.5", "0.9"]),
                self.any(d)
            ),
            8 => format!("({}) / on(job, instance) ({})", self.any(d), self.any(d)),
            9 => format!(
                "({}) {} {}",
                self.any(d),
                self.pick(&["/", "*", "+"]),
                self.pick(&["3", "0.7", "60"])
            ),
            10 => format!(
                "{}({})",
                self.pick(&["sqrt", "exp", "ln", "log2", "log10", "sin", "atan", "deg"]),
                self.any(d)
            ),
            11 => format!(
                "histogram_quantile({}, rate(latency_seconds_bucket{}))",
                self.pick(&["0", "0.5", "0.9", "0.99", "1", "2"]),
                self.window()
            ),
            12 => format!(
                "histogram_quantile(0.9, sum by (le) (increase(latency_seconds_bucket{})))",
                self.window()
            ),
            _ => {
                let step = self.pick(&["[5m:30s]", "[3m:]", "[10m:1m]"]);
                let inner = self.any(d);
                format!(
                    "{}(({inner}){step})",
                    self.pick(&["avg_over_time", "max_over_time", "sum_over_time"])
                )
            }
        }
    }
}
