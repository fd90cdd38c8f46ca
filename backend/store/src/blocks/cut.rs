//! Making blocks of the head, starting partitions, dropping them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::partition::{Keyspaces, NewBlock, Partition, parse_meta, write_meta};
use super::{Batch, BlockMeta, BlockStore, Kind};
use crate::codec::{compress, compress_tightly};
use crate::engine::journal_key;
use crate::partition::PartitionMeta;
use crate::retention::Candidate;
use crate::sync::{lock, read, write};

/// Rows that are so much older than the newest get a block of their own, so that they do not widen the times of the others.
const LATE_NS: u64 = 60 * 60 * 1_000_000_000;

impl<K: Kind> BlockStore<K> {
    /// Makes blocks while the head has enough rows for one, or too many bytes.
    pub(crate) fn maintain(&self) -> fjall::Result<()> {
        while self.is_due() && self.cut()? {}
        Ok(())
    }

    /// Whether a block is to be made now.
    pub(crate) fn is_due(&self) -> bool {
        self.head_rows.load(Ordering::Relaxed) >= K::BLOCK_ROWS as u64
            || self.head_bytes() > self.limits.head_bytes / 2
    }

    /// Makes blocks of the whole head.
    pub(crate) fn flush(&self) -> fjall::Result<()> {
        while self.cut()? {}
        Ok(())
    }

    /// Makes a block of the oldest batches; false if the head is empty.
    fn cut(&self) -> fjall::Result<bool> {
        let _cutting = lock(&self.cutting);
        let mut taken: Vec<Arc<Batch<K::Row>>> = Vec::new();
        {
            let state = read(&self.state);
            let mut n_rows = 0;
            for batch in &state.head {
                if n_rows >= K::BLOCK_ROWS {
                    break;
                }
                n_rows += batch.rows.len();
                taken.push(batch.clone());
            }
        }
        if taken.is_empty() {
            return Ok(false);
        }
        let now_ms = self.clock.now_ms();
        self.start_partition(now_ms)?;
        let (keyspaces, mut next_block, mut meta) = {
            let state = read(&self.state);
            let Some(newest) = state.partitions.last() else {
                return Ok(false);
            };
            (newest.keyspaces.clone(), newest.next_block, newest.meta.clone())
        };

        let mut transaction = self.engine.batch();
        let mut blocks: Vec<Arc<BlockMeta<K::Summary>>> = Vec::new();
        for rows in groups::<K>(&taken) {
            for rows in rows.chunks(K::BLOCK_ROWS * 2) {
                let mut rows = rows.to_vec();
                K::arrange(&mut rows);
                let parts = K::encode(&rows);
                let summary = write_meta::<K>(&rows);
                match parse_meta::<K>(next_block, &summary, &mut write(&self.names)) {
                    Ok(block) => {
                        meta.cover(saturated(block.min_ns), saturated(block.max_ns));
                        blocks.push(Arc::new(block));
                    }
                    // It was written a moment ago; should it not read back, the rows stay in the head.
                    Err(error) => {
                        self.report
                            .damaged(format!("new block of {keyspaces:?}"), error.to_string());
                        return Ok(false);
                    }
                }
                keyspaces.put_block(
                    &mut transaction,
                    next_block,
                    NewBlock {
                        summary: &summary,
                        columns: compress(&parts.columns),
                        rows: compress_tightly(&parts.rows),
                        filter: K::filter(&rows),
                        keys: K::index_keys(&rows),
                    },
                );
                next_block += 1;
            }
        }
        for batch in &taken {
            transaction.remove(&self.engine.journal, journal_key(K::SIGNAL, batch.seq));
        }
        meta.last_write_ms = now_ms;
        meta.put(K::SIGNAL, &self.engine, &mut transaction);
        self.engine.commit(transaction)?;

        let mut state = write(&self.state);
        for batch in &taken {
            // Batches are only taken here, from the front.
            state.head.pop_front();
            self.head_bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
            self.head_rows
                .fetch_sub(batch.rows.len() as u64, Ordering::Relaxed);
        }
        if let Some(newest) = state.partitions.last_mut() {
            newest.blocks.append(&mut blocks);
            newest.next_block = next_block;
            newest.meta = meta;
        }
        Ok(true)
    }

    /// Starts a partition if there is none, or if the newest is old or large.
    fn start_partition(&self, now_ms: i64) -> fjall::Result<()> {
        let id = {
            let state = read(&self.state);
            match state.partitions.last() {
                None => 0,
                Some(newest) => {
                    let old = now_ms.saturating_sub(newest.meta.created_ms) >= self.limits.partition_ms;
                    let large = newest.keyspaces.disk_bytes() >= self.limits.partition_bytes;
                    if newest.meta.is_empty() || !(old || large) {
                        return Ok(());
                    }
                    newest.meta.id + 1
                }
            }
        };
        self.add_partition(PartitionMeta::new(id, now_ms))
    }

    fn add_partition(&self, meta: PartitionMeta) -> fjall::Result<()> {
        let partition = Partition::<K>::create(meta, &self.engine)?;
        let mut transaction = self.engine.batch();
        partition.meta.put(K::SIGNAL, &self.engine, &mut transaction);
        self.engine.commit(transaction)?;
        let closed = {
            let mut state = write(&self.state);
            let closed = state.partitions.last().map(|closed| closed.keyspaces.clone());
            state.partitions.push(partition);
            closed
        };
        if let Some(closed) = closed {
            self.engine.settle(&closed.blocks)?;
            self.engine.settle(&closed.index)?;
        }
        Ok(())
    }

    /// Names of the keyspaces in use.
    pub(crate) fn keyspaces(&self) -> Vec<String> {
        read(&self.state)
            .partitions
            .iter()
            .flat_map(|partition| Keyspaces::names(K::SIGNAL, partition.meta.id))
            .collect()
    }

    /// Partitions that may be dropped: all but the one that is written to.
    pub(crate) fn candidates(&self) -> Vec<Candidate> {
        let state = read(&self.state);
        let closed = state.partitions.len().saturating_sub(1);
        state.partitions[..closed]
            .iter()
            .map(|partition| Candidate {
                signal: K::SIGNAL,
                id: partition.meta.id,
                last_write_ms: partition.meta.last_write_ms,
                bytes: partition.keyspaces.disk_bytes(),
                dirs: vec![
                    partition.keyspaces.blocks.path().to_owned(),
                    partition.keyspaces.index.path().to_owned(),
                ],
            })
            .collect()
    }

    /// Closes the newest partition if it is as old as data may get, so that it can be dropped although nothing new comes.
    pub(crate) fn close_before(&self, last_write_ms: i64) -> fjall::Result<()> {
        let _cutting = lock(&self.cutting);
        let id = match read(&self.state).partitions.last() {
            Some(newest) if !newest.meta.is_empty() && newest.meta.last_write_ms < last_write_ms => {
                newest.meta.id + 1
            }
            _ => return Ok(()),
        };
        self.add_partition(PartitionMeta::new(id, self.clock.now_ms()))
    }

    pub(crate) fn drop_partition(&self, id: u32) -> fjall::Result<()> {
        let mut state = write(&self.state);
        let Some(at) = state
            .partitions
            .iter()
            .position(|partition| partition.meta.id == id)
        else {
            return Ok(());
        };
        let dropped = state.partitions.remove(at);
        drop(state);
        dropped.keyspaces.delete(&self.engine)
    }
}

/// The rows of some batches: those in time, and those that came late, if any.
fn groups<K: Kind>(batches: &[Arc<Batch<K::Row>>]) -> impl Iterator<Item = Vec<K::Row>> {
    let newest_ns = batches.iter().map(|batch| batch.max_ns).max().unwrap_or(0);
    let late_before_ns = newest_ns.saturating_sub(LATE_NS);
    let (mut in_time, mut late) = (Vec::new(), Vec::new());
    for row in batches.iter().flat_map(|batch| &batch.rows) {
        if K::time_ns(row) < late_before_ns {
            late.push(row.clone());
        } else {
            in_time.push(row.clone());
        }
    }
    [late, in_time].into_iter().filter(|rows| !rows.is_empty())
}

fn saturated(ns: u64) -> i64 {
    i64::try_from(ns).unwrap_or(i64::MAX)
}
