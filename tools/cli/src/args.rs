//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use watchroom_server::{
    ClientLimit, Config, CorsOrigins, ExponentialHistograms, RemoteStore, RemoteStores, RemoteUrl,
    RemoteWriteVersion, Retention, ScrapeTarget, Security, WindowBounds,
};

use crate::alerting::AlertingArgs;
use crate::check::CheckCommand;
use crate::test_rules::TestCommand;
use crate::units;

/// Receives, keeps, shows and alerts on traces, metrics and logs.
#[derive(Debug, Parser)]
#[command(name = "watchroom", version, max_term_width = 110)]
#[command(
    after_help = "Exit codes: 0 all went well; 1 something failed while running or stopping; 2 the command line is wrong; \
    3 it could not start."
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the backend: receive, keep, query, evaluate rules and serve the page
    Up(Box<UpArgs>),
    /// Show it all: the backend, the reference systems, traffic and faults
    Demo(DemoArgs),
    /// Copy all data of a server that runs into a snapshot below its data directory; prints where
    Snapshot(SnapshotArgs),
    /// Make a data directory of a snapshot
    Restore(RestoreArgs),
    /// Check rule files, what a service exposes, configurations, and numbers of series
    #[command(subcommand)]
    Check(CheckCommand),
    /// Run unit tests of rules
    #[command(subcommand)]
    Test(TestCommand),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Run one of the reference systems in this process; what `demo` starts
    #[command(subcommand, hide = true)]
    System(System),
}

/// Flags of `watchroom demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Address of the page and of every HTTP API; a port that is taken gives way to a free one
    #[arg(long, value_name = "ADDR", env = "WATCHROOM_LISTEN", default_value = "127.0.0.1:7200", value_parser = units::address)]
    pub(crate) listen: SocketAddr,
    /// Directory in which data is kept; a temporary one, removed at the end, if not given
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Stop by itself after this time, such as 90s or 10m, with exit code 0
    #[arg(long = "for", value_name = "DURATION", value_parser = units::age)]
    pub(crate) run_for: Option<Duration>,
    /// Print one line of JSON on standard output when all is ready: the URL and the address of every process
    #[arg(long)]
    pub(crate) json: bool,
    /// Requests per second of the traffic
    #[arg(long, value_name = "N", default_value_t = 25.0, value_parser = units::rate)]
    pub(crate) rate: f64,
}

/// Flags of `watchroom snapshot`.
#[derive(Debug, Args)]
pub(crate) struct SnapshotArgs {
    /// The server, which runs with --enable-admin-api; http only
    #[arg(
        long,
        value_name = "URL",
        env = "WATCHROOM_URL",
        default_value = "http://127.0.0.1:7200"
    )]
    pub(crate) url: String,
    /// File with the token to show, if the server asks for one
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Leave out what is not yet in chunks and blocks
    #[arg(long)]
    pub(crate) skip_head: bool,
}

/// Flags of `watchroom restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// Folder of the snapshot
    pub(crate) snapshot: PathBuf,
    /// Directory to make of it; empty, or not there yet
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

/// Flags of `watchroom completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    pub(crate) shell: Shell,
}

/// The reference systems.
#[derive(Debug, Subcommand)]
pub(crate) enum System {
    /// Content-addressed compute store
    DerivaServer(deriva::server::Options),
    /// Traffic against it
    DerivaTraffic(watchroom_fleet::traffic::Options),
}

/// Flags of `watchroom up`; each has a variable of the environment, and the flag wins.
#[derive(Debug, Args)]
pub(crate) struct UpArgs {
    /// Address of the page and of every HTTP API; port 0 picks a free one
    #[arg(long, value_name = "ADDR", env = "WATCHROOM_LISTEN", default_value = "127.0.0.1:7200", value_parser = units::address)]
    pub(crate) listen: SocketAddr,
    /// Address for OTLP over gRPC
    #[arg(long, value_name = "ADDR", env = "WATCHROOM_OTLP_GRPC", default_value = "127.0.0.1:4317", value_parser = units::address)]
    pub(crate) otlp_grpc: SocketAddr,
    /// Address for OTLP over HTTP
    #[arg(long, value_name = "ADDR", env = "WATCHROOM_OTLP_HTTP", default_value = "127.0.0.1:4318", value_parser = units::address)]
    pub(crate) otlp_http: SocketAddr,
    /// Directory in which data is kept
    #[arg(
        long,
        value_name = "DIR",
        env = "WATCHROOM_DATA_DIR",
        default_value = "watchroom-data"
    )]
    pub(crate) data_dir: PathBuf,
    /// Targets to scrape: http://host:port/metrics, or name=http://host:port/metrics to name the job
    #[arg(long, value_name = "URL", env = "WATCHROOM_SCRAPE", num_args = 1.., value_delimiter = ',')]
    pub(crate) scrape: Vec<ScrapeTarget>,
    /// Prometheus rule files; a `*` in the file's name stands for any text
    #[arg(long, value_name = "FILE", env = "WATCHROOM_RULES", num_args = 1.., value_delimiter = ',')]
    pub(crate) rules: Vec<PathBuf>,
    /// A prometheus.yml: its scrape_configs, rule_files and alerting are used as they are
    #[arg(long, value_name = "FILE", env = "WATCHROOM_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Age at which samples are dropped, such as 15d or 12h
    #[arg(long, value_name = "AGE", env = "WATCHROOM_RETENTION_METRICS", default_value = "15d", value_parser = units::age)]
    pub(crate) retention_metrics: Duration,
    /// Age at which spans are dropped
    #[arg(long, value_name = "AGE", env = "WATCHROOM_RETENTION_TRACES", default_value = "7d", value_parser = units::age)]
    pub(crate) retention_traces: Duration,
    /// Age at which log lines are dropped
    #[arg(long, value_name = "AGE", env = "WATCHROOM_RETENTION_LOGS", default_value = "7d", value_parser = units::age)]
    pub(crate) retention_logs: Duration,
    /// Size of the data directory above which the oldest data is dropped, such as 10GiB; 384MiB at least, since the engine's log takes up
    /// to 192 MiB of it
    #[arg(long, value_name = "BYTES", env = "WATCHROOM_MAX_DISK", default_value = "10GiB", value_parser = units::bytes_from(384 << 20))]
    pub(crate) max_disk: u64,
    /// Memory for the store and for what is on its way into it, such as 512MiB; 128MiB at least
    #[arg(long, value_name = "BYTES", env = "WATCHROOM_MAX_MEMORY", default_value = "512MiB", value_parser = units::bytes_from(128 << 20))]
    pub(crate) max_memory: u64,
    /// Which edges the windows of metric queries include: as Prometheus 3 has it, or closed as in Prometheus 2
    #[arg(
        long,
        value_name = "WHICH",
        env = "WATCHROOM_QUERY_WINDOWS",
        default_value = "left-open"
    )]
    pub(crate) query_windows: Windows,
    /// Origins whose pages may read what the Prometheus API answers, such as 'https://grafana\.example'; none by default
    #[arg(
        long,
        value_name = "REGEX",
        env = "WATCHROOM_CORS_ORIGIN",
        alias = "web.cors.origin"
    )]
    pub(crate) cors_origin: Option<CorsOrigins>,
    /// Let clients ask for snapshots, at /api/v1/admin/tsdb/snapshot as with Prometheus
    #[arg(long, env = "WATCHROOM_ENABLE_ADMIN_API", alias = "web.enable-admin-api")]
    pub(crate) enable_admin_api: bool,
    /// What exponential histograms that come by OTLP are kept as
    #[arg(
        long,
        value_name = "FORM",
        env = "WATCHROOM_EXPONENTIAL_HISTOGRAMS",
        default_value = "native"
    )]
    pub(crate) exponential_histograms: HistogramForm,
    /// Certificate chain of every listener, PEM; read again when it changes
    #[arg(long, value_name = "FILE", env = "WATCHROOM_TLS_CERT", help_heading = SECURITY)]
    pub(crate) tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM
    #[arg(long, value_name = "FILE", env = "WATCHROOM_TLS_KEY", help_heading = SECURITY)]
    pub(crate) tls_key: Option<PathBuf>,
    /// Authorities of clients, PEM; with them every client has to show a certificate
    #[arg(long, value_name = "FILE", env = "WATCHROOM_TLS_CLIENT_CA", help_heading = SECURITY)]
    pub(crate) tls_client_ca: Option<PathBuf>,
    /// Tokens that clients have to give: a name, rights (read, write, admin) and a token in each line
    #[arg(long, value_name = "FILE", env = "WATCHROOM_AUTH_TOKEN_FILE", help_heading = SECURITY)]
    pub(crate) auth_token_file: Option<PathBuf>,
    /// TLS and users, in the form of Prometheus' --web.config.file
    #[arg(long, value_name = "FILE", env = "WATCHROOM_WEB_CONFIG", help_heading = SECURITY)]
    pub(crate) web_config: Option<PathBuf>,
    /// Limits of each client: requests=N, samples=N or bytes=N of each second, queries=N at a time, series=N in an hour
    #[arg(long, value_name = "LIMIT", env = "WATCHROOM_CLIENT_LIMIT", num_args = 1.., value_delimiter = ',', help_heading = SECURITY)]
    pub(crate) client_limit: Vec<ClientLimit>,
    /// Keep metrics in this server, which speaks Prometheus' query API and takes remote write (Prometheus, VictoriaMetrics, Mimir, watchroom)
    #[arg(long, value_name = "URL", env = "WATCHROOM_METRICS_URL", help_heading = REMOTE)]
    pub(crate) metrics_url: Option<RemoteUrl>,
    /// Where remote write goes, if not to /api/v1/write there; a path is taken as it is
    #[arg(long, value_name = "URL", env = "WATCHROOM_METRICS_WRITE_URL", requires = "metrics_url", help_heading = REMOTE)]
    pub(crate) metrics_write_url: Option<RemoteUrl>,
    /// Credentials for it: `bearer TOKEN`, `basic USER:PASSWORD` or `header NAME: VALUE` in each line
    #[arg(long, value_name = "FILE", env = "WATCHROOM_METRICS_AUTH_FILE", requires = "metrics_url", help_heading = REMOTE)]
    pub(crate) metrics_auth_file: Option<PathBuf>,
    /// Version of remote write
    #[arg(long, value_name = "VERSION", env = "WATCHROOM_REMOTE_WRITE", default_value = "1.0", help_heading = REMOTE)]
    pub(crate) remote_write: RemoteWrite,
    /// Keep traces in this server, which speaks Jaeger's query API
    #[arg(long, value_name = "URL", env = "WATCHROOM_TRACES_URL", help_heading = REMOTE)]
    pub(crate) traces_url: Option<RemoteUrl>,
    /// Where OTLP goes, if not to /v1/traces there: http://host:4318, or grpc://host:4317
    #[arg(long, value_name = "URL", env = "WATCHROOM_TRACES_OTLP_URL", requires = "traces_url", help_heading = REMOTE)]
    pub(crate) traces_otlp_url: Option<RemoteUrl>,
    /// Credentials for it
    #[arg(long, value_name = "FILE", env = "WATCHROOM_TRACES_AUTH_FILE", requires = "traces_url", help_heading = REMOTE)]
    pub(crate) traces_auth_file: Option<PathBuf>,
    /// Keep logs in this server, which speaks Loki's query API and push
    #[arg(long, value_name = "URL", env = "WATCHROOM_LOGS_URL", help_heading = REMOTE)]
    pub(crate) logs_url: Option<RemoteUrl>,
    /// Credentials for it
    #[arg(long, value_name = "FILE", env = "WATCHROOM_LOGS_AUTH_FILE", requires = "logs_url", help_heading = REMOTE)]
    pub(crate) logs_auth_file: Option<PathBuf>,
    /// Authorities that remote stores' certificates are held against instead of the system's, PEM
    #[arg(long, value_name = "FILE", env = "WATCHROOM_REMOTE_CA", help_heading = REMOTE)]
    pub(crate) remote_ca: Option<PathBuf>,
    /// Memory for what each remote store has not taken yet; beyond it senders are asked to come back
    #[arg(long, value_name = "BYTES", env = "WATCHROOM_REMOTE_QUEUE", default_value = "64MiB", value_parser = units::bytes_from(1 << 20), help_heading = REMOTE)]
    pub(crate) remote_queue: u64,
    #[command(flatten)]
    pub(crate) alerting: AlertingArgs,
}

/// Values of `--remote-write`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum RemoteWrite {
    /// Taken by every receiver
    #[value(name = "1.0")]
    V1,
    /// With metadata beside every series, and texts sent once
    #[value(name = "2.0")]
    V2,
}

/// Heading of the flags for stores of others.
const REMOTE: &str = "Remote stores";

/// Heading of the flags that guard the server.
const SECURITY: &str = "Security";

/// Values of `--query-windows`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Windows {
    /// Without the sample at the left edge
    LeftOpen,
    /// With it
    Closed,
}

/// Values of `--exponential-histograms`.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum HistogramForm {
    /// Native histograms, with the buckets that were sent
    Native,
    /// `…_bucket`, `…_sum` and `…_count`
    Classic,
}

impl UpArgs {
    /// Settings of the server.
    pub(crate) fn config(self) -> Config {
        let mut config = Config::new(self.data_dir);
        config.listen = self.listen;
        config.otlp_grpc = self.otlp_grpc;
        config.otlp_http = self.otlp_http;
        config.scrape = self.scrape;
        config.admin_api = self.enable_admin_api;
        config.rules = self.rules;
        config.alerting = self.alerting.settings();
        config.config = self.config;
        config.retention = Retention {
            metrics: self.retention_metrics,
            traces: self.retention_traces,
            logs: self.retention_logs,
        };
        config.security = Security {
            tls_cert: self.tls_cert,
            tls_key: self.tls_key,
            tls_client_ca: self.tls_client_ca,
            auth_token_file: self.auth_token_file,
            web_config: self.web_config,
        };
        let store = |url: Option<RemoteUrl>, write_url, auth_file| {
            url.map(|url| RemoteStore {
                url,
                write_url,
                auth_file,
            })
        };
        config.remotes = RemoteStores {
            metrics: store(self.metrics_url, self.metrics_write_url, self.metrics_auth_file),
            traces: store(self.traces_url, self.traces_otlp_url, self.traces_auth_file),
            logs: store(self.logs_url, None, self.logs_auth_file),
            remote_write: match self.remote_write {
                RemoteWrite::V1 => RemoteWriteVersion::V1,
                RemoteWrite::V2 => RemoteWriteVersion::V2,
            },
            ca: self.remote_ca,
            queue_bytes: self.remote_queue,
        };
        config.client_limits = self.client_limit.into_iter().collect();
        config.max_disk_bytes = self.max_disk;
        config.max_memory_bytes = self.max_memory;
        config.cors_origins = self.cors_origin.unwrap_or_default();
        config.query_windows = match self.query_windows {
            Windows::LeftOpen => WindowBounds::LeftOpen,
            Windows::Closed => WindowBounds::Closed,
        };
        config.exponential_histograms = match self.exponential_histograms {
            HistogramForm::Native => ExponentialHistograms::Native,
            HistogramForm::Classic => ExponentialHistograms::Classic,
        };
        config
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    fn up(args: &[&str]) -> Result<Config, String> {
        let all = ["watchroom", "up"].iter().chain(args);
        match Cli::try_parse_from(all) {
            Ok(Cli {
                command: Command::Up(args),
            }) => Ok(args.config()),
            Ok(other) => Err(format!("{other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn reads_every_flag() {
        let config = up(&[
            "--listen=127.0.0.1:0",
            "--otlp-grpc=127.0.0.1:1",
            "--otlp-http=[::1]:2",
            "--data-dir=d",
            "--scrape",
            "a=http://h:1/m",
            "http://h:2",
            "--rules",
            "r.yml",
            "--config=p.yml",
            "--retention-metrics=2h",
            "--retention-traces=3d",
            "--retention-logs=1w",
            "--max-disk=1GiB",
            "--max-memory=256MB",
            "--query-windows=closed",
            "--cors-origin=https://g",
            "--alertmanager",
            "http://a:9093",
            "--webhook=https://h/x",
            "--webhook-group-by=a,b",
            "--webhook-group-wait=0s",
            "--external-url=http://room",
            "--exponential-histograms=classic",
            "--tls-cert=c.pem",
            "--tls-key=k.pem",
            "--tls-client-ca=a.pem",
            "--auth-token-file=t",
            "--web-config=w.yml",
            "--client-limit=requests=5,samples=10",
            "--client-limit=queries=2",
            "--metrics-url=http://m:9090",
            "--metrics-write-url=http://w/api/v1/push",
            "--remote-write=2.0",
            "--traces-url=https://t",
            "--traces-otlp-url=grpc://o:4317",
            "--logs-url=http://l:3100",
            "--logs-auth-file=a",
            "--remote-queue=8MiB",
        ])
        .unwrap();
        assert_eq!(config.otlp_http.to_string(), "[::1]:2");
        assert_eq!(config.scrape.len(), 2);
        assert_eq!(config.retention.metrics, Duration::from_secs(7_200));
        assert_eq!(
            (config.max_disk_bytes, config.max_memory_bytes),
            (1 << 30, 256_000_000)
        );
        assert_eq!(config.query_windows, WindowBounds::Closed);
        assert_eq!(
            format!("{:?}", config.cors_origins).matches("https://g").count(),
            1
        );
        let alerting = &config.alerting;
        assert_eq!((alerting.alertmanagers.len(), alerting.webhooks.len()), (1, 1));
        assert_eq!(
            (alerting.group_by.len(), alerting.group_wait),
            (2, Duration::ZERO)
        );
        assert_eq!(config.exponential_histograms, ExponentialHistograms::Classic);
        assert_eq!(config.security.tls_client_ca, Some("a.pem".into()));
        assert_eq!(config.security.web_config, Some("w.yml".into()));
        assert_eq!(config.client_limits.samples_per_s, Some(10.0));
        assert_eq!(config.client_limits.queries, Some(2));
        let traces = config.remotes.traces.unwrap();
        assert_eq!(traces.url.to_string(), "https://t:443");
        assert_eq!(traces.write_url.unwrap().to_string(), "grpc://o:4317");
        assert_eq!(config.remotes.remote_write, RemoteWriteVersion::V2);
        assert_eq!((config.remotes.queue_bytes, config.remotes.ca), (8 << 20, None));
    }

    #[test]
    fn a_bad_value_is_named_with_what_would_be_right() {
        for (arg, expect) in [
            ("--max-disk=lots", "such as 512MiB"),
            ("--max-disk=16MiB", "at least 384 MiB"),
            ("--max-memory=1KiB", "at least 128 MiB"),
            ("--retention-logs=5", "such as 15d"),
            ("--listen=nowhere", "host:port"),
            ("--webhook=h:1", "http://host:port/path"),
            ("--scrape=https://h", "https is not supported"),
            ("--metrics-url=h:9090", "the scheme is missing"),
            ("--logs-auth-file=f", "--logs-url"),
            ("--client-limit=all=1", "there is no such limit"),
        ] {
            let error = up(&[arg]).unwrap_err();
            assert!(error.contains(expect), "{error}");
        }
    }
}
