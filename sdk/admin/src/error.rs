//! Why the endpoint did not start.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The endpoint could not be started.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The port is taken.
    #[error(
        "admin endpoint: {listen} is in use; set another address with `admin.listen` or WATCHROOM_ADMIN_LISTEN, or port 0 for a free one"
    )]
    InUse {
        /// The address.
        listen: SocketAddr,
    },
    /// The address cannot be bound.
    #[error("admin endpoint: cannot listen on {listen} (setting `admin.listen`)")]
    Bind {
        /// The address.
        listen: SocketAddr,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A token without a character would be no lock at all.
    #[error(
        "admin endpoint: the token is empty; set `admin.token` or WATCHROOM_ADMIN_TOKEN to a secret, or leave it out"
    )]
    EmptyToken,
    /// A name or password that is no lock, or cannot be sent.
    #[error("admin endpoint: {0} (setting `admin.basic` or WATCHROOM_ADMIN_BASIC, as user:password)")]
    Basic(&'static str),
    /// A file of TLS cannot be used.
    #[error("admin endpoint: {} (setting `admin.{setting}`): {why}", path.display())]
    TlsFile {
        /// The file.
        path: PathBuf,
        /// The setting that names it.
        setting: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// The files of TLS do not fit each other.
    #[error("admin endpoint: TLS cannot be set up: {0}")]
    Tls(String),
    /// TLS is asked for, but this build has none.
    #[error(
        "admin endpoint: this build has no TLS; build with the feature `tls`, or leave `admin.tls_certificate` out"
    )]
    TlsMissing,
    /// The thread or its runtime cannot be made.
    #[error("admin endpoint: its thread cannot be started")]
    Thread(#[source] io::Error),
}
