//! HTTP to a remote store: connections that are kept, TLS, and no more.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use http::uri::Uri;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;

use super::auth::Headers;
use crate::access::web_config::Pem;
use crate::config::RemoteUrl;
use crate::error::chain;
use crate::net::stream::Stream;
use crate::net::tls::certificates;

/// Time to connect, TLS included.
const CONNECT: Duration = Duration::from_secs(10);
/// Time for which an unused connection is kept.
const IDLE: Duration = Duration::from_secs(30);

/// A way to one server.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) url: RemoteUrl,
    pool: Pool<Connector, Body>,
    headers: Headers,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("url", &self.url)
            .finish_non_exhaustive()
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    #[error("no answer within {seconds} s")]
    Slow { seconds: u64 },
    #[error("{0}")]
    Failed(String),
}

impl Client {
    pub(super) fn new(url: RemoteUrl, headers: Headers, tls: Option<Arc<ClientConfig>>) -> Self {
        let tls = tls.filter(|_| url.tls).map(|config| match url.grpc {
            false => config,
            true => {
                let mut config = ClientConfig::clone(&config);
                config.alpn_protocols = vec![b"h2".to_vec()];
                Arc::new(config)
            }
        });
        let pool = Pool::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(16)
            .pool_timer(TokioTimer::new())
            .timer(TokioTimer::new())
            .http2_only(url.grpc)
            .build(Connector {
                authority: url.authority.clone(),
                tls,
            });
        Self { url, pool, headers }
    }

    /// The address of a path, which begins with a slash.
    pub(super) fn uri(&self, path_and_query: &str) -> Result<Uri, ClientError> {
        let scheme = if self.url.tls { "https" } else { "http" };
        let text = format!(
            "{scheme}://{}{}{path_and_query}",
            self.url.authority, self.url.prefix
        );
        text.parse()
            .map_err(|_| ClientError::Failed("the path is not one of a URL".to_owned()))
    }

    /// Sends a request and waits for the head of its answer.
    pub(super) async fn send(
        &self,
        mut request: Request<Body>,
        timeout: Duration,
    ) -> Result<Response<Incoming>, ClientError> {
        for (name, value) in &self.headers {
            request.headers_mut().insert(name.clone(), value.clone());
        }
        request.headers_mut().insert(
            http::header::USER_AGENT,
            HeaderValue::from_static(concat!("watchroom/", env!("CARGO_PKG_VERSION"))),
        );
        match tokio::time::timeout(timeout, self.pool.request(request)).await {
            Err(_) => Err(ClientError::Slow {
                seconds: timeout.as_secs(),
            }),
            Ok(Err(error)) => Err(ClientError::Failed(chain(&error))),
            Ok(Ok(response)) => Ok(response),
        }
    }
}

/// TLS towards remote stores: these authorities, or the system's.
pub(super) fn tls(ca: Option<&std::path::Path>) -> Result<Arc<ClientConfig>, String> {
    let mut roots = RootCertStore::empty();
    match ca {
        Some(path) => {
            for certificate in certificates(&Pem::File(path.to_owned()))? {
                roots
                    .add(certificate)
                    .map_err(|error| format!("{}: {error}", path.display()))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// Connects to the one authority there is, whatever the URI says.
#[derive(Clone)]
struct Connector {
    authority: String,
    tls: Option<Arc<ClientConfig>>,
}

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<TokioIo<Stream>>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { authority, tls } = self.clone();
        Box::pin(async move {
            tokio::time::timeout(CONNECT, connect(&authority, tls))
                .await
                .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the connection was not made in time"))?
                .map(TokioIo::new)
        })
    }
}

async fn connect(authority: &str, tls: Option<Arc<ClientConfig>>) -> io::Result<Stream> {
    let stream = TcpStream::connect(authority).await?;
    stream.set_nodelay(true)?;
    let Some(config) = tls else {
        return Ok(Stream::Plain(stream));
    };
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let name =
        ServerName::try_from(host).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    let stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, stream)
        .await?;
    Ok(Stream::Tls(Box::new(stream.into())))
}
