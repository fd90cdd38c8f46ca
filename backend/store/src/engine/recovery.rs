//! Opening an engine whose files may be damaged.
//!
//! The engine opens as a whole or not at all and does not say which file stopped it. So each part is left out in turn: first a log, then
//! a keyspace, then everything. What made the difference is set aside, never deleted, and reported.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use fjall::Database;

use crate::report::Report;

/// Folder, beside the engine's, for what was set aside.
pub(super) const DAMAGED_DIR: &str = "damaged";

/// Opens with `start`; on damage finds out the culprit, sets it aside and opens without it.
pub(super) fn open_or_set_aside(
    path: &Path,
    start: impl Fn(&Path) -> fjall::Result<Database>,
    report: &Report,
) -> fjall::Result<Database> {
    let first = match attempt(path, &start) {
        Ok(db) => return Ok(db),
        Err(error) if !is_damage(&error) => return Err(error),
        Err(error) => error,
    };
    for part in parts(path) {
        let aside = place_aside(path, &part);
        if !moved(&part, &aside) {
            continue;
        }
        match attempt(path, &start) {
            Ok(db) => {
                report.damaged(aside.display().to_string(), first.to_string());
                return Ok(db);
            }
            // It was not this part, or not this alone.
            Err(_) => {
                moved(&aside, &part);
            }
        }
    }
    let aside = place_aside(path, path);
    if !moved(path, &aside) {
        return Err(first);
    }
    report.damaged(aside.display().to_string(), first.to_string());
    attempt(path, &start)
}

/// The engine asserts some of what it reads; a failed assertion is damage as well.
fn attempt(path: &Path, start: &impl Fn(&Path) -> fjall::Result<Database>) -> fjall::Result<Database> {
    catch_unwind(AssertUnwindSafe(|| start(path))).unwrap_or(Err(fjall::Error::Unrecoverable))
}

/// Whether another attempt without some part may succeed; a missing permission or a full disk is nobody's damage.
fn is_damage(error: &fjall::Error) -> bool {
    use std::io::ErrorKind as Kind;
    let io = match error {
        fjall::Error::Locked => return false,
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => error,
        _ => return true,
    };
    matches!(
        io.kind(),
        Kind::NotFound | Kind::InvalidData | Kind::UnexpectedEof | Kind::InvalidInput | Kind::Other
    )
}

/// What can be left out: logs and keyspaces, newest first, as what was written last is most often what is torn.
fn parts(path: &Path) -> Vec<PathBuf> {
    let list = |dir: &Path| -> Vec<(u64, PathBuf)> {
        std::fs::read_dir(dir)
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| {
                let path = entry.path();
                let number = path.file_stem()?.to_str()?.parse().ok()?;
                Some((number, path))
            })
            .collect()
    };
    let mut logs = list(path);
    logs.sort_by(|a, b| b.cmp(a));
    let mut keyspaces = list(&path.join("keyspaces"));
    // Keyspace 0 holds the names of the others; without it there is nothing to open.
    keyspaces.retain(|(number, _)| *number != 0);
    keyspaces.sort_by(|a, b| b.cmp(a));
    logs.into_iter().chain(keyspaces).map(|(_, path)| path).collect()
}

/// A free name in the folder for damaged parts.
fn place_aside(engine: &Path, part: &Path) -> PathBuf {
    let dir = engine.with_file_name(DAMAGED_DIR);
    let name = part.file_name().unwrap_or(part.as_os_str()).to_string_lossy();
    (0..)
        .map(|n| dir.join(format!("{name}.{n}")))
        .find(|place| !place.exists())
        .unwrap_or(dir)
}

fn moved(from: &Path, to: &Path) -> bool {
    if let Some(dir) = to.parent() {
        let _ = std::fs::create_dir_all(dir);
    }
    std::fs::rename(from, to).is_ok()
}
