//! The server's flags.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use watchroom::{Config, LogFormat, SpanLines};

use crate::engine::Verification;

/// Form of the log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormatArg {
    /// For people.
    Text,
    /// One JSON object per line.
    Json,
}

/// Content-addressed compute store over gRPC.
#[derive(Debug, Clone, Parser)]
#[command(name = "deriva-server", version)]
pub struct Options {
    /// Address of the gRPC server; port 0 picks a free one.
    #[arg(
        long,
        value_name = "ADDR",
        default_value = "127.0.0.1:50051",
        env = "DERIVA_LISTEN"
    )]
    pub listen: SocketAddr,
    /// Folder of leaves and recipes; made if it is not there.
    #[arg(
        long,
        value_name = "DIR",
        default_value = "deriva-data",
        env = "DERIVA_DATA_DIR"
    )]
    pub data_dir: PathBuf,
    /// Port of /metrics and /health on loopback; port 0 picks a free one.
    #[arg(
        long,
        value_name = "PORT",
        default_value_t = 9090,
        env = "DERIVA_METRICS_PORT"
    )]
    pub metrics_port: u16,
    /// Form of the log lines on stdout.
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub log_format: LogFormatArg,
    /// Which results are computed twice and compared: off, sampled or always.
    #[arg(long, value_name = "MODE", default_value = "off")]
    pub verify: Verification,
    /// Room of the cache of results, bytes.
    #[arg(long, value_name = "BYTES", default_value_t = 256 << 20)]
    pub cache_bytes: u64,
    /// Settings of telemetry, TOML; the environment wins over it.
    #[arg(long, value_name = "FILE")]
    pub telemetry_config: Option<PathBuf>,
    /// Also offer entropy/v1, which breaks determinism on purpose.
    #[arg(long, hide = true)]
    pub demo_functions: bool,
}

impl Options {
    /// Settings of telemetry: these flags, then the file, then the environment.
    ///
    /// # Errors
    /// [`watchroom::ConfigError`] names the setting that is wrong, and where it stands.
    pub fn telemetry(&self) -> Result<Config, watchroom::ConfigError> {
        let mut config = Config::for_service("deriva-server")
            .version(env!("CARGO_PKG_VERSION"))
            .log_format(match self.log_format {
                LogFormatArg::Text => LogFormat::Text,
                LogFormatArg::Json => LogFormat::Json,
            })
            .admin_listen((IpAddr::V4(Ipv4Addr::LOCALHOST), self.metrics_port));
        // Each RPC has a line of its own at its end, with its duration: the line of its span would say the same again.
        config.log.span_lines = SpanLines::NONE;
        match &self.telemetry_config {
            Some(path) => config.from_file(path)?.from_env(),
            None => config.from_env(),
        }
    }
}
