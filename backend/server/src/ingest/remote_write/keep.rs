//! From the bytes of a request to the store.

use watchroom_store::{AppendError, AppendOutcome};

use super::batch::Batch;
use super::{RemoteWrite, v1, v2};
use crate::access::Client;
use crate::exemplars::Added;
use crate::ingest::allowance::Allowance;
use crate::ingest::otlp::{Refusal, Rejected};
use crate::net::{Budget, Received};
use crate::state::{State, lock};

/// What of a request was written; true also of a request that failed half way.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) samples: usize,
    pub(super) histograms: usize,
    pub(super) exemplars: usize,
}

/// Decodes a request and keeps what can be kept of it. Gives back what was not.
pub(super) fn keep(
    state: &State,
    version: RemoteWrite,
    body: &Received,
    client: &Client,
    written: &mut Written,
) -> Result<Rejected, Refusal> {
    let mut batch = Batch::new(Allowance::new(state, body)?, client.clone());
    decode(version, &body.bytes, &mut batch)?;
    client.brought(batch.samples.len() + batch.histograms.len());
    // Histograms first: a marker that ends one is a sample.
    if !batch.histograms.is_empty() {
        let outcome = state.store.append_histograms(&batch.histograms)?;
        written.histograms = batch.kept(outcome, batch.histograms.len());
    }
    if !batch.samples.is_empty() {
        let outcome = state.store.append_batch(&batch.samples)?;
        written.samples = batch.kept(outcome, batch.samples.len());
    }
    if !batch.exemplars.is_empty() && state.store.forward_exemplars(&batch.exemplars) {
        written.exemplars = batch.exemplars.len();
    } else if !batch.exemplars.is_empty() {
        let mut exemplars = lock(&state.exemplars);
        for (series, exemplar) in batch.exemplars {
            // One that is late or too long is no reason to refuse anything.
            written.exemplars += usize::from(exemplars.add(&series, exemplar) == Added::Kept);
        }
    }
    if !batch.metadata.is_empty() {
        // A failure to keep metadata is not worth sending all samples again.
        if let Err(error) = state.store.append_metadata(&batch.metadata) {
            told(&error);
        }
    }
    Ok(batch.rejected)
}

fn told(error: &AppendError) {
    tracing::warn!(
        error = crate::error::chain(error),
        "metadata of a remote write request cannot be written"
    );
}

fn decode<'b>(version: RemoteWrite, body: &'b [u8], batch: &mut Batch<'_, 'b>) -> Result<(), Refusal> {
    match version {
        RemoteWrite::V1 => v1::read(body, batch),
        RemoteWrite::V2 => v2::read(body, batch),
    }
}

impl Batch<'_, '_> {
    /// Counts what the store refused of `n` items and returns how many it kept.
    fn kept(&mut self, outcome: AppendOutcome, n: usize) -> usize {
        n - self.rejected.by_store(outcome, n)
    }
}

impl RemoteWrite {
    /// Reads a request as far as the store's door, with at most `max_bytes` of memory, and tells how many samples and histograms would be
    /// kept, and how many rejected; for those who hold the reader against input of their own, such as fuzz targets.
    ///
    /// # Errors
    /// What the sender is told.
    pub fn read(self, body: &[u8], max_bytes: usize) -> Result<(usize, u64), String> {
        let budget = Budget::new(max_bytes as u64);
        let read = Allowance::within(&budget, max_bytes).and_then(|allowance| {
            let mut batch = Batch::new(allowance, Client::default());
            decode(self, body, &mut batch)?;
            Ok((
                batch.samples.len() + batch.histograms.len(),
                batch.rejected.total(),
            ))
        });
        read.map_err(|refusal| refusal.to_string())
    }
}
