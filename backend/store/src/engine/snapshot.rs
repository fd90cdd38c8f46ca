//! A copy of the whole engine as it was at one moment, made while it goes on.
//!
//! Invariant: what is at the destination once [`Engine::copy_to`] has returned is a whole engine, durable, of one moment: every batch is in it as a
//! whole or not at all. Not here: which moments are good ones, and what else belongs to a data directory.

use std::path::Path;

use fjall::{CompressionType, Database, Keyspace, PersistMode, Readable, Snapshot};

use super::{Access, ENGINE_DIR, Engine, JOURNAL, META, options};

/// Memory of the copy's own cache, which nobody reads from.
const CACHE_BYTES: u64 = 1 << 20;

/// An engine at one moment.
pub(crate) struct Moment {
    snapshot: Snapshot,
    keyspaces: Vec<(String, Keyspace)>,
}

impl Engine {
    /// The engine as it is now. Keyspaces must not be deleted between the two steps of this, or data would seem to be lost.
    pub(crate) fn moment(&self) -> fjall::Result<Moment> {
        let snapshot = self.db.snapshot();
        // One that is made after the snapshot is empty in it, and is deleted when the copy is opened, as nothing refers to it.
        let keyspaces = self.db.list_keyspace_names().into_iter().map(|name| {
            let name = name.to_string();
            let keyspace = self.keyspace(&name, access(&name))?;
            Ok((name, keyspace))
        });
        Ok(Moment {
            keyspaces: keyspaces.collect::<fjall::Result<_>>()?,
            snapshot,
        })
    }

    /// Writes a moment into the data directory `dir`, without the journal if `skip_journal`.
    pub(crate) fn copy_to(&self, dir: &Path, moment: &Moment, skip_journal: bool) -> fjall::Result<()> {
        let copy = Database::builder(dir.join(ENGINE_DIR))
            .cache_size(CACHE_BYTES)
            .worker_threads(1)
            .journal_compression(CompressionType::None)
            .open()?;
        for (name, keyspace) in &moment.keyspaces {
            let target = copy.keyspace(name, || options(access(name), self.memtable_bytes))?;
            if skip_journal && name == JOURNAL {
                continue;
            }
            // Keys come in order, so that tables are written at once, past the log.
            let mut ingestion = target.start_ingestion()?;
            for entry in moment.snapshot.iter(keyspace) {
                let (key, value) = entry.into_inner()?;
                ingestion.write(key, value)?;
            }
            ingestion.finish()?;
        }
        copy.persist(PersistMode::SyncAll)
    }
}

/// How a keyspace is read and written, by its name.
fn access(name: &str) -> Access {
    match name {
        JOURNAL => Access::Passing,
        META => Access::Ranges,
        name if name.ends_with("-blocks") => Access::Blocks,
        _ => Access::Ranges,
    }
}
