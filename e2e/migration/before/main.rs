//! A link shortener on the usual stack: `tracing-subscriber`, `tracing-opentelemetry`, `opentelemetry-otlp`, `prometheus`.
//!
//! The program that `docs/guides/migration.md` moves to watchroom; `after` is the same program afterwards.
#![allow(clippy::print_stdout, reason = "a program says where it listens")]

mod api;
mod metrics;
#[path = "../options.rs"]
mod options;
mod probe;
#[path = "../store.rs"]
mod store;
mod telemetry;

use std::sync::Arc;
use std::time::Duration;

use options::Options;
use store::Store;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    // The exporter needs the runtime, so everything from here on is inside.
    runtime.block_on(async {
        let telemetry = telemetry::start()?;
        let outcome = serve(&options).await;
        if let Err(error) = &outcome {
            tracing::error!(%error, "ended");
        }
        telemetry.stop();
        outcome
    })
}

async fn serve(options: &Options) -> Result<(), Box<dyn std::error::Error>> {
    let store = Arc::new(Store::open(&options.dir)?);
    metrics::METRICS.links.set(store.n_links() as i64);
    let listener = TcpListener::bind(options.listen).await?;
    println!("app http://{0} metrics http://{0}", listener.local_addr()?);
    tokio::spawn(compact_now_and_then(Arc::clone(&store)));
    let mut term = signal(SignalKind::terminate())?;
    let mut int = signal(SignalKind::interrupt())?;
    let stop = async move {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    };
    let app = api::router(store, probe::Probe::new()?);
    axum::serve(listener, app).with_graceful_shutdown(stop).await?;
    Ok(())
}

async fn compact_now_and_then(store: Arc<Store>) {
    loop {
        tokio::time::sleep(Duration::from_secs(60)).await;
        let store = Arc::clone(&store);
        let _ = tokio::task::spawn_blocking(move || store.compact()).await;
    }
}
