//! Taking samples in.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use watchroom_model::{HistogramSample, Labels, MetricMetadata, Sample};

use super::record::{JournalRecord, metadata_key, write_labels, write_metadata};
use super::{MAX_METADATA, Metrics, Writer};
use crate::chunk::Incoming;
use crate::engine::{Signal, journal_key, series_key};
use crate::head::{Push, Series};
use crate::sample_batch::SeriesName;
use crate::sync::{lock, read, write};
use crate::{AppendError, AppendOutcome, SampleBatch};

/// How far ahead of the clock a sample may be. A series whose newest sample is years ahead would refuse every other.
const MAX_AHEAD_MS: i64 = 60 * 60 * 1_000;

impl Metrics {
    pub(crate) fn append(&self, batch: &[(Labels, Sample)]) -> Result<AppendOutcome, AppendError> {
        self.append_each(
            batch
                .iter()
                .map(|(labels, sample)| (labels, std::slice::from_ref(sample))),
            |sample| Incoming::from(*sample),
        )
    }

    pub(crate) fn append_batch(&self, batch: &SampleBatch<'_>) -> Result<AppendOutcome, AppendError> {
        self.append_each(batch.iter(), |sample| Incoming::from(*sample))
    }

    pub(crate) fn append_histograms(
        &self,
        batch: &[(Labels, HistogramSample)],
    ) -> Result<AppendOutcome, AppendError> {
        self.append_each(
            batch
                .iter()
                .map(|(labels, sample)| (labels, std::slice::from_ref(sample))),
            Incoming::from,
        )
    }

    fn append_each<'a, N: SeriesName, S: 'a>(
        &self,
        batch: impl Iterator<Item = (N, &'a [S])>,
        incoming: impl Fn(&'a S) -> Incoming<'a>,
    ) -> Result<AppendOutcome, AppendError> {
        let head_bytes = self.head_bytes();
        if head_bytes > self.limits.head_bytes {
            return Err(AppendError::Overloaded {
                memory_bytes: head_bytes,
                limit_bytes: self.limits.head_bytes,
            });
        }
        let horizon_ms = self.clock.now_ms().saturating_add(MAX_AHEAD_MS);
        let mut outcome = AppendOutcome::default();
        let mut changes = Changes {
            record: JournalRecord::default(),
            grown: 0,
        };
        let mut transaction = self.engine.batch();
        // Identities are found out before the lock is taken, so that only what has to be done in turn is.
        let mut identity = self.identity.again();
        let batch: Vec<(u128, N, &'a [S])> = batch
            .map(|(name, samples)| (identity.of(name), name, samples))
            .collect();
        let mut writer = lock(&self.writer);
        let mut unknown: Vec<(u128, N, &'a [S])> = Vec::new();
        let mut push_all = |series: &Arc<Series>, samples: &'a [S], outcome: &mut AppendOutcome| {
            for sample in samples.iter().map(&incoming) {
                if sample.t_ms() > horizon_ms {
                    outcome.too_far_ahead += 1;
                } else {
                    self.push(series, sample, &mut changes, outcome);
                }
            }
        };
        {
            let index = read(&self.index);
            for (identity, name, samples) in batch {
                match index.get(identity) {
                    Some(series) => push_all(series, samples, &mut outcome),
                    None => unknown.push((identity, name, samples)),
                }
            }
        }
        if !unknown.is_empty() {
            let mut index = write(&self.index);
            for (identity, name, samples) in unknown {
                let is_ahead = |sample: &'a S| incoming(sample).t_ms() > horizon_ms;
                let series = match index.get(identity) {
                    Some(series) => series.clone(),
                    None if samples.iter().all(is_ahead) => {
                        outcome.too_far_ahead += samples.len();
                        continue;
                    }
                    None if index.bytes() as u64 >= self.limits.index_bytes => {
                        outcome.over_limit += samples.len();
                        continue;
                    }
                    None => {
                        let Some(id) = new_id(&mut writer) else {
                            outcome.over_limit += samples.len();
                            continue;
                        };
                        let labels = name.labels();
                        transaction.insert(&self.engine.meta, series_key(id), write_labels(&labels));
                        index.insert(identity, id, &labels)
                    }
                };
                push_all(&series, samples, &mut outcome);
            }
        }
        if !changes.record.is_empty() {
            let record = changes.record.finish();
            self.journal_bytes
                .fetch_add(record.len() as u64, Ordering::Relaxed);
            transaction.insert(
                &self.engine.journal,
                journal_key(Signal::Metrics, writer.next_seq),
                record,
            );
            writer.next_seq += 1;
        }
        self.head_bytes.fetch_add(changes.grown, Ordering::Relaxed);
        // After a failure the engine refuses every later batch as well, so that what is in memory only is never acknowledged.
        self.engine
            .commit(transaction)
            .map_err(|error| AppendError::Engine(Box::new(error)))?;
        drop(writer);
        self.count(&outcome);
        Ok(outcome)
    }

    /// Keeps what is known of metrics; only what differs from what is known is written.
    pub(crate) fn append_metadata(&self, batch: &[MetricMetadata]) -> Result<(), AppendError> {
        let news: Vec<&MetricMetadata> = {
            let known = read(&self.metadata);
            batch
                .iter()
                .filter(|metadata| known.get(&metadata.name) != Some(metadata))
                .collect()
        };
        if news.is_empty() {
            return Ok(());
        }
        let mut transaction = self.engine.batch();
        let mut known = write(&self.metadata);
        for metadata in news {
            if known.len() >= MAX_METADATA && !known.contains_key(&metadata.name) {
                continue;
            }
            transaction.insert(
                &self.engine.meta,
                metadata_key(&metadata.name),
                write_metadata(metadata),
            );
            known.insert(metadata.name.clone(), metadata.clone());
        }
        self.engine
            .commit(transaction)
            .map_err(|error| AppendError::Engine(Box::new(error)))
    }

    fn push(
        &self,
        series: &Arc<Series>,
        sample: Incoming<'_>,
        changes: &mut Changes,
        outcome: &mut AppendOutcome,
    ) {
        match series.push(sample, || self.newest_in_engine(series.id)) {
            Push::Kept(grown) => {
                changes.grown += grown;
                match sample {
                    Incoming::Float(sample) => changes.record.push(series.id, sample),
                    Incoming::Histogram(sample) => changes.record.push_histogram(series.id, sample),
                }
                outcome.accepted += 1;
            }
            Push::Same => outcome.accepted += 1,
            Push::Conflict => outcome.duplicate += 1,
            Push::OutOfOrder => outcome.out_of_order += 1,
        }
    }

    fn count(&self, outcome: &AppendOutcome) {
        for (counter, n) in [
            (&self.counts.samples, outcome.accepted),
            (&self.counts.out_of_order, outcome.out_of_order),
            (&self.counts.duplicate, outcome.duplicate),
            (&self.counts.too_far_ahead, outcome.too_far_ahead),
            (&self.counts.over_limit, outcome.over_limit),
        ] {
            counter.fetch_add(n as u64, Ordering::Relaxed);
        }
    }
}

/// What a batch adds.
struct Changes {
    record: JournalRecord,
    /// Chunk memory, bytes.
    grown: i64,
}

/// Ids are never used again while anything may still refer to them; `None` once all are used.
fn new_id(writer: &mut Writer) -> Option<u32> {
    let id = writer.next_id;
    writer.next_id = id.checked_add(1)?;
    Some(id)
}
