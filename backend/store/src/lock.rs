//! Who may use a data directory, and which format it has.
//!
//! Invariant: while a [`DirLock`] lives, no other store has the directory open.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::Path;

use crate::OpenError;

/// Version of everything below the data directory. Raised by each change that an older program would misread. 2 added chunks of decimals,
/// journal records in columns and values packed with zstd.
pub(crate) const FORMAT: u32 = 2;

/// The oldest version that is upgraded in place. What 1 has is read as it is, so that its upgrade is to say 2 before anything that is
/// new is written; an older program then refuses the directory instead of taking the new for damaged.
const OLDEST: u32 = 1;

pub(crate) const LOCK_FILE: &str = "LOCK";
pub(crate) const FORMAT_FILE: &str = "FORMAT";
const FORMAT_WORD: &str = "watchroom-store ";

/// The lock on a data directory; the system gives it up with the process.
#[derive(Debug)]
pub(crate) struct DirLock(#[expect(dead_code, reason = "held for the lock on it")] File);

impl DirLock {
    /// Makes the directory if it is missing, locks it and checks its format. `has_data` is whether a directory without a format file
    /// was in use before.
    pub(crate) fn acquire(dir: &Path, has_data: bool) -> Result<Self, OpenError> {
        let unusable = |source| OpenError::Directory {
            dir: dir.to_owned(),
            source,
        };
        std::fs::create_dir_all(dir).map_err(unusable)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(dir.join(LOCK_FILE))
            .map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { dir: dir.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        check_format(dir, has_data)?;
        Ok(Self(file))
    }
}

fn check_format(dir: &Path, has_data: bool) -> Result<(), OpenError> {
    let unusable = |source| OpenError::Directory {
        dir: dir.to_owned(),
        source,
    };
    let mismatch = |found: &str| OpenError::Format {
        dir: dir.to_owned(),
        found: found.to_owned(),
        supported: FORMAT,
    };
    match std::fs::read_to_string(dir.join(FORMAT_FILE)) {
        Ok(text) => {
            let version = text.strip_prefix(FORMAT_WORD).map(str::trim);
            match version.and_then(|version| version.parse::<u32>().ok()) {
                Some(FORMAT) => Ok(()),
                // The file is put in its place as a whole: a process that is killed leaves the old version or the new one.
                Some(OLDEST..FORMAT) => write_format(dir).map_err(unusable),
                _ => Err(mismatch(version.unwrap_or("that is not a version"))),
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if has_data {
                return Err(mismatch("that is not told"));
            }
            write_format(dir).map_err(unusable)
        }
        Err(error) if error.kind() == std::io::ErrorKind::InvalidData => {
            Err(mismatch("that is not a version"))
        }
        Err(source) => Err(unusable(source)),
    }
}

/// Writes the file beside its place first, so that a killed process leaves it whole or missing.
pub(crate) fn write_format(dir: &Path) -> std::io::Result<()> {
    let beside = dir.join("FORMAT.new");
    let mut file = File::create(&beside)?;
    writeln!(file, "{FORMAT_WORD}{FORMAT}")?;
    file.sync_all()?;
    std::fs::rename(beside, dir.join(FORMAT_FILE))?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_user_is_told_which_directory_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let held = DirLock::acquire(dir.path(), false).unwrap();
        let error = DirLock::acquire(dir.path(), false).unwrap_err();
        assert!(matches!(&error, OpenError::Locked { dir: named } if named == dir.path()));
        drop(held);
        DirLock::acquire(dir.path(), false).unwrap();
    }

    #[test]
    fn an_older_format_is_upgraded_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FORMAT_FILE);
        std::fs::write(&path, "watchroom-store 1\n").unwrap();
        // Left behind by a process that was killed in the midst.
        std::fs::write(dir.path().join("FORMAT.new"), "watchr").unwrap();
        drop(DirLock::acquire(dir.path(), true).unwrap());
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            format!("watchroom-store {FORMAT}\n")
        );
    }

    #[test]
    fn another_format_is_named_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FORMAT_FILE);
        for (text, found) in [
            ("watchroom-store 3\n", "3"),
            ("watchroom-store 0\n", "0"),
            ("something else", "that is not a version"),
        ] {
            std::fs::write(&path, text).unwrap();
            let error = DirLock::acquire(dir.path(), true).unwrap_err();
            assert!(
                matches!(&error, OpenError::Format { found: told, supported: FORMAT, .. } if told == found)
            );
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(
            DirLock::acquire(dir.path(), true),
            Err(OpenError::Format { .. })
        ));
    }
}
