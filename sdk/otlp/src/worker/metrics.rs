//! The task of metrics: reads all instruments at an interval, at a flush and at the end.
//!
//! Invariant: while one snapshot waits for its collector no other is taken, since a later one holds all that an earlier one did.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use watchroom_core::Reason;
use watchroom_metrics::{Registry, Snapshot};

use super::{Courier, Lane};
use crate::report::ProblemKind;
use crate::wire::{Batch, push_metrics};

/// Gives the present values of all instruments. Called on the exporter's thread.
pub trait MetricsReader: Send + Sync + 'static {
    /// The present values.
    fn collect(&self) -> Snapshot;
}

impl MetricsReader for Registry {
    fn collect(&self) -> Snapshot {
        Self::collect(self)
    }
}

pub(crate) async fn read(
    lane: Arc<Lane>,
    reader: Arc<dyn MetricsReader>,
    mut courier: Courier,
    resource: Arc<[u8]>,
    interval: Duration,
    max_request_bytes: usize,
) {
    let mut batch = Batch::default();
    let mut due = Instant::now() + interval;
    loop {
        while !lane.is_stopping() && !lane.is_asked() {
            if lane.sleep_until(due).await {
                break;
            }
        }
        let is_last = lane.is_stopping();
        let asked = lane.asked();
        // A gauge may call user code; a panic in there is not to end the export.
        match catch_unwind(AssertUnwindSafe(|| reader.collect())) {
            Ok(snapshot) => {
                let n_points = push_metrics(&mut batch, &snapshot);
                drop(snapshot);
                lane.accept(n_points);
                lane.take(n_points);
            }
            Err(_) => courier.raise(ProblemKind::ReaderFailed, 0, || {
                "a callback has panicked".to_owned()
            }),
        }
        let requests: Vec<_> = batch.finish(&resource, max_request_bytes).collect();
        let n_too_large = batch.take_too_large();
        if n_too_large > 0 {
            lane.dropped(Reason::TooLarge, n_too_large);
            courier.raise(ProblemKind::TooLarge, n_too_large, || {
                format!("the limit of a request is {max_request_bytes} bytes")
            });
        }
        for request in requests {
            courier.deliver(request).await;
        }
        lane.reach(asked);
        if is_last {
            return;
        }
        // Exports that were missed are not made up for.
        let now = Instant::now();
        while due <= now {
            due += interval;
        }
    }
}
