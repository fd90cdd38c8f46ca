//! Settings of the exporter, as the builder, a file or the `OTEL_*` variables give them.
//!
//! Invariant: `Debug` shows no header value, since these hold credentials. Not here: reading files or the environment.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use watchroom_capture::SpanAttributes;

use crate::error::{ParseError, StartError};
use crate::report::Problem;

/// Called on the exporter's thread when something goes wrong; seldom (see [`OtlpConfig::problem_interval`]). It may log through
/// `tracing`; with the target [`PROBLEM_TARGET`](crate::PROBLEM_TARGET) the line does not come back to the exporter.
pub type ProblemHook = Arc<dyn Fn(&Problem) + Send + Sync>;

/// What is exported, where to, and in which portions.
///
/// ```
/// use watchroom_otlp::{Endpoint, OtlpConfig, Protocol, SignalConfig};
///
/// let collector = SignalConfig::new(Endpoint::base("http://localhost:4317"), Protocol::Grpc);
/// let config = OtlpConfig { traces: Some(collector.clone()), logs: Some(collector), ..OtlpConfig::default() };
/// assert_eq!((config.trace_batch, config.trace_queue), (512, 2_048));
/// ```
///
/// Source: OpenTelemetry SDK configuration specification; the defaults are those of its batch processors.
#[derive(Clone)]
pub struct OtlpConfig {
    /// Where spans go; `None` exports none.
    pub traces: Option<SignalConfig>,
    /// Where log records go; `None` exports none.
    pub logs: Option<SignalConfig>,
    /// Where metrics go; `None` exports none.
    pub metrics: Option<SignalConfig>,
    /// Spans in one request (`OTEL_BSP_MAX_EXPORT_BATCH_SIZE`).
    pub trace_batch: usize,
    /// Spans that may wait (`OTEL_BSP_MAX_QUEUE_SIZE`).
    pub trace_queue: usize,
    /// Longest wait for a batch of spans to fill (`OTEL_BSP_SCHEDULE_DELAY`).
    pub trace_delay: Duration,
    /// Log records in one request (`OTEL_BLRP_MAX_EXPORT_BATCH_SIZE`).
    pub log_batch: usize,
    /// Log records that may wait (`OTEL_BLRP_MAX_QUEUE_SIZE`).
    pub log_queue: usize,
    /// Bytes of log records that may wait; reached, the queue counts as full.
    pub log_queue_bytes: usize,
    /// Longest wait for a batch of log records to fill (`OTEL_BLRP_SCHEDULE_DELAY`).
    pub log_delay: Duration,
    /// Time between two exports of metrics (`OTEL_METRIC_EXPORT_INTERVAL`).
    pub metric_interval: Duration,
    /// Most bytes of one request before compression. A batch beyond it goes out in several requests; a single record beyond it
    /// is dropped as too large. Collectors refuse more than 4 MiB by default.
    pub max_request_bytes: usize,
    /// What is done when a request fails in a way that may pass.
    pub retry: RetryConfig,
    /// Where batches wait that cannot be delivered; `None` keeps them in memory as long as [`RetryConfig::max_elapsed`], then drops
    /// them.
    pub spool: Option<SpoolConfig>,
    /// Which circumstances of spans and log records become attributes; the same value as capture has.
    pub span_attributes: SpanAttributes,
    /// Told of problems.
    pub on_problem: Option<ProblemHook>,
    /// Shortest time between two reports of the same kind of problem with the same signal; what came between is counted.
    pub problem_interval: Duration,
}

/// Where and how one signal is sent.
#[derive(Clone, PartialEq, Eq)]
pub struct SignalConfig {
    /// The collector (`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, …).
    pub endpoint: Endpoint,
    /// Transport (`…_PROTOCOL`).
    pub protocol: Protocol,
    /// Headers or gRPC metadata that go with each request (`…_HEADERS`).
    pub headers: Vec<(String, String)>,
    /// Longest duration of one attempt, connecting included (`…_TIMEOUT`).
    pub timeout: Duration,
    /// Compression of requests (`…_COMPRESSION`).
    pub compression: Option<Compression>,
    /// Files of keys and certificates (`…_CERTIFICATE`, `…_CLIENT_CERTIFICATE`, `…_CLIENT_KEY`).
    pub tls: TlsFiles,
}

/// The address of a collector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Endpoint {
    /// One address for all signals: over HTTP, `/v1/traces`, `/v1/logs` or `/v1/metrics` is appended.
    Base(String),
    /// An address for this very signal, taken as it is.
    Signal(String),
}

/// Transport and encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Protocol {
    /// gRPC, usually on port 4317.
    Grpc,
    /// Protobuf in HTTP POST requests, usually on port 4318.
    #[default]
    HttpProtobuf,
}

/// Compression of requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// gzip.
    Gzip,
    /// zstd; needs the crate feature `zstd`.
    Zstd,
}

/// Files for TLS, read once, at the start. They are for endpoints with `https://`, and for gRPC endpoints without a scheme, which
/// they turn to TLS; with `http://` they are reported as [`ProblemKind::TlsUnused`](crate::ProblemKind::TlsUnused).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsFiles {
    /// Certificates of the authorities to trust, PEM; `None` trusts those that the system trusts.
    pub certificate: Option<PathBuf>,
    /// Own certificate, and those that lead from it to its authority, PEM.
    pub client_certificate: Option<PathBuf>,
    /// Own private key, PEM.
    pub client_key: Option<PathBuf>,
}

/// Exponential backoff with jitter.
#[derive(Debug, Clone, PartialEq)]
pub struct RetryConfig {
    /// Wait before the first retry; doubled each time.
    pub initial: Duration,
    /// Longest wait that is chosen here; a receiver may ask for more.
    pub max: Duration,
    /// Time after the first attempt of a request at which it is given up. Zero: no retry.
    pub max_elapsed: Duration,
    /// Share of each wait that is drawn by lot: 0.5 makes 1 s anything from 0.5 s to 1.5 s.
    pub jitter: f64,
    /// Attempts that a request gets once shutdown has begun, so that a dead collector does not use up the whole timeout.
    pub shutdown_attempts: u32,
}

/// A spool on disk: what cannot be delivered waits there, oldest first out, across restarts.
///
/// Each process has its folder under `<dir>/<service.name>/<signal>/`; files of processes that have ended are taken over by those of
/// the same service that run. A batch is written aside and renamed, so that a killed process leaves whole files; what is on disk is
/// encoded and redacted, not compressed or encrypted, and readable to its owner only. A batch may arrive twice if the process is
/// killed between the collector's answer and the removal of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpoolConfig {
    /// The folder; made if it is not there. Many processes and services can share it.
    pub dir: PathBuf,
    /// Most bytes that the files of one signal take; beyond it the oldest are dropped.
    pub max_bytes: u64,
    /// Longest wait; what is older is dropped.
    pub max_age: Duration,
    /// Whether each batch is forced to the disk (`fsync`) before it counts as spooled. Without it, what a process has spooled
    /// survives its death, but not the machine's: then the last seconds may be missing or damaged, which is noticed.
    pub sync: bool,
}

const MIN_REQUEST_BYTES: usize = 4 << 10;
const MAX_REQUEST_BYTES: usize = 1 << 30;

impl Default for RetryConfig {
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(500),
            max: Duration::from_secs(10),
            max_elapsed: Duration::from_secs(60),
            jitter: 0.5,
            shutdown_attempts: 2,
        }
    }
}

impl Default for OtlpConfig {
    fn default() -> Self {
        Self {
            traces: None,
            logs: None,
            metrics: None,
            trace_batch: 512,
            trace_queue: 2_048,
            trace_delay: Duration::from_secs(5),
            log_batch: 512,
            log_queue: 2_048,
            log_queue_bytes: 1 << 20,
            log_delay: Duration::from_secs(5),
            metric_interval: Duration::from_secs(60),
            max_request_bytes: 3 << 20,
            retry: RetryConfig::default(),
            spool: None,
            span_attributes: SpanAttributes::default(),
            on_problem: None,
            problem_interval: Duration::from_secs(60),
        }
    }
}

impl OtlpConfig {
    /// Checks what does not belong to one signal alone.
    pub(crate) fn check(&self) -> Result<(), StartError> {
        let wrong = |setting, value: String, accepted| {
            Err(StartError::Setting {
                setting,
                value,
                accepted,
            })
        };
        for (setting, value) in [
            ("trace_batch", self.trace_batch),
            ("trace_queue", self.trace_queue),
            ("log_batch", self.log_batch),
            ("log_queue", self.log_queue),
            ("log_queue_bytes", self.log_queue_bytes),
        ] {
            if value == 0 {
                return wrong(setting, value.to_string(), "1 or more");
            }
        }
        if self.metric_interval.is_zero() {
            return wrong("metric_interval", "0".to_owned(), "more than 0");
        }
        if !(MIN_REQUEST_BYTES..=MAX_REQUEST_BYTES).contains(&self.max_request_bytes) {
            return wrong(
                "max_request_bytes",
                self.max_request_bytes.to_string(),
                "4 KiB to 1 GiB",
            );
        }
        if let Some(spool) = &self.spool {
            if spool.max_bytes < self.max_request_bytes as u64 {
                return wrong(
                    "spool.max_bytes",
                    spool.max_bytes.to_string(),
                    "max_request_bytes (3 MiB by default) or more",
                );
            }
            if spool.max_age.is_zero() {
                return wrong("spool.max_age", "0".to_owned(), "more than 0");
            }
        }
        Ok(())
    }
}

impl SpoolConfig {
    /// A folder with the default limits: 64 MiB for each signal, a day, no `fsync`.
    #[must_use]
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            max_bytes: 64 << 20,
            max_age: Duration::from_secs(24 * 3_600),
            sync: false,
        }
    }
}

impl SignalConfig {
    /// Time of one attempt unless told otherwise.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

    /// An endpoint without headers and compression, with the default timeout.
    #[must_use]
    pub fn new(endpoint: Endpoint, protocol: Protocol) -> Self {
        Self {
            endpoint,
            protocol,
            headers: Vec::new(),
            timeout: Self::DEFAULT_TIMEOUT,
            compression: None,
            tls: TlsFiles::default(),
        }
    }
}

impl Endpoint {
    /// One address for all signals.
    pub fn base(address: impl Into<String>) -> Self {
        Self::Base(address.into())
    }

    /// An address for this very signal.
    pub fn signal(address: impl Into<String>) -> Self {
        Self::Signal(address.into())
    }

    /// The address as it was given.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Base(address) | Self::Signal(address) => address,
        }
    }
}

impl Protocol {
    /// The collector's usual address with this protocol.
    #[must_use]
    pub const fn default_endpoint(self) -> &'static str {
        match self {
            Self::Grpc => "http://localhost:4317",
            Self::HttpProtobuf => "http://localhost:4318",
        }
    }
}

impl FromStr for Protocol {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text.trim() {
            "grpc" => Ok(Self::Grpc),
            "http/protobuf" => Ok(Self::HttpProtobuf),
            other => Err(ParseError::Protocol {
                value: other.to_owned(),
            }),
        }
    }
}

impl Compression {
    /// Reads a setting of compression; `none` and nothing mean none.
    ///
    /// # Errors
    /// [`ParseError::Compression`] for a word that is not known.
    pub fn parse(text: &str) -> Result<Option<Self>, ParseError> {
        match text.trim() {
            "" | "none" => Ok(None),
            "gzip" => Ok(Some(Self::Gzip)),
            "zstd" => Ok(Some(Self::Zstd)),
            other => Err(ParseError::Compression {
                value: other.to_owned(),
            }),
        }
    }
}

impl fmt::Debug for SignalConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("SignalConfig")
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .field("headers", &names)
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .field("tls", &self.tls)
            .finish()
    }
}

impl fmt::Debug for OtlpConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpConfig")
            .field("traces", &self.traces)
            .field("logs", &self.logs)
            .field("metrics", &self.metrics)
            .field("trace_batch", &self.trace_batch)
            .field("trace_queue", &self.trace_queue)
            .field("trace_delay", &self.trace_delay)
            .field("log_batch", &self.log_batch)
            .field("log_queue", &self.log_queue)
            .field("log_queue_bytes", &self.log_queue_bytes)
            .field("log_delay", &self.log_delay)
            .field("metric_interval", &self.metric_interval)
            .field("max_request_bytes", &self.max_request_bytes)
            .field("retry", &self.retry)
            .field("spool", &self.spool)
            .field("span_attributes", &self.span_attributes)
            .field("on_problem", &self.on_problem.is_some())
            .field("problem_interval", &self.problem_interval)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_words_of_the_specification_and_names_what_it_accepts() {
        assert_eq!("grpc".parse::<Protocol>().unwrap(), Protocol::Grpc);
        assert_eq!(
            "http/protobuf".parse::<Protocol>().unwrap(),
            Protocol::HttpProtobuf
        );
        let refused = "http/json".parse::<Protocol>().unwrap_err().to_string();
        assert!(
            refused.contains("http/json") && refused.contains("http/protobuf"),
            "{refused}"
        );
        assert_eq!(Compression::parse("gzip").unwrap(), Some(Compression::Gzip));
        assert_eq!(Compression::parse("none").unwrap(), None);
        assert_eq!(Compression::parse("zstd").unwrap(), Some(Compression::Zstd));
        let refused = Compression::parse("brotli").unwrap_err().to_string();
        assert!(
            refused.contains("brotli") && refused.contains("gzip"),
            "{refused}"
        );
    }

    #[test]
    fn debug_output_hides_header_values() {
        let mut signal = SignalConfig::new(Endpoint::base("http://localhost:4317"), Protocol::Grpc);
        signal
            .headers
            .push(("authorization".into(), "Bearer hunter2".into()));
        let config = OtlpConfig {
            traces: Some(signal),
            ..OtlpConfig::default()
        };
        let shown = format!("{config:?}");
        assert!(
            shown.contains("authorization") && !shown.contains("hunter2"),
            "{shown}"
        );
    }
}
