//! What a test came to.

use std::fmt;
use std::time::Duration;

use watchroom_model::{Labels, NativeHistogram};
use watchroom_query::promql::{format_duration, format_value};

/// What a test came to.
#[derive(Debug, Clone, PartialEq)]
pub struct TestReport {
    /// Name, or `tests[0]` for one without.
    pub name: String,
    /// What did not hold; empty if it passed.
    pub failures: Vec<Failure>,
}

/// What did not hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// Alerts or samples are not those expected.
    Differs {
        /// `alertname "Down"` or `expr "sum(up)"`.
        what: String,
        /// Time of the test.
        at: Duration,
        /// Expected, sorted.
        expected: Vec<Row>,
        /// Found, sorted.
        got: Vec<Row>,
    },
    /// A rule or an expression has no result.
    Fails {
        /// `rule "x"` or `expr "sum(up)"`.
        what: String,
        /// Time of the test.
        at: Duration,
        /// Why.
        reason: String,
    },
}

/// An alert or a sample.
#[derive(Debug, Clone, PartialEq)]
pub enum Row {
    /// A firing alert.
    Alert {
        /// Labels, sorted by name.
        labels: Vec<(String, String)>,
        /// Annotations, sorted by name.
        annotations: Vec<(String, String)>,
    },
    /// A number.
    Number(Labels, f64),
    /// A native histogram.
    Histogram(Labels, NativeHistogram),
}

/// One line, such as `{alertname="Down"} annotations {summary="…"}` or `up{job="a"} 1`.
impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = |f: &mut fmt::Formatter<'_>, pairs: &[(String, String)]| {
            f.write_str("{")?;
            for (i, (name, value)) in pairs.iter().enumerate() {
                write!(f, "{}{name}={value:?}", if i > 0 { ", " } else { "" })?;
            }
            f.write_str("}")
        };
        let series = |f: &mut fmt::Formatter<'_>, labels: &Labels| match labels.is_empty() {
            true => f.write_str("{}"),
            false => write!(f, "{labels}"),
        };
        match self {
            Self::Alert { labels, annotations } => {
                pairs(f, labels)?;
                f.write_str(" annotations ")?;
                pairs(f, annotations)
            }
            Self::Number(labels, value) => {
                series(f, labels)?;
                write!(f, " {}", format_value(*value))
            }
            Self::Histogram(labels, histogram) => {
                series(f, labels)?;
                write!(f, " {histogram}")
            }
        }
    }
}

impl Failure {
    /// One line that says what failed and when.
    #[must_use]
    pub fn headline(&self) -> String {
        match self {
            Self::Differs { what, at, .. } => format!("{what}, time {}", format_duration(*at)),
            Self::Fails { what, at, reason } => format!("{what}, time {}: {reason}", format_duration(*at)),
        }
    }

    /// What was expected and what there is, line by line: ` ` for what is in both, `-` for what is missing, `+` for what is too much.
    #[must_use]
    pub fn diff(&self) -> Vec<(char, String)> {
        let Self::Differs { expected, got, .. } = self else {
            return Vec::new();
        };
        let mut lines: Vec<(char, String)> = Vec::new();
        let mut left: Vec<String> = got.iter().map(ToString::to_string).collect();
        for row in expected.iter().map(ToString::to_string) {
            match left.iter().position(|found| *found == row) {
                Some(i) => {
                    left.remove(i);
                    lines.push((' ', row));
                }
                None => lines.push(('-', row)),
            }
        }
        lines.extend(left.into_iter().map(|row| ('+', row)));
        lines
    }
}

/// Expected and found, below a headline.
impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.headline())?;
        let Self::Differs { expected, got, .. } = self else {
            return Ok(());
        };
        for (title, rows) in [("expected", expected), ("got", got)] {
            match rows.is_empty() {
                true => write!(f, "\n  {title}: nothing")?,
                false => write!(f, "\n  {title}:")?,
            }
            for row in rows {
                write!(f, "\n    {row}")?;
            }
        }
        Ok(())
    }
}
