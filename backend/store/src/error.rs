//! Errors of the store, one enum for each family of operations.

use std::path::PathBuf;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory cannot be made, read or written.
    #[error("data directory {dir:?} cannot be used")]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Another process holds the directory.
    #[error("data directory {dir:?} is in use by another process; stop it or choose another directory")]
    Locked {
        /// The directory.
        dir: PathBuf,
    },
    /// The directory was written by another version of the format.
    #[error(
        "data directory {dir:?} has format {found}, this program reads formats up to {supported}; use a newer version of the program or another directory"
    )]
    Format {
        /// The directory.
        dir: PathBuf,
        /// What the directory says.
        found: String,
        /// The newest that this program reads; older ones are upgraded.
        supported: u32,
    },
    /// The storage engine does not start.
    #[error("the storage engine in {dir:?} does not start")]
    Engine {
        /// The directory.
        dir: PathBuf,
        /// What the engine said.
        #[source]
        source: Source,
    },
}

/// Why a batch was not kept. Nothing of the batch is kept when this is returned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The store is behind: try again later.
    #[error(
        "the store is overloaded ({memory_bytes} bytes wait to be written, {limit_bytes} are allowed); try again later"
    )]
    Overloaded {
        /// Bytes in memory.
        memory_bytes: u64,
        /// Bytes allowed.
        limit_bytes: u64,
    },
    /// The file system is nearly full.
    #[error(
        "the file system of {dir:?} has {free_bytes} bytes free, {min_free_bytes} must stay free; free some space or lower the disk limit"
    )]
    DiskFull {
        /// Data directory.
        dir: PathBuf,
        /// Free bytes.
        free_bytes: u64,
        /// Bytes that must stay free.
        min_free_bytes: u64,
    },
    /// The engine failed to write.
    #[error("the storage engine cannot write")]
    Engine(#[source] Source),
}

impl AppendError {
    /// Whether the same batch may be accepted later, without anyone's help.
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Overloaded { .. })
    }
}

/// Why appended data could not be made durable.
#[derive(Debug, thiserror::Error)]
#[error("the storage engine cannot make data durable")]
pub struct SyncError(#[source] pub(crate) Source);

/// Why chunks and blocks could not be written.
#[derive(Debug, thiserror::Error)]
#[error("the storage engine cannot write chunks and blocks")]
pub struct FlushError(#[source] pub(crate) Source);

/// Why no snapshot was made. Nothing is left of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The file system has no room for a copy of the data.
    #[error("a snapshot takes {needed_bytes} bytes, the file system has {free_bytes} free; free some space")]
    DiskFull {
        /// Bytes of the data.
        needed_bytes: u64,
        /// Free bytes.
        free_bytes: u64,
    },
    /// A file or folder of it cannot be written.
    #[error("snapshot {path:?} cannot be written")]
    Write {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The engine failed to read or write.
    #[error("the storage engine cannot copy the data")]
    Engine(#[source] Source),
}

/// Why a snapshot was not restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// There is nothing to restore.
    #[error(
        "{path:?} is no snapshot: it has no FORMAT or no engine; give the folder that the snapshot was told to be in"
    )]
    NotASnapshot {
        /// What was given.
        path: PathBuf,
    },
    /// The directory holds something.
    #[error("{dir:?} is not empty; give a directory that is empty or does not exist yet")]
    NotEmpty {
        /// The directory.
        dir: PathBuf,
    },
    /// A file cannot be copied.
    #[error("{path:?} cannot be copied")]
    Copy {
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The copy cannot be opened.
    #[error("the restored directory cannot be opened")]
    Open(#[from] OpenError),
}

/// Why a read gave nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// More series match than allowed.
    #[error("more than {limit} series match; narrow the matchers")]
    TooManySeries {
        /// The limit.
        limit: usize,
    },
    /// More samples match than allowed.
    #[error("more than {limit} samples match; narrow the matchers or the time range")]
    TooManySamples {
        /// The limit.
        limit: usize,
    },
    /// Lines are so scattered that too many blocks have to be looked into at once.
    #[error("more than {limit} blocks of log lines overlap in time; narrow the matchers or the time range")]
    TooScattered {
        /// The limit.
        limit: usize,
    },
}
