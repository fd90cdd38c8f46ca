//! What runs without being asked: rules, and the metrics made of spans.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::ingest::spanmetrics;
use crate::state::{Shared, State, lock, stopped};
use crate::{Config, clock, rules};

/// Time between two writes of the metrics made of spans.
const FLUSH: Duration = Duration::from_secs(5);

/// Starts all of it; it ends when the server stops.
pub(super) fn start(state: &Shared, config: &Config) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for index in 0..state.rules.groups().len() {
        tasks.spawn(rules::run(Arc::clone(state), index, config.data_dir.clone()));
    }
    tasks.spawn(span_metrics(Arc::clone(state)));
    tasks
}

async fn span_metrics(state: Shared) {
    if let Err(error) = state.store.append_metadata(&spanmetrics::metadata()) {
        tracing::warn!(error = crate::error::chain(&error), "metadata cannot be written");
    }
    let mut stop = state.stop.clone();
    let mut timer = tokio::time::interval(FLUSH);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = stopped(&mut stop) => return,
        }
        let shared = Arc::clone(&state);
        if let Err(error) = tokio::task::spawn_blocking(move || flush(&shared)).await {
            tracing::error!(%error, "the writing of span metrics panicked");
        }
    }
}

/// Writes the metrics made of spans.
pub(super) fn flush(state: &State) {
    let samples = lock(&state.span_metrics).flush(clock::now_ms());
    if samples.is_empty() {
        return;
    }
    if let Err(error) = state.store.append_samples(&samples) {
        tracing::warn!(
            error = crate::error::chain(&error),
            "metrics made of spans cannot be written"
        );
    }
}
