//! Listening sockets.

use std::net::SocketAddr;

use tokio::net::TcpListener;

use crate::StartError;

/// Listens on an address; an error names it and its flag.
pub(crate) async fn bind(flag: &'static str, addr: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(addr)
        .await
        .map_err(|source| StartError::Listen { flag, addr, source })
}
