//! What runs without being asked: scraping, rules, the metrics made of spans, and the server's own.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use watchroom_model::Sample;

use crate::api::exposition;
use crate::ingest::scrape::exposition::{Format, ParseLimits, parse};
use crate::ingest::{scrape, spanmetrics};
use crate::state::{Shared, State, lock, stopped};
use crate::{Config, clock, rules};

/// Time between two writes of the metrics made of spans.
const FLUSH: Duration = Duration::from_secs(5);

/// Time between two writes of the server's own metrics.
const OWN: Duration = Duration::from_secs(15);

/// Starts all of it; it ends when the server stops.
pub(super) fn start(state: &Shared, config: &Config) -> JoinSet<()> {
    let mut tasks = JoinSet::new();
    for target in state.targets.all() {
        tasks.spawn(scrape::run(Arc::clone(state), target));
    }
    tasks.spawn(scrape::supervise(Arc::clone(state)));
    if config.self_scrape {
        tasks.spawn(own_metrics(Arc::clone(state)));
    }
    tasks.spawn(rules::supervise(Arc::clone(state), config.data_dir.clone()));
    tasks.spawn(rules::notify(Arc::clone(state)));
    tasks.spawn(span_metrics(Arc::clone(state)));
    tasks
}

/// Writes the server's own metrics, as job `watchroom`.
async fn own_metrics(state: Shared) {
    let instance = state.addresses.get().map(|addresses| addresses.http.to_string());
    let mut stop = state.stop.clone();
    let mut timer = tokio::time::interval(OWN);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = stopped(&mut stop) => return,
        }
        let (shared, instance) = (Arc::clone(&state), instance.clone().unwrap_or_default());
        let written = tokio::task::spawn_blocking(move || write_own(&shared, &instance));
        if let Err(error) = written.await {
            tracing::error!(%error, "the writing of the server's own metrics panicked");
        }
    }
}

fn write_own(state: &State, instance: &str) {
    let Ok(found) = parse(&exposition(state), Format::Text, &ParseLimits::default()) else {
        return;
    };
    let t_ms = clock::now_ms();
    let samples: Vec<_> = found
        .samples
        .into_iter()
        .map(|sample| {
            let mut labels = sample.labels.to_builder();
            labels.set("job", "watchroom").set("instance", instance);
            let value = sample.value;
            (labels.build(), Sample { t_ms, value })
        })
        .collect();
    let written = state
        .store
        .append_metadata(&found.metadata)
        .and_then(|()| state.store.append_samples(&samples));
    if let Err(error) = written {
        tracing::warn!(
            error = crate::error::chain(&error),
            "the server's own metrics cannot be written"
        );
    }
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
