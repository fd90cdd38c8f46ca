//! Opening: partitions with their summaries, and the journal's rows back into the head.

use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use super::cache::Cache;
use super::partition::{Keyspaces, Partition};
use super::{Batch, BlockStore, Kind, Limits, State, Writer};
use crate::StoreConfig;
use crate::block::Parts;
use crate::engine::Engine;
use crate::report::Report;
use crate::sync::lock;
use crate::{journal, partition};

impl<K: Kind> BlockStore<K> {
    pub(crate) fn open(
        config: &StoreConfig,
        age: Duration,
        engine: Arc<Engine>,
        report: Arc<Report>,
    ) -> fjall::Result<Self> {
        let mut names = K::Names::default();
        let metas = partition::load(K::SIGNAL, &engine, &report, config.clock.now_ms(), |id| {
            Keyspaces::names(K::SIGNAL, id)
        })?;
        let partitions = metas
            .into_iter()
            .map(|meta| Partition::load(meta, &engine, &report, &mut names))
            .collect::<fjall::Result<Vec<_>>>()?;
        let cache_bytes = config.max_memory_bytes / 64;
        let store = Self {
            clock: config.clock.clone(),
            limits: Limits::new(config, age),
            writer: Mutex::new(Writer { next_seq: 0 }),
            state: RwLock::new(State {
                head: VecDeque::new(),
                partitions,
            }),
            names: RwLock::new(names),
            cutting: Mutex::new(()),
            head_rows: AtomicU64::new(0),
            head_bytes: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            columns: Cache::new(cache_bytes),
            rows: Cache::new(cache_bytes),
            engine,
            report,
        };
        store.replay()?;
        Ok(store)
    }

    fn replay(&self) -> fjall::Result<()> {
        // A record becomes a batch under its own number, by which it is removed later.
        let mut rows_of = Vec::new();
        let seqs = journal::replay(K::SIGNAL, &self.engine, &self.report, |seq, record| {
            let rows = Parts::split(record).and_then(|parts| K::decode(&parts))?;
            rows_of.push((seq, rows));
            Ok(())
        })?;
        for (seq, rows) in rows_of {
            self.push(Batch::new::<K>(seq, rows));
        }
        lock(&self.writer).next_seq = seqs.end;
        Ok(())
    }
}
