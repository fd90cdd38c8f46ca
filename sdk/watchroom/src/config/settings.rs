//! Settings of each part, as they are after the builder, the file and the environment.
//!
//! Invariant: `Debug` shows no credential.

use std::fmt;
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;
use watchroom_admin::AdminConfig;
use watchroom_capture::SpanLimits;
use watchroom_capture::propagation::Propagators;
#[cfg(doc)]
use watchroom_log::LogSampling;
use watchroom_log::{Color, FileConfig as LogFile, Format as LogFormat, SpanLines, Timer};
use watchroom_otlp::{Compression, Protocol, TlsFiles};
use watchroom_redact::{HashKey, Kind, Mode};

/// Log settings.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Levels by target, in the syntax of `RUST_LOG`.
    pub filter: String,
    /// Form of the lines.
    pub format: LogFormat,
    /// Colour of text lines.
    pub color: Color,
    /// Head of text lines.
    pub timer: Timer,
    /// Which moments of spans become lines.
    pub span_lines: SpanLines,
    /// Whether lines carry the thread's id and name.
    pub threads: bool,
    /// Whether lines go to stdout.
    pub stdout: bool,
    /// Whether lines go to a file.
    pub file: Option<LogFile>,
    /// How long a caller may wait for a blocked sink before its line is dropped and counted.
    pub block_within: Duration,
    /// How long a caller may wait to have a security event written before it is lost and counted.
    pub security_block_within: Duration,
    /// Rules of sampling, in the syntax of [`LogSampling`]; empty keeps every line.
    pub sampling: String,
    /// Whether log records are also sent by OTLP.
    pub otlp: bool,
    /// Batching of OTLP log records.
    pub batch: Batch,
}

/// Which metrics leave the process by push; `/metrics` is served in any case while the admin endpoint is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricsExporter {
    /// Pushed by OTLP.
    #[default]
    Otlp,
    /// Only scraped.
    Prometheus,
    /// Not pushed.
    None,
}

/// Metric settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricSettings {
    /// Push.
    pub exporter: MetricsExporter,
    /// Time between pushes.
    pub interval: Duration,
    /// Series that one metric may have.
    pub max_series_per_metric: usize,
    /// Series that all metrics together may have.
    pub max_series: usize,
    /// Time without a sample after which a series of an open set goes, where the metric's declaration says nothing; never if not set.
    pub expire_after: Option<Duration>,
    /// Which closing spans count for `span_calls_total` and its like, in the syntax of `RUST_LOG`; `off` by default.
    pub spans: String,
    /// Least level of events whose fields `counter.NAME`, `monotonic_counter.NAME`, `gauge.NAME`, `histogram.NAME` become metrics.
    pub events: LevelFilter,
    /// Whether the durations of spans are native histograms.
    pub native_durations: bool,
}

/// Batching of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Longest time that something waits for its batch to fill.
    pub delay: Duration,
    /// Room of the queue.
    pub queue: usize,
    /// Most units in one request.
    pub size: usize,
    /// Longest time that a batch is tried for, retries included; the longest of all signals' holds for all. A minute if not set.
    pub timeout: Option<Duration>,
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            queue: 2_048,
            size: 512,
            timeout: None,
        }
    }
}

/// Trace settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// Whether spans are sent by OTLP.
    pub otlp: bool,
    /// Which spans are captured for export, in the syntax of `RUST_LOG`.
    pub filter: String,
    /// Name of the sampler, as in `OTEL_TRACES_SAMPLER`.
    pub sampler: String,
    /// Argument of the sampler.
    pub sampler_arg: Option<String>,
    /// In which formats the context travels: W3C Trace Context and W3C Baggage by default.
    pub propagators: Propagators,
    /// Keys of baggage that become fields of the spans and lines that they travel with.
    pub baggage_fields: Vec<String>,
    /// Limits of a span.
    pub limits: SpanLimits,
    /// Batching.
    pub batch: Batch,
}

/// Where a signal goes. What is not set is taken from the settings common to all signals. `Debug` hides the values of headers.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct OtlpSettings {
    /// URL of the receiver.
    pub endpoint: Option<String>,
    /// Protocol.
    pub protocol: Option<Protocol>,
    /// Extra headers.
    pub headers: Vec<(String, String)>,
    /// Longest time for a request.
    pub timeout: Option<Duration>,
    /// Compression of bodies; `Some(None)` is none, whatever the common settings say.
    pub compression: Option<Option<Compression>>,
    /// Files of keys and certificates.
    pub tls: TlsFiles,
}

impl fmt::Debug for OtlpSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpSettings")
            .field("endpoint", &self.endpoint)
            .field("protocol", &self.protocol)
            .field("headers", &names)
            .field("timeout", &self.timeout)
            .field("compression", &self.compression)
            .field("tls", &self.tls)
            .finish()
    }
}

/// Settings of the admin endpoint.
#[derive(Debug, Clone)]
pub struct AdminSettings {
    /// Whether it is served.
    pub enabled: bool,
    /// Address, ways in, and limits.
    pub endpoint: AdminConfig,
}

/// What is redacted besides the defaults, and what is not. `Debug` hides the key.
#[derive(Debug, Clone, Default)]
pub struct RedactSettings {
    /// Field names that are redacted besides the built-in ones.
    pub names: Vec<String>,
    /// Field names that are not redacted though the built-in ones would have them be.
    pub allow: Vec<String>,
    /// Values that pass whatever they look like.
    pub allow_values: Vec<String>,
    /// What secrets of one's own look like; see [`RedactorBuilder::pattern`](watchroom_redact::RedactorBuilder::pattern).
    pub patterns: Vec<String>,
    /// What becomes of kinds of values where it is not the default: left, masked in part, or redacted whole.
    pub kinds: Vec<(Kind, Mode)>,
    /// Key of pseudonyms; a random one if not set.
    pub hash_key: Option<HashKey>,
}
