//! What the endpoint is started with.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use watchroom_capture::{CaptureHandle, ReloadableFilter};
use watchroom_health::HealthBoard;
use watchroom_metrics::Registry;

/// Settings of the endpoint. Token, name and password, and client certificate are three ways in: whoever comes by one of those that
/// are set is let in.
#[derive(Clone)]
pub struct AdminConfig {
    /// Address; loopback and port 9090 by default.
    pub listen: SocketAddr,
    /// Token that lets callers in.
    pub token: Option<String>,
    /// Name and password that let callers in.
    pub basic: Option<BasicAuth>,
    /// TLS; plain HTTP if not set. Needs the feature `tls`.
    pub tls: Option<TlsFiles>,
    /// Whether health needs a way in too.
    pub protect_health: bool,
    /// Connections at a time; one more is refused with 503.
    pub max_connections: usize,
    /// Time for a connection's TLS, for a request's head and for its body to arrive, each, and for the peer to take a part of the answer.
    pub read_timeout: Duration,
    /// Time for the peer to take an answer whole.
    pub answer_timeout: Duration,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 9090).into(),
            token: None,
            basic: None,
            tls: None,
            protect_health: false,
            max_connections: 64,
            read_timeout: Duration::from_secs(5),
            answer_timeout: Duration::from_secs(30),
            max_body_bytes: 64 << 10,
        }
    }
}

impl fmt::Debug for AdminConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminConfig")
            .field("listen", &self.listen)
            .field("token", &self.token.as_ref().map(|_| "(not shown)"))
            .field("basic", &self.basic)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

/// Name and password of one user. `Debug` hides the password.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicAuth {
    /// The name; without a colon, which ends it on the wire.
    pub user: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

impl BasicAuth {
    /// Reads `user:password`; a password may have colons in it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (user, password) = text.split_once(':')?;
        Some(Self {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }
}

/// Files of TLS, in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The endpoint's certificate, and those between it and its authority.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
    /// Authority of client certificates: with it, a certificate that it has signed lets callers in. Without, nobody is asked for one.
    pub client_authority: Option<PathBuf>,
}

/// What the answers are made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// Metrics.
    pub registry: Registry,
    /// Health.
    pub board: HealthBoard,
    /// Log levels; absent if nothing is logged.
    pub log_filter: Option<ReloadableFilter>,
    /// Who knows the spans of `/telemetry`; absent if there is no capture.
    pub capture: Option<CaptureHandle>,
    /// Who this is: names and values of `/build`.
    pub build: Vec<(String, String)>,
}
