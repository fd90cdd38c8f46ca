//! When groups are evaluated.
//!
//! Each group has its own place within its interval, worked out from its name, so that groups are spread and a restart changes nothing.
//!
//! Source: Prometheus `Group.EvalTimestamp`, `Group.run`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::{Active, Run, keep, key, metrics};
use crate::clock;
use crate::state::{Shared, State, lock, stopped};

/// Time after which the state of alerts is written although nothing changed, so that a process that dies knows when it did.
const SAVE_MS: i64 = 15_000;

/// Evaluates every group on time, and those that take their place, until the server stops.
pub(crate) async fn supervise(state: Shared, dir: PathBuf) {
    let mut changed = state.rules.changed.subscribe();
    let mut stop = state.stop.clone();
    let mut running: Vec<Arc<Active>> = Vec::new();
    let mut tasks = JoinSet::new();
    loop {
        changed.mark_unchanged();
        let now = state.rules.groups();
        for group in now
            .iter()
            .filter(|group| !running.iter().any(|known| Arc::ptr_eq(known, group)))
        {
            tasks.spawn(run(Arc::clone(&state), Arc::clone(group), dir.clone()));
        }
        running = now.to_vec();
        tokio::select! {
            _ = changed.changed() => {}
            () = stopped(&mut stop) => break,
        }
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

/// Evaluates one group until it ends or the server stops.
async fn run(state: Shared, active: Arc<Active>, dir: PathBuf) {
    let (interval_ms, offset_ms) = {
        let run = active.run();
        let interval_ms = i64::try_from(run.interval.as_millis()).unwrap_or(i64::MAX).max(1);
        (interval_ms, offset(&key(run.group.spec()), interval_ms))
    };
    let mut stop = state.stop.clone();
    let mut ended = active.ended.subscribe();
    let mut due_ms = next(clock::now_ms(), interval_ms, offset_ms);
    loop {
        let now_ms = clock::now_ms();
        if due_ms.saturating_sub(now_ms) > interval_ms {
            // The clock was set back.
            due_ms = next(now_ms, interval_ms, offset_ms);
        }
        let wait = Duration::from_millis(u64::try_from(due_ms - now_ms).unwrap_or(0));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stopped(&mut stop) => return,
            () = stopped(&mut ended) => return,
        }
        let missed = clock::now_ms().saturating_sub(due_ms).max(0) / interval_ms;
        if missed > 0 {
            active.totals.missed.add(missed.unsigned_abs());
            due_ms += missed * interval_ms;
        }
        let (shared, group, dir) = (Arc::clone(&state), Arc::clone(&active), dir.clone());
        let evaluated = tokio::task::spawn_blocking(move || {
            let mut run = group.run();
            // It may have ended while this was on its way.
            if *group.ended.borrow() {
                return;
            }
            let changed = evaluate(&shared, &group, &mut run, due_ms);
            group.note(&run, due_ms);
            drop(run);
            let last = *lock(&shared.rules.saved_ms);
            if changed || clock::now_ms().saturating_sub(last) >= SAVE_MS {
                save(&shared, &dir);
            }
        });
        if let Err(error) = evaluated.await {
            tracing::error!(%error, "the evaluation of a group of rules panicked");
        }
        due_ms += interval_ms;
    }
}

/// The next moment after `now_ms` that lies `offset_ms` after a multiple of the interval.
fn next(now_ms: i64, interval_ms: i64, offset_ms: i64) -> i64 {
    let since = now_ms.saturating_sub(offset_ms);
    now_ms - since.rem_euclid(interval_ms) + interval_ms
}

/// A group's place within its interval.
fn offset(key: &str, interval_ms: i64) -> i64 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash % interval_ms.unsigned_abs()) as i64
}

/// Writes the state of alerts.
pub(crate) fn save(state: &State, dir: &Path) {
    if state.rules.groups().is_empty() {
        return;
    }
    let mut saved_ms = lock(&state.rules.saved_ms);
    *saved_ms = clock::now_ms();
    if let Err(error) = keep::write(&state.rules, dir) {
        tracing::warn!(?dir, %error, "the state of alerts cannot be written");
    }
}

/// Evaluates a group once and tells receivers. Tells whether the state of an alert changed.
fn evaluate(state: &State, active: &Active, run: &mut Run, at_ms: i64) -> bool {
    let began = clock::instant();
    let timeout = run.interval.max(Duration::from_secs(10));
    let evaluation = metrics::with(state, timeout, |around| run.group.evaluate(around, at_ms));
    active.totals.iterations.add(1);
    let group = &run.group.spec().name;
    run.last_samples = 0;
    for outcome in &evaluation.outcomes {
        state.counters.rule_evaluations.add(1);
        match &outcome.result {
            Ok(n) => run.last_samples += n,
            Err(error) => {
                active.totals.failures.add(1);
                state.counters.rule_failures.add(1);
                let error = crate::error::chain(error);
                tracing::warn!(%group, rule = %outcome.rule, %error, "a rule could not be evaluated");
            }
        }
    }
    for transition in &evaluation.transitions {
        let alert = &transition.alert;
        let state = transition.to.map_or("inactive", |to| to.as_str());
        tracing::info!(alert = %alert.name, labels = %alert.labels, value = alert.value, "alert is {state}");
    }
    let resend_delay = state.rules.notifier.resend_delay();
    let due = run.group.due(at_ms, resend_delay, run.interval);
    let told = !due.is_empty();
    state.rules.notifier.tell(due, &run.external);
    run.last_ms = Some(at_ms);
    run.last_duration = clock::instant().saturating_duration_since(began);
    told || !evaluation.transitions.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_keeps_its_place_within_the_interval() {
        let offset_ms = offset("rules.yml;g", 15_000);
        assert!((0..15_000).contains(&offset_ms));
        assert_eq!(offset("rules.yml;g", 15_000), offset_ms);
        assert_ne!(offset("rules.yml;h", 15_000), offset_ms);
        for now_ms in [0, 1, 14_999, 1_700_000_000_123] {
            let due_ms = next(now_ms, 15_000, offset_ms);
            assert!(due_ms > now_ms && due_ms <= now_ms + 15_000);
            assert_eq!(due_ms.rem_euclid(15_000), offset_ms);
        }
    }
}
