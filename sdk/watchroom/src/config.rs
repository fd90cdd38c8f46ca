//! Settings: a builder, then a file, then the environment; the later wins.
//!
//! Invariant: every setting is declared once, in [`table`]: its key in the file, its variable, what it accepts, and where it goes.
//! Not here: what the settings do; `init` hands them to the crates that own that.

mod env;
mod error;
mod file;
mod parse;
mod settings;
mod table;

use std::net::SocketAddr;
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;

pub use error::ConfigError;
pub(crate) use error::chain;
pub use settings::{
    AdminSettings, Batch, LogSettings, MetricSettings, MetricsExporter, OtlpSettings, RedactSettings,
    TraceSettings,
};
pub use watchroom_admin::{AdminConfig, BasicAuth, TlsFiles as AdminTlsFiles};
pub use watchroom_capture::SpanLimits;
pub use watchroom_capture::propagation::Propagators;
pub use watchroom_log::{
    Color, FileConfig as LogFile, Format as LogFormat, LogSampling, Period, SpanLines, Timer,
};
pub use watchroom_otlp::{Compression, Protocol, SpoolConfig, TlsFiles};
use watchroom_redact::{HashKey, Kind, Mode};

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
    /// Where batches wait on disk that cannot be delivered.
    pub otlp_spool: Option<SpoolConfig>,
    /// OTLP settings of traces.
    pub otlp_traces: OtlpSettings,
    /// OTLP settings of metrics.
    pub otlp_metrics: OtlpSettings,
    /// OTLP settings of logs.
    pub otlp_logs: OtlpSettings,
    /// The admin endpoint.
    pub admin: AdminSettings,
    /// What is redacted.
    pub redact: RedactSettings,
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
                baggage_fields: Vec::new(),
                limits: SpanLimits::default(),
                batch: Batch::default(),
            },
            metrics: MetricSettings {
                exporter: MetricsExporter::default(),
                interval: Duration::from_secs(60),
                max_series_per_metric: 1_000,
                max_series: 10_000,
                expire_after: None,
                spans: "off".into(),
                events: LevelFilter::INFO,
                native_durations: false,
            },
            otlp: OtlpSettings::default(),
            otlp_spool: None,
            otlp_traces: OtlpSettings::default(),
            otlp_metrics: OtlpSettings::default(),
            otlp_logs: OtlpSettings::default(),
            admin: AdminSettings {
                enabled: true,
                endpoint: AdminConfig::default(),
            },
            redact: RedactSettings::default(),
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
        self.admin.endpoint.listen = listen.into();
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
        self.admin.endpoint.token = Some(token.into());
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
        self.redact.kinds.push((kind, mode));
        self
    }

    /// Redacts values under this field name too.
    #[must_use]
    pub fn redact_name(mut self, name: impl Into<String>) -> Self {
        self.redact.names.push(name.into());
        self
    }

    /// Redacts what looks like this too; see [`RedactorBuilder::pattern`](watchroom_redact::RedactorBuilder::pattern) for the syntax.
    ///
    /// ```
    /// let config = watchroom::Config::for_service("shop").redact_pattern("acme_[A-Za-z0-9]{20,40}");
    /// # let _ = config;
    /// ```
    #[must_use]
    pub fn redact_pattern(mut self, pattern: impl Into<String>) -> Self {
        self.redact.patterns.push(pattern.into());
        self
    }

    /// Makes pseudonyms with this key, so that they agree between processes; see [`Telemetry::hash_id`](crate::Telemetry::hash_id).
    #[must_use]
    pub const fn hash_key(mut self, key: HashKey) -> Self {
        self.redact.hash_key = Some(key);
        self
    }

    /// Keeps on disk, in this folder, what cannot be delivered by OTLP, until it can; across restarts.
    #[must_use]
    pub fn otlp_spool(mut self, spool: SpoolConfig) -> Self {
        self.otlp_spool = Some(spool);
        self
    }

    /// Counts closing spans that pass this filter as `span_calls_total`, `span_errors_total` and `span_duration_seconds`.
    #[must_use]
    pub fn span_metrics(mut self, filter: impl Into<String>) -> Self {
        self.metrics.spans = filter.into();
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
