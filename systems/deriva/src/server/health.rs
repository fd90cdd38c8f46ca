//! Health: `/health` on the metrics port, and the gRPC health service, from the same checks (DER-7, COM-52).

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
/// How far the gRPC health service may lag behind the board.
const REPORT_INTERVAL: Duration = Duration::from_millis(200);

/// Puts store and cache on the board, and Deriva's own fields into its answer.
pub(super) fn register(board: &HealthBoard, engine: &Arc<Engine>) {
    let store = Arc::clone(engine);
    board
        .register("store", move || {
            let engine = Arc::clone(&store);
            async move {
                // The engine's reads are synchronous: a disk that hangs must not hold a worker of the runtime.
                tokio::task::spawn_blocking(move || engine.storage().ping())
                    .await
                    .map_err(|error| error.to_string())?
                    .map_err(|error| error.to_string())
            }
        })
        .critical()
        .interval(INTERVAL);
    let cache = Arc::clone(engine);
    board
        .register("cache", move || {
            let engine = Arc::clone(&cache);
            async move {
                // The cache answers if its lock can be had; the check's own timeout tells if not.
                tokio::task::spawn_blocking(move || engine.cache().contains(CAddr::from_bytes([0; 32])))
                    .await
                    .map(drop)
                    .map_err(|error| error.to_string())
            }
        })
        .critical()
        .interval(INTERVAL);
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
