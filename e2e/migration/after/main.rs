//! A link shortener on watchroom: the program of `before`, moved as `docs/guides/migration.md` says.
#![allow(clippy::print_stdout, reason = "a program says where it listens")]

mod api;
mod metrics;
#[path = "../options.rs"]
mod options;
mod probe;
#[path = "../store.rs"]
mod store;

use std::sync::Arc;
use std::time::Duration;

use metrics::ShortenerMetrics;
use options::Options;
use store::Store;
use tokio::net::TcpListener;
use watchroom::prelude::*;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    // The exporter has a thread of its own, so this stands before any runtime; dropping it flushes all.
    let telemetry = watchroom::init(Config::for_service("shortener").from_env()?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(serve(&options, &telemetry));
    if let Err(error) = &outcome {
        tracing::error!(error = &**error, "ended");
    }
    outcome
}

async fn serve(options: &Options, telemetry: &Telemetry) -> Result<(), Box<dyn std::error::Error>> {
    let metrics = Arc::new(ShortenerMetrics::register(telemetry.metrics())?);
    let store = Arc::new(Store::open(&options.dir)?);
    metrics.show_links(store.n_links());
    let checked = Arc::clone(&store);
    let journal = move || checked.answers().map_err(|error| error.to_string());
    telemetry.health().register_blocking("store", journal).critical();
    let listener = TcpListener::bind(options.listen).await?;
    let admin = telemetry.admin_addr().ok_or("the admin endpoint is off")?;
    println!("app http://{} metrics http://{admin}", listener.local_addr()?);
    tokio::spawn(compact_now_and_then(Arc::clone(&store)));
    let probe = probe::Probe::new(Arc::clone(&metrics))?;
    let app = api::router(store, probe, metrics, telemetry.metrics())?;
    axum::serve(listener, app)
        .with_graceful_shutdown(telemetry.stopped())
        .await?;
    Ok(())
}

async fn compact_now_and_then(store: Arc<Store>) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let store = Arc::clone(&store);
        let _ = tokio::task::spawn_blocking(move || store.compact()).await;
    }
}
