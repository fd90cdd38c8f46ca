//! Series held in memory, that rules read and write: what unit tests of rules run on.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use watchroom_model::{HistogramSample, Labels, METRIC_NAME, MatchOp, Matcher, Sample, SeriesData};
use watchroom_query::{SeriesSource, SourceError};

use crate::{Batch, Sink, SinkError};

/// Series by metric name and labels.
type Series = BTreeMap<String, BTreeMap<Labels, SeriesData>>;

/// A store in memory.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Series>);

impl Memory {
    fn series(&self) -> MutexGuard<'_, Series> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a number; of two at one time the first stays.
    pub fn add(&self, labels: &Labels, sample: Sample) {
        let mut all = self.series();
        let samples = &mut of(&mut all, labels).samples;
        let at = samples.partition_point(|known| known.t_ms < sample.t_ms);
        if samples.get(at).is_none_or(|known| known.t_ms != sample.t_ms) {
            samples.insert(at, sample);
        }
    }

    /// Adds a native histogram; of two at one time the first stays.
    pub fn add_histogram(&self, labels: &Labels, sample: HistogramSample) {
        let mut all = self.series();
        let histograms = &mut of(&mut all, labels).histograms;
        let at = histograms.partition_point(|known| known.t_ms < sample.t_ms);
        if histograms.get(at).is_none_or(|known| known.t_ms != sample.t_ms) {
            histograms.insert(at, sample);
        }
    }
}

fn of<'a>(all: &'a mut Series, labels: &Labels) -> &'a mut SeriesData {
    all.entry(labels.metric_name().to_owned())
        .or_default()
        .entry(labels.clone())
        .or_insert_with(|| SeriesData::floats(labels.clone(), Vec::new()))
}

impl Sink for Memory {
    fn append(&self, batch: &Batch) -> Result<(), SinkError> {
        for (labels, sample) in &batch.samples {
            self.add(labels, *sample);
        }
        for (labels, sample) in &batch.histograms {
            self.add_histogram(labels, sample.clone());
        }
        Ok(())
    }
}

impl SeriesSource for Memory {
    fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<SeriesData>, SourceError> {
        let all = self.series();
        let name = matchers
            .iter()
            .find(|m| m.name == METRIC_NAME && m.op == MatchOp::Equal)
            .map(|m| m.value.as_str());
        let mut selected = Vec::new();
        let candidates = all
            .iter()
            .filter(|(known, _)| name.is_none_or(|name| name == known.as_str()));
        for one in candidates.flat_map(|(_, of_name)| of_name.values()) {
            if !matchers
                .iter()
                .all(|m| m.matches(one.labels.get(&m.name).unwrap_or("")))
            {
                continue;
            }
            let (from, to) = (
                one.samples.partition_point(|s| s.t_ms < start_ms),
                one.samples.partition_point(|s| s.t_ms <= end_ms),
            );
            let (first, last) = (
                one.histograms.partition_point(|s| s.t_ms < start_ms),
                one.histograms.partition_point(|s| s.t_ms <= end_ms),
            );
            if from < to || first < last {
                selected.push(SeriesData {
                    labels: one.labels.clone(),
                    samples: one.samples[from..to].to_vec(),
                    histograms: one.histograms[first..last].to_vec(),
                });
            }
        }
        Ok(selected)
    }
}
