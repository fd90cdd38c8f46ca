//! Opening: series, partitions, metadata, and the journal's samples back into memory.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use watchroom_model::{HistogramSample, Sample};

use super::partition::MetricPartition;
use super::record::{read_journal, read_labels, read_metadata};
use super::{Counts, Limits, Metrics, Writer};
use crate::StoreConfig;
use crate::chunk::Incoming;
use crate::engine::{Engine, SERIES, Signal, entries};
use crate::head::{Push, Series};
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
        let all = index.all();
        let mut bytes = 0;
        let replay = RefCell::new(Replay::new(&all));
        let seqs = journal::replay(Signal::Metrics, &self.engine, &self.report, |_, value| {
            bytes += value.len() as u64;
            read_journal(
                value,
                |id, sample| replay.borrow_mut().add(id, sample),
                |id, sample| replay.borrow_mut().add_histogram(id, &sample),
            )
        })?;
        let mut replay = replay.into_inner();
        replay.push_waiting();
        if replay.n_strangers > 0 {
            self.report.damaged(
                "journal of metrics".to_owned(),
                format!(
                    "{} samples belong to series that are not known",
                    replay.n_strangers
                ),
            );
        }
        let mut writer = crate::sync::lock(&self.writer);
        (writer.first_seq, writer.next_seq) = (seqs.start, seqs.end);
        self.head_bytes.store(replay.grown, Ordering::Relaxed);
        self.journal_bytes.store(bytes, Ordering::Relaxed);
        Ok(())
    }
}

/// Threads that push samples; each has series of its own, so that those of one series stay in order.
const N_SHARDS: usize = 2;
/// Samples that wait for the threads.
const N_WAITING: usize = 1 << 18;

/// The journal's samples on their way back.
struct Replay<'a> {
    known: Known<'a>,
    waiting: [Vec<(u32, Sample)>; N_SHARDS],
    n_waiting: usize,
    /// Chunk memory, bytes.
    grown: i64,
    n_strangers: u64,
}

/// The series that there are.
struct Known<'a> {
    by_id: Vec<Option<&'a Arc<Series>>>,
    /// Ascending in id.
    all: &'a [Arc<Series>],
}

impl Known<'_> {
    fn get(&self, id: u32) -> Option<&Arc<Series>> {
        match self.by_id.get(id as usize) {
            Some(found) => *found,
            None => {
                let at = self.all.binary_search_by_key(&id, |series| series.id);
                at.ok().map(|at| &self.all[at])
            }
        }
    }
}

impl<'a> Replay<'a> {
    fn new(all: &'a [Arc<Series>]) -> Self {
        // Ids are given in turn and forgotten with their series, so that the table has few gaps; should it have many, those beyond are looked for.
        let len = all.last().map_or(0, |last| last.id as usize + 1);
        let mut series = vec![None; len.min(all.len() * 8 + (1 << 16))];
        for one in all {
            if let Some(place) = series.get_mut(one.id as usize) {
                *place = Some(one);
            }
        }
        Self {
            known: Known { by_id: series, all },
            waiting: Default::default(),
            n_waiting: 0,
            grown: 0,
            n_strangers: 0,
        }
    }

    fn add(&mut self, id: u32, sample: Sample) {
        self.waiting[id as usize % N_SHARDS].push((id, sample));
        self.n_waiting += 1;
        if self.n_waiting == N_WAITING {
            self.push_waiting();
        }
    }

    fn add_histogram(&mut self, id: u32, sample: &HistogramSample) {
        // Numbers of its series that came before go first.
        self.push_waiting();
        let (grown, n_strangers) = push_each(&self.known, [(id, Incoming::from(sample))]);
        self.grown += grown;
        self.n_strangers += n_strangers;
    }

    fn push_waiting(&mut self) {
        let known = &self.known;
        let done: [(i64, u64); N_SHARDS] = std::thread::scope(|scope| {
            let threads = self.waiting.each_mut().map(|waiting| {
                let samples = std::mem::take(waiting);
                // A few are not worth a thread.
                if samples.len() < N_WAITING / 64 {
                    return Err(push_each(
                        known,
                        samples.into_iter().map(|(id, sample)| (id, sample.into())),
                    ));
                }
                Ok(scope.spawn(move || {
                    push_each(known, samples.into_iter().map(|(id, sample)| (id, sample.into())))
                }))
            });
            threads.map(|thread| match thread {
                Err(done) => done,
                Ok(thread) => thread
                    .join()
                    .unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            })
        });
        for (grown, n_strangers) in done {
            self.grown += grown;
            self.n_strangers += n_strangers;
        }
        self.n_waiting = 0;
    }
}

/// Pushes samples in turn; returns the growth of chunk memory and how many belong to no series.
fn push_each<'s>(known: &Known<'_>, samples: impl IntoIterator<Item = (u32, Incoming<'s>)>) -> (i64, u64) {
    let (mut grown, mut n_strangers) = (0, 0);
    for (id, sample) in samples {
        match known.get(id) {
            Some(series) => {
                if let Push::Kept(more) = series.push(sample, || None) {
                    grown += more;
                }
            }
            None => n_strangers += 1,
        }
    }
    (grown, n_strangers)
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
