//! When groups are evaluated.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Run, keep, metrics};
use crate::clock;
use crate::state::{Shared, State, lock, stopped};

/// Evaluates one group on time until the server stops. Groups are spread over their interval.
pub(crate) async fn run(state: Shared, index: usize, dir: PathBuf) {
    let Some(interval) = state.rules.groups().get(index).map(|run| lock(run).interval) else {
        return;
    };
    let mut stop = state.stop.clone();
    // Not all at the same moment, and the first ones soon.
    let offset = (Duration::from_millis(500) * index as u32).min(interval);
    let mut timer = tokio::time::interval_at(tokio::time::Instant::now() + offset, interval);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            () = stopped(&mut stop) => return,
        }
        let (shared, dir) = (Arc::clone(&state), dir.clone());
        let evaluated = tokio::task::spawn_blocking(move || {
            let mut run = lock(&shared.rules.groups()[index]);
            let changed = evaluate(&shared, &mut run);
            drop(run);
            if changed {
                save(&shared, &dir);
            }
        });
        if let Err(error) = evaluated.await {
            tracing::error!(%error, "the evaluation of a group of rules panicked");
        }
    }
}

/// Writes the state of alerts.
pub(crate) fn save(state: &State, dir: &Path) {
    if state.rules.groups().is_empty() {
        return;
    }
    if let Err(error) = keep::write(&state.rules, dir, clock::now_ms()) {
        tracing::warn!(?dir, %error, "the state of alerts cannot be written");
    }
}

/// Evaluates a group once and writes its samples. Tells whether the state of an alert changed.
fn evaluate(state: &State, run: &mut Run) -> bool {
    let (began, now_ms) = (clock::instant(), clock::now_ms());
    let timeout = run.interval.max(Duration::from_secs(10));
    let evaluation = metrics::with(state, timeout, |around| run.group.evaluate(around, now_ms));
    let group = &run.group.spec().name;
    for outcome in &evaluation.outcomes {
        state.counters.rule_evaluations.add(1);
        if let Err(error) = &outcome.result {
            state.counters.rule_failures.add(1);
            let error = crate::error::chain(error);
            tracing::warn!(%group, rule = %outcome.rule, %error, "a rule could not be evaluated");
        }
    }
    for transition in &evaluation.transitions {
        let alert = &transition.alert;
        let state = transition.to.map_or("inactive", |to| to.as_str());
        tracing::info!(alert = %alert.name, labels = %alert.labels, value = alert.value, "alert is {state}");
    }
    run.last_ms = Some(now_ms);
    run.last_duration = clock::instant().saturating_duration_since(began);
    !evaluation.transitions.is_empty()
}
