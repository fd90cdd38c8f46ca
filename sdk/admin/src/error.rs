//! Why the endpoint did not start.

use std::io;
use std::net::SocketAddr;

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
    /// The thread or its runtime cannot be made.
    #[error("admin endpoint: its thread cannot be started")]
    Thread(#[source] io::Error),
}
