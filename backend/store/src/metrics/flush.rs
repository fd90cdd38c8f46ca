//! Writing chunks out, starting partitions, dropping them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustc_hash::FxHashSet;

use super::Metrics;
use super::partition::MetricPartition;
use crate::codec::seal;
use crate::engine::{Signal, chunk_key, journal_key, series_key};
use crate::head::{Series, Unwritten};
use crate::partition::PartitionMeta;
use crate::retention::Candidate;
use crate::sync::{lock, read, write};

/// Longest time that a journal record waits for its chunks to be written.
const FLUSH_EVERY_MS: i64 = 10 * 60 * 1_000;
/// A series without a sample for so long gives up its chunk memory.
const IDLE_MS: i64 = 30 * 60 * 1_000;
/// Chunks in one batch.
const BATCH: usize = 1_000;

impl Metrics {
    /// Writes chunks out if there is a reason to.
    pub(crate) fn maintain(&self) -> fjall::Result<()> {
        let waited_ms = self
            .clock
            .now_ms()
            .saturating_sub(self.last_flush_ms.load(Ordering::Relaxed));
        let waits = self.journal_bytes.load(Ordering::Relaxed) > 0;
        if self.is_due() || (waits && waited_ms > FLUSH_EVERY_MS) {
            self.flush()?;
        }
        Ok(())
    }

    /// Whether chunks are to be written out now.
    pub(crate) fn is_due(&self) -> bool {
        self.journal_bytes.load(Ordering::Relaxed) > self.limits.journal_bytes
            || self.head_bytes() > self.limits.head_bytes / 2
    }

    /// Writes every chunk that the engine does not have in full, then lets the journal go.
    pub(crate) fn flush(&self) -> fjall::Result<()> {
        let _flushing = lock(&self.flushing);
        let now_ms = self.clock.now_ms();
        let (first_seq, upto_seq) = {
            let writer = lock(&self.writer);
            self.journal_bytes.store(0, Ordering::Relaxed);
            (writer.first_seq, writer.next_seq)
        };
        let partition = self.newest_partition(now_ms)?;
        let all = read(&self.index).all();
        let mut written: Vec<(&Arc<Series>, Unwritten)> = Vec::with_capacity(BATCH);
        for series in &all {
            if let Some(unwritten) = series.unwritten() {
                written.push((series, unwritten));
            }
            if written.len() == BATCH {
                self.write_chunks(&partition, &mut written, now_ms)?;
            }
        }
        self.write_chunks(&partition, &mut written, now_ms)?;

        // Everything up to `upto_seq` is in chunks now.
        let mut transaction = self.engine.batch();
        for seq in first_seq..upto_seq {
            transaction.remove(&self.engine.journal, journal_key(Signal::Metrics, seq));
        }
        self.engine.commit(transaction)?;
        lock(&self.writer).first_seq = upto_seq;
        self.last_flush_ms.store(now_ms, Ordering::Relaxed);

        // Under pressure every open chunk is given up, else those of series that have ended.
        let before_ms = if self.head_bytes() > self.limits.head_bytes / 2 {
            i64::MAX
        } else {
            now_ms.saturating_sub(IDLE_MS)
        };
        let freed: usize = all.iter().map(|series| series.let_go(before_ms)).sum();
        self.head_bytes.fetch_sub(freed as i64, Ordering::Relaxed);
        Ok(())
    }

    fn write_chunks(
        &self,
        partition: &MetricPartition,
        written: &mut Vec<(&Arc<Series>, Unwritten)>,
        now_ms: i64,
    ) -> fjall::Result<()> {
        if written.is_empty() {
            return Ok(());
        }
        let mut transaction = self.engine.batch();
        {
            let mut meta = lock(&partition.meta);
            let mut present = lock(&partition.present);
            for (series, unwritten) in written.iter() {
                for (first_ms, chunk) in &unwritten.chunks {
                    transaction.insert(&partition.chunks.0, chunk_key(series.id, *first_ms), seal(chunk));
                    meta.cover(*first_ms, unwritten.last_ms);
                }
                present.add(series.id);
            }
            meta.last_write_ms = now_ms;
        }
        partition.put_facts(&self.engine, &mut transaction);
        self.engine.commit(transaction)?;
        let freed: usize = written
            .drain(..)
            .map(|(series, unwritten)| series.written(&unwritten))
            .sum();
        self.head_bytes.fetch_sub(freed as i64, Ordering::Relaxed);
        Ok(())
    }

    /// The partition to write to; a new one if the newest is old or large.
    fn newest_partition(&self, now_ms: i64) -> fjall::Result<Arc<MetricPartition>> {
        let newest = read(&self.partitions).last().cloned();
        if let Some(newest) = &newest {
            let meta = lock(&newest.meta).clone();
            let old = now_ms.saturating_sub(meta.created_ms) >= self.limits.partition_ms;
            let large = newest.chunks.0.disk_space() >= self.limits.partition_bytes;
            if meta.is_empty() || !(old || large) {
                return Ok(newest.clone());
            }
        }
        self.add_partition(newest.as_deref(), now_ms)
    }

    fn add_partition(
        &self,
        newest: Option<&MetricPartition>,
        now_ms: i64,
    ) -> fjall::Result<Arc<MetricPartition>> {
        let meta = PartitionMeta::new(newest.map_or(0, |newest| newest.id + 1), now_ms);
        let partition = Arc::new(MetricPartition::open(meta, &self.engine)?);
        let mut transaction = self.engine.batch();
        partition.put_facts(&self.engine, &mut transaction);
        self.engine.commit(transaction)?;
        write(&self.partitions).push(partition.clone());
        if let Some(closed) = newest {
            self.engine.settle(&closed.chunks.0)?;
        }
        Ok(partition)
    }

    /// Names of the keyspaces in use.
    pub(crate) fn keyspaces(&self) -> Vec<String> {
        read(&self.partitions)
            .iter()
            .map(|partition| MetricPartition::keyspace_name(partition.id))
            .collect()
    }

    /// Partitions that may be dropped: all but the one that is written to.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let partitions = read(&self.partitions);
        let closed = partitions.len().saturating_sub(1);
        partitions[..closed]
            .iter()
            .map(|partition| Candidate {
                signal: Signal::Metrics,
                id: partition.id,
                last_write_ms: lock(&partition.meta).last_write_ms,
                bytes: partition.chunks.0.disk_space(),
                dirs: vec![partition.chunks.0.path().to_owned()],
            })
            .collect()
    }

    /// Closes the newest partition if it is as old as data may get, so that it can be dropped although nothing new comes.
    pub(crate) fn close_before(&self, last_write_ms: i64) -> fjall::Result<()> {
        let _flushing = lock(&self.flushing);
        let newest = read(&self.partitions).last().cloned();
        let Some(newest) = newest else {
            return Ok(());
        };
        let meta = lock(&newest.meta).clone();
        if meta.is_empty() || meta.last_write_ms >= last_write_ms {
            return Ok(());
        }
        self.add_partition(Some(&newest), self.clock.now_ms()).map(drop)
    }

    /// Drops a partition, and the series that are nowhere else.
    pub(crate) fn drop_partition(&self, id: u32) -> fjall::Result<()> {
        let dropped = {
            let mut partitions = write(&self.partitions);
            let Some(at) = partitions.iter().position(|partition| partition.id == id) else {
                return Ok(());
            };
            partitions.remove(at)
        };
        dropped.forget(&self.engine)?;
        drop(dropped);
        self.forget_series()
    }

    /// Removes the series that have no sample in memory or engine.
    fn forget_series(&self) -> fjall::Result<()> {
        let _writer = lock(&self.writer);
        let partitions = read(&self.partitions).clone();
        let present: Vec<_> = partitions
            .iter()
            .map(|partition| lock(&partition.present).clone())
            .collect();
        let dead: FxHashSet<u32> = read(&self.index)
            .all()
            .iter()
            .filter(|series| series.is_idle() && !present.iter().any(|present| present.contains(series.id)))
            .map(|series| series.id)
            .collect();
        if dead.is_empty() {
            return Ok(());
        }
        let mut transaction = self.engine.batch();
        for id in &dead {
            transaction.remove(&self.engine.meta, series_key(*id));
        }
        self.engine.commit(transaction)?;
        write(&self.index).remove(&dead, &mut self.identity.again());
        Ok(())
    }
}
