//! From the bytes of a request to the store: the way that gRPC and HTTP share.

use bytes::Bytes;

use super::rejected::Rejected;
use super::wire::{ExportLogsRequest, ExportMetricsRequest, ExportTraceRequest, weigh};
use super::{Encoding, Refusal, Signal, translate};
use crate::access::Client;
use crate::clock;
use crate::ingest::spanmetrics;
use crate::net::{BodyError, Received};
use crate::state::{Shared, State, lock};

/// Decodes, translates and keeps a request. Gives back what of it was not kept.
pub(super) async fn export(
    state: Shared,
    signal: Signal,
    encoding: Encoding,
    body: Received,
    client: Client,
) -> Result<Rejected, Refusal> {
    let worker = std::sync::Arc::clone(&state);
    let result = tokio::task::spawn_blocking(move || {
        let weight = weigh::any(signal, encoding, &body.bytes);
        // More than all that there is beside the body would be refused for ever, and so is not worth a retry.
        let left = worker.budget.total().saturating_sub(body.reservation.bytes());
        let limit = worker.limits.max_decoded_bytes.min(left);
        if weight > limit {
            return Err(Refusal::TooLarge(format!(
                "request takes {weight} bytes of memory once decoded, {limit} are allowed; send smaller batches"
            )));
        }
        let _reserved = worker.budget.reserve(weight).ok_or(BodyError::Busy)?;
        keep(&worker, signal, encoding, body.bytes, &client)
    })
    .await
    .unwrap_or_else(|error| Err(Refusal::Internal(error.to_string())));
    let counters = state.counters.of(signal);
    match &result {
        Ok(rejected) => counters.rejected.add(rejected.total()),
        Err(_) => counters.refused.add(1),
    }
    result
}

fn keep(
    state: &State,
    signal: Signal,
    encoding: Encoding,
    body: Bytes,
    client: &Client,
) -> Result<Rejected, Refusal> {
    let mut rejected = Rejected::default();
    let kept = match signal {
        Signal::Traces => {
            let spans = translate::spans(decode::<ExportTraceRequest>(encoding, body)?, &mut rejected);
            let mut n = 0;
            client.brought(spans.len());
            if !spans.is_empty() {
                // Only what was kept is counted, and the store takes the spans: so they are measured on a copy of what matters.
                let measured = spanmetrics::measure(&spans);
                n = state.store.append_spans(spans)?;
                lock(&state.span_metrics).record(&measured, clock::now_ms());
            }
            n
        }
        Signal::Logs => {
            let lines = translate::logs(decode::<ExportLogsRequest>(encoding, body)?, clock::now_ns());
            client.brought(lines.len());
            match lines.is_empty() {
                true => 0,
                false => state.store.append_logs(lines)?,
            }
        }
        Signal::Metrics => {
            let request = decode::<ExportMetricsRequest>(encoding, body)?;
            let batch = translate::metrics(request, clock::now_ms(), &mut rejected);
            let n_points = batch.points.len();
            client.brought(n_points);
            let mut samples = lock(&state.delta).samples(batch.points, &mut rejected);
            let beyond =
                client.within_series(&mut samples.floats) + client.within_series(&mut samples.histograms);
            // A point may be many samples.
            let beyond = beyond.min(n_points);
            rejected.many(beyond as u64, "series is beyond the limit of its client");
            state.store.append_metadata(&batch.metadata)?;
            let mut outcome = state.store.append_samples(&samples.floats)?;
            if !samples.histograms.is_empty() {
                outcome += state.store.append_histograms(&samples.histograms)?;
            }
            if !batch.exemplars.is_empty() && !state.store.forward_exemplars(&batch.exemplars) {
                let mut exemplars = lock(&state.exemplars);
                for (series, exemplar) in batch.exemplars {
                    let _ = exemplars.add(&series, exemplar);
                }
            }
            let refused = rejected.by_store(outcome, n_points - beyond);
            n_points - beyond - refused
        }
    };
    state.counters.of(signal).received.add(kept as u64);
    Ok(rejected)
}

pub(super) fn decode<T: prost::Message + Default + serde::de::DeserializeOwned>(
    encoding: Encoding,
    body: Bytes,
) -> Result<T, Refusal> {
    match encoding {
        Encoding::Protobuf => {
            T::decode(body).map_err(|error| Refusal::Invalid(format!("body is not a valid request: {error}")))
        }
        Encoding::Json => serde_json::from_slice(&body)
            .map_err(|error| Refusal::Invalid(format!("body is not a valid request: {error}"))),
    }
}
