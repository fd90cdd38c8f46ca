//! Leaves and recipes on disk.
//!
//! Invariant: what `put_*` has acknowledged survives kill -9 (it has left the process); what is read is held against its address,
//! so damage is found, not served. Not here: results of recipes, which live in the cache and can be computed again.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::address::CAddr;
use crate::recipe::{Recipe, RecipeError};

/// Largest leaf, bytes.
pub const MAX_LEAF_BYTES: usize = 64 << 20;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The data folder cannot be opened.
    #[error("data folder {dir}: cannot be opened; is another server using it?", dir = dir.display())]
    Open {
        /// The folder.
        dir: PathBuf,
        /// Why.
        #[source]
        source: fjall::Error,
    },
    /// Reading or writing failed.
    #[error("the store failed to {action}")]
    Engine {
        /// What was tried.
        action: &'static str,
        /// Why.
        #[source]
        source: fjall::Error,
    },
    /// A write has failed before: nobody knows what of it is on disk, so nothing is written after it.
    #[error(
        "the store failed to {action}: it takes no writes since one failed; restart the server once its disk takes them again"
    )]
    Stopped {
        /// What was tried.
        action: &'static str,
    },
    /// The store gave back something else than was put in.
    #[error("the store does not give back what has just been written")]
    Forgets,
    /// What is stored does not hash to its address.
    #[error("{address} is damaged on disk")]
    Corrupt {
        /// Where.
        address: CAddr,
    },
    /// A leaf that is too large.
    #[error("a leaf has at most {MAX_LEAF_BYTES} bytes; this one has {0}")]
    TooLarge(usize),
}

/// The store.
pub struct Storage {
    database: Database,
    leaves: Keyspace,
    /// Length of each leaf, so that counting them at the start does not read them.
    leaf_lens: Keyspace,
    recipes: Keyspace,
    /// Where [`probe`](Storage::probe) writes.
    probe: Keyspace,
    n_probes: AtomicU64,
    n_leaves: AtomicU64,
    leaf_bytes: AtomicU64,
}

impl std::fmt::Debug for Storage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Storage")
            .field("n_leaves", &self.n_leaves)
            .field("leaf_bytes", &self.leaf_bytes)
            .finish_non_exhaustive()
    }
}

fn failed(action: &'static str) -> impl FnOnce(fjall::Error) -> StorageError {
    move |source| match source {
        fjall::Error::Poisoned => StorageError::Stopped { action },
        source => StorageError::Engine { action, source },
    }
}

impl Storage {
    /// Opens the store in a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`StorageError::Open`] names the folder.
    pub fn open(dir: &Path) -> Result<Self, StorageError> {
        let open = |source| StorageError::Open {
            dir: dir.to_path_buf(),
            source,
        };
        let database = Database::builder(dir).open().map_err(open)?;
        let leaves = database
            .keyspace("leaves", KeyspaceCreateOptions::default)
            .map_err(open)?;
        let leaf_lens = database
            .keyspace("leaf_lens", KeyspaceCreateOptions::default)
            .map_err(open)?;
        let recipes = database
            .keyspace("recipes", KeyspaceCreateOptions::default)
            .map_err(open)?;
        let probe = database
            .keyspace("probe", KeyspaceCreateOptions::default)
            .map_err(open)?;
        let (mut n_leaves, mut leaf_bytes) = (0, 0);
        for entry in leaf_lens.iter() {
            let len = entry.value().map_err(open)?;
            n_leaves += 1;
            leaf_bytes += len.as_ref().try_into().map_or(0, u64::from_le_bytes);
        }
        Ok(Self {
            database,
            leaves,
            leaf_lens,
            recipes,
            probe,
            n_probes: AtomicU64::new(0),
            n_leaves: n_leaves.into(),
            leaf_bytes: leaf_bytes.into(),
        })
    }

    /// Stores a leaf. Returns its address and whether it is new.
    ///
    /// # Errors
    /// [`StorageError::TooLarge`], or a failure of the engine.
    pub fn put_leaf(&self, data: &[u8]) -> Result<(CAddr, bool), StorageError> {
        if data.len() > MAX_LEAF_BYTES {
            return Err(StorageError::TooLarge(data.len()));
        }
        let address = CAddr::of_leaf(data);
        if self
            .leaf_lens
            .contains_key(address.as_bytes())
            .map_err(failed("look a leaf up"))?
        {
            return Ok((address, false));
        }
        let mut batch = self.database.batch();
        batch.insert(&self.leaves, address.as_bytes(), data);
        batch.insert(
            &self.leaf_lens,
            address.as_bytes(),
            (data.len() as u64).to_le_bytes(),
        );
        batch.commit().map_err(failed("write a leaf"))?;
        self.database
            .persist(PersistMode::Buffer)
            .map_err(failed("write a leaf"))?;
        self.n_leaves.fetch_add(1, Relaxed);
        self.leaf_bytes.fetch_add(data.len() as u64, Relaxed);
        Ok((address, true))
    }

    /// Reads a leaf and holds it against its address.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`], or a failure of the engine.
    pub fn leaf(&self, address: CAddr) -> Result<Option<Bytes>, StorageError> {
        let Some(data) = self
            .leaves
            .get(address.as_bytes())
            .map_err(failed("read a leaf"))?
        else {
            return Ok(None);
        };
        if CAddr::of_leaf(&data) != address {
            return Err(StorageError::Corrupt { address });
        }
        Ok(Some(Bytes::copy_from_slice(&data)))
    }

    /// Length of a leaf, without reading it.
    ///
    /// # Errors
    /// A failure of the engine.
    pub fn leaf_len(&self, address: CAddr) -> Result<Option<u64>, StorageError> {
        let len = self
            .leaf_lens
            .get(address.as_bytes())
            .map_err(failed("look a leaf up"))?;
        Ok(len
            .and_then(|len| len.as_ref().try_into().ok())
            .map(u64::from_le_bytes))
    }

    /// Stores a recipe under its address.
    ///
    /// # Errors
    /// A failure of the engine.
    pub fn put_recipe(&self, address: CAddr, recipe: &Recipe) -> Result<(), StorageError> {
        self.recipes
            .insert(address.as_bytes(), recipe.encode())
            .map_err(failed("write a recipe"))?;
        self.database
            .persist(PersistMode::Buffer)
            .map_err(failed("write a recipe"))
    }

    /// Reads every recipe.
    ///
    /// # Errors
    /// [`StorageError::Corrupt`] for one that does not hash to its address, or a failure of the engine.
    pub fn recipes(&self) -> Result<Vec<(CAddr, Recipe)>, StorageError> {
        self.recipes
            .iter()
            .map(|entry| {
                let (key, value) = entry.into_inner().map_err(failed("read the recipes"))?;
                let address = CAddr::from_bytes(key.as_ref().try_into().unwrap_or_default());
                let damaged = |_: RecipeError| StorageError::Corrupt { address };
                let recipe = Recipe::decode(&value).map_err(damaged)?;
                if recipe.address() == address {
                    Ok((address, recipe))
                } else {
                    Err(StorageError::Corrupt { address })
                }
            })
            .collect()
    }

    /// Number of leaves and their bytes.
    #[must_use]
    pub fn leaf_totals(&self) -> (u64, u64) {
        (self.n_leaves.load(Relaxed), self.leaf_bytes.load(Relaxed))
    }

    /// Writes a few bytes on the way that leaves go, and reads them back. Blocks for as long as the disk does.
    ///
    /// # Errors
    /// A failure of the engine, or [`StorageError::Forgets`].
    pub fn probe(&self) -> Result<(), StorageError> {
        let n = self.n_probes.fetch_add(1, Relaxed).to_le_bytes();
        self.probe
            .insert("last", n)
            .map_err(failed("write what its health check puts in"))?;
        self.database
            .persist(PersistMode::Buffer)
            .map_err(failed("write what its health check puts in"))?;
        let read = self
            .probe
            .get("last")
            .map_err(failed("read what its health check has put in"))?;
        if read.is_some_and(|read| *read == n) {
            Ok(())
        } else {
            Err(StorageError::Forgets)
        }
    }

    /// Makes all durable, against a loss of power too; done on shutdown.
    ///
    /// # Errors
    /// A failure of the engine.
    pub fn sync(&self) -> Result<(), StorageError> {
        self.database
            .persist(PersistMode::SyncAll)
            .map_err(failed("sync"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn reopened_it_holds_what_was_put() {
        let dir = tempfile::tempdir().unwrap();
        let recipe = |input| Recipe {
            function: "identity/v1".into(),
            inputs: vec![input],
            params: BTreeMap::new(),
        };
        let (address, recipe) = {
            let storage = Storage::open(dir.path()).unwrap();
            let (address, created) = storage.put_leaf(b"light").unwrap();
            assert!(created && !storage.put_leaf(b"light").unwrap().1);
            storage
                .put_recipe(recipe(address).address(), &recipe(address))
                .unwrap();
            (address, recipe(address))
        };
        let storage = Storage::open(dir.path()).unwrap();
        assert_eq!(storage.leaf(address).unwrap().as_deref(), Some(&b"light"[..]));
        assert_eq!(storage.leaf_len(address).unwrap(), Some(5));
        assert_eq!(storage.leaf_totals(), (1, 5));
        assert_eq!(storage.recipes().unwrap(), [(recipe.address(), recipe)]);
        assert_eq!(storage.leaf(CAddr::of_leaf(b"dark")).unwrap(), None);
    }

    #[test]
    fn damage_is_found_not_served() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::open(dir.path()).unwrap();
        let address = CAddr::of_leaf(b"what was put");
        storage
            .leaves
            .insert(address.as_bytes(), b"something else")
            .unwrap();
        assert!(matches!(storage.leaf(address), Err(StorageError::Corrupt { address: a }) if a == address));
    }

    #[test]
    fn a_probe_leaves_nothing_among_the_leaves() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::open(dir.path()).unwrap();
        storage.probe().unwrap();
        storage.probe().unwrap();
        assert_eq!(
            (storage.leaf_totals(), storage.recipes().unwrap().len()),
            ((0, 0), 0)
        );
    }

    #[test]
    fn a_second_server_on_the_same_folder_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Storage::open(dir.path()).unwrap();
        let error = Storage::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&dir.path().display().to_string()), "{error}");
    }
}
