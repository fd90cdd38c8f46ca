//! From a target's text to samples: what a scrape, and what its failure, writes.
//!
//! Invariant: a series that was there and no longer is ends with a stale marker, once.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use watchroom_model::{HistogramSample, Labels, MetricMetadata, NativeHistogram, Sample, stale_nan};

use super::exposition::{
    Exposition, ParseLimits, Scraped, ScrapedExemplar, ScrapedHistogram, parse_into, parse_protobuf_into,
};
use super::protocol::BodyFormat;
use super::{Target, relabel};
use crate::exemplars::Exemplar;

/// What one target's last scrape left behind.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// Series that are followed for staleness: those without times of their own, unless the job says otherwise.
    seen: HashSet<Labels>,
    /// Every series of the last text that was not empty, whether or not it was kept.
    known: HashSet<Labels>,
}

/// What a scrape writes.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) samples: Vec<(Labels, Sample)>,
    pub(super) histograms: Vec<(Labels, HistogramSample)>,
    pub(super) metadata: Vec<MetricMetadata>,
    /// Exemplars, by the series that they are of, and whether each has a time of its own.
    pub(super) exemplars: Vec<(Labels, Exemplar, bool)>,
    /// Samples of the text.
    pub(super) scraped: usize,
}

/// What a scrape counted.
#[derive(Debug, Default)]
struct Figures {
    scraped: usize,
    kept: usize,
    added: usize,
}

/// A sample of either kind.
enum Value {
    Float(f64),
    Histogram(Arc<NativeHistogram>),
}

impl Memory {
    /// Works out what the answer of a target, or the reason why there is none, writes at `t_ms`.
    ///
    /// # Errors
    /// What is wrong with the answer, besides the samples that a failed scrape writes.
    pub(super) fn outcome(
        &mut self,
        target: &Target,
        answer: Result<(Vec<u8>, BodyFormat), String>,
        t_ms: i64,
        took: Duration,
    ) -> (Outcome, Result<(), String>) {
        let mut figures = Figures::default();
        let mut outcome = Outcome::default();
        let result = answer.and_then(|(body, format)| {
            let mut found = Exposition::default();
            let read = read(target, &body, format, &mut found);
            // What stands before a mistake counts, though nothing of it is kept.
            let accepted = self.accept(target, found, t_ms, &mut outcome, &mut figures);
            read?;
            let seen = accepted?;
            let gone = self.seen.difference(&seen);
            let gone = gone.map(|labels| stale(labels.clone(), t_ms));
            outcome.samples.extend(gone);
            self.seen = seen;
            Ok(())
        });
        if result.is_err() {
            outcome = Outcome::default();
            let gone = std::mem::take(&mut self.seen).into_iter();
            outcome.samples.extend(gone.map(|labels| stale(labels, t_ms)));
        }
        outcome.scraped = figures.scraped;
        // What tells of the target comes first: where the store has no room for all series, it has room for these.
        let reports = [
            ("up", if result.is_ok() { 1.0 } else { 0.0 }),
            ("scrape_duration_seconds", took.as_secs_f64()),
            ("scrape_samples_scraped", figures.scraped as f64),
            ("scrape_samples_post_metric_relabeling", figures.kept as f64),
            ("scrape_series_added", figures.added as f64),
        ];
        let reports = reports.map(|(name, value)| (target.report(name), Sample { t_ms, value }));
        outcome.samples.splice(0..0, reports);
        (outcome, result)
    }

    /// Enters what a text holds, and gives back which series of it are followed.
    fn accept(
        &mut self,
        target: &Target,
        exposition: Exposition,
        t_ms: i64,
        outcome: &mut Outcome,
        figures: &mut Figures,
    ) -> Result<HashSet<Labels>, String> {
        let how = &target.spec.how;
        let mut seen = HashSet::with_capacity(self.seen.len());
        let mut known = HashSet::with_capacity(self.known.len());
        let mut failure = None;
        let samples = exposition.samples.into_iter().map(of_sample);
        let histograms = exposition.histograms.into_iter().map(of_histogram);
        for (raw, blank, value, own_time, exemplars) in samples.chain(histograms) {
            figures.scraped += 1;
            let labelled = target.label(&raw, &blank);
            let Some(labels) = relabel(&labelled, &how.metric_relabel) else {
                continue;
            };
            if labels.metric_name().is_empty() {
                continue;
            }
            if let Err(reason) = check(target, &labels, &value) {
                failure = Some(reason);
                break;
            }
            figures.kept += 1;
            let over = how.limits.samples > 0 && figures.kept > how.limits.samples;
            if over {
                failure = Some("sample limit exceeded".to_owned());
            }
            let again = !known.insert(labels.clone());
            figures.added += usize::from(!again && !over && !self.known.contains(&labels));
            let own_time = own_time.filter(|_| how.honor_timestamps);
            if own_time.is_none() && again {
                // Twice in one text: the first stands.
                continue;
            }
            if own_time.is_none() || how.track_timestamps {
                seen.insert(labels.clone());
            }
            for exemplar in exemplars {
                let timed = exemplar.t_ms.is_some();
                let exemplar = Exemplar {
                    labels: exemplar.labels,
                    value: exemplar.value,
                    t_ms: exemplar.t_ms.or(own_time).unwrap_or(t_ms),
                };
                outcome.exemplars.push((labels.clone(), exemplar, timed));
            }
            let t_ms = own_time.unwrap_or(t_ms);
            match value {
                Value::Float(value) => outcome.samples.push((labels, Sample { t_ms, value })),
                Value::Histogram(histogram) => {
                    let sample = HistogramSample { t_ms, histogram };
                    outcome.histograms.push((labels, sample));
                }
            }
        }
        outcome.metadata = exposition.metadata;
        self.known = known;
        failure.map_or(Ok(seen), Err)
    }

    /// Stale markers for all that is followed: the target is no longer scraped.
    pub(super) fn end(&mut self, target: &Target, t_ms: i64) -> Vec<(Labels, Sample)> {
        let reports = [
            "up",
            "scrape_duration_seconds",
            "scrape_samples_scraped",
            "scrape_samples_post_metric_relabeling",
            "scrape_series_added",
        ];
        std::mem::take(&mut self.seen)
            .into_iter()
            .chain(reports.map(|name| target.report(name)))
            .map(|labels| stale(labels, t_ms))
            .collect()
    }
}

/// Labels, names of blank labels, value, time and exemplars of a sample of either kind.
type Entry = (Labels, Vec<String>, Value, Option<i64>, Vec<ScrapedExemplar>);

fn of_sample(sample: Scraped) -> Entry {
    let exemplars = sample.exemplar.into_iter().collect();
    let value = Value::Float(sample.value);
    (sample.labels, sample.blank, value, sample.t_ms, exemplars)
}

fn of_histogram(sample: ScrapedHistogram) -> Entry {
    let value = Value::Histogram(sample.histogram);
    (sample.labels, sample.blank, value, sample.t_ms, sample.exemplars)
}

/// Reads a body; what stands before a mistake is in `found`.
fn read(target: &Target, body: &[u8], format: BodyFormat, found: &mut Exposition) -> Result<(), String> {
    let limits = ParseLimits::default();
    match format {
        BodyFormat::Protobuf => parse_protobuf_into(found, body, target.spec.how.classic_histograms, &limits)
            .map_err(|error| error.to_string()),
        BodyFormat::Text(format) => {
            let text = std::str::from_utf8(body).map_err(|_| "body is not valid UTF-8".to_owned())?;
            parse_into(found, text, format, &limits).map_err(|error| error.to_string())
        }
    }
}

/// Holds a series against the limits of its job.
fn check(target: &Target, labels: &Labels, value: &Value) -> Result<(), String> {
    let limits = &target.spec.how.limits;
    let exceeds = |n: usize, limit: usize| limit > 0 && n > limit;
    let metric = labels.metric_name();
    if exceeds(labels.len(), limits.labels) {
        return Err(format!(
            "label_limit exceeded (metric: {metric:.50}, number of labels: {}, limit: {})",
            labels.len(),
            limits.labels
        ));
    }
    if limits.name_bytes > 0 || limits.value_bytes > 0 {
        for (name, text) in labels.iter() {
            if exceeds(name.len(), limits.name_bytes) {
                return Err(format!(
                    "label_name_length_limit exceeded (metric: {metric:.50}, label name: {name:.50}, length: {}, limit: {})",
                    name.len(),
                    limits.name_bytes
                ));
            }
            if exceeds(text.len(), limits.value_bytes) {
                return Err(format!(
                    "label_value_length_limit exceeded (metric: {metric:.50}, label name: {name:.50}, value: {text:.50?}, length: {}, \
                     limit: {})",
                    text.len(),
                    limits.value_bytes
                ));
            }
        }
    }
    match value {
        Value::Histogram(of) if exceeds(of.positive.len() + of.negative.len(), limits.buckets) => {
            Err(format!(
                "native_histogram_bucket_limit exceeded (metric: {metric:.50}, limit: {})",
                limits.buckets
            ))
        }
        _ => Ok(()),
    }
}

fn stale(labels: Labels, t_ms: i64) -> (Labels, Sample) {
    let value = stale_nan();
    (labels, Sample { t_ms, value })
}

#[cfg(test)]
mod tests;
