//! What a server is told when it starts.
//!
//! Not here: flags, the environment and configuration files, which are the command's.

mod client_limits;
mod cors;
mod remote;
mod security;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use watchroom_query::promql::WindowBounds;
use watchroom_store::Retention;

use crate::Alerting;
pub use client_limits::{ClientLimit, ClientLimits, ParseClientLimitError};
pub use cors::{CorsOrigins, ParseCorsOriginsError};
pub use remote::{ParseRemoteUrlError, RemoteStore, RemoteStores, RemoteUrl, RemoteWriteVersion};
pub use security::Security;

/// Settings of a server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address of the page and of every HTTP API.
    pub listen: SocketAddr,
    /// Address of OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// Address of OTLP over HTTP.
    pub otlp_http: SocketAddr,
    /// Where data is kept.
    pub data_dir: PathBuf,
    /// Targets to scrape, besides those of `config`.
    pub scrape: Vec<ScrapeTarget>,
    /// Rule files, besides those of `config`.
    pub rules: Vec<PathBuf>,
    /// A `prometheus.yml`.
    pub config: Option<PathBuf>,
    /// Who is told of alerts, and how.
    pub alerting: Alerting,
    /// How long data is kept.
    pub retention: Retention,
    /// Size of the data directory above which the oldest data is dropped.
    pub max_disk_bytes: u64,
    /// Memory for the store and for what is on its way into it.
    pub max_memory_bytes: u64,
    /// Whether the server writes its own metrics into its store, as job `watchroom`.
    pub self_scrape: bool,
    /// Whether `/api/v1/admin/tsdb/snapshot` makes snapshots.
    pub admin_api: bool,
    /// What exponential histograms that come by OTLP are kept as.
    pub exponential_histograms: ExponentialHistograms,
    /// Which edges range and lookback windows of metric queries include: `(…]` as in Prometheus 3, `[…]` as in 2.
    pub query_windows: WindowBounds,
    /// Bounds on clients.
    pub limits: Limits,
    /// Pages of other origins that may read answers; none by default.
    pub cors_origins: CorsOrigins,
    /// Bounds on each client.
    pub client_limits: ClientLimits,
    /// TLS and credentials.
    pub security: Security,
    /// Servers that keep signals instead of the built-in store.
    pub remotes: RemoteStores,
}

impl Config {
    /// The defaults of `watchroom up` for a data directory: loopback, ports 7200, 4317 and 4318.
    #[must_use]
    pub fn new(data_dir: impl Into<PathBuf>) -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self {
            listen: loopback(7200),
            otlp_grpc: loopback(4317),
            otlp_http: loopback(4318),
            data_dir: data_dir.into(),
            scrape: Vec::new(),
            rules: Vec::new(),
            config: None,
            alerting: Alerting::default(),
            retention: Retention::default(),
            max_disk_bytes: 10 << 30,
            max_memory_bytes: 512 << 20,
            self_scrape: true,
            admin_api: false,
            exponential_histograms: ExponentialHistograms::default(),
            query_windows: WindowBounds::default(),
            limits: Limits::default(),
            cors_origins: CorsOrigins::default(),
            client_limits: ClientLimits::default(),
            security: Security::default(),
            remotes: RemoteStores::default(),
        }
    }
}

/// What exponential histograms are kept as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ExponentialHistograms {
    /// Native histograms, with the buckets that were sent.
    #[default]
    Native,
    /// Classic histograms, `…_bucket`, `…_sum` and `…_count`, for dashboards that expect those.
    Classic,
}

/// Bounds on what clients can make the server do, the same on every listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open connections of one listener; more wait to be accepted.
    pub max_connections: usize,
    /// Time for a TLS handshake.
    pub handshake_timeout: Duration,
    /// Time for a request's head, and for a connection to stay idle.
    pub header_timeout: Duration,
    /// Size of a request's head.
    pub max_header_bytes: usize,
    /// Time for a request's body.
    pub body_timeout: Duration,
    /// Size of a body as sent.
    pub max_body_bytes: usize,
    /// Size of a body once decompressed.
    pub max_decompressed_bytes: usize,
    /// Memory that one decoded request may take.
    pub max_decoded_bytes: usize,
    /// Time for a query.
    pub query_timeout: Duration,
    /// Queries that run at a time; more wait.
    pub max_concurrent_queries: usize,
    /// Samples that a query may hold in memory at one time.
    pub max_query_samples: usize,
    /// Live tails at a time.
    pub max_tails: usize,
    /// Longest time that one log query may span.
    pub max_log_query_length: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 512,
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(30),
            max_header_bytes: 32 << 10,
            body_timeout: Duration::from_secs(30),
            max_body_bytes: 16 << 20,
            max_decompressed_bytes: 32 << 20,
            max_decoded_bytes: 256 << 20,
            query_timeout: Duration::from_secs(60),
            max_concurrent_queries: 4,
            max_query_samples: 10_000_000,
            max_tails: 64,
            max_log_query_length: Duration::from_secs(721 * 3600),
        }
    }
}

/// A target given by URL, with a name for its job if one was given: `http://host:port/path` or `name=http://host:port/path`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScrapeTarget {
    /// Value of the `job` label; `host:port` of the URL if it was not given.
    pub job: String,
    /// `host:port`, which is the `instance` label.
    pub address: String,
    /// Path and query.
    pub path: String,
}

/// A target that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid scrape target {text:?}: {reason}; expected http://host:port/path or name=http://host:port/path"
)]
pub struct ParseScrapeTargetError {
    text: String,
    reason: &'static str,
}

impl FromStr for ScrapeTarget {
    type Err = ParseScrapeTargetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| ParseScrapeTargetError {
            text: text.into(),
            reason,
        };
        let (job, url) = match text.split_once('=') {
            Some((job, url)) if !job.contains(['/', ':', '?']) => (Some(job), url),
            _ => (None, text),
        };
        if job == Some("") {
            return Err(fail("the name is empty"));
        }
        if url.starts_with("https:") {
            return Err(fail("https is not supported"));
        }
        let rest = url.strip_prefix("http://").unwrap_or(url);
        if rest.contains("://") {
            return Err(fail("the scheme is not http"));
        }
        let (authority, path) = match rest.find(['/', '?']) {
            Some(i) if rest.as_bytes()[i] == b'/' => (&rest[..i], rest[i..].to_owned()),
            Some(i) => (&rest[..i], format!("/metrics{}", &rest[i..])),
            None => (rest, "/metrics".to_owned()),
        };
        let path = if path == "/" { "/metrics".to_owned() } else { path };
        if authority.contains('@') {
            return Err(fail(
                "user and password do not belong in the URL; use basic_auth in --config",
            ));
        }
        let parsed: http::uri::Authority = authority.parse().map_err(|_| fail("the host is not valid"))?;
        if parsed.host().is_empty() {
            return Err(fail("the host is missing"));
        }
        let port = match parsed.port() {
            Some(port) => port.as_u16(),
            None if authority.ends_with(':') => return Err(fail("the port is missing")),
            None => 80,
        };
        let address = format!("{}:{port}", parsed.host());
        Ok(Self {
            job: job.map_or_else(|| address.clone(), str::to_owned),
            address,
            path,
        })
    }
}

impl fmt::Display for ScrapeTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=http://{}{}", self.job, self.address, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let shown = text
            .parse::<ScrapeTarget>()
            .map_or_else(|error| error.reason.to_owned(), |target| target.to_string());
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn reads_targets_with_and_without_a_name() {
        check(
            "deriva=http://127.0.0.1:9090/metrics",
            "deriva=http://127.0.0.1:9090/metrics",
        );
        check("http://[::1]:1/m?a=b", "[::1]:1=http://[::1]:1/m?a=b");
        check("localhost:9090", "localhost:9090=http://localhost:9090/metrics");
        check("http://h/", "h:80=http://h:80/metrics");
    }

    #[test]
    fn says_what_is_wrong_with_a_target() {
        check("https://h", "https is not supported");
        check("=http://h", "the name is empty");
        check("ftp://h", "the scheme is not http");
        check("http://", "the host is not valid");
        check(
            "http://u:p@h/",
            "user and password do not belong in the URL; use basic_auth in --config",
        );
    }
}
