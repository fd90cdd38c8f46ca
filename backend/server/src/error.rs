//! Errors of starting and stopping.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use watchroom_store::{OpenError, SyncError};

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// An address cannot be listened on.
    #[error("cannot listen on {addr} ({flag}); choose another address or port, or 0 for a free one")]
    Listen {
        /// The flag that sets the address.
        flag: &'static str,
        /// The address.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The data directory cannot be opened.
    #[error("cannot open the store (--data-dir)")]
    Store(#[from] OpenError),
    /// A file cannot be read.
    #[error("cannot read {path:?} ({flag})")]
    Read {
        /// The flag that names the file.
        flag: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The configuration file is not valid.
    #[error("{path:?} (--config): {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        reason: String,
    },
    /// Certificates or credentials cannot be used.
    #[error("{0}")]
    Security(String),
    /// Receivers of alerts cannot be spoken to.
    #[error("alerts cannot be sent (--alertmanager, --webhook): {0}")]
    Alerting(String),
    /// A remote store cannot be used as it is named.
    #[error("{0}")]
    Remote(String),
    /// Rule files are not valid.
    #[error("rules cannot be loaded (--rules): {}", .errors.join("; "))]
    Rules {
        /// Every mistake.
        errors: Vec<String>,
    },
}

/// What went wrong while a server was stopping; it is stopped all the same.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShutdownError {
    /// Connections were cut off.
    #[error("connections of {listeners} listeners did not end in time and were cut off")]
    TimedOut {
        /// How many listeners had open connections.
        listeners: usize,
    },
    /// The last data could not be written.
    #[error("the last data could not be written")]
    Sync(#[from] SyncError),
}

/// An error with its causes, in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let _ = write!(text, ": {cause}");
        next = cause.source();
    }
    text
}
