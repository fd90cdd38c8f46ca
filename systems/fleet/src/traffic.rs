//! Traffic against Deriva: leaves, recipes of depth 1 to 6, cache hits, slow functions, errors, and now and then a function that
//! is not deterministic, so that an alert fires and later resolves.

mod deriva;
mod dice;

use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use watchroom::Config;

use self::deriva::Traffic;

/// Traffic generator.
#[derive(Debug, Clone, Args)]
pub struct Options {
    /// URL of the Deriva server.
    #[arg(long, value_name = "URL")]
    pub server: String,
    /// Requests per second, on average.
    #[arg(long, default_value_t = 25.0)]
    pub rate: f64,
    /// Seconds from one violation of determinism to the next; 0 means never.
    #[arg(long, default_value_t = 150)]
    pub violation_every: u64,
    /// Start of the sequence of choices, so that a run can be repeated.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// What kept it from starting.
pub fn run(options: &Options) -> anyhow::Result<()> {
    let config = Config::for_service("deriva-traffic")
        .version(env!("CARGO_PKG_VERSION"))
        .no_admin()
        .from_env()?;
    let telemetry = watchroom::init(config)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        let traffic = Traffic::connect(options, telemetry.metrics()).await?;
        tokio::select! {
            () = telemetry.stopped() => Ok(()),
            ended = traffic.run() => ended,
        }
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}
