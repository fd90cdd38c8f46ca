//! Partitions: each signal's data by when it was received, so that old data goes by deleting keyspaces.
//!
//! Invariant: a partition's facts are in the engine only while its keyspaces are. Only the newest partition of a signal is written to.

use std::sync::Arc;

use fjall::{OwnedWriteBatch, UserKey};

use crate::codec::{Corrupt, Reader, open, put_ivarint, put_uvarint, seal};
use crate::engine::{Engine, Signal, entries};
use crate::report::Report;

/// Facts of a partition that are kept in the engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PartitionMeta {
    pub(crate) id: u32,
    pub(crate) created_ms: i64,
    /// When data was last received.
    pub(crate) last_write_ms: i64,
    /// Earliest and latest time of the data itself, in the signal's unit; empty while min > max.
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
}

impl PartitionMeta {
    pub(crate) fn new(id: u32, now_ms: i64) -> Self {
        Self {
            id,
            created_ms: now_ms,
            last_write_ms: now_ms,
            min_time: i64::MAX,
            max_time: i64::MIN,
        }
    }

    /// Whether any data may lie in a range of time, both ends inclusive.
    pub(crate) fn overlaps(&self, start: i64, end: i64) -> bool {
        self.min_time <= end && self.max_time >= start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.min_time > self.max_time
    }

    pub(crate) fn cover(&mut self, min_time: i64, max_time: i64) {
        self.min_time = self.min_time.min(min_time);
        self.max_time = self.max_time.max(max_time);
    }

    /// Writes the facts as part of a batch.
    pub(crate) fn put(&self, signal: Signal, engine: &Engine, batch: &mut OwnedWriteBatch) {
        let mut plain = Vec::with_capacity(48);
        put_uvarint(&mut plain, u64::from(self.id));
        for number in [self.created_ms, self.last_write_ms, self.min_time, self.max_time] {
            put_ivarint(&mut plain, number);
        }
        batch.insert(&engine.meta, meta_key(signal, self.id), seal(&plain));
    }

    fn parse(value: &[u8]) -> Result<Self, Corrupt> {
        let plain = open(value)?;
        let mut reader = Reader::new(&plain);
        Ok(Self {
            id: reader.u32v()?,
            created_ms: reader.ivarint()?,
            last_write_ms: reader.ivarint()?,
            min_time: reader.ivarint()?,
            max_time: reader.ivarint()?,
        })
    }
}

/// The partitions of a signal, oldest first. Facts whose keyspaces are gone are removed and reported.
pub(crate) fn load(
    signal: Signal,
    engine: &Engine,
    report: &Arc<Report>,
    now_ms: i64,
    keyspaces: impl Fn(u32) -> Vec<String>,
) -> fjall::Result<Vec<PartitionMeta>> {
    let mut found: Vec<PartitionMeta> = Vec::new();
    let mut gone: Vec<UserKey> = Vec::new();
    let prefix = [b'p', signal.byte()];
    let place = || format!("facts of the partitions of {}", signal.as_str());
    for (key, value) in entries(engine.meta.prefix(prefix), report, place) {
        match PartitionMeta::parse(&value) {
            Ok(meta) if keyspaces(meta.id).iter().all(|name| engine.has_keyspace(name)) => {
                found.push(meta);
            }
            Ok(meta) => {
                report.damaged(
                    format!("partition {} of {}", meta.id, signal.as_str()),
                    "its files are gone",
                );
                gone.push(key);
            }
            Err(error) => {
                // The keyspaces are there; only the facts are not. Without them the data is taken to be new and of any time.
                report.damaged(
                    format!("facts of a partition of {}", signal.as_str()),
                    error.to_string(),
                );
                let id = key
                    .get(2..)
                    .and_then(|id| id.try_into().ok())
                    .map(u32::from_be_bytes);
                match id.filter(|id| keyspaces(*id).iter().all(|name| engine.has_keyspace(name))) {
                    Some(id) => found.push(PartitionMeta {
                        min_time: i64::MIN,
                        max_time: i64::MAX,
                        ..PartitionMeta::new(id, now_ms)
                    }),
                    None => gone.push(key),
                }
            }
        }
    }
    for key in gone {
        engine.meta.remove(key)?;
    }
    found.sort_by_key(|meta| meta.id);
    Ok(found)
}

/// Removes a partition's facts; its keyspaces are to be deleted next.
pub(crate) fn forget(signal: Signal, id: u32, engine: &Engine) -> fjall::Result<()> {
    engine.meta.remove(meta_key(signal, id))
}

fn meta_key(signal: Signal, id: u32) -> Vec<u8> {
    let mut key = vec![b'p', signal.byte()];
    key.extend_from_slice(&id.to_be_bytes());
    key
}
