//! Chunks received in one stretch of time.

use std::sync::Mutex;

use fjall::{Keyspace, OwnedWriteBatch};

use crate::codec::{compress, open};
use crate::engine::{Access, Engine, Signal};
use crate::partition::PartitionMeta;
use crate::sync::lock;

#[derive(Debug)]
pub(super) struct MetricPartition {
    pub(super) id: u32,
    pub(super) chunks: KeyspaceHandle,
    pub(super) meta: Mutex<PartitionMeta>,
    pub(super) present: Mutex<Present>,
}

/// A keyspace that can be shown.
pub(super) struct KeyspaceHandle(pub(super) Keyspace);

impl std::fmt::Debug for KeyspaceHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.name())
    }
}

/// Which series have chunks in a partition.
#[derive(Debug, Clone)]
pub(super) enum Present {
    /// Not known; any may.
    Any,
    /// One bit for each series id.
    Bits(Vec<u64>),
}

impl Present {
    pub(super) fn contains(&self, id: u32) -> bool {
        match self {
            Self::Any => true,
            Self::Bits(bits) => bits
                .get(id as usize / 64)
                .is_some_and(|word| word >> (id % 64) & 1 == 1),
        }
    }

    pub(super) fn add(&mut self, id: u32) {
        if let Self::Bits(bits) = self {
            let at = id as usize / 64;
            if at >= bits.len() {
                bits.resize(at + 1, 0);
            }
            bits[at] |= 1 << (id % 64);
        }
    }

    fn to_value(&self) -> Option<Vec<u8>> {
        match self {
            Self::Any => None,
            Self::Bits(bits) => {
                let plain: Vec<u8> = bits.iter().flat_map(|word| word.to_le_bytes()).collect();
                Some(compress(&plain))
            }
        }
    }

    fn from_value(value: &[u8]) -> Option<Self> {
        let plain = open(value).ok()?;
        let words = plain.chunks_exact(8).map(|word| {
            word.iter()
                .rev()
                .fold(0_u64, |number, byte| number << 8 | u64::from(*byte))
        });
        Some(Self::Bits(words.collect()))
    }
}

impl MetricPartition {
    pub(super) fn keyspace_name(id: u32) -> String {
        format!("metrics-{id}-chunks")
    }

    /// Opens the keyspace of a partition. Which series it holds is read, or nothing yet if it is new.
    pub(super) fn open(meta: PartitionMeta, engine: &Engine) -> fjall::Result<Self> {
        let chunks = engine.keyspace(&Self::keyspace_name(meta.id), Access::Ranges)?;
        let present = if meta.is_empty() {
            Present::Bits(Vec::new())
        } else {
            let value = engine.meta.get(present_key(meta.id)).ok().flatten();
            value
                .and_then(|value| Present::from_value(&value))
                .unwrap_or(Present::Any)
        };
        Ok(Self {
            id: meta.id,
            chunks: KeyspaceHandle(chunks),
            meta: Mutex::new(meta),
            present: Mutex::new(present),
        })
    }

    /// Writes the facts as part of a batch.
    pub(super) fn put_facts(&self, engine: &Engine, batch: &mut OwnedWriteBatch) {
        lock(&self.meta).put(Signal::Metrics, engine, batch);
        if let Some(value) = lock(&self.present).to_value() {
            batch.insert(&engine.meta, present_key(self.id), value);
        }
    }

    pub(super) fn forget(&self, engine: &Engine) -> fjall::Result<()> {
        crate::partition::forget(Signal::Metrics, self.id, engine)?;
        engine.meta.remove(present_key(self.id))?;
        engine.delete(self.chunks.0.clone())
    }
}

fn present_key(id: u32) -> Vec<u8> {
    let mut key = vec![b'b'];
    key.extend_from_slice(&id.to_be_bytes());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_which_series_are_present() {
        let mut present = Present::Bits(Vec::new());
        for id in [0, 63, 64, 1_000] {
            present.add(id);
        }
        let back = Present::from_value(&present.to_value().unwrap()).unwrap();
        let found: Vec<u32> = (0..2_000).filter(|id| back.contains(*id)).collect();
        assert_eq!(found, [0, 63, 64, 1_000]);
        assert!(Present::from_value(b"torn").is_none());
    }
}
