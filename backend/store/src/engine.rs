//! The storage engine: one fjall database, its keyspaces and what they cost.
//!
//! Invariant: what a committed batch wrote is with the operating system when `commit` returns, and on the disk after [`Engine::sync`].
//! Not here: what the values mean.

mod keys;
mod recovery;
mod snapshot;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fjall::compaction::Leveled;
use fjall::config::{BlockSizePolicy, CompressionPolicy, FilterPolicy};
use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, PersistMode};

pub(crate) use keys::{SERIES, Signal, chunk_key, chunk_key_parts, journal_key, part_key, series_key};

use crate::report::Report;
use crate::{OpenError, SyncError};

/// Folder of the engine below the data directory.
const ENGINE_DIR: &str = "engine";

/// Records of what is not yet in a chunk or block.
const JOURNAL: &str = "journal";
/// Facts about partitions, metrics and series.
const META: &str = "meta";

pub(crate) struct Engine {
    db: Database,
    pub(crate) journal: Keyspace,
    pub(crate) meta: Keyspace,
    memtable_bytes: u64,
    dir: PathBuf,
    dirty: AtomicBool,
    /// Free bytes of the file system when last looked at.
    free_bytes: AtomicU64,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// Access pattern of a keyspace.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Access {
    /// Small values read in ranges of keys.
    Ranges,
    /// Large values, already packed, written in order of key.
    Blocks,
    /// Large values, soon removed.
    Passing,
}

impl Engine {
    /// Whether a data directory holds an engine.
    pub(crate) fn exists(dir: &Path) -> bool {
        dir.join(ENGINE_DIR).exists()
    }

    /// Opens the engine; what it cannot read is set aside and reported.
    pub(crate) fn open(dir: &Path, max_memory_bytes: u64, report: &Report) -> Result<Self, OpenError> {
        let path = dir.join(ENGINE_DIR);
        let cache_bytes = (max_memory_bytes / 16).clamp(1 << 20, 256 << 20);
        let memtable_bytes = (max_memory_bytes / 128).clamp(128 << 10, 16 << 20);
        let start = |path: &Path| {
            Database::builder(path)
                .cache_size(cache_bytes)
                .max_journaling_size(64 << 20)
                .worker_threads(2)
                // What is large is packed already.
                .journal_compression(CompressionType::None)
                .open()
        };
        let failed = |source: fjall::Error| OpenError::Engine {
            dir: dir.to_owned(),
            source: Box::new(source),
        };
        let db = recovery::open_or_set_aside(&path, start, report).map_err(failed)?;
        let options = || options(Access::Ranges, memtable_bytes);
        Ok(Self {
            journal: db
                .keyspace(JOURNAL, || {
                    crate::engine::options(Access::Passing, memtable_bytes)
                })
                .map_err(failed)?,
            meta: db.keyspace(META, options).map_err(failed)?,
            memtable_bytes,
            dir: dir.to_owned(),
            dirty: AtomicBool::new(false),
            free_bytes: AtomicU64::new(free_bytes(dir)),
            db,
        })
    }

    /// Opens or makes a keyspace.
    pub(crate) fn keyspace(&self, name: &str, access: Access) -> fjall::Result<Keyspace> {
        self.db.keyspace(name, || options(access, self.memtable_bytes))
    }

    pub(crate) fn has_keyspace(&self, name: &str) -> bool {
        self.db.keyspace_exists(name)
    }

    /// Deletes the keyspaces that nothing refers to: a process was killed while it made or dropped a partition.
    pub(crate) fn delete_others(&self, in_use: &[String]) -> fjall::Result<()> {
        for name in self.db.list_keyspace_names() {
            let name = name.to_string();
            if ![JOURNAL, META].contains(&&*name) && !in_use.contains(&name) {
                self.delete(self.keyspace(&name, Access::Ranges)?)?;
            }
        }
        Ok(())
    }

    /// Writes out what a keyspace has buffered, as nothing more will come. Otherwise it would wait, and hold a log, for long.
    pub(crate) fn settle(&self, keyspace: &Keyspace) -> fjall::Result<()> {
        keyspace.rotate_memtable().map(drop)
    }

    /// Deletes a keyspace; its folder goes once nobody reads it any more.
    pub(crate) fn delete(&self, keyspace: Keyspace) -> fjall::Result<()> {
        self.db.delete_keyspace(keyspace)
    }

    pub(crate) fn batch(&self) -> OwnedWriteBatch {
        self.db.batch()
    }

    pub(crate) fn commit(&self, batch: OwnedWriteBatch) -> fjall::Result<()> {
        batch.commit()?;
        self.dirty.store(true, Ordering::Release);
        Ok(())
    }

    /// Makes every committed batch durable.
    pub(crate) fn sync(&self) -> Result<(), SyncError> {
        self.free_bytes.store(free_bytes(&self.dir), Ordering::Relaxed);
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return Ok(());
        }
        self.db.persist(PersistMode::SyncAll).map_err(|error| {
            self.dirty.store(true, Ordering::Release);
            SyncError(Box::new(error))
        })
    }

    /// Keeps a damaged value in a file, for whoever wants to look; returns where, as the end of a sentence.
    pub(crate) fn set_aside(&self, name: &str, value: &[u8]) -> String {
        let dir = self.dir.join(recovery::DAMAGED_DIR);
        let path = dir.join(name);
        let kept = std::fs::create_dir_all(&dir).and_then(|()| std::fs::write(&path, value));
        kept.map_or_else(|_| String::new(), |()| format!(" (kept as {})", path.display()))
    }

    /// Free bytes of the file system at the last sync.
    pub(crate) fn free_bytes(&self) -> u64 {
        self.free_bytes.load(Ordering::Relaxed)
    }

    /// Bytes that the data directory occupies. Preallocated but unwritten room counts for nothing.
    pub(crate) fn disk_bytes(&self) -> u64 {
        occupied(&self.dir)
    }

    /// Bytes of all data, the log apart.
    pub(crate) fn data_bytes(&self) -> u64 {
        occupied(&self.dir.join(ENGINE_DIR).join("keyspaces"))
    }

    /// Bytes that wait in the engine's buffers to be written to tables.
    pub(crate) fn buffered_bytes(&self) -> u64 {
        self.db.write_buffer_size()
    }

    /// Bytes of the engine's cache and buffers.
    pub(crate) fn memory_bytes(&self) -> u64 {
        self.db.cache_size() + self.buffered_bytes()
    }
}

fn options(access: Access, memtable_bytes: u64) -> KeyspaceCreateOptions {
    let options = KeyspaceCreateOptions::default().max_memtable_size(memtable_bytes);
    match access {
        // Reads are by range, where a bloom filter does not help.
        Access::Ranges => options
            .filter_policy(FilterPolicy::disabled())
            // The newest tables as well, which hold most of what was received in the last hour.
            .data_block_compression_policy(CompressionPolicy::all(CompressionType::Lz4))
            .data_block_size_policy(BlockSizePolicy::all(8 << 10)),
        Access::Blocks => options
            .filter_policy(FilterPolicy::disabled())
            .data_block_compression_policy(CompressionPolicy::disabled()),
        // What is removed takes room until it meets its removal in a compaction, so tables are small and meet soon.
        Access::Passing => options
            .max_memtable_size(memtable_bytes * 4)
            .filter_policy(FilterPolicy::disabled())
            .data_block_compression_policy(CompressionPolicy::disabled())
            .compaction_strategy(Arc::new(Leveled::default().with_l0_threshold(2))),
    }
}

fn free_bytes(dir: &Path) -> u64 {
    rustix::fs::statvfs(dir).map_or(u64::MAX, |stat| stat.f_bavail.saturating_mul(stat.f_frsize))
}

/// Bytes that the files below `dir` occupy; files that vanish meanwhile count for nothing.
pub(crate) fn occupied(dir: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => occupied(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// Keys and values of a range; damage ends the range, is reported and hides what follows it there.
pub(crate) fn entries(
    iter: fjall::Iter,
    report: &Arc<Report>,
    place: impl Fn() -> String,
) -> impl Iterator<Item = (fjall::UserKey, fjall::UserValue)> {
    let mut iter = Some(iter);
    std::iter::from_fn(move || {
        let next = iter.as_mut()?.next()?;
        match next.into_inner() {
            Ok(entry) => Some(entry),
            Err(error) => {
                report.damaged(place(), error.to_string());
                iter = None;
                None
            }
        }
    })
}
