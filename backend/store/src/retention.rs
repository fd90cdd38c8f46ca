//! Which partitions go, and when.
//!
//! Invariant: the newest partition of a signal is never dropped. Data is kept for at least its age, unless the directory is too large.

use std::path::PathBuf;
use std::time::Duration;

use crate::engine::{Signal, occupied};

/// A signal's data is spread over so many partitions, so that it is kept at most a sixteenth too long.
const PARTITIONS_IN_AGE: u32 = 16;
/// A partition takes at most this part of the disk, so that dropping one by size costs little.
const PARTITIONS_IN_SIZE: u64 = 32;
/// The engine's log may take so much besides the data.
const LOG_BYTES: u64 = 192 << 20;

/// A partition that may be dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) signal: Signal,
    pub(crate) id: u32,
    pub(crate) last_write_ms: i64,
    pub(crate) bytes: u64,
    /// Folders that vanish once nobody reads them any more.
    pub(crate) dirs: Vec<PathBuf>,
}

/// Time after which a new partition is started.
pub(crate) fn partition_ms(age: Duration) -> i64 {
    i64::try_from((age / PARTITIONS_IN_AGE).as_millis())
        .unwrap_or(i64::MAX)
        .max(1)
}

/// Size beyond which a new partition is started.
pub(crate) fn partition_bytes(max_disk_bytes: u64) -> u64 {
    (max_disk_bytes / PARTITIONS_IN_SIZE).max(64 << 10)
}

/// Bytes that data may take in a directory of `max_disk_bytes`; the rest is the log's.
pub(crate) fn data_bytes(max_disk_bytes: u64) -> u64 {
    max_disk_bytes - LOG_BYTES.min(max_disk_bytes / 2)
}

/// Moment before which data is too old.
pub(crate) fn too_old_ms(now_ms: i64, age: Duration) -> i64 {
    now_ms.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}

/// The partitions to drop for size, oldest first, given the bytes that all data takes.
pub(crate) fn excess(mut candidates: Vec<Candidate>, taken: u64, allowed: u64) -> Vec<Candidate> {
    candidates.sort_by_key(|candidate| (candidate.last_write_ms, candidate.signal, candidate.id));
    let mut taken = taken;
    candidates
        .into_iter()
        .take_while(|candidate| {
            let drop = taken > allowed;
            taken = taken.saturating_sub(candidate.bytes);
            drop
        })
        .collect()
}

/// Folders of dropped partitions that are still read; their bytes are as good as gone.
#[derive(Debug, Default)]
pub(crate) struct Going(Vec<PathBuf>);

impl Going {
    pub(crate) fn add(&mut self, dirs: impl IntoIterator<Item = PathBuf>) {
        self.0.extend(dirs);
    }

    /// Bytes that will vanish by themselves.
    pub(crate) fn bytes(&mut self) -> u64 {
        self.0.retain(|dir| dir.exists());
        self.0.iter().map(|dir| occupied(dir)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(signal: Signal, id: u32, last_write_ms: i64, bytes: u64) -> Candidate {
        Candidate {
            signal,
            id,
            last_write_ms,
            bytes,
            dirs: Vec::new(),
        }
    }

    #[test]
    fn drops_the_oldest_of_any_signal_until_the_rest_fits() {
        let candidates = vec![
            candidate(Signal::Traces, 1, 30, 10),
            candidate(Signal::Metrics, 1, 10, 10),
            candidate(Signal::Logs, 1, 20, 10),
        ];
        let ids = |dropped: Vec<Candidate>| -> Vec<Signal> {
            dropped.iter().map(|candidate| candidate.signal).collect()
        };
        assert_eq!(ids(excess(candidates.clone(), 100, 100)), []);
        assert_eq!(ids(excess(candidates.clone(), 101, 100)), [Signal::Metrics]);
        assert_eq!(ids(excess(candidates, 111, 100)), [Signal::Metrics, Signal::Logs]);
    }

    #[test]
    fn no_setting_overflows() {
        assert_eq!(too_old_ms(0, Duration::MAX), -i64::MAX);
        assert!(partition_ms(Duration::MAX) > 0 && partition_ms(Duration::ZERO) == 1);
        assert_eq!(data_bytes(u64::MAX), u64::MAX - LOG_BYTES);
        assert_eq!(data_bytes(10), 5);
        let folder = tempfile::tempdir().unwrap();
        let mut going = Going::default();
        going.add([folder.path().to_owned(), folder.path().join("missing")]);
        assert_eq!(going.bytes(), occupied(folder.path()));
    }
}
