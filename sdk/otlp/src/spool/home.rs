//! The folder of one process, and how the folders of dead ones are taken over.
//!
//! Invariant: who holds the lock owns the files. A lock counts only while its file is still in place, since the folder of a dead
//! process is removed by whoever has emptied it.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use watchroom_core::{Signal, ids};

use super::file::{self, Label};

/// The spool's folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("`{}`", .path.display())]
pub(crate) struct SpoolError {
    /// The file or folder.
    pub(crate) path: PathBuf,
    #[source]
    pub(crate) source: io::Error,
}

/// The folder of this process and this signal.
#[derive(Debug)]
pub(crate) struct Home {
    /// `<dir>/<service>`
    service: PathBuf,
    signal: &'static str,
    path: PathBuf,
    /// Held, not read.
    _lock: File,
}

/// Name of the lock.
const LOCK: &str = "lock";

/// Where a batch is written before it gets its name.
const WRITING: &str = ".writing";

/// Folder for damaged files, and how many of one service are kept.
const DAMAGED: &str = "damaged";
const MAX_DAMAGED: usize = 8;

/// Another process may take a new folder for a dead one's, once; not time and again.
const MAX_TRIES: usize = 16;

impl Home {
    /// Makes and locks a folder for this process. Folders are open to the owner only, and so are files.
    pub(crate) fn make(dir: &Path, service: &str, signal: Signal) -> Result<Self, SpoolError> {
        let service = dir.join(folder_name(service));
        let signal = signal.as_str();
        let base = service.join(signal);
        let wrong = |path: &Path, source| SpoolError {
            path: path.to_owned(),
            source,
        };
        private_folder(true)
            .create(&base)
            .map_err(|why| wrong(&base, why))?;
        for _ in 0..MAX_TRIES {
            let path = base.join(format!("{:016x}", ids::next_random()));
            match private_folder(false).create(&path) {
                Err(why) if why.kind() == ErrorKind::AlreadyExists => continue,
                made => made.map_err(|why| wrong(&path, why))?,
            }
            match lock(&path) {
                Ok(Some(lock)) => {
                    return Ok(Self {
                        service,
                        signal,
                        path,
                        _lock: lock,
                    });
                }
                Ok(None) => {}
                Err(why) if why.kind() == ErrorKind::NotFound => {}
                Err(why) => return Err(wrong(&path, why)),
            }
        }
        Err(wrong(&base, io::Error::other("no folder in it can be locked")))
    }

    fn file(&self, label: Label) -> PathBuf {
        self.path.join(label.name())
    }

    /// Puts a batch on disk under its name; on failure nothing is left of it.
    pub(super) fn write(&self, label: Label, body: &[u8], sync: bool) -> io::Result<()> {
        let aside = self.path.join(WRITING);
        let write = || {
            let mut file = private_file(&aside)?;
            file.write_all(&file::head(label.n_units, body))?;
            file.write_all(body)?;
            if sync {
                file.sync_data()?;
            }
            drop(file);
            fs::rename(&aside, self.file(label))?;
            if sync {
                File::open(&self.path)?.sync_all()?;
            }
            Ok(())
        };
        write().inspect_err(|_| {
            let _ = fs::remove_file(&aside);
        })
    }

    /// The content of a file, of which `n_bytes` are expected.
    pub(super) fn read(&self, label: Label, n_bytes: u64) -> io::Result<Vec<u8>> {
        let mut content = Vec::with_capacity(usize::try_from(n_bytes).unwrap_or_default());
        let file = File::open(self.file(label))?;
        // One more shows that it has grown.
        file.take(n_bytes + 1).read_to_end(&mut content)?;
        Ok(content)
    }

    pub(super) fn remove(&self, label: Label) -> io::Result<()> {
        match fs::remove_file(self.file(label)) {
            Err(why) if why.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }

    /// Moves a damaged file to where somebody may look at it; the oldest few are kept.
    pub(super) fn set_aside(&self, label: Label) -> io::Result<()> {
        let folder = self.service.join(DAMAGED);
        private_folder(true).create(&folder)?;
        if fs::read_dir(&folder)?.count() >= MAX_DAMAGED {
            return self.remove(label);
        }
        let process = self.path.file_name().unwrap_or_default().to_string_lossy();
        let name = format!("{}-{process}-{}", self.signal, label.name());
        fs::rename(self.file(label), folder.join(name))
    }

    /// Takes the files of dead processes over, numbered up to `before` in their order. Returns those that are here now, with their
    /// sizes, and what went wrong with others.
    pub(super) fn adopt(&self, before: u64) -> (Vec<(Label, u64)>, io::Result<()>) {
        let (folders, mut result) = self.orphaned();
        let mut orphans: Vec<_> = folders
            .iter()
            .map(|(folder, _)| {
                let mut files = list(folder).unwrap_or_default();
                files.sort_by_key(|(_, label, _)| label.number);
                files
            })
            .collect();
        // Each folder has its order; between them, the one that began first goes first.
        orphans.sort_by_key(|files| files.iter().map(|(_, label, _)| label.born_ms).min());
        let orphans = orphans.concat();
        let mut adopted = Vec::with_capacity(orphans.len());
        let first = before.saturating_sub(orphans.len() as u64);
        for (number, (from, label, n_bytes)) in (first..).zip(orphans) {
            let label = Label { number, ..label };
            match fs::rename(from, self.file(label)) {
                Ok(()) => adopted.push((label, n_bytes)),
                Err(why) => result = Err(why),
            }
        }
        for (folder, lock) in folders {
            let _ = fs::remove_file(folder.join(WRITING));
            remove_folder(&folder, lock);
        }
        (adopted, result)
    }

    /// The folders of dead processes, locked.
    fn orphaned(&self) -> (Vec<(PathBuf, File)>, io::Result<()>) {
        let mut locked = Vec::new();
        let mut look = || {
            for folder in fs::read_dir(self.path.parent().unwrap_or(&self.path))? {
                let folder = folder?.path();
                if folder == self.path || !folder.is_dir() {
                    continue;
                }
                // Whatever is wrong with one is not to keep us from the others.
                if let Ok(Some(lock)) = lock(&folder) {
                    locked.push((folder, lock));
                }
            }
            Ok(())
        };
        let result = look();
        (locked, result)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // With a batch in it the folder stays, and the lock goes with the file's handle.
        if list(&self.path).is_ok_and(|files| files.is_empty()) {
            let _ = fs::remove_file(self.path.join(LOCK));
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// The batches in a folder, with their sizes.
fn list(folder: &Path) -> io::Result<Vec<(PathBuf, Label, u64)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if let Some(label) = entry.file_name().to_str().and_then(Label::parse) {
            files.push((entry.path(), label, entry.metadata()?.len()));
        }
    }
    Ok(files)
}

/// Removes a folder that has been emptied, its lock last.
fn remove_folder(folder: &Path, lock: File) {
    if list(folder).is_ok_and(|files| files.is_empty()) {
        let _ = fs::remove_file(folder.join(LOCK));
        let _ = fs::remove_dir(folder);
    }
    drop(lock);
}

/// Takes a folder's lock; `None` if its owner lives, or if it has just been removed by another that took it over.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let file = private_file(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(is_in_place(&file, &path).then_some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(why)) => Err(why),
    }
}

#[cfg(unix)]
fn is_in_place(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let same =
        |here: &fs::Metadata, there: &fs::Metadata| (here.dev(), here.ino()) == (there.dev(), there.ino());
    matches!((file.metadata(), fs::metadata(path)), (Ok(here), Ok(there)) if same(&here, &there))
}

#[cfg(not(unix))]
fn is_in_place(_: &File, path: &Path) -> bool {
    path.exists()
}

fn private_folder(recursive: bool) -> DirBuilder {
    let mut builder = DirBuilder::new();
    builder.recursive(recursive);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

fn private_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// A service's name as the name of a folder: what may not stand in one is replaced, and a checksum keeps such names apart.
fn folder_name(service: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !service.is_empty()
        && service.len() <= 100
        && !service.starts_with('.')
        && service.chars().all(is_plain)
    {
        return service.to_owned();
    }
    let mut crc = flate2::Crc::new();
    crc.update(service.as_bytes());
    let plain: String = service
        .chars()
        .map(|c| if is_plain(c) && c != '.' { c } else { '_' })
        .take(80)
        .collect();
    format!("{plain}-{:08x}", crc.sum())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_services_stay_apart_and_within_the_folder() {
        assert_eq!(folder_name("deriva-server.v2"), "deriva-server.v2");
        for name in ["", "..", "../../etc", "a/b", "näh", &"x".repeat(300)] {
            let folder = folder_name(name);
            assert!(
                folder.len() <= 110 && !folder.contains('/') && !folder.starts_with('.'),
                "{name}: {folder}"
            );
        }
        assert_ne!(folder_name("a/b"), folder_name("a:b"));
    }

    #[test]
    fn a_folder_has_one_owner_and_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::make(dir.path(), "shop", Signal::Spans).unwrap();
        assert!(lock(&home.path).unwrap().is_none(), "its owner lives");
        let path = home.path.clone();
        drop(home);
        assert!(!path.exists());
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        fs::write(&file, "").unwrap();
        let error = Home::make(&file, "shop", Signal::Spans).unwrap_err();
        assert!(error.to_string().contains("file/shop/spans"), "{error}");
    }
}
