//! Serves a router on a listener, with TLS or without, HTTP/1 and HTTP/2, with bounds on connections, handshakes, heads and idleness.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::preface::{Prefaced, Version, look};
use super::stream::Stream;
use crate::Limits;
use crate::access::Gate;
use crate::state::stopped;

/// Time after which a peer that answers no ping is taken for gone.
const PING: Duration = Duration::from_secs(20);
/// Pause after the system refused to accept, which it does when file descriptors run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What one who speaks HTTP to a listener with TLS is told.
const NOT_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain\r\nconnection: close\r\n\r\n\
this address speaks TLS; use https\n";

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: IpAddr,
    /// A name for the certificate that it showed.
    pub(crate) certificate: Option<Arc<str>>,
}

/// Which of the TLS settings a listener has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Secure {
    Http,
    Grpc,
}

/// A socket and what is served on it.
#[derive(Debug)]
pub(crate) struct Listener {
    /// The socket.
    pub(crate) socket: TcpListener,
    /// What is served.
    pub(crate) router: Router,
    /// Bounds.
    pub(crate) limits: Limits,
    /// Whether HTTP/2 is served without TLS, which only gRPC needs; HTTP/1 always is.
    pub(crate) http2: bool,
    /// What guards it.
    pub(crate) gate: Arc<Gate>,
    /// Which of the TLS settings it has.
    pub(crate) secure: Secure,
}

/// What the connections of a listener share.
#[derive(Clone)]
struct Service {
    router: Router,
    limits: Limits,
    http2: bool,
    gate: Arc<Gate>,
    secure: Secure,
}

/// Serves until `stop` becomes true, then until open requests are answered. The caller sets a time limit by dropping the future.
pub(crate) async fn serve(listener: Listener, mut stop: watch::Receiver<bool>) {
    let Listener {
        socket,
        router,
        limits,
        http2,
        gate,
        secure,
    } = listener;
    let service = Service {
        router,
        limits,
        http2,
        gate,
        secure,
    };
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
            Ok((stream, from)) => {
                let (service, stop) = (service.clone(), stop.clone());
                connections.spawn(async move {
                    connection(stream, from, service, stop).await;
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

async fn connection(stream: TcpStream, from: SocketAddr, service: Service, mut stop: watch::Receiver<bool>) {
    let _ = stream.set_nodelay(true);
    let limits = service.limits;
    let mut peer = Peer {
        address: from.ip(),
        certificate: None,
    };
    let mut with_http2 = service.http2;
    let guarded = service.gate.current();
    let stream = match &guarded.tls {
        None => Stream::Plain(stream),
        Some(tls) => {
            let config = match service.secure {
                Secure::Http => &tls.http,
                Secure::Grpc => &tls.grpc,
            };
            let shaken = shake(stream, Arc::clone(config));
            let shaken = tokio::select! {
                shaken = tokio::time::timeout(limits.handshake_timeout, shaken) => shaken,
                () = stopped(&mut stop) => return,
            };
            let stream = match shaken {
                Ok(Ok(stream)) => stream,
                Ok(Err(error)) => {
                    tracing::debug!(%error, from = %peer.address, "TLS handshake failed");
                    return;
                }
                Err(_) => return,
            };
            let (_, session) = stream.get_ref();
            with_http2 = session.alpn_protocol() == Some(b"h2");
            peer.certificate = session
                .peer_certificates()
                .and_then(<[_]>::first)
                .map(|certificate| {
                    let hash = blake3::hash(certificate).to_hex();
                    format!("certificate {}", &hash[..16]).into()
                });
            Stream::Tls(Box::new(stream.into()))
        }
    };
    drop(guarded);
    let looked = tokio::select! {
        looked = tokio::time::timeout(limits.header_timeout, look(stream)) => looked,
        () = stopped(&mut stop) => return,
    };
    let Ok(Ok(Some((version, stream)))) = looked else {
        return;
    };
    let result = match version {
        Version::Http2 if with_http2 => http2(stream, service.router, peer, limits, stop).await,
        // What is not served is HTTP/1's to refuse.
        Version::Http1 | Version::Http2 => http1(stream, service.router, peer, limits, stop).await,
    };
    if let Err(error) = result {
        tracing::debug!(error = crate::error::chain(&error), "connection ended");
    }
}

/// The server's side of a TLS handshake. Whoever speaks HTTP instead is told.
async fn shake(
    mut stream: TcpStream,
    config: Arc<rustls::ServerConfig>,
) -> std::io::Result<tokio_rustls::server::TlsStream<TcpStream>> {
    let mut first = [0];
    stream.peek(&mut first).await?;
    if first[0].is_ascii_uppercase() {
        // No handshake begins with a letter, and every request does.
        stream.write_all(NOT_TLS).await?;
        let _ = stream.shutdown().await;
        return Err(std::io::Error::other("client speaks HTTP without TLS"));
    }
    tokio_rustls::TlsAcceptor::from(config).accept(stream).await
}

/// Handles a request of this peer.
async fn handle(
    mut router: Router,
    peer: Peer,
    mut request: Request<Incoming>,
) -> Result<axum::response::Response, std::convert::Infallible> {
    request.extensions_mut().insert(peer);
    tower_service::Service::call(&mut router, request).await
}

async fn http1(
    stream: Prefaced,
    router: Router,
    peer: Peer,
    limits: Limits,
    mut stop: watch::Receiver<bool>,
) -> hyper::Result<()> {
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(limits.max_header_bytes.max(8192))
        .max_headers(100)
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| handle(router.clone(), peer.clone(), request)),
        )
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
    peer: Peer,
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
        .serve_connection(
            TokioIo::new(stream),
            service_fn(move |request| handle(router.clone(), peer.clone(), request)),
        );
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        result = connection.as_mut() => return result,
        () = stopped(&mut stop) => connection.as_mut().graceful_shutdown(),
    }
    connection.await
}
