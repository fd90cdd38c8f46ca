//! The task of metrics: reads all instruments at an interval, at a flush and at the end.
//!
//! Invariant: while one snapshot is in hand no other is taken, since a later one holds all that an earlier one did; with a spool, those
//! that could not be delivered wait on disk, since they tell of the time between.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use watchroom_core::Reason;
use watchroom_metrics::{Registry, Snapshot};

use super::backlog::Backlog;
use super::{Courier, Lane};
use crate::report::ProblemKind;
use crate::wire::{Batch, Request, push_metrics};

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
    courier.backlog().adopt(true);
    loop {
        let next = courier.retry_due().map_or(due, |retry| retry.min(due));
        while !lane.is_stopping() && !lane.is_asked() && !lane.is_round_asked() {
            if lane.sleep_until(next).await {
                break;
            }
        }
        let is_last = lane.is_stopping();
        let round = lane.round_asked();
        let hurried = is_last || lane.is_round_asked();
        courier.backlog().adopt(hurried && !is_last);
        if is_last || lane.is_asked() || due <= Instant::now() {
            let asked = lane.asked();
            if let Some(snapshot) = collect(reader.as_ref(), courier.backlog()) {
                let requests = pack(
                    &mut batch,
                    snapshot,
                    &resource,
                    max_request_bytes,
                    courier.backlog(),
                );
                courier.deliver(requests, &mut |_| {}).await;
            }
            lane.reach(asked);
            // Exports that were missed are not made up for.
            let now = Instant::now();
            while due <= now {
                due += interval;
            }
        }
        while courier.forward(hurried, &mut |_| {}).await {}
        lane.finish_round(round);
        if is_last {
            return;
        }
    }
}

/// The present values. A gauge may call user code; a panic in there is not to end the export.
fn collect(reader: &dyn MetricsReader, backlog: &mut Backlog) -> Option<Snapshot> {
    let snapshot = catch_unwind(AssertUnwindSafe(|| reader.collect())).ok();
    if snapshot.is_none() {
        backlog.raise(ProblemKind::ReaderFailed, 0, || {
            "a callback has panicked".to_owned()
        });
    }
    snapshot
}

/// Makes requests of a snapshot, and takes its data points into the lane's hands.
fn pack(
    batch: &mut Batch,
    snapshot: Snapshot,
    resource: &[u8],
    max_request_bytes: usize,
    backlog: &mut Backlog,
) -> Vec<Request> {
    let lane = Arc::clone(backlog.lane());
    let n_points = push_metrics(batch, &snapshot);
    drop(snapshot);
    lane.accept(n_points);
    lane.take(n_points);
    let requests = batch.finish(resource, max_request_bytes).collect();
    let n_too_large = batch.take_too_large();
    if n_too_large > 0 {
        lane.dropped(Reason::TooLarge, n_too_large);
        backlog.raise(ProblemKind::TooLarge, n_too_large, || {
            format!("the limit of a request is {max_request_bytes} bytes")
        });
    }
    requests
}
