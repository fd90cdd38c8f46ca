//! Serves a router on a listener, HTTP/1 and HTTP/2, with bounds on connections, heads and idleness.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::preface::{Prefaced, Version, look};
use crate::Limits;
use crate::state::stopped;

/// Time after which a peer that answers no ping is taken for gone.
const PING: Duration = Duration::from_secs(20);
/// Pause after the system refused to accept, which it does when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A socket and what is served on it.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The socket.
    pub(crate) socket: TcpListener,
    /// What is served.
    pub(crate) router: Router,
    /// Bounds.
    pub(crate) limits: Limits,
    /// Whether HTTP/2 is served, which only gRPC needs; HTTP/1 always is.
    pub(crate) http2: bool,
}

/// Serves until `stop` becomes true, then until open requests are answered. The caller sets a time limit by dropping the future.
pub(crate) async fn serve(listener: Listener, mut stop: watch::Receiver<bool>) {
    let Listener {
        socket,
        router,
        limits,
        http2,
    } = listener;
    let slots = Arc::new(Semaphore::new(limits.max_connections));
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let slot = tokio::select! {
            slot = Arc::clone(&slots).acquire_owned() => slot,
            () = stopped(&mut stop) => break,
        };
        let Ok(slot) = slot else { break };
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            () = stopped(&mut stop) => break,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, _)) => {
                let (router, stop) = (router.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, router, limits, http2, stop).await;
                    drop(slot);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    router: Router,
    limits: Limits,
    with_http2: bool,
    mut stop: watch::Receiver<bool>,
) {
    let _ = stream.set_nodelay(true);
    let looked = tokio::select! {
        looked = tokio::time::timeout(limits.header_timeout, look(stream)) => looked,
        () = stopped(&mut stop) => return,
    };
    let Ok(Ok(Some((version, stream)))) = looked else {
        return;
    };
    let result = match version {
        Version::Http2 if with_http2 => http2(stream, router, limits, stop).await,
        // What is not served is HTTP/1's to refuse.
        Version::Http1 | Version::Http2 => http1(stream, router, limits, stop).await,
    };
    if let Err(error) = result {
        tracing::debug!(error = crate::error::chain(&error), "connection ended");
    }
}

async fn http1(
    stream: Prefaced,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.max_header_bytes.max(8192))
        .max_headers(100)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}

async fn http2(
    stream: Prefaced,
    router: Router,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let header_bytes = u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX);
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .keep_alive_interval(PING)
        .keep_alive_timeout(PING)
        .max_concurrent_streams(128)
        .max_header_list_size(header_bytes)
        .initial_stream_window_size(1 << 20)
        .initial_connection_window_size(4 << 20)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
