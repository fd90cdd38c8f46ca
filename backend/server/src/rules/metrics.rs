//! Who answers the expressions of rules, and where their results go: the store of this process, or the remote store of metrics.
//!
//! [`with`] is the only place that chooses; nothing else of rules knows the difference. Both doors are used on a thread that may block.

use std::sync::Arc;
use std::time::{Duration, Instant};

use watchroom_query::promql::EvalOptions;
use watchroom_query::{Cancel, Stop};
use watchroom_rules::{Batch, Over, Sink, SinkError, Surroundings};

use crate::api::StoreSource;
use crate::clock;
use crate::remote::{RemoteEvaluate, RemoteSink, Stores};
use crate::state::State;

/// Calls `work` with what the evaluation of a group needs; evaluations end when `timeout` is over or the server stops.
pub(super) fn with<T>(state: &State, timeout: Duration, work: impl FnOnce(&Surroundings<'_>) -> T) -> T {
    let began = clock::instant();
    let options = EvalOptions {
        window: state.query_windows,
        max_samples: state.limits.max_query_samples,
        cancel: Arc::new(Until {
            at: clock::deadline(timeout),
            stop: state.stop.clone(),
        }),
        ..EvalOptions::default()
    };
    let elapsed = || clock::instant().saturating_duration_since(began);
    if let Some(remote) = &state.store.remotes.metrics {
        return work(&Surroundings {
            evaluate: &RemoteEvaluate {
                remote: Arc::clone(remote),
                timeout,
                stop: state.stop.clone(),
            },
            sink: &RemoteSink {
                remote: Arc::clone(remote),
                stores: &state.store,
                stop: state.stop.clone(),
            },
            elapsed: &elapsed,
        });
    }
    work(&Surroundings {
        evaluate: &Over {
            source: &StoreSource(&state.store),
            options: &options,
        },
        sink: &OwnStore(&state.store),
        elapsed: &elapsed,
    })
}

/// Writes what rules give to where metrics are kept.
pub(super) struct OwnStore<'a>(pub(super) &'a Stores);

impl Sink for OwnStore<'_> {
    fn append(&self, batch: &Batch) -> Result<(), SinkError> {
        if !batch.samples.is_empty() {
            self.0.append_samples(&batch.samples).map_err(SinkError::new)?;
        }
        if !batch.histograms.is_empty() {
            self.0
                .append_histograms(&batch.histograms)
                .map_err(SinkError::new)?;
        }
        Ok(())
    }
}

/// A deadline that also ends when the server stops.
#[derive(Debug)]
struct Until {
    at: Instant,
    stop: tokio::sync::watch::Receiver<bool>,
}

impl Cancel for Until {
    fn stop(&self) -> Option<Stop> {
        if *self.stop.borrow() {
            Some(Stop::Cancelled)
        } else {
            (clock::instant() >= self.at).then_some(Stop::TimedOut)
        }
    }
}

/// The part of the server's own metrics that is about groups of rules and receivers of alerts.
pub(crate) fn exposition(state: &State, out: &mut String) {
    use std::fmt::Write as _;
    let groups = state.rules.groups();
    let runs: Vec<_> = groups
        .iter()
        .map(|active| {
            let seen = crate::state::lock(&active.seen);
            (
                escaped(&seen.key),
                seen.interval,
                seen.last_ms,
                seen.last_duration,
                seen.last_samples,
                seen.n_rules,
            )
        })
        .collect();
    let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(usize) -> f64| {
        let _ = writeln!(
            out,
            "# HELP watchroom_rule_group_{name} {help}\n# TYPE watchroom_rule_group_{name} {kind}"
        );
        for (i, (group, ..)) in runs.iter().enumerate() {
            let _ = writeln!(
                out,
                "watchroom_rule_group_{name}{{rule_group=\"{group}\"}} {}",
                value(i)
            );
        }
    };
    let totals = |i: usize| &groups[i].totals;
    family(
        "iterations_total",
        "counter",
        "Evaluations of a group of rules.",
        &|i| totals(i).iterations.get() as f64,
    );
    family(
        "iterations_missed_total",
        "counter",
        "Evaluations left out because the one before took longer than the interval.",
        &|i| totals(i).missed.get() as f64,
    );
    family(
        "failures_total",
        "counter",
        "Evaluations of rules of a group that failed.",
        &|i| totals(i).failures.get() as f64,
    );
    family("interval_seconds", "gauge", "Time between evaluations.", &|i| {
        runs[i].1.as_secs_f64()
    });
    family(
        "last_evaluation_timestamp_seconds",
        "gauge",
        "Moment of the last evaluation.",
        &|i| runs[i].2.unwrap_or(0) as f64 / 1000.0,
    );
    family(
        "last_duration_seconds",
        "gauge",
        "Time that the last evaluation took.",
        &|i| runs[i].3.as_secs_f64(),
    );
    family(
        "last_evaluation_samples",
        "gauge",
        "Series that the last evaluation gave.",
        &|i| runs[i].4 as f64,
    );
    family("rules", "gauge", "Rules in a group.", &|i| runs[i].5 as f64);
    state.rules.notifier.exposition(out);
}

/// A label's value as the text format has it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
