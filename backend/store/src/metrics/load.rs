//! Opening: series, partitions, metadata, and the journal's samples back into memory.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use super::partition::MetricPartition;
use super::record::{read_journal, read_labels, read_metadata};
use super::{Counts, Limits, Metrics, Writer};
use crate::StoreConfig;
use crate::chunk::Incoming;
use crate::engine::{Engine, SERIES, Signal, entries};
use crate::head::Push;
use crate::index::{Identity, Index};
use crate::journal;
use crate::partition;
use crate::report::Report;

impl Metrics {
    pub(crate) fn open(
        config: &StoreConfig,
        engine: Arc<Engine>,
        report: Arc<Report>,
    ) -> fjall::Result<Self> {
        let now_ms = config.clock.now_ms();
        let metas = partition::load(Signal::Metrics, &engine, &report, now_ms, |id| {
            vec![MetricPartition::keyspace_name(id)]
        })?;
        let partitions = metas
            .into_iter()
            .map(|meta| MetricPartition::open(meta, &engine).map(Arc::new))
            .collect::<fjall::Result<Vec<_>>>()?;
        let mut identity = Identity::new();
        let (index, next_id) = load_series(&engine, &report, &mut identity)?;
        let mut metadata = BTreeMap::new();
        for (_, value) in entries(engine.meta.prefix(b"d"), &report, || "metric metadata".to_owned()) {
            match read_metadata(&value) {
                Ok(known) => {
                    metadata.insert(known.name.clone(), known);
                }
                Err(error) => report.damaged("metadata of a metric".to_owned(), error.to_string()),
            }
        }
        let metrics = Self {
            clock: config.clock.clone(),
            limits: Limits::new(config),
            index: RwLock::new(index),
            identity,
            writer: Mutex::new(Writer {
                next_id,
                first_seq: 0,
                next_seq: 0,
            }),
            partitions: RwLock::new(partitions),
            metadata: RwLock::new(metadata),
            flushing: Mutex::new(()),
            head_bytes: AtomicI64::new(0),
            journal_bytes: AtomicU64::new(0),
            last_flush_ms: AtomicI64::new(now_ms),
            counts: Counts::default(),
            engine,
            report,
        };
        metrics.replay()?;
        Ok(metrics)
    }

    /// Takes the journal's samples back into memory. Some may be in chunks as well; readers do not mind.
    fn replay(&self) -> fjall::Result<()> {
        let index = crate::sync::read(&self.index);
        let mut bytes = 0;
        let (grown, strangers) = (Cell::new(0), Cell::new(0_u64));
        let keep = |id: u32, sample: Incoming<'_>| match index.by_id(id) {
            Some(series) => {
                if let Push::Kept(more) = series.push(sample, || None) {
                    grown.set(grown.get() + more);
                }
            }
            None => strangers.set(strangers.get() + 1),
        };
        let seqs = journal::replay(Signal::Metrics, &self.engine, &self.report, |_, value| {
            bytes += value.len() as u64;
            read_journal(
                value,
                |id, sample| keep(id, sample.into()),
                |id, sample| keep(id, (&sample).into()),
            )
        })?;
        let (grown, strangers) = (grown.get(), strangers.get());
        if strangers > 0 {
            self.report.damaged(
                "journal of metrics".to_owned(),
                format!("{strangers} samples belong to series that are not known"),
            );
        }
        let mut writer = crate::sync::lock(&self.writer);
        (writer.first_seq, writer.next_seq) = (seqs.start, seqs.end);
        self.head_bytes.store(grown, Ordering::Relaxed);
        self.journal_bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// Every series, and the next free id. A series whose labels are damaged is lost; its id is not used again.
fn load_series(
    engine: &Engine,
    report: &Arc<Report>,
    identity: &mut Identity,
) -> fjall::Result<(Index, u32)> {
    let mut index = Index::default();
    let id_of = |key: &[u8]| Some(u32::from_be_bytes(key.get(1..)?.try_into().ok()?));
    for (key, value) in entries(engine.meta.prefix([SERIES]), report, || "label sets".to_owned()) {
        let Some(id) = id_of(&key) else {
            report.damaged("label sets".to_owned(), "a key is not a series id");
            continue;
        };
        match read_labels(&value) {
            Ok(labels) => {
                let key = identity.of(&labels);
                if index.is_free(key) {
                    index.insert(key, id, &labels).set_unknown();
                }
            }
            Err(error) => report.damaged(format!("labels of series {id}"), error.to_string()),
        }
    }
    let last = match engine.meta.prefix([SERIES]).next_back() {
        Some(entry) => id_of(&entry.key()?),
        None => None,
    };
    Ok((index, last.map_or(1, |id| id.saturating_add(1))))
}
