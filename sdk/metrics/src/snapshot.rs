//! What a registry holds at one moment, as plain data: what `/metrics` shows and what OTLP sends.
//!
//! Invariant: the count of a histogram is the sum of its buckets.
//! Not here: text formats, protobuf.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use crate::declaration::{Declaration, Kind, Resolution};
use crate::exemplar::Exemplar;
use crate::label::LabelDeclaration;
use crate::name;

/// Everything that a registry held at one moment.
#[derive(Debug, Clone, Default)]
pub struct Snapshot {
    /// When, in nanoseconds since the epoch.
    pub time_unix_ns: u64,
    /// The metrics, by name.
    pub families: Vec<Family>,
}

impl Snapshot {
    /// The family of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Family> {
        self.families.iter().find(|family| family.name == name)
    }
}

/// One metric with its series.
#[derive(Debug, Clone)]
pub struct Family {
    /// Its full name, a counter's `_total` included.
    pub name: Cow<'static, str>,
    /// Its help.
    pub help: Cow<'static, str>,
    /// Its unit.
    pub unit: Option<Cow<'static, str>>,
    /// What it is. An info's series have the value 1; of a state set's, which are one for each state, one has the value 1.
    pub kind: Kind,
    rows: Rows,
    series: Vec<Series>,
}

#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) row: u32,
    pub(crate) value: Value,
    pub(crate) exemplars: Option<Box<[Exemplar]>>,
}

/// Labels of series, shared between a family and its snapshots; a series refers to its row.
pub(crate) type Rows = Arc<Vec<Option<Arc<Row>>>>;

/// The labels of one series.
#[derive(Debug)]
pub(crate) struct Row {
    labels: Box<[(Cow<'static, str>, Box<str>)]>,
    /// As both text formats have it between the braces.
    text: Box<str>,
    start_unix_ns: u64,
}

impl Row {
    pub(crate) fn new<'a>(
        labels: &[LabelDeclaration],
        values: impl IntoIterator<Item = &'a str>,
        start_unix_ns: u64,
    ) -> Self {
        let named = labels
            .iter()
            .zip(values)
            .map(|(label, value)| (Cow::Borrowed(label.name), value.into()));
        Self::of(named.collect(), start_unix_ns)
    }

    pub(crate) fn of(labels: Vec<(Cow<'static, str>, Box<str>)>, start_unix_ns: u64) -> Self {
        let mut text = String::new();
        for (name, value) in &labels {
            if !text.is_empty() {
                text.push(',');
            }
            text.push_str(name);
            text.push_str("=\"");
            for c in value.chars() {
                match c {
                    '\\' => text.push_str("\\\\"),
                    '"' => text.push_str("\\\""),
                    '\n' => text.push_str("\\n"),
                    c => text.push(c),
                }
            }
            text.push('"');
        }
        Self {
            labels: labels.into(),
            text: text.into(),
            start_unix_ns,
        }
    }

    /// The same labels, of a series that begins then.
    pub(crate) fn starting_at(&self, start_unix_ns: u64) -> Self {
        Self {
            labels: self.labels.clone(),
            text: self.text.clone(),
            start_unix_ns,
        }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().map(|(_, value)| &**value)
    }
}

/// The value of a series.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// An unsigned integer.
    U64(u64),
    /// A signed integer.
    I64(i64),
    /// A floating point number.
    F64(f64),
    /// A histogram with declared buckets.
    Histogram(Box<HistogramValue>),
    /// A histogram with exponential buckets.
    Exponential(Box<ExponentialValue>),
    /// Quantiles.
    Summary(Box<SummaryValue>),
}

impl Value {
    /// The value as a floating point number; of a histogram and of a summary, its sum.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        match self {
            Self::U64(value) => *value as f64,
            Self::I64(value) => *value as f64,
            Self::F64(value) => *value,
            Self::Histogram(histogram) => histogram.sum,
            Self::Exponential(histogram) => histogram.sum,
            Self::Summary(summary) => summary.sum,
        }
    }
}

/// Upper bounds of buckets, `+Inf` excepted.
#[derive(Debug, Clone, PartialEq)]
pub struct Bounds {
    values: Box<[f64]>,
    /// As the values of `le`, in the plain and in the OpenMetrics spelling, with `+Inf`.
    pub(crate) plain: Box<[Box<str>]>,
    pub(crate) canonical: Box<[Box<str>]>,
}

impl Bounds {
    /// Bounds of these values.
    #[must_use]
    pub fn new(values: &[f64]) -> Self {
        let with_inf = |spell: &dyn Fn(f64) -> String| {
            values
                .iter()
                .map(|v| spell(*v))
                .chain(["+Inf".to_owned()])
                .map(String::into_boxed_str)
                .collect()
        };
        Self {
            values: values.into(),
            plain: with_inf(&|v| format!("{v}")),
            canonical: with_inf(&|v| format!("{v:?}")),
        }
    }
}

impl std::ops::Deref for Bounds {
    type Target = [f64];

    fn deref(&self) -> &[f64] {
        &self.values
    }
}

/// Quantiles of what was observed lately, and how much was observed ever.
#[derive(Debug, Clone, PartialEq)]
pub struct SummaryValue {
    /// Each quantile, between 0 and 1, with its value; empty if nothing was observed lately.
    pub quantiles: Box<[(f64, f64)]>,
    /// Sum of what was observed.
    pub sum: f64,
    /// Number of observations.
    pub count: u64,
}

/// A histogram with declared buckets.
#[derive(Debug, Clone, PartialEq)]
pub struct HistogramValue {
    /// Upper bounds, inclusive.
    pub bounds: Arc<Bounds>,
    /// Observations in each bucket, not cumulative; the last one is above all bounds.
    pub counts: Box<[u64]>,
    /// Sum of what was observed.
    pub sum: f64,
    /// Number of observations.
    pub count: u64,
}

/// A histogram with exponential buckets: bucket `i` holds what is in `(2^((offset+i)/2^scale), 2^((offset+i+1)/2^scale)]`.
///
/// Source: OpenTelemetry data model, exponential histogram.
#[derive(Debug, Clone, PartialEq)]
pub struct ExponentialValue {
    /// `2^scale` buckets for each doubling.
    pub scale: i32,
    /// Observations of at most `zero_threshold`.
    pub zero_count: u64,
    /// What still counts as zero.
    pub zero_threshold: f64,
    /// Index of the first of `counts`.
    pub offset: i32,
    /// Observations in each bucket; the first and the last one are not empty.
    pub counts: Vec<u64>,
    /// Sum of what was observed.
    pub sum: f64,
    /// Number of observations.
    pub count: u64,
    pub(crate) resolution: Resolution,
}

impl ExponentialValue {
    pub(crate) fn new(
        resolution: Resolution,
        zero_count: u64,
        counts: impl Iterator<Item = u64>,
        sum: f64,
    ) -> Self {
        let mut counts: Vec<u64> = counts.collect();
        let n_leading = counts.iter().take_while(|count| **count == 0).count();
        let last = counts
            .iter()
            .rposition(|count| *count != 0)
            .map_or(n_leading, |i| i + 1);
        counts.truncate(last);
        counts.drain(..n_leading.min(last));
        let first = (i32::from(resolution.min_exponent) << resolution.scale) + n_leading as i32;
        Self {
            scale: i32::from(resolution.scale),
            zero_count,
            zero_threshold: 2_f64.powi(i32::from(resolution.min_exponent)),
            offset: if counts.is_empty() { 0 } else { first },
            count: zero_count + counts.iter().sum::<u64>(),
            counts,
            sum,
            resolution,
        }
    }

    /// The same observations in one bucket for each doubling, the bounds being the same for every series of a metric: how a text
    /// format that knows no exponential buckets shows it.
    #[must_use]
    pub fn to_classic(&self) -> HistogramValue {
        let (min, max) = (
            i32::from(self.resolution.min_exponent),
            i32::from(self.resolution.max_exponent),
        );
        let bounds: Vec<f64> = (min..=max).map(|exponent| 2_f64.powi(exponent)).collect();
        let mut counts = vec![0; bounds.len() + 1];
        let mut add = |place: i32, n: u64| {
            if let Some(count) = usize::try_from(place)
                .ok()
                .and_then(|place| counts.get_mut(place))
            {
                *count += n;
            }
        };
        add(0, self.zero_count);
        for (i, count) in self.counts.iter().enumerate() {
            add(((self.offset + i as i32) >> self.scale) - min + 1, *count);
        }
        HistogramValue {
            bounds: Arc::new(Bounds::new(&bounds)),
            counts: counts.into(),
            sum: self.sum,
            count: self.count,
        }
    }
}

impl Family {
    /// A family without series, for a [`Collector`](crate::Collector).
    pub fn new(name: impl Into<Cow<'static, str>>, kind: Kind, help: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            help: help.into(),
            unit: None,
            kind,
            rows: Rows::default(),
            series: Vec::new(),
        }
    }

    /// Sets the unit.
    #[must_use]
    pub fn with_unit(mut self, unit: impl Into<Cow<'static, str>>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// Adds a series. Characters that a label name cannot have become `_`.
    #[must_use]
    pub fn with(mut self, labels: &[(&str, &str)], value: Value) -> Self {
        self.push(labels, value, 0);
        self
    }

    /// Adds a series that began at a moment, in nanoseconds since the epoch (zero: not known).
    pub fn push(&mut self, labels: &[(&str, &str)], value: Value, start_unix_ns: u64) {
        let labels = labels
            .iter()
            .map(|(name, value)| (Cow::Owned(name::label_name(name)), (*value).into()));
        let row = Row::of(labels.collect(), start_unix_ns);
        let rows = Arc::make_mut(&mut self.rows);
        self.series.push(Series {
            row: rows.len() as u32,
            value,
            exemplars: None,
        });
        rows.push(Some(Arc::new(row)));
    }

    pub(crate) fn of(declaration: &Declaration, rows: Rows, series: Vec<Series>) -> Self {
        let mut family = Self {
            name: declaration.name.clone(),
            help: declaration.help.clone(),
            unit: declaration.unit.clone(),
            kind: declaration.kind,
            rows,
            series,
        };
        if declaration.kind == Kind::StateSet {
            family.spread(declaration);
        }
        family
    }

    /// Makes of each series one for each state; its label is named as the metric, as OpenMetrics wants it.
    fn spread(&mut self, declaration: &Declaration) {
        let mut rows = Vec::new();
        let mut series = Vec::new();
        for one in &self.series {
            let Some(Some(row)) = self.rows.get(one.row as usize) else {
                continue;
            };
            let Value::U64(current) = one.value else { continue };
            for (i, state) in declaration.states.iter().enumerate() {
                let mut labels = row.labels.to_vec();
                labels.push((declaration.name.clone(), (*state).into()));
                let value = Value::U64(u64::from(current == i as u64 + 1));
                series.push(Series {
                    row: rows.len() as u32,
                    value,
                    exemplars: None,
                });
                rows.push(Some(Arc::new(Row::of(labels, row.start_unix_ns))));
            }
        }
        self.rows = Arc::new(rows);
        self.series = series;
    }

    /// Its series, in the order in which they were made or declared.
    pub fn iter(&self) -> impl Iterator<Item = SeriesRef<'_>> {
        self.series.iter().filter_map(|series| {
            let row = self.rows.get(series.row as usize)?.as_deref()?;
            Some(SeriesRef { row, series })
        })
    }

    /// The series with these labels, in any order.
    #[must_use]
    pub fn get(&self, labels: &[(&str, &str)]) -> Option<SeriesRef<'_>> {
        self.iter().find(|series| {
            series.labels().count() == labels.len() && series.labels().all(|label| labels.contains(&label))
        })
    }

    /// Number of series.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there is no series.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// Adds the series of another family of the same name.
    pub(crate) fn merge(&mut self, other: &Self) {
        let rows = Arc::make_mut(&mut self.rows);
        for series in other.iter() {
            if let Some(Some(row)) = other.rows.get(series.series.row as usize) {
                self.series.push(Series {
                    row: rows.len() as u32,
                    ..series.series.clone()
                });
                rows.push(Some(Arc::clone(row)));
            }
        }
    }
}

/// One series of a [`Family`].
#[derive(Debug, Clone, Copy)]
pub struct SeriesRef<'a> {
    row: &'a Row,
    series: &'a Series,
}

impl<'a> SeriesRef<'a> {
    /// Names and values of its labels, in the order of their declaration.
    pub fn labels(&self) -> impl ExactSizeIterator<Item = (&'a str, &'a str)> + use<'a> {
        self.row.labels.iter().map(|(name, value)| (&**name, &**value))
    }

    /// Its value.
    #[must_use]
    pub fn value(&self) -> &'a Value {
        &self.series.value
    }

    /// Traces that went into it; in a histogram the value tells the bucket.
    #[must_use]
    pub fn exemplars(&self) -> &'a [Exemplar] {
        self.series.exemplars.as_deref().unwrap_or_default()
    }

    /// When it began, in nanoseconds since the epoch; zero if not known.
    #[must_use]
    pub fn start_unix_ns(&self) -> u64 {
        self.row.start_unix_ns
    }

    pub(crate) fn label_text(&self) -> &'a str {
        &self.row.text
    }
}

/// Writes a floating point number as both text formats read it.
pub(crate) fn write_f64(out: &mut String, value: f64) {
    if value.is_nan() {
        out.push_str("NaN");
    } else if value.is_infinite() {
        out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
    } else if value.trunc() == value && value.abs() < 1e15 {
        out.push_str(itoa::Buffer::new().format(value as i64));
    } else if (1e-6..1e18).contains(&value.abs()) {
        let _ = write!(out, "{value}");
    } else {
        let _ = write!(out, "{value:e}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, expect: &str) {
        let mut out = String::new();
        write_f64(&mut out, value);
        assert_eq!(out, expect);
        if value.is_finite() {
            assert_eq!(out.parse::<f64>().unwrap(), value);
        }
    }

    #[test]
    fn numbers_are_written_as_prometheus_reads_them() {
        check(0.0, "0");
        check(-3.0, "-3");
        check(0.005, "0.005");
        check(1e300, "1e300");
        check(1.25e-9, "1.25e-9");
        check(123_456_789_012_345_680.0, "123456789012345680");
        check(f64::NAN, "NaN");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
    }

    #[test]
    fn an_exponential_value_keeps_only_the_buckets_between_its_ends() {
        let resolution = Resolution::new(1, -1, 2);
        let value = ExponentialValue::new(resolution, 2, [0, 0, 3, 0, 1, 0].into_iter(), 9.0);
        assert_eq!(
            (value.offset, value.counts.as_slice(), value.count),
            (0, &[3, 0, 1][..], 6)
        );
        let classic = value.to_classic();
        assert_eq!(&**classic.bounds, [0.5, 1.0, 2.0, 4.0]);
        assert_eq!(&*classic.counts, [2, 0, 3, 1, 0]);
        let empty = ExponentialValue::new(resolution, 0, [0; 6].into_iter(), 0.0);
        assert!(empty.counts.is_empty() && empty.count == 0);
    }

    #[test]
    fn label_text_is_escaped() {
        let row = Row::of(vec![("a".into(), "x\"\\\n".into()), ("b".into(), "".into())], 0);
        assert_eq!(row.text(), r#"a="x\"\\\n",b="""#);
    }
}
