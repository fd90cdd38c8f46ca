//! Prometheus' protobuf exposition: `io.prometheus.client.MetricFamily`, each with its length before it.
//!
//! Invariant: any bytes give samples or an error with the number of the family; memory follows the limits, not what lengths claim.
//!
//! Source: Prometheus client model, `metrics.proto`; Prometheus `model/textparse`, for the series that a classic histogram gives.

use std::sync::Arc;

use watchroom_model::{Labels, LabelsBuilder, METRIC_NAME, MetricKind, MetricMetadata, NativeHistogram};

use super::{Exposition, ParseLimits, Scraped, ScrapedExemplar, ScrapedHistogram};
use crate::ingest::protobuf::{Field, Fields, Malformed, delimited, unzigzag};
use crate::ingest::spans::Side;

/// A body that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("family {family}: {reason}")]
pub struct ProtobufError {
    /// Number of the family, counted from 1.
    pub family: usize,
    /// What is wrong with it.
    pub reason: String,
}

/// Reads a body. Of a histogram that is native the classic buckets are left out unless `classic` asks for them.
///
/// # Errors
/// [`ProtobufError`] for the first family that is not a message of that type or is beyond the limits.
pub fn parse_protobuf(body: &[u8], classic: bool, limits: &ParseLimits) -> Result<Exposition, ProtobufError> {
    let mut found = Exposition::default();
    parse_protobuf_into(&mut found, body, classic, limits)?;
    Ok(found)
}

/// [`parse_protobuf`] that leaves what stands before an error.
pub(in crate::ingest::scrape) fn parse_protobuf_into(
    found: &mut Exposition,
    mut body: &[u8],
    classic: bool,
    limits: &ParseLimits,
) -> Result<(), ProtobufError> {
    let mut reader = Reader {
        limits,
        classic,
        found,
    };
    let mut family = 0;
    while !body.is_empty() {
        family += 1;
        delimited(&mut body)
            .map_err(Wrong::from)
            .and_then(|fields| reader.family(fields))
            .map_err(|Wrong(reason)| ProtobufError { family, reason })?;
    }
    Ok(())
}

/// What is wrong.
struct Wrong(String);

impl From<Malformed> for Wrong {
    fn from(malformed: Malformed) -> Self {
        Self(malformed.to_string())
    }
}

impl From<String> for Wrong {
    fn from(reason: String) -> Self {
        Self(reason)
    }
}

struct Reader<'a> {
    limits: &'a ParseLimits,
    classic: bool,
    found: &'a mut Exposition,
}

/// What every sample of a metric has.
struct Metric {
    labels: LabelsBuilder,
    blank: Vec<String>,
    t_ms: Option<i64>,
}

impl Reader<'_> {
    fn family(&mut self, fields: Fields<'_>) -> Result<(), Wrong> {
        let (mut name, mut help, mut unit, mut kind) = ("", "", "", 0);
        for field in fields {
            let field = field?;
            match field.number {
                1 => name = field.text()?,
                2 => help = field.text()?,
                3 => kind = field.varint()?,
                5 => unit = field.text()?,
                _ => {}
            }
        }
        if name.is_empty() {
            return Err(Wrong("it has no name".into()));
        }
        self.check_name(name)?;
        self.found.metadata.push(MetricMetadata {
            name: name.to_owned(),
            kind: match kind {
                0 => MetricKind::Counter,
                1 => MetricKind::Gauge,
                2 => MetricKind::Summary,
                4 | 5 => MetricKind::Histogram,
                _ => MetricKind::Unknown,
            },
            help: help[..help.floor_char_boundary(self.limits.value_bytes)].to_owned(),
            unit: unit[..unit.floor_char_boundary(64)].to_owned(),
        });
        for field in fields {
            let field = field?;
            if field.number == 4 {
                self.metric(name, field.message()?)?;
            }
        }
        Ok(())
    }

    fn metric(&mut self, name: &str, fields: Fields<'_>) -> Result<(), Wrong> {
        let mut metric = Metric {
            labels: Labels::builder(),
            blank: Vec::new(),
            t_ms: None,
        };
        let mut value = None;
        let mut n_labels = 1;
        for field in fields {
            let field = field?;
            match field.number {
                1 => {
                    n_labels += 1;
                    if n_labels > self.limits.labels {
                        return Err(Wrong(format!(
                            "a metric has more than {} labels",
                            self.limits.labels
                        )));
                    }
                    let (name, text) = self.pair(field.message()?)?;
                    if name == METRIC_NAME {
                        return Err(Wrong("__name__ is not allowed as a label".into()));
                    }
                    metric.labels.set(name, text);
                    if text.is_empty() {
                        metric.blank.push(name.to_owned());
                    }
                }
                2..=5 | 7 => value = Some(field),
                6 => metric.t_ms = Some(field.int()?).filter(|t_ms| *t_ms != 0),
                _ => {}
            }
        }
        let Some(value) = value else {
            return Ok(());
        };
        let fields = value.message()?;
        match value.number {
            4 => self.summary(name, metric, fields),
            7 => self.histogram(name, metric, fields),
            _ => {
                let (mut number, mut exemplar) = (0.0, None);
                for field in fields {
                    let field = field?;
                    match field.number {
                        1 => number = field.double()?,
                        2 if value.number == 3 => exemplar = Some(self.exemplar(field.message()?)?),
                        _ => {}
                    }
                }
                self.sample(name, &metric, None, number, exemplar)
            }
        }
    }

    fn summary(&mut self, name: &str, metric: Metric, fields: Fields<'_>) -> Result<(), Wrong> {
        let (mut count, mut sum) = (0, 0.0);
        for field in fields {
            let field = field?;
            match field.number {
                1 => count = field.varint()?,
                2 => sum = field.double()?,
                _ => {}
            }
        }
        self.sample(&format!("{name}_count"), &metric, None, count as f64, None)?;
        self.sample(&format!("{name}_sum"), &metric, None, sum, None)?;
        for field in fields {
            let field = field?;
            if field.number != 3 {
                continue;
            }
            let (mut quantile, mut value) = (0.0, 0.0);
            for part in field.message()? {
                let part = part?;
                match part.number {
                    1 => quantile = part.double()?,
                    2 => value = part.double()?,
                    _ => {}
                }
            }
            self.sample(name, &metric, Some(("quantile", quantile)), value, None)?;
        }
        Ok(())
    }

    fn histogram(&mut self, name: &str, metric: Metric, fields: Fields<'_>) -> Result<(), Wrong> {
        let mut native = NativeHistogram::default();
        let (mut positive, mut negative) = (Side::default(), Side::default());
        let (mut schema, mut has_buckets) = (0, false);
        let mut exemplars = Vec::new();
        for field in fields {
            let field = field?;
            match field.number {
                1 if native.count == 0.0 => native.count = field.varint()? as f64,
                4 => native.count = some(field.double()?, native.count),
                2 => native.sum = field.double()?,
                3 => has_buckets = true,
                5 => schema = field.zigzag()?,
                6 => native.zero_threshold = field.double()?,
                7 if native.zero_count == 0.0 => native.zero_count = field.varint()? as f64,
                8 => native.zero_count = some(field.double()?, native.zero_count),
                9 => negative.span(field.message()?)?,
                10 => field.varints(|delta| negative.deltas.push(unzigzag(delta)))?,
                11 => field.doubles(|count| negative.counts.push(count))?,
                12 => positive.span(field.message()?)?,
                13 => field.varints(|delta| positive.deltas.push(unzigzag(delta)))?,
                14 => field.doubles(|count| positive.counts.push(count))?,
                16 if exemplars.len() < 64 => exemplars.push(self.exemplar(field.message()?)?),
                _ => {}
            }
        }
        let is_native = native.zero_threshold > 0.0
            || native.zero_count > 0.0
            || !positive.spans.is_empty()
            || !negative.spans.is_empty();
        let (count, sum) = (native.count, native.sum);
        if is_native {
            native.schema = i8::try_from(schema)
                .map_err(|_| "a native histogram has a schema that there is not".to_owned())?;
            (native.positive, native.negative) = (positive.buckets()?, negative.buckets()?);
            native.validate().map_err(|error| error.to_string())?;
            self.room()?;
            let mut labels = metric.labels.clone();
            labels.set(METRIC_NAME, name);
            self.found.histograms.push(ScrapedHistogram {
                labels: labels.build(),
                histogram: Arc::new(native.compact()),
                t_ms: metric.t_ms,
                exemplars: match exemplars.is_empty() {
                    false => exemplars,
                    true => self.exemplars_of_buckets(fields)?,
                },
                blank: metric.blank.clone(),
            });
        }
        if is_native && !(self.classic && has_buckets) {
            return Ok(());
        }
        self.sample(&format!("{name}_count"), &metric, None, count, None)?;
        self.sample(&format!("{name}_sum"), &metric, None, sum, None)?;
        let bucket_name = format!("{name}_bucket");
        let mut has_infinite = false;
        for field in fields {
            let field = field?;
            if field.number != 3 {
                continue;
            }
            let (mut below, mut bound, mut exemplar) = (0.0, 0.0, None);
            for part in field.message()? {
                let part = part?;
                match part.number {
                    1 if below == 0.0 => below = part.varint()? as f64,
                    4 => below = some(part.double()?, below),
                    2 => bound = part.double()?,
                    3 => exemplar = Some(self.exemplar(part.message()?)?),
                    _ => {}
                }
            }
            has_infinite |= bound == f64::INFINITY;
            self.sample(&bucket_name, &metric, Some(("le", bound)), below, exemplar)?;
        }
        if !has_infinite {
            self.sample(&bucket_name, &metric, Some(("le", f64::INFINITY)), count, None)?;
        }
        Ok(())
    }

    fn exemplars_of_buckets(&self, fields: Fields<'_>) -> Result<Vec<ScrapedExemplar>, Wrong> {
        let mut found = Vec::new();
        for field in fields {
            let field = field?;
            if field.number != 3 {
                continue;
            }
            for part in field.message()? {
                let part = part?;
                if part.number == 3 && found.len() < 64 {
                    found.push(self.exemplar(part.message()?)?);
                }
            }
        }
        Ok(found)
    }

    fn exemplar(&self, fields: Fields<'_>) -> Result<ScrapedExemplar, Wrong> {
        let mut labels = Labels::builder();
        let (mut n_labels, mut value, mut t_ms) = (0, 0.0, None);
        for field in fields {
            let field = field?;
            match field.number {
                1 => {
                    n_labels += 1;
                    if n_labels > self.limits.labels {
                        return Err(Wrong("an exemplar has too many labels".into()));
                    }
                    let (name, text) = self.pair(field.message()?)?;
                    labels.set(name, text);
                }
                2 => value = field.double()?,
                3 => t_ms = Some(timestamp(field.message()?)?),
                _ => {}
            }
        }
        Ok(ScrapedExemplar {
            labels: labels.build(),
            value,
            t_ms,
        })
    }

    fn sample(
        &mut self,
        name: &str,
        metric: &Metric,
        extra: Option<(&str, f64)>,
        value: f64,
        exemplar: Option<ScrapedExemplar>,
    ) -> Result<(), Wrong> {
        self.room()?;
        let mut labels = metric.labels.clone();
        labels.set(METRIC_NAME, name);
        if let Some((name, bound)) = extra {
            labels.set(name, &open_metrics_float(bound));
        }
        self.found.samples.push(Scraped {
            labels: labels.build(),
            value,
            t_ms: metric.t_ms,
            exemplar,
            blank: metric.blank.clone(),
        });
        Ok(())
    }

    fn pair<'b>(&self, fields: Fields<'b>) -> Result<(&'b str, &'b str), Wrong> {
        let (mut name, mut value) = ("", "");
        for field in fields {
            let field: Field<'b> = field?;
            match field.number {
                1 => name = field.text()?,
                2 => value = field.text()?,
                _ => {}
            }
        }
        self.check_name(name)?;
        if name.is_empty() {
            return Err(Wrong("a label has no name".into()));
        }
        if value.len() > self.limits.value_bytes {
            let limit = self.limits.value_bytes;
            return Err(Wrong(format!(
                "value of label {name:?} is longer than {limit} bytes"
            )));
        }
        Ok((name, value))
    }

    fn check_name(&self, name: &str) -> Result<(), Wrong> {
        match name.len() > self.limits.name_bytes {
            true => Err(Wrong(format!(
                "a name is longer than {} bytes",
                self.limits.name_bytes
            ))),
            false => Ok(()),
        }
    }

    fn room(&self) -> Result<(), Wrong> {
        match self.found.samples.len() + self.found.histograms.len() >= self.limits.samples {
            true => Err(Wrong(format!(
                "there are more than {} samples",
                self.limits.samples
            ))),
            false => Ok(()),
        }
    }
}

/// A count of floats, unless it is none.
fn some(float: f64, other: f64) -> f64 {
    if float > 0.0 { float } else { other }
}

fn timestamp(fields: Fields<'_>) -> Result<i64, Wrong> {
    let (mut seconds, mut nanos) = (0i64, 0i64);
    for field in fields {
        let field = field?;
        match field.number {
            1 => seconds = field.int()?,
            2 => nanos = field.int()?,
            _ => {}
        }
    }
    let ms = seconds
        .checked_mul(1000)
        .and_then(|ms| ms.checked_add(nanos / 1_000_000));
    ms.filter(|ms| ms.abs() < 9_000_000_000_000_000)
        .ok_or_else(|| Wrong("the time of an exemplar is out of range".into()))
}

/// A bound as it stands in `le` and `quantile`: as Go prints it, with a fraction if there is neither one nor an exponent.
fn open_metrics_float(value: f64) -> String {
    if !value.is_finite() {
        return watchroom_query::promql::format_value(value);
    }
    let shown = format!("{value:e}");
    let exponent = shown
        .split_once('e')
        .and_then(|(_, exponent)| exponent.parse::<i32>().ok());
    // Go's shortest form turns to an exponent below 1e-4 and from 1e6 on.
    if exponent.is_some_and(|exponent| !(-4..6).contains(&exponent)) {
        return with_exponent(&shown);
    }
    let digits = format!("{value}");
    match digits.contains('.') {
        true => digits,
        false => digits + ".0",
    }
}

fn with_exponent(shown: &str) -> String {
    match shown.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests;
