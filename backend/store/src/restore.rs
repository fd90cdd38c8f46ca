//! Restoring a snapshot into a data directory.
//!
//! Invariant: the file that says the format is written last, once all else is durable: a directory that was half restored is not opened.
//! Not here: making snapshots.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::engine::Engine;
use crate::lock::{FORMAT_FILE, LOCK_FILE};
use crate::{RestoreError, Store, StoreConfig, StoreStats};

/// Copies a snapshot, or any data directory that no store has open, to `dir`, which must be empty or not there, and opens the copy
/// once to see that it is whole. Returns its figures, in which `problems` is what of it cannot be read.
///
/// # Errors
/// [`RestoreError`] says what stands against it.
pub fn restore(snapshot: &Path, dir: &Path) -> Result<StoreStats, RestoreError> {
    if !snapshot.join(FORMAT_FILE).is_file() || !Engine::exists(snapshot) {
        return Err(RestoreError::NotASnapshot {
            path: snapshot.to_owned(),
        });
    }
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| RestoreError::Copy { path, source }
    };
    std::fs::create_dir_all(dir).map_err(failed(dir))?;
    if std::fs::read_dir(dir).map_err(failed(dir))?.next().is_some() {
        return Err(RestoreError::NotEmpty { dir: dir.to_owned() });
    }
    copy_dir(snapshot, dir, &|name| {
        // Snapshots of a directory are no part of it.
        ![FORMAT_FILE, LOCK_FILE, "snapshots"].contains(&name)
    })?;
    let (from, to) = (snapshot.join(FORMAT_FILE), dir.join(FORMAT_FILE));
    copy_file(&from, &to).map_err(failed(&from))?;
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed(dir))?;
    let store = Store::open(StoreConfig::new(dir))?;
    Ok(store.stats())
}

fn copy_dir(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<(), RestoreError> {
    let failed = |path: PathBuf| move |source| RestoreError::Copy { path, source };
    for entry in std::fs::read_dir(from).map_err(failed(from.to_owned()))? {
        let entry = entry.map_err(failed(from.to_owned()))?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if !wanted(&entry.file_name().to_string_lossy()) {
            continue;
        }
        if path.is_dir() {
            std::fs::create_dir(&place).map_err(failed(place.clone()))?;
            copy_dir(&path, &place, &|_| true)?;
        } else {
            copy_file(&path, &place).map_err(failed(path))?;
        }
    }
    File::open(to)
        .and_then(|dir| dir.sync_all())
        .map_err(failed(to.to_owned()))
}

fn copy_file(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::copy(from, to)?;
    File::open(to)?.sync_all()
}
