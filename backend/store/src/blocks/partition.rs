//! Blocks received in one stretch of time, and the index to them.

use std::sync::Arc;

use fjall::{Keyspace, OwnedWriteBatch};

use super::{BlockMeta, BlockRef, Kind};
use crate::codec::{Corrupt, Reader, open, put_uvarint, seal};
use crate::engine::{Access, Engine, Signal, entries, part_key};
use crate::partition::PartitionMeta;
use crate::report::Report;

/// Parts of a block in the keyspace of blocks.
pub(super) const COLUMNS: u8 = 1;
pub(super) const ROWS: u8 = 2;
pub(super) const FILTER: u8 = 3;

/// Kinds of entries in the keyspace of the index.
const SUMMARY: u8 = b's';
const BY_KEY: u8 = b'k';

#[derive(Debug)]
pub(super) struct Partition<K: Kind> {
    pub(super) keyspaces: Arc<Keyspaces>,
    pub(super) meta: PartitionMeta,
    /// By id.
    pub(super) blocks: Vec<Arc<BlockMeta<K::Summary>>>,
    pub(super) next_block: u32,
}

/// What is written of a new block.
pub(super) struct NewBlock<'a> {
    pub(super) summary: &'a [u8],
    pub(super) columns: Vec<u8>,
    pub(super) rows: Vec<u8>,
    pub(super) filter: Option<Vec<u8>>,
    /// Index keys that lead to it.
    pub(super) keys: Vec<u64>,
}

/// Where a partition is kept.
pub(crate) struct Keyspaces {
    pub(super) signal: Signal,
    pub(super) id: u32,
    pub(super) blocks: Keyspace,
    pub(super) index: Keyspace,
}

impl std::fmt::Debug for Keyspaces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "partition {} of {}", self.id, self.signal.as_str())
    }
}

impl Keyspaces {
    pub(super) fn names(signal: Signal, id: u32) -> Vec<String> {
        let signal = signal.as_str();
        vec![format!("{signal}-{id}-blocks"), format!("{signal}-{id}-index")]
    }

    fn open(signal: Signal, id: u32, engine: &Engine) -> fjall::Result<Self> {
        let names = Self::names(signal, id);
        Ok(Self {
            signal,
            id,
            blocks: engine.keyspace(&names[0], Access::Blocks)?,
            index: engine.keyspace(&names[1], Access::Ranges)?,
        })
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        self.blocks.disk_space() + self.index.disk_space()
    }

    /// Blocks with rows of an index key.
    pub(super) fn blocks_of(&self, key: u64, report: &Arc<Report>) -> Vec<u32> {
        let mut prefix = vec![BY_KEY];
        prefix.extend_from_slice(&key.to_be_bytes());
        let place = || format!("index of {self:?}");
        entries(self.index.prefix(prefix), report, place)
            .filter_map(|(key, _)| Some(u32::from_be_bytes(*key.get(9..)?.first_chunk()?)))
            .collect()
    }

    pub(super) fn put_block(&self, transaction: &mut OwnedWriteBatch, block: u32, parts: NewBlock<'_>) {
        transaction.insert(&self.blocks, part_key(block, COLUMNS), parts.columns);
        transaction.insert(&self.blocks, part_key(block, ROWS), parts.rows);
        if let Some(filter) = parts.filter {
            transaction.insert(&self.blocks, part_key(block, FILTER), seal(&filter));
        }
        transaction.insert(&self.index, summary_key(block), seal(parts.summary));
        for key in parts.keys {
            let mut entry = Vec::with_capacity(13);
            entry.push(BY_KEY);
            entry.extend_from_slice(&key.to_be_bytes());
            entry.extend_from_slice(&block.to_be_bytes());
            transaction.insert(&self.index, entry, Vec::new());
        }
    }

    /// Removes a block that cannot be read; index keys that lead to it are passed over.
    pub(super) fn remove_block(&self, engine: &Engine, block: u32) -> fjall::Result<()> {
        let mut transaction = engine.batch();
        transaction.remove(&self.index, summary_key(block));
        transaction.remove(&self.blocks, part_key(block, COLUMNS));
        transaction.remove(&self.blocks, part_key(block, ROWS));
        transaction.remove(&self.blocks, part_key(block, FILTER));
        engine.commit(transaction)
    }

    pub(super) fn delete(&self, engine: &Engine) -> fjall::Result<()> {
        crate::partition::forget(self.signal, self.id, engine)?;
        engine.delete(self.blocks.clone())?;
        engine.delete(self.index.clone())
    }
}

impl<K: Kind> Partition<K> {
    /// A partition without blocks.
    pub(super) fn create(meta: PartitionMeta, engine: &Engine) -> fjall::Result<Self> {
        Ok(Self {
            keyspaces: Arc::new(Keyspaces::open(K::SIGNAL, meta.id, engine)?),
            meta,
            blocks: Vec::new(),
            next_block: 0,
        })
    }

    /// A partition with its blocks' summaries. Damaged ones are reported and removed.
    pub(super) fn load(
        meta: PartitionMeta,
        engine: &Engine,
        report: &Arc<Report>,
        names: &mut K::Names,
    ) -> fjall::Result<Self> {
        let mut partition = Self::create(meta, engine)?;
        let keyspaces = partition.keyspaces.clone();
        let place = || format!("index of {keyspaces:?}");
        let mut damaged = Vec::new();
        for (key, value) in entries(keyspaces.index.prefix([SUMMARY]), report, place) {
            let id = key.get(1..).and_then(|id| id.first_chunk().copied());
            let Some(id) = id.map(u32::from_be_bytes) else {
                continue;
            };
            partition.next_block = id.saturating_add(1);
            match read_meta::<K>(id, &value, names) {
                Ok(meta) => partition.blocks.push(Arc::new(meta)),
                Err(error) => {
                    report.damaged(
                        format!("summary of block {id} of {keyspaces:?}"),
                        error.to_string(),
                    );
                    damaged.push(id);
                }
            }
        }
        // Blocks that lost their summary must not be overwritten by new ones.
        if let Some(last) = keyspaces.blocks.last_key_value()
            && let Ok(key) = last.key()
            && let Some(id) = key.first_chunk().copied().map(u32::from_be_bytes)
        {
            partition.next_block = partition.next_block.max(id.saturating_add(1));
        }
        for id in damaged {
            keyspaces.remove_block(engine, id)?;
        }
        Ok(partition)
    }

    pub(super) fn block_ref(&self, block: &Arc<BlockMeta<K::Summary>>) -> BlockRef<K> {
        BlockRef {
            meta: block.clone(),
            partition: self.keyspaces.clone(),
        }
    }
}

/// The summary of a block: number of rows, earliest and latest time, and what its kind adds.
pub(super) fn write_meta<K: Kind>(rows: &[K::Row]) -> Vec<u8> {
    let times = || rows.iter().map(K::time_ns);
    let mut plain = Vec::new();
    put_uvarint(&mut plain, rows.len() as u64);
    put_uvarint(&mut plain, times().min().unwrap_or(0));
    put_uvarint(&mut plain, times().max().unwrap_or(0));
    K::write_summary(rows, &mut plain);
    plain
}

pub(super) fn parse_meta<K: Kind>(
    id: u32,
    plain: &[u8],
    names: &mut K::Names,
) -> Result<BlockMeta<K::Summary>, Corrupt> {
    let mut reader = Reader::new(plain);
    // The number of rows is for whoever looks at the data with other tools.
    reader.uvarint()?;
    Ok(BlockMeta {
        id,
        min_ns: reader.uvarint()?,
        max_ns: reader.uvarint()?,
        summary: K::read_summary(&mut reader, names)?,
    })
}

fn read_meta<K: Kind>(id: u32, value: &[u8], names: &mut K::Names) -> Result<BlockMeta<K::Summary>, Corrupt> {
    parse_meta::<K>(id, &open(value)?, names)
}

fn summary_key(block: u32) -> [u8; 5] {
    let mut key = [SUMMARY; 5];
    key[1..].copy_from_slice(&block.to_be_bytes());
    key
}
