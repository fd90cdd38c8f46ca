//! Settings: a builder, then a file, then the environment; the later wins.
//!
//! Invariant: every setting is declared once, in [`table`]: its key in the file, its variable, what it accepts, and where it goes.
//! Not here: what the settings do; `init` hands them to the crates that own that.

mod env;
mod error;
mod file;
mod parse;
mod table;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

pub use error::ConfigError;
pub(crate) use error::chain;
pub use watchroom_capture::SpanLimits;
pub use watchroom_capture::propagation::Propagators;
pub use watchroom_log::{
    Color, FileConfig as LogFile, Format as LogFormat, LogSampling, Period, SpanLines, Timer,
};
pub use watchroom_otlp::{Protocol, TlsFiles};
use watchroom_redact::{Kind, Mode};

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
    /// Whether bodies are compressed with gzip.
    pub gzip: Option<bool>,
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
            .field("gzip", &self.gzip)
            .field("tls", &self.tls)
            .finish()
    }
}

/// Settings of the admin endpoint. `Debug` hides the token.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminSettings {
    /// Whether it is served.
    pub enabled: bool,
    /// Address; loopback by default.
    pub listen: SocketAddr,
    /// Token that callers must bear.
    pub token: Option<String>,
}

impl fmt::Debug for AdminSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AdminSettings")
            .field("enabled", &self.enabled)
            .field("listen", &self.listen)
            .field("token", &self.token.as_ref().map(|_| "(not shown)"))
            .finish()
    }
}

/// Spans down to DEBUG, but not the inner life of the transports that everything runs on.
const TRACES_FILTER: &str =
    "debug,h2=warn,hyper=warn,hyper_util=warn,tower=warn,tonic=warn,rustls=warn,reqwest=warn";

/// All settings of a service's telemetry.
///
/// ```
/// use watchroom::Config;
///
/// let config = Config::for_service("deriva-server").log_filter("info,deriva=debug").admin_listen(([127, 0, 0, 1], 0));
/// # let _ = config;
/// ```
#[derive(Debug, Clone)]
pub struct Config {
    /// Whether nothing is to be started (`OTEL_SDK_DISABLED`).
    pub disabled: bool,
    /// `service.name`.
    pub service_name: String,
    /// `service.version`.
    pub service_version: Option<String>,
    /// `service.instance.id`; made up if not set.
    pub instance_id: Option<String>,
    /// `deployment.environment`.
    pub environment: Option<String>,
    /// The user's own resource attributes.
    pub resource: Vec<(String, String)>,
    /// Logs.
    pub log: LogSettings,
    /// Traces.
    pub traces: TraceSettings,
    /// Metrics.
    pub metrics: MetricSettings,
    /// OTLP settings common to all signals.
    pub otlp: OtlpSettings,
    /// OTLP settings of traces.
    pub otlp_traces: OtlpSettings,
    /// OTLP settings of metrics.
    pub otlp_metrics: OtlpSettings,
    /// OTLP settings of logs.
    pub otlp_logs: OtlpSettings,
    /// The admin endpoint.
    pub admin: AdminSettings,
    /// Field names that are redacted besides the built-in ones.
    pub redact_names: Vec<String>,
    /// Field names that are not redacted though the built-in ones would have them be.
    pub redact_allow: Vec<String>,
    /// What becomes of kinds of values where it is not the default: left, masked in part, or redacted whole.
    pub redact_kinds: Vec<(Kind, Mode)>,
    /// Longest time that the end of the program waits for a flush.
    pub shutdown_timeout: Duration,
    /// Whether SIGTERM and SIGINT flush before they end the process.
    pub handle_signals: bool,
    /// Whether panics are logged, and flushed before the process ends.
    pub handle_panics: bool,
}

impl Config {
    /// The defaults, for a service of this name.
    #[must_use]
    pub fn for_service(name: impl Into<String>) -> Self {
        Self {
            disabled: false,
            service_name: name.into(),
            service_version: None,
            instance_id: None,
            environment: None,
            resource: Vec::new(),
            log: LogSettings {
                filter: "info".into(),
                format: LogFormat::default(),
                color: Color::default(),
                timer: Timer::default(),
                span_lines: SpanLines::CLOSE,
                threads: false,
                stdout: true,
                file: None,
                block_within: Duration::from_millis(5),
                security_block_within: Duration::from_secs(1),
                sampling: String::new(),
                otlp: true,
                batch: Batch {
                    delay: Duration::from_secs(1),
                    ..Batch::default()
                },
            },
            traces: TraceSettings {
                otlp: true,
                filter: TRACES_FILTER.into(),
                sampler: "parentbased_always_on".into(),
                sampler_arg: None,
                propagators: Propagators::default(),
                limits: SpanLimits::default(),
                batch: Batch::default(),
            },
            metrics: MetricSettings {
                exporter: MetricsExporter::default(),
                interval: Duration::from_secs(60),
                max_series_per_metric: 1_000,
                max_series: 10_000,
            },
            otlp: OtlpSettings::default(),
            otlp_traces: OtlpSettings::default(),
            otlp_metrics: OtlpSettings::default(),
            otlp_logs: OtlpSettings::default(),
            admin: AdminSettings {
                enabled: true,
                listen: (Ipv4Addr::LOCALHOST, 9090).into(),
                token: None,
            },
            redact_names: Vec::new(),
            redact_allow: Vec::new(),
            redact_kinds: Vec::new(),
            shutdown_timeout: Duration::from_secs(5),
            handle_signals: true,
            handle_panics: true,
        }
    }

    /// Sets `service.version`; services usually pass `env!("CARGO_PKG_VERSION")`.
    #[must_use]
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.service_version = Some(version.into());
        self
    }

    /// Sets the deployment's environment, such as `production`.
    #[must_use]
    pub fn environment(mut self, environment: impl Into<String>) -> Self {
        self.environment = Some(environment.into());
        self
    }

    /// Adds a resource attribute.
    #[must_use]
    pub fn attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.resource.push((key.into(), value.into()));
        self
    }

    /// Sets the log levels by target, in the syntax of `RUST_LOG`.
    #[must_use]
    pub fn log_filter(mut self, filter: impl Into<String>) -> Self {
        self.log.filter = filter.into();
        self
    }

    /// Sets the rules by which log lines are sampled; see [`LogSampling::parse`] for the syntax. A malformed one is an error of the start.
    ///
    /// ```
    /// let config = watchroom::Config::for_service("proxy").log_sampling("info=1000/s, hyper:debug=1%");
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn log_sampling(mut self, rules: impl Into<String>) -> Self {
        self.log.sampling = rules.into();
        self
    }

    /// Sets the form of log lines.
    #[must_use]
    pub const fn log_format(mut self, format: LogFormat) -> Self {
        self.log.format = format;
        self
    }

    /// Sets whether log lines go to stdout.
    #[must_use]
    pub const fn log_stdout(mut self, stdout: bool) -> Self {
        self.log.stdout = stdout;
        self
    }

    /// Writes log lines to a rotated file too.
    #[must_use]
    pub fn log_file(mut self, file: LogFile) -> Self {
        self.log.file = Some(file);
        self
    }

    /// Sets the OTLP receiver of all signals.
    #[must_use]
    pub fn otlp_endpoint(mut self, endpoint: impl Into<String>, protocol: Protocol) -> Self {
        self.otlp.endpoint = Some(endpoint.into());
        self.otlp.protocol = Some(protocol);
        self
    }

    /// Sends nothing by OTLP.
    #[must_use]
    pub const fn no_export(mut self) -> Self {
        self.traces.otlp = false;
        self.log.otlp = false;
        self.metrics.exporter = MetricsExporter::Prometheus;
        self
    }

    /// Sets the sampler and its argument by the names of `OTEL_TRACES_SAMPLER`.
    #[must_use]
    pub fn sampler(mut self, name: impl Into<String>, arg: Option<&str>) -> Self {
        self.traces.sampler = name.into();
        self.traces.sampler_arg = arg.map(str::to_owned);
        self
    }

    /// Sets the address of the admin endpoint.
    #[must_use]
    pub fn admin_listen(mut self, listen: impl Into<SocketAddr>) -> Self {
        self.admin.listen = listen.into();
        self
    }

    /// Serves no admin endpoint.
    #[must_use]
    pub const fn no_admin(mut self) -> Self {
        self.admin.enabled = false;
        self
    }

    /// Demands this bearer token at the admin endpoint.
    #[must_use]
    pub fn admin_token(mut self, token: impl Into<String>) -> Self {
        self.admin.token = Some(token.into());
        self
    }

    /// Sets what becomes of a kind of value: left as it is, masked in part, or redacted whole.
    ///
    /// ```
    /// use watchroom::Config;
    /// use watchroom::redact::{Kind, Mode};
    ///
    /// let config = Config::for_service("proxy").redact(Kind::Ipv4, Mode::Partial).redact(Kind::HighEntropy, Mode::Full);
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn redact(mut self, kind: Kind, mode: Mode) -> Self {
        self.redact_kinds.push((kind, mode));
        self
    }

    /// Leaves SIGTERM and SIGINT to the program.
    #[must_use]
    pub const fn no_signal_handling(mut self) -> Self {
        self.handle_signals = false;
        self
    }
}

#[cfg(test)]
mod tests;
