//! What spans and log lines have in common: a journal, a head of whole batches, blocks in partitions, and an index to blocks.
//!
//! Invariant: a row is in the journal and the head, or in a block; the change from one to the other is one transaction in the engine and
//! one step under the lock, so that no read sees a row twice or not at all.
//! Not here: what a row is ([`Kind`]) and how rows are searched.

mod cache;
mod cut;
mod load;
mod partition;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use crate::block::Parts;
use crate::codec::{Corrupt, Reader, open};
use crate::engine::{Engine, Signal, journal_key, part_key};
use crate::report::Report;
use crate::retention;
use crate::sync::{lock, read, write};
use crate::{AppendError, Clock};
use cache::Cache;
use partition::{COLUMNS, FILTER, Partition, ROWS};

/// A kind of row and its blocks.
pub(crate) trait Kind: Debug + Send + Sync + Sized + 'static {
    type Row: Clone + Debug + Send + Sync;
    /// Decoded parts of a block.
    type Columns: Debug + Send + Sync;
    type Rows: Debug + Send + Sync;
    /// What is known of a block without reading it.
    type Summary: Debug + Send + Sync;
    /// Names that summaries refer to.
    type Names: Debug + Default + Send + Sync;

    const SIGNAL: Signal;
    /// Rows from which a block is made.
    const BLOCK_ROWS: usize;

    fn time_ns(row: &Self::Row) -> u64;
    /// Bytes of a row in memory, estimated.
    fn memory(row: &Self::Row) -> usize;
    /// Puts the rows of a block in their order.
    fn arrange(rows: &mut [Self::Row]);
    fn encode(rows: &[Self::Row]) -> Parts;
    fn decode(parts: &Parts) -> Result<Vec<Self::Row>, Corrupt>;
    fn decode_columns(plain: &[u8]) -> Result<Self::Columns, Corrupt>;
    fn decode_rows(plain: &[u8]) -> Result<Self::Rows, Corrupt>;
    /// Writes what [`Kind::read_summary`] reads.
    fn write_summary(rows: &[Self::Row], out: &mut Vec<u8>);
    fn read_summary(reader: &mut Reader<'_>, names: &mut Self::Names) -> Result<Self::Summary, Corrupt>;
    /// What tells, without reading the block, which values are not in it; nothing if there is no such thing.
    fn filter(rows: &[Self::Row]) -> Option<Vec<u8>>;
    /// Keys by which the block is to be found besides by time.
    fn index_keys(rows: &[Self::Row]) -> Vec<u64>;
}

/// The rows of one kind.
#[derive(Debug)]
pub(crate) struct BlockStore<K: Kind> {
    engine: Arc<Engine>,
    report: Arc<Report>,
    clock: Clock,
    limits: Limits,
    writer: Mutex<Writer>,
    state: RwLock<State<K>>,
    pub(crate) names: RwLock<K::Names>,
    cutting: Mutex<()>,
    head_rows: AtomicU64,
    head_bytes: AtomicU64,
    accepted: AtomicU64,
    columns: Cache<K::Columns>,
    rows: Cache<K::Rows>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    head_bytes: u64,
    partition_ms: i64,
    partition_bytes: u64,
}

#[derive(Debug)]
struct Writer {
    next_seq: u64,
}

#[derive(Debug)]
struct State<K: Kind> {
    /// Batches in order of arrival.
    head: VecDeque<Arc<Batch<K::Row>>>,
    /// Oldest first; the last one is written to.
    partitions: Vec<Partition<K>>,
}

/// Rows that were appended together.
#[derive(Debug)]
pub(crate) struct Batch<R> {
    seq: u64,
    bytes: u64,
    min_ns: u64,
    max_ns: u64,
    pub(crate) rows: Vec<R>,
}

/// What is known of a block without reading it.
#[derive(Debug)]
pub(crate) struct BlockMeta<S> {
    pub(crate) id: u32,
    pub(crate) min_ns: u64,
    pub(crate) max_ns: u64,
    pub(crate) summary: S,
}

/// A block that a read may have to look into.
#[derive(Debug)]
pub(crate) struct BlockRef<K: Kind> {
    pub(crate) meta: Arc<BlockMeta<K::Summary>>,
    partition: Arc<partition::Keyspaces>,
}

/// Both parts of a block, decoded.
pub(crate) type Decoded<K> = (Arc<<K as Kind>::Columns>, Arc<<K as Kind>::Rows>);

/// Head and blocks at one moment.
#[derive(Debug)]
pub(crate) struct Snapshot<K: Kind> {
    pub(crate) batches: Vec<Arc<Batch<K::Row>>>,
    pub(crate) blocks: Vec<BlockRef<K>>,
}

impl<K: Kind> BlockStore<K> {
    /// Journals rows and adds them to the head.
    pub(crate) fn append(&self, rows: Vec<K::Row>) -> Result<usize, AppendError> {
        if rows.is_empty() {
            return Ok(0);
        }
        let head_bytes = self.head_bytes();
        if head_bytes > self.limits.head_bytes {
            return Err(AppendError::Overloaded {
                memory_bytes: head_bytes,
                limit_bytes: self.limits.head_bytes,
            });
        }
        let n = rows.len();
        let record = K::encode(&rows).join();
        let mut batch = Batch::new::<K>(0, rows);
        let mut writer = lock(&self.writer);
        batch.seq = writer.next_seq;
        let mut transaction = self.engine.batch();
        transaction.insert(&self.engine.journal, journal_key(K::SIGNAL, batch.seq), record);
        self.engine
            .commit(transaction)
            .map_err(|error| AppendError::Engine(Box::new(error)))?;
        writer.next_seq += 1;
        self.push(batch);
        drop(writer);
        self.accepted.fetch_add(n as u64, Ordering::Relaxed);
        Ok(n)
    }

    fn push(&self, batch: Batch<K::Row>) {
        self.head_bytes.fetch_add(batch.bytes, Ordering::Relaxed);
        self.head_rows
            .fetch_add(batch.rows.len() as u64, Ordering::Relaxed);
        write(&self.state).head.push_back(Arc::new(batch));
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    fn head_bytes(&self) -> u64 {
        self.head_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn memory_bytes(&self) -> u64 {
        let n_blocks: usize = read(&self.state)
            .partitions
            .iter()
            .map(|partition| partition.blocks.len())
            .sum();
        self.head_bytes() + self.columns.bytes() + self.rows.bytes() + n_blocks as u64 * 256
    }

    /// Time of the oldest row.
    pub(crate) fn oldest_ns(&self) -> Option<u64> {
        let state = read(&self.state);
        let blocks = state
            .partitions
            .iter()
            .flat_map(|partition| &partition.blocks)
            .map(|block| block.min_ns);
        blocks.chain(state.head.iter().map(|batch| batch.min_ns)).min()
    }

    /// The batches with rows from `start_ns` to `end_ns`, both inclusive, and the blocks that may have some and that `want` wants.
    pub(crate) fn snapshot(
        &self,
        start_ns: u64,
        end_ns: u64,
        want: impl Fn(&K::Summary) -> bool,
    ) -> Snapshot<K> {
        let state = read(&self.state);
        let overlaps = |min_ns: u64, max_ns: u64| min_ns <= end_ns && max_ns >= start_ns;
        Snapshot {
            batches: state
                .head
                .iter()
                .filter(|batch| overlaps(batch.min_ns, batch.max_ns))
                .cloned()
                .collect(),
            blocks: state
                .partitions
                .iter()
                .flat_map(|partition| {
                    partition
                        .blocks
                        .iter()
                        .filter(|block| overlaps(block.min_ns, block.max_ns) && want(&block.summary))
                        .map(|block| partition.block_ref(block))
                })
                .collect(),
        }
    }

    /// Every batch of the head, and the blocks that have rows with an index key.
    pub(crate) fn snapshot_by_key(&self, key: u64) -> Snapshot<K> {
        let state = read(&self.state);
        let mut blocks = Vec::new();
        for partition in &state.partitions {
            for id in partition.keyspaces.blocks_of(key, &self.report) {
                if let Ok(at) = partition.blocks.binary_search_by_key(&id, |block| block.id) {
                    blocks.push(partition.block_ref(&partition.blocks[at]));
                }
            }
        }
        Snapshot {
            batches: state.head.iter().cloned().collect(),
            blocks,
        }
    }

    /// Shows the summary of every block.
    pub(crate) fn each_summary(&self, mut visit: impl FnMut(&BlockMeta<K::Summary>)) {
        for partition in &read(&self.state).partitions {
            for block in &partition.blocks {
                visit(block);
            }
        }
    }

    /// The columns of a block; nothing if they are damaged, which is reported and takes the block out.
    pub(crate) fn columns(&self, block: &BlockRef<K>) -> Option<Arc<K::Columns>> {
        self.part(block, COLUMNS, &self.columns, K::decode_columns)
    }

    /// The rows of a block; nothing if they are damaged, which is reported and takes the block out.
    pub(crate) fn rows(&self, block: &BlockRef<K>) -> Option<Arc<K::Rows>> {
        self.part(block, ROWS, &self.rows, K::decode_rows)
    }

    /// What [`Kind::filter`] made of a block; nothing if it has none, or one that is damaged, which costs time and nothing else.
    pub(crate) fn filter(&self, block: &BlockRef<K>) -> Option<Vec<u8>> {
        let value = block
            .partition
            .blocks
            .get(part_key(block.meta.id, FILTER))
            .ok()??;
        open(&value).ok().map(Cow::into_owned)
    }

    /// Both parts of a block.
    pub(crate) fn parts(&self, block: &BlockRef<K>) -> Option<Decoded<K>> {
        Some((self.columns(block)?, self.rows(block)?))
    }

    fn part<T>(
        &self,
        block: &BlockRef<K>,
        part: u8,
        cache: &Cache<T>,
        decode: impl Fn(&[u8]) -> Result<T, Corrupt>,
    ) -> Option<Arc<T>> {
        let place = (block.partition.id, block.meta.id);
        if let Some(known) = cache.get(place) {
            return Some(known);
        }
        let key = part_key(block.meta.id, part);
        let value = match block.partition.blocks.get(key) {
            Ok(Some(value)) => value,
            Ok(None) => {
                self.take_out(block, "a part is missing", None);
                return None;
            }
            Err(error) => {
                self.take_out(block, &error.to_string(), None);
                return None;
            }
        };
        let decoded = open(&value).and_then(|plain| Ok((decode(&plain)?, plain.len())));
        match decoded {
            Ok((decoded, n)) => {
                let decoded = Arc::new(decoded);
                cache.put(place, decoded.clone(), n as u64 * 2);
                Some(decoded)
            }
            Err(error) => {
                self.take_out(block, &error.to_string(), Some(&value));
                None
            }
        }
    }

    /// Reports that a row of a block cannot be read, and takes the block out.
    pub(crate) fn damaged_row(&self, block: &BlockRef<K>, error: Corrupt) {
        let value = block.partition.blocks.get(part_key(block.meta.id, ROWS));
        self.take_out(block, &error.to_string(), value.ok().flatten().as_deref());
    }

    /// Reports a damaged block, keeps what can be read of it in a file, and forgets it.
    fn take_out(&self, block: &BlockRef<K>, what: &str, value: Option<&[u8]>) {
        let (partition, id) = (block.partition.id, block.meta.id);
        let signal = K::SIGNAL.as_str();
        let kept = value.map_or_else(String::new, |value| {
            self.engine
                .set_aside(&format!("{signal}-{partition}-block-{id}"), value)
        });
        self.report.damaged(
            format!("block {id} of partition {partition} of {signal}{kept}"),
            what,
        );
        let mut state = write(&self.state);
        let found = state
            .partitions
            .iter_mut()
            .find(|known| known.keyspaces.id == partition);
        if let Some(found) = found {
            found.blocks.retain(|block| block.id != id);
        }
        drop(state);
        if let Err(error) = block.partition.remove_block(&self.engine, id) {
            self.report.write_failed(&error);
        }
    }
}

impl<R> Batch<R> {
    fn new<K: Kind<Row = R>>(seq: u64, rows: Vec<R>) -> Self {
        let times = || rows.iter().map(K::time_ns);
        Self {
            seq,
            bytes: rows.iter().map(|row| K::memory(row) as u64).sum(),
            min_ns: times().min().unwrap_or(u64::MAX),
            max_ns: times().max().unwrap_or(0),
            rows,
        }
    }
}

impl Limits {
    fn new(config: &crate::StoreConfig, age: std::time::Duration) -> Self {
        Self {
            head_bytes: config.max_memory_bytes / 8,
            partition_ms: retention::partition_ms(age),
            partition_bytes: retention::partition_bytes(config.max_disk_bytes),
        }
    }
}
