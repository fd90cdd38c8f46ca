//! Data points.
//!
//! Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility".

use std::collections::BTreeMap;
use std::sync::Arc;

use watchroom_model::{Labels, METRIC_NAME, MetricKind, MetricMetadata, NativeHistogram, Resource, attr};

use super::super::rejected::Rejected;
use super::super::wire::{
    self, ExportMetricsRequest, HistogramDataPoint, KeyValue, Metric, NumberDataPoint, SummaryDataPoint,
    TEMPORALITY_DELTA,
};
use super::attributes::{attr_value, resource, truncate};
use super::exemplars::exemplars;
use super::naming::{label_name, metric_name, unit_name};
use super::{MAX_LABEL_VALUE_BYTES, MAX_LABELS, MAX_NAME_BYTES, exponential};
use crate::exemplars::Exemplar;

/// Bit of a point's flags that says that there is no value, and the series ends.
const NO_RECORDED_VALUE: u32 = 1;

/// What a request comes down to.
#[derive(Debug, Default)]
pub(crate) struct MetricBatch {
    pub(crate) metadata: Vec<MetricMetadata>,
    pub(crate) points: Vec<Point>,
    /// Exemplars of the points, by the series that they are of.
    pub(crate) exemplars: Vec<(Labels, Exemplar)>,
}

/// One data point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Point {
    /// Identity, with the family's name as the metric's name.
    pub(crate) labels: Labels,
    /// Milliseconds since the epoch.
    pub(crate) t_ms: i64,
    /// Whether the value is what was added since the point before.
    pub(crate) delta: bool,
    /// Whether the series ends here; the value then only tells which series.
    pub(crate) stale: bool,
    pub(crate) value: PointValue,
}

/// Value of a point.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum PointValue {
    Number(f64),
    Histogram(Histogram),
    /// An exponential histogram.
    Native(NativeHistogram),
    Summary {
        quantiles: Vec<(f64, f64)>,
        sum: f64,
        count: u64,
    },
}

/// A histogram with the count of each bucket for itself.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Histogram {
    /// Upper bounds, ascending and finite, and how many observations are between the bound before and this one.
    pub(crate) buckets: Vec<(f64, u64)>,
    /// All observations, those above the last bound included.
    pub(crate) count: u64,
    /// Sum of all observations, if told.
    pub(crate) sum: Option<f64>,
}

/// Takes the points of a request over. `now_ms` stands in for a point's missing time.
pub(crate) fn metrics(request: ExportMetricsRequest, now_ms: i64, rejected: &mut Rejected) -> MetricBatch {
    let mut batch = MetricBatch::default();
    for of_resource in request.resource_metrics {
        let sender = resource(of_resource.resource);
        let identity = identity(&sender);
        let first = batch.points.len();
        for of_scope in of_resource.scope_metrics {
            for one in of_scope.metrics {
                let mut translation = Translation {
                    identity: &identity,
                    now_ms,
                    batch: &mut batch,
                    rejected,
                };
                translation.metric(one);
            }
        }
        let newest = batch.points[first..].iter().map(|point| point.t_ms).max();
        if let (Some(t_ms), Some(labels)) = (newest, target_info(&sender, &identity)) {
            batch.points.push(Point {
                labels,
                t_ms,
                delta: false,
                stale: false,
                value: PointValue::Number(1.0),
            });
        }
    }
    batch
}

/// `job` and `instance`.
fn identity(sender: &Resource) -> Vec<(&'static str, String)> {
    let text = |key| {
        attr(&sender.attributes, key)
            .map(ToString::to_string)
            .filter(|text| !text.is_empty())
    };
    let job = text("service.name").map(|name| match text("service.namespace") {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name,
    });
    let mut identity = Vec::new();
    identity.extend(job.map(|job| ("job", job)));
    identity.extend(text("service.instance.id").map(|instance| ("instance", instance)));
    for (_, value) in &mut identity {
        truncate(value, MAX_LABEL_VALUE_BYTES);
    }
    identity
}

/// Labels of the series that holds the resource's other attributes, if there are any.
fn target_info(sender: &Resource, identity: &[(&'static str, String)]) -> Option<Labels> {
    const IDENTIFYING: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];
    let mut labels = Labels::builder();
    let others = sender
        .attributes
        .iter()
        .filter(|(key, _)| !IDENTIFYING.contains(&&**key));
    for (key, value) in others.take(MAX_LABELS - 3) {
        let mut text = value.to_string();
        truncate(&mut text, MAX_LABEL_VALUE_BYTES);
        labels.set(&label_name(key), &text);
    }
    let labels = labels.build();
    if labels.is_empty() || identity.is_empty() {
        return None;
    }
    let mut labels = labels.to_builder();
    for (name, value) in identity {
        labels.set(name, value);
    }
    labels.set(METRIC_NAME, "target_info");
    Some(labels.build())
}

struct Translation<'a> {
    identity: &'a [(&'static str, String)],
    now_ms: i64,
    batch: &'a mut MetricBatch,
    rejected: &'a mut Rejected,
}

impl Translation<'_> {
    fn metric(&mut self, metric: Metric) {
        let Metric {
            name,
            description,
            unit,
            gauge,
            sum,
            histogram,
            exponential_histogram,
            summary,
        } = metric;
        let monotonic = sum.as_ref().is_some_and(|sum| sum.is_monotonic);
        let up_down = gauge.is_some() || sum.as_ref().is_some_and(|sum| !sum.is_monotonic);
        let family: Arc<str> = metric_name(&name, &unit, monotonic, gauge.is_some()).into();
        let bad_name = if family.is_empty() {
            Some("metric has no name")
        } else if family.len() > MAX_NAME_BYTES {
            Some("metric name is longer than 1024 bytes")
        } else {
            None
        };
        if let Some(reason) = bad_name {
            let n = gauge.as_ref().map_or(0, |data| data.data_points.len())
                + sum.as_ref().map_or(0, |data| data.data_points.len())
                + histogram.as_ref().map_or(0, |data| data.data_points.len())
                + exponential_histogram
                    .as_ref()
                    .map_or(0, |data| data.data_points.len())
                + summary.as_ref().map_or(0, |data| data.data_points.len());
            self.rejected.many(n as u64, reason);
            return;
        }
        let kind = if monotonic {
            MetricKind::Counter
        } else if up_down {
            MetricKind::Gauge
        } else if summary.is_some() {
            MetricKind::Summary
        } else {
            MetricKind::Histogram
        };
        let first = self.batch.points.len();
        for point in gauge.into_iter().flat_map(|data| data.data_points) {
            self.number(&family, point, false);
        }
        if let Some(data) = sum {
            let delta = data.aggregation_temporality == TEMPORALITY_DELTA;
            for point in data.data_points {
                self.number(&family, point, delta);
            }
        }
        if let Some(data) = histogram {
            let delta = data.aggregation_temporality == TEMPORALITY_DELTA;
            for point in data.data_points {
                self.histogram(&family, point, delta);
            }
        }
        if let Some(data) = exponential_histogram {
            let delta = data.aggregation_temporality == TEMPORALITY_DELTA;
            for mut point in data.data_points {
                let (attributes, time, flags) = (
                    std::mem::take(&mut point.attributes),
                    point.time_unix_nano,
                    point.flags,
                );
                let exemplars = std::mem::take(&mut point.exemplars);
                match exponential::native(point) {
                    Ok(histogram) => {
                        if self.push(
                            &family,
                            attributes,
                            time,
                            flags,
                            delta,
                            PointValue::Native(histogram),
                        ) {
                            self.exemplars(exemplars, None);
                        }
                    }
                    Err(reason) => self.rejected.one(reason),
                }
            }
        }
        for point in summary.into_iter().flat_map(|data| data.data_points) {
            self.summary(&family, point);
        }
        if self.batch.points.len() > first {
            let mut help = description;
            truncate(&mut help, MAX_LABEL_VALUE_BYTES);
            self.batch.metadata.push(MetricMetadata {
                name: family.to_string(),
                kind,
                help,
                unit: unit_name(&unit),
            });
        }
    }

    fn number(&mut self, family: &str, point: NumberDataPoint, delta: bool) {
        let stale = point.flags & NO_RECORDED_VALUE != 0;
        let value = point.as_double.or(point.as_int.map(|n| n as f64));
        match value.or(stale.then_some(0.0)) {
            Some(value) => {
                if self.push(
                    family,
                    point.attributes,
                    point.time_unix_nano,
                    point.flags,
                    delta,
                    PointValue::Number(value),
                ) {
                    self.exemplars(point.exemplars, None);
                }
            }
            None => self.rejected.one("data point has no value"),
        }
    }

    fn histogram(&mut self, family: &str, point: HistogramDataPoint, delta: bool) {
        match explicit(&point) {
            Ok(histogram) => {
                if self.push(
                    family,
                    point.attributes,
                    point.time_unix_nano,
                    point.flags,
                    delta,
                    PointValue::Histogram(histogram),
                ) {
                    self.exemplars(point.exemplars, Some(&point.explicit_bounds));
                }
            }
            Err(reason) => self.rejected.one(reason),
        }
    }

    /// Exemplars of the point that was pushed last.
    fn exemplars(&mut self, list: Vec<wire::Exemplar>, bounds: Option<&[f64]>) {
        if let (false, Some(point)) = (list.is_empty(), self.batch.points.last()) {
            exemplars(
                list,
                &point.labels,
                bounds,
                self.now_ms,
                &mut self.batch.exemplars,
            );
        }
    }

    fn summary(&mut self, family: &str, point: SummaryDataPoint) {
        let quantiles = point.quantile_values.iter().map(|at| (at.quantile, at.value));
        let value = PointValue::Summary {
            quantiles: quantiles.collect(),
            sum: point.sum,
            count: point.count,
        };
        self.push(
            family,
            point.attributes,
            point.time_unix_nano,
            point.flags,
            false,
            value,
        );
    }

    /// Enters a point and tells whether it could.
    fn push(
        &mut self,
        family: &str,
        attributes: Vec<KeyValue>,
        time_ns: u64,
        flags: u32,
        delta: bool,
        value: PointValue,
    ) -> bool {
        let labels = match self.labels(family, attributes) {
            Ok(labels) => labels,
            Err(reason) => {
                self.rejected.one(reason);
                return false;
            }
        };
        self.batch.points.push(Point {
            labels,
            t_ms: if time_ns == 0 {
                self.now_ms
            } else {
                crate::clock::ns_to_ms(time_ns)
            },
            delta,
            stale: flags & NO_RECORDED_VALUE != 0,
            value,
        });
        true
    }

    /// Attributes as labels; the values of those that come to the same name are joined by `;` in order of key.
    fn labels(&self, family: &str, attributes: Vec<KeyValue>) -> Result<Labels, &'static str> {
        if attributes.len() > MAX_LABELS - 3 {
            return Err("data point has more than 61 attributes");
        }
        let mut by_key = BTreeMap::new();
        for KeyValue { key, value } in attributes {
            let text = value.map_or_else(String::new, |value| attr_value(value, &mut 0).to_string());
            by_key.insert(key, text);
        }
        let mut joined: BTreeMap<String, String> = BTreeMap::new();
        for (key, text) in by_key {
            if key.is_empty() {
                return Err("data point has an attribute without key");
            }
            if key.len() > MAX_NAME_BYTES {
                return Err("attribute key is longer than 1024 bytes");
            }
            joined
                .entry(label_name(&key))
                .and_modify(|value| {
                    value.push(';');
                    value.push_str(&text);
                })
                .or_insert(text);
        }
        let mut labels = Labels::builder();
        for (name, value) in &joined {
            if value.len() > MAX_LABEL_VALUE_BYTES {
                return Err("attribute value is longer than 4096 bytes");
            }
            labels.set(name, value);
        }
        for (name, value) in self.identity {
            labels.set(name, value);
        }
        labels.set(METRIC_NAME, family);
        Ok(labels.build())
    }
}

fn explicit(point: &HistogramDataPoint) -> Result<Histogram, &'static str> {
    let (bounds, counts) = (&point.explicit_bounds, &point.bucket_counts);
    if !counts.is_empty() && counts.len() != bounds.len() + 1 {
        return Err("histogram does not have one bucket more than bounds");
    }
    if bounds.iter().any(|bound| bound.is_nan()) || bounds.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err("histogram bounds do not ascend");
    }
    let finite = bounds.iter().zip(counts).filter(|(bound, _)| bound.is_finite());
    Ok(Histogram {
        buckets: finite.map(|(bound, count)| (*bound, *count)).collect(),
        count: point.count,
        sum: point.sum,
    })
}

#[cfg(test)]
mod tests;
