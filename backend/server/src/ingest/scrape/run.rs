//! When targets are scraped.

use std::sync::Arc;
use std::time::Duration;

use super::fetch::fetch;
use super::protocol::BodyFormat;
use super::pull::Memory;
use super::target::{Ending, Health, Target};
use crate::clock;
use crate::error::chain;
use crate::state::{Shared, State, lock, stopped};

/// Scrapes one target until it is gone or the server stops. Targets are spread over their interval.
///
/// A target that is gone ends with stale markers. A server that stops writes none: the next start goes on where this one stopped.
pub(crate) async fn run(state: Shared, target: Arc<Target>) {
    let interval = target.spec.interval;
    // The first scrape comes soon, so that a page has something to show.
    let spread = interval.min(Duration::from_secs(5));
    let offset = spread.mul_f64((target.hash() % 1_000) as f64 / 1_000.0);
    let mut timer = tokio::time::interval_at(tokio::time::Instant::now() + offset, interval);
    timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    let mut stop = state.stop.clone();
    let mut ending = target.ending.subscribe();
    let mut memory = Memory::default();
    loop {
        tokio::select! {
            _ = timer.tick() => {}
            _ = ending.wait_for(|ending| *ending != Ending::Runs) => break,
            () = stopped(&mut stop) => return,
        }
        let (t_ms, began) = (clock::now_ms(), clock::instant());
        let answer = tokio::select! {
            answer = tokio::time::timeout(target.spec.timeout, ask(&target)) => answer,
            () = stopped(&mut stop) => return,
        };
        let answer = match answer {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(reason)) => Err(reason),
            Err(_) => Err(format!(
                "no answer within {} s",
                target.spec.timeout.as_secs_f64()
            )),
        };
        let took = clock::instant().saturating_duration_since(began);
        let (shared, of) = (Arc::clone(&state), Arc::clone(&target));
        let written = tokio::task::spawn_blocking(move || {
            let (outcome, read) = memory.outcome(&of, answer, t_ms, took);
            let metadata = outcome.metadata.clone();
            let result = keep(&shared, outcome).and(read);
            if result.is_ok() {
                lock(&of.status).metadata = metadata.into();
            }
            report(&shared, &of, t_ms, took, result);
            memory
        });
        memory = match written.await {
            Ok(memory) => memory,
            Err(error) => {
                tracing::error!(%error, target = %target.url(), "a scrape panicked");
                Memory::default()
            }
        };
    }
    if *target.ending.borrow() == Ending::Replaced {
        return;
    }
    let ended = tokio::task::spawn_blocking(move || {
        let samples = memory.end(&target, clock::now_ms());
        state.store.append_samples(&samples)
    });
    if let Ok(Err(error)) = ended.await {
        tracing::warn!(error = chain(&error), "the end of a target cannot be written");
    }
}

async fn ask(target: &Target) -> Result<(Vec<u8>, BodyFormat), String> {
    match &target.spec.refused {
        Some(reason) => Err(reason.clone()),
        None => fetch(&target.spec).await.map_err(|error| chain(&error)),
    }
}

fn keep(state: &State, outcome: super::pull::Outcome) -> Result<(), String> {
    state.counters.scraped_samples.add(outcome.scraped as u64);
    // Histograms first: a marker that ends one is a sample.
    if !outcome.histograms.is_empty() {
        state
            .store
            .append_histograms(&outcome.histograms)
            .map_err(|error| chain(&error))?;
    }
    state
        .store
        .append_samples(&outcome.samples)
        .map_err(|error| chain(&error))?;
    if state.store.remotes.metrics.is_some() {
        let exemplars = outcome.exemplars.into_iter();
        let exemplars: Vec<_> = exemplars
            .map(|(series, exemplar, _)| (series, exemplar))
            .collect();
        if !exemplars.is_empty() {
            state.store.forward_exemplars(&exemplars);
        }
    } else if !outcome.exemplars.is_empty() {
        let mut exemplars = lock(&state.exemplars);
        for (series, exemplar, timed) in outcome.exemplars {
            let _ = match timed {
                true => exemplars.add(&series, exemplar),
                false => exemplars.add_untimed(&series, exemplar),
            };
        }
    }
    // Metadata is not worth a failed scrape; the store counts what it refuses.
    let _ = state.store.append_metadata(&outcome.metadata);
    Ok(())
}

fn report(state: &State, target: &Target, t_ms: i64, took: Duration, result: Result<(), String>) {
    state.counters.scrapes.add(1);
    let (health, last_error) = match result {
        Ok(()) => (Health::Up, String::new()),
        Err(reason) => {
            state.counters.scrapes_failed.add(1);
            (Health::Down, reason)
        }
    };
    let mut status = lock(&target.status);
    if status.health != health {
        match health {
            Health::Down => {
                tracing::warn!(target = %target.url(), job = %target.spec.job, error = %last_error, "target is down")
            }
            _ => tracing::info!(target = %target.url(), job = %target.spec.job, "target is up"),
        }
    }
    status.health = health;
    status.last_error = last_error;
    status.last_scrape_ms = Some(t_ms);
    status.last_duration = took;
}
