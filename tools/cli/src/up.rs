//! `watchroom up`: runs the backend until it is told to stop.

use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

use crate::args::UpArgs;
use crate::command::Failure;
use crate::log;

/// Time for open requests to be answered and for the last data to be written.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// Runs the backend.
pub(crate) fn run(args: UpArgs) -> Result<(), Failure> {
    log::init();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(64)
        .build()
        .context("cannot start the runtime")
        .map_err(Failure::start)?;
    runtime.block_on(serve(args))
}

async fn serve(args: UpArgs) -> Result<(), Failure> {
    // Before anything is started, so that a signal at any time is obeyed.
    let catch = |kind| {
        signal(kind)
            .context("cannot listen for signals")
            .map_err(Failure::start)
    };
    let mut interrupt = catch(SignalKind::interrupt())?;
    let mut terminate = catch(SignalKind::terminate())?;
    let mut hangup = catch(SignalKind::hangup())?;
    let config = args.config();
    let data_dir = config.data_dir.clone();
    let running = tokio::select! {
        started = watchroom_server::start(config) => started.map_err(Failure::start)?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    let addresses = running.addrs();
    tracing::info!("page and APIs   http://{}", addresses.http);
    tracing::info!("OTLP over gRPC  http://{}", addresses.otlp_grpc);
    tracing::info!("OTLP over HTTP  http://{}", addresses.otlp_http);
    tracing::info!("data            {}", data_dir.display());
    let name = loop {
        tokio::select! {
            _ = interrupt.recv() => break "SIGINT",
            _ = terminate.recv() => break "SIGTERM",
            // What is wrong with the files is in the log; those before stay.
            _ = hangup.recv() => { let _ = running.reload().await; }
        }
    };
    tracing::info!("{name}: stopping; once more to stop at once");
    tokio::select! {
        stopped = running.shutdown(SHUTDOWN) => stopped.map_err(Failure::run)?,
        _ = interrupt.recv() => return Err(Failure::run(anyhow::anyhow!("stopped at once; the last data may be lost"))),
        _ = terminate.recv() => return Err(Failure::run(anyhow::anyhow!("stopped at once; the last data may be lost"))),
    }
    tracing::info!("stopped");
    Ok(())
}
