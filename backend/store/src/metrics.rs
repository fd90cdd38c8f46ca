//! Samples: journal, head, chunks and the series they belong to.
//!
//! Invariant: an accepted sample is in the journal, or in a chunk in the engine, or in both; and in memory or in a chunk. Readers take
//! chunks that overlap as one, so that neither a crash between the two nor a flush during a read shows.
//! Not here: evaluation, and what a sample means.

mod append;
mod flush;
mod load;
mod partition;
mod read;
mod record;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use watchroom_model::MetricMetadata;

use crate::engine::Engine;
use crate::index::{Identity, Index};
use crate::report::Report;
use crate::sync::{lock, read};
use crate::{Clock, StoreConfig, StoreStats};
use partition::MetricPartition;

/// Metrics of which metadata is kept; beyond that new ones are not noted.
const MAX_METADATA: usize = 100_000;

/// The samples of a store.
#[derive(Debug)]
pub(crate) struct Metrics {
    engine: Arc<Engine>,
    report: Arc<Report>,
    clock: Clock,
    limits: Limits,
    index: RwLock<Index>,
    identity: Identity,
    writer: Mutex<Writer>,
    /// Oldest first; the last one is written to.
    partitions: RwLock<Vec<Arc<MetricPartition>>>,
    metadata: RwLock<BTreeMap<String, MetricMetadata>>,
    /// Held while chunks are written, so that a flush asked for and one that is due do not meet.
    flushing: Mutex<()>,
    head_bytes: AtomicI64,
    journal_bytes: AtomicU64,
    last_flush_ms: AtomicI64,
    counts: Counts,
}

/// Bounds that follow from the configuration.
#[derive(Debug, Clone, Copy)]
struct Limits {
    head_bytes: u64,
    index_bytes: u64,
    journal_bytes: u64,
    partition_ms: i64,
    partition_bytes: u64,
}

impl Limits {
    fn new(config: &StoreConfig) -> Self {
        Self {
            head_bytes: config.max_memory_bytes / 5,
            index_bytes: config.max_memory_bytes / 10 * 3,
            // Packed records of some two bytes a sample; the start reads them all.
            journal_bytes: (config.max_memory_bytes / 12).clamp(1 << 20, 16 << 20),
            partition_ms: crate::retention::partition_ms(config.retention.metrics),
            partition_bytes: crate::retention::partition_bytes(config.max_disk_bytes),
        }
    }
}

/// What only one append at a time may touch.
#[derive(Debug)]
struct Writer {
    next_id: u32,
    /// Journal records from `first_seq` to before `next_seq` are in the engine.
    first_seq: u64,
    next_seq: u64,
}

#[derive(Debug, Default)]
struct Counts {
    samples: AtomicU64,
    out_of_order: AtomicU64,
    duplicate: AtomicU64,
    too_far_ahead: AtomicU64,
    over_limit: AtomicU64,
}

impl Metrics {
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.head_bytes() + read(&self.index).bytes() as u64
    }

    fn head_bytes(&self) -> u64 {
        self.head_bytes.load(Ordering::Relaxed).max(0) as u64
    }

    pub(crate) fn add_stats(&self, stats: &mut StoreStats) {
        stats.series = read(&self.index).len() as u64;
        stats.samples = self.counts.samples.load(Ordering::Relaxed);
        stats.out_of_order = self.counts.out_of_order.load(Ordering::Relaxed);
        stats.duplicate = self.counts.duplicate.load(Ordering::Relaxed);
        stats.too_far_ahead = self.counts.too_far_ahead.load(Ordering::Relaxed);
        stats.over_limit = self.counts.over_limit.load(Ordering::Relaxed);
        let in_engine = read(&self.partitions)
            .iter()
            .map(|partition| lock(&partition.meta).clone())
            .find(|meta| !meta.is_empty())
            .map(|meta| meta.min_time);
        stats.oldest_sample_ms = in_engine.or_else(|| {
            let series = read(&self.index).all();
            series.iter().filter_map(|series| series.first_ms()).min()
        });
    }

    pub(crate) fn metadata(&self, metric: Option<&str>) -> Vec<MetricMetadata> {
        let known = read(&self.metadata);
        match metric {
            Some(name) => known.get(name).cloned().into_iter().collect(),
            None => known.values().cloned().collect(),
        }
    }
}
