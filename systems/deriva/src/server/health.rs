//! Health: `/health` on the metrics port, and the gRPC health service, from the same checks (DER-7, COM-52).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tonic_health::server::HealthReporter;
use watchroom::HealthBoard;

use super::DerivaService;
use crate::address::CAddr;
use crate::engine::Engine;
use crate::proto::deriva_server::DerivaServer;

const INTERVAL: Duration = Duration::from_secs(1);
/// How long store and cache may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How far the gRPC health service may lag behind the board.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// Puts store and cache on the board, and Deriva's own fields into its answer.
pub(super) fn register(board: &HealthBoard, engine: &Arc<Engine>) {
    let store = Arc::clone(engine);
    board
        // On a thread of the board's: a disk that hangs must not hold one of the runtime's, and is asked again only once it has answered.
        .register_blocking("store", move || {
            store.storage().probe().map_err(anyhow::Error::new)
        })
        .critical()
        .interval(INTERVAL)
        .timeout(TIMEOUT);
    let cache = Arc::clone(engine);
    board
        .register_blocking("cache", move || {
            // The cache answers if its lock can be had; the check's timeout tells if not.
            let _known = cache.cache().contains(CAddr::from_bytes([0; 32]));
            Ok::<_, Infallible>(())
        })
        .critical()
        .interval(INTERVAL)
        .timeout(TIMEOUT);
    let engine = Arc::clone(engine);
    board.extra(move || {
        vec![
            ("cache_entries", engine.cache().totals().0.into()),
            ("dag_recipes", (engine.dag().len() as u64).into()),
        ]
    });
}

/// Keeps the gRPC health service in step with the board.
pub(super) fn report(board: HealthBoard, reporter: HealthReporter) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut tick = tokio::time::interval(REPORT_INTERVAL);
        loop {
            tick.tick().await;
            if board.is_ready() {
                reporter.set_serving::<DerivaServer<DerivaService>>().await;
            } else {
                reporter.set_not_serving::<DerivaServer<DerivaService>>().await;
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use watchroom::health::Probe;
    use watchroom::metrics::Registry;

    use super::*;
    use crate::engine::{EngineConfig, Verification};
    use crate::metrics::DerivaMetrics;
    use crate::storage::Storage;

    #[tokio::test(flavor = "multi_thread")]
    async fn a_cache_that_does_not_answer_is_unhealthy_until_it_does() {
        let dir = tempfile::tempdir().unwrap();
        let config = EngineConfig {
            cache_bytes: 1 << 20,
            verification: Verification::Off,
            demo_functions: false,
        };
        let metrics = DerivaMetrics::register(&Registry::default()).unwrap();
        let engine = Engine::open(Storage::open(dir.path()).unwrap(), metrics, config).unwrap();
        let engine = Arc::new(engine);
        let board = HealthBoard::new();
        register(&board, &engine);
        let until = async |status: u16| {
            while board.report(Probe::Health).http_status() != status {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            board.report(Probe::Health).to_text()
        };
        until(200).await;
        let held = Arc::clone(&engine);
        let (give_back, wait) = std::sync::mpsc::channel::<()>();
        let holder = std::thread::spawn(move || {
            held.cache().hold(|| {
                // An error means that the test has ended.
                let _ = wait.recv();
            });
        });
        let report = until(503).await;
        assert!(
            report.contains("cache: unhealthy") && report.contains("store: healthy"),
            "{report}"
        );
        give_back.send(()).unwrap();
        holder.join().unwrap();
        until(200).await;
    }
}
