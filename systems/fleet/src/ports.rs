//! Free ports.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::Context as _;

/// The preferred address if it is free, else one on the same interface with a port that is.
///
/// The port is let go before the caller's child binds it, so another process may take it in between; the child then fails with
/// an error that names it.
///
/// # Errors
/// If no port of the interface can be bound.
pub fn free_or(preferred: SocketAddr) -> anyhow::Result<SocketAddr> {
    if let Ok(listener) = TcpListener::bind(preferred) {
        return listener
            .local_addr()
            .context("reading the address that was bound");
    }
    let any = SocketAddr::new(preferred.ip(), 0);
    let listener =
        TcpListener::bind(any).with_context(|| format!("no port of {} can be bound", preferred.ip()))?;
    listener
        .local_addr()
        .context("reading the address that was bound")
}

/// A free port on loopback.
///
/// # Errors
/// If none can be bound.
pub fn free() -> anyhow::Result<SocketAddr> {
    free_or((Ipv4Addr::LOCALHOST, 0).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_gives_way_to_a_free_one() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let other = free_or(address).unwrap();
        assert_ne!(other.port(), address.port());
        assert_eq!(other.ip(), address.ip());
        drop(taken);
        assert_eq!(free_or(address).unwrap(), address);
    }
}
