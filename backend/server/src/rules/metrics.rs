//! Who answers the expressions of rules, and where their results go: the store of this process.
//!
//! [`with`] is the only place that chooses. A server in front of a remote Prometheus-compatible store puts another [`Evaluate`] (instant
//! queries) and another [`Sink`] (remote write of samples and native histograms) there; nothing else of rules knows the difference. Both are
//! called on a thread that may block.

use std::sync::Arc;
use std::time::{Duration, Instant};

use watchroom_query::promql::EvalOptions;
use watchroom_query::{Cancel, Stop};
use watchroom_rules::{Batch, Over, Sink, SinkError, Surroundings};
use watchroom_store::Store;

use crate::api::StoreSource;
use crate::clock;
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
    work(&Surroundings {
        evaluate: &Over {
            source: &StoreSource(&state.store),
            options: &options,
        },
        sink: &OwnStore(&state.store),
        elapsed: &|| clock::instant().saturating_duration_since(began),
    })
}

/// Writes what rules give into the store of this process.
pub(super) struct OwnStore<'a>(pub(super) &'a Store);

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
