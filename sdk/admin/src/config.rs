//! What the endpoint is started with.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use watchroom_capture::{CaptureHandle, ReloadableFilter};
use watchroom_health::HealthBoard;
use watchroom_metrics::Registry;

/// Settings of the endpoint.
#[derive(Clone)]
pub struct AdminConfig {
    /// Address; loopback and port 9090 by default.
    pub listen: SocketAddr,
    /// Token that callers must bear; everything but health is then closed to others.
    pub token: Option<String>,
    /// Whether health needs the token too.
    pub protect_health: bool,
    /// Connections at a time; one more is refused with 503.
    pub max_connections: usize,
    /// Time for a request's head and for its body to arrive, and for the peer to take a part of the answer.
    pub read_timeout: Duration,
    /// Bytes of a request's body.
    pub max_body_bytes: usize,
}

impl std::fmt::Debug for AdminConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AdminConfig")
            .field("listen", &self.listen)
            .field("token", &self.token.as_ref().map(|_| "(not shown)"))
            .finish_non_exhaustive()
    }
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 9090).into(),
            token: None,
            protect_health: false,
            max_connections: 64,
            read_timeout: Duration::from_secs(5),
            max_body_bytes: 64 << 10,
        }
    }
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
