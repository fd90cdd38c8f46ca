//! Snapshots: copies of the whole store, made while it is written to, that can be opened as data directories.
//!
//! Invariant: a folder below `snapshots/` whose name does not end in `.unfinished` is a whole data directory, durable, and has everything
//! that was acknowledged before the snapshot was asked for, unless it was told to leave the journal out.
//! Not here: when snapshots are made and how long they are kept, which is the operator's.

use std::fs::File;
use std::path::{Path, PathBuf};

use crate::store::Shared;
use crate::sync::lock;
use crate::{SnapshotError, lock as dir_lock};

/// Folder of the snapshots below the data directory.
const DIR: &str = "snapshots";
const UNFINISHED: &str = ".unfinished";

/// Makes a snapshot and returns where it is.
pub(crate) fn make(shared: &Shared, skip_journal: bool) -> Result<PathBuf, SnapshotError> {
    let _one_at_a_time = lock(&shared.snapshotting);
    let root = shared.config.dir.join(DIR);
    let failed = |source: std::io::Error, path: &Path| SnapshotError::Write {
        path: path.to_owned(),
        source,
    };
    let needed_bytes = shared.engine.data_bytes();
    let free_bytes = shared.engine.free_bytes();
    if free_bytes < needed_bytes.saturating_add(shared.config.min_free_bytes) {
        return Err(SnapshotError::DiskFull {
            needed_bytes,
            free_bytes,
        });
    }
    std::fs::create_dir_all(&root).map_err(|source| failed(source, &root))?;
    let place = free_place(&root, shared.config.clock.now_ms());
    let unfinished = with_suffix(&place, UNFINISHED);
    let result = write(shared, &unfinished, skip_journal).and_then(|()| {
        std::fs::rename(&unfinished, &place)
            .and_then(|()| File::open(&root)?.sync_all())
            .map_err(|source| failed(source, &place))
    });
    match result {
        Ok(()) => Ok(place),
        Err(error) => {
            let _ = std::fs::remove_dir_all(&unfinished);
            Err(error)
        }
    }
}

fn write(shared: &Shared, dir: &Path, skip_journal: bool) -> Result<(), SnapshotError> {
    let engine_failed = |error: fjall::Error| SnapshotError::Engine(Box::new(error));
    std::fs::create_dir_all(dir).map_err(|source| SnapshotError::Write {
        path: dir.to_owned(),
        source,
    })?;
    let moment = {
        // While this is held, nothing is dropped.
        let _going = lock(&shared.going);
        shared.engine.moment().map_err(engine_failed)?
    };
    shared
        .engine
        .copy_to(dir, &moment, skip_journal)
        .map_err(engine_failed)?;
    dir_lock::write_format(dir).map_err(|source| SnapshotError::Write {
        path: dir.to_owned(),
        source,
    })
}

/// Removes what a killed process has left of a snapshot.
pub(crate) fn remove_unfinished(data_dir: &Path) {
    let entries = std::fs::read_dir(data_dir.join(DIR))
        .into_iter()
        .flatten()
        .flatten();
    for entry in entries {
        if entry.file_name().to_string_lossy().ends_with(UNFINISHED) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// A name by the time, as Prometheus has it, that is not taken.
fn free_place(root: &Path, now_ms: i64) -> PathBuf {
    let name = stamp(now_ms);
    (0..)
        .map(|n| root.join(format!("{name}-{n:04x}")))
        .find(|place| !place.exists() && !with_suffix(place, UNFINISHED).exists())
        .unwrap_or_else(|| root.join(name))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// `20261120T150405Z`. Source of the calendar: the days of 400 years repeat.
fn stamp(now_ms: i64) -> String {
    let seconds = now_ms.div_euclid(1_000);
    let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    // Years begin in March here, so that the leap day is the last of one.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12 + 1;
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(now_ms: i64, expect: &str) {
        assert_eq!(stamp(now_ms), expect);
    }

    #[test]
    fn a_snapshot_is_named_by_the_time() {
        check(0, "19700101T000000Z");
        check(951_827_696_789, "20000229T123456Z");
        check(1_763_622_245_000, "20251120T070405Z");
        check(-1, "19691231T235959Z");
    }
}
