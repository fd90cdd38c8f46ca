//! The thread, its listener and its connections.

mod connection;
mod patience;
mod race;
mod tls;

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use tokio::sync::{Semaphore, watch};

use crate::access::{Lock, Rules};
use crate::config::{AdminConfig, Parts};
use crate::error::AdminError;
use connection::Shared;
use race::{Either, race};
use tls::Tls;

/// Pause after an accept that failed, as it does when the process is out of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// The running endpoint.
#[derive(Debug)]
pub struct AdminHandle {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    ended: mpsc::Receiver<()>,
}

impl AdminHandle {
    /// Binds the address and starts the thread.
    ///
    /// # Errors
    /// [`AdminError`] names the address and the setting.
    pub fn start(config: AdminConfig, parts: Parts) -> Result<Self, AdminError> {
        let rules = Rules {
            lock: Lock::new(&config)?,
            protect_health: config.protect_health,
            on_loopback: config.listen.ip().is_loopback(),
        };
        let tls = config.tls.as_ref().map(Tls::new).transpose()?;
        let listen = config.listen;
        let bind = |source: io::Error| match source.kind() {
            io::ErrorKind::AddrInUse => AdminError::InUse { listen },
            _ => AdminError::Bind { listen, source },
        };
        let listener = TcpListener::bind(listen).map_err(bind)?;
        listener.set_nonblocking(true).map_err(bind)?;
        let addr = listener.local_addr().map_err(bind)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .build()
            .map_err(AdminError::Thread)?;
        let (stop, stopped) = watch::channel(false);
        let (end, ended) = mpsc::channel();
        let run = move || {
            // Held to the end of the thread: its drop tells that it is over.
            let _end = end;
            let shared = Shared {
                config,
                rules,
                parts,
                tls,
            };
            runtime.block_on(serve(listener, Arc::new(shared), stopped));
        };
        std::thread::Builder::new()
            .name("watchroom-admin".to_owned())
            .spawn(run)
            .map_err(AdminError::Thread)?;
        Ok(Self { addr, stop, ended })
    }

    /// The address that was bound.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no more connections, lets open requests end, and ends the thread within `timeout`. Whether it has ended.
    pub fn shutdown(self, timeout: Duration) -> bool {
        self.stop.send_replace(true);
        matches!(
            self.ended.recv_timeout(timeout),
            Err(mpsc::RecvTimeoutError::Disconnected)
        )
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else {
        return;
    };
    let free = Arc::new(Semaphore::new(shared.config.max_connections.max(1)));
    let mut open = tokio::task::JoinSet::new();
    loop {
        // The sender's end means that the handle is gone: then this ends as well.
        let accepted = match race(listener.accept(), stopped.wait_for(|stop| *stop)).await {
            Either::First(accepted) => accepted,
            Either::Second(_) => break,
        };
        while open.try_join_next().is_some() {}
        match accepted {
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            Ok((stream, _)) => match Arc::clone(&free).try_acquire_owned() {
                Ok(permit) => {
                    open.spawn(connection::serve(
                        stream,
                        permit,
                        Arc::clone(&shared),
                        stopped.clone(),
                    ));
                }
                // Whoever waits for TLS would not understand.
                Err(_) if shared.tls.is_some() => drop(stream),
                Err(_) => connection::refuse(&stream),
            },
        }
    }
    drop(listener);
    // Each ends by itself: at once if idle, after its request if not; the reading of one is bounded in time.
    while open.join_next().await.is_some() {}
}

#[cfg(test)]
mod tests;
