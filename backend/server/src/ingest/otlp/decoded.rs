//! A request taken as far as the store's door: what it weighs, whether it can be read, and how much of it would be kept. For those who
//! hold the reader against input of their own, such as fuzz targets.
//!
//! Invariant: the same functions as on the way to the store. Not here: the store.

use bytes::Bytes;

use super::export::decode;
use super::rejected::Rejected;
use super::wire::{ExportLogsRequest, ExportMetricsRequest, ExportTraceRequest, weigh};
use super::{Encoding, Signal, translate};
use crate::clock::ns_to_ms;

/// A request that could be read.
#[derive(Debug)]
pub struct Decoded(Request);

#[derive(Debug)]
enum Request {
    Traces(ExportTraceRequest),
    Metrics(ExportMetricsRequest),
    Logs(ExportLogsRequest),
}

impl Decoded {
    /// Bytes of memory that reading a request may take; a request beyond the server's limit is not read.
    #[must_use]
    pub fn weigh(signal: Signal, encoding: Encoding, body: &[u8]) -> usize {
        weigh::any(signal, encoding, body)
    }

    /// Reads a request.
    ///
    /// # Errors
    /// What the sender is told.
    pub fn read(signal: Signal, encoding: Encoding, body: Bytes) -> Result<Self, String> {
        let request = match signal {
            Signal::Traces => decode(encoding, body).map(Request::Traces),
            Signal::Metrics => decode(encoding, body).map(Request::Metrics),
            Signal::Logs => decode(encoding, body).map(Request::Logs),
        };
        request.map(Self).map_err(|refusal| refusal.to_string())
    }

    /// How many spans, points or lines would be handed to the store, and how many rejected.
    #[must_use]
    pub fn translate(self, now_ns: u64) -> (usize, u64) {
        let mut rejected = Rejected::default();
        let n = match self.0 {
            Request::Traces(request) => translate::spans(request, &mut rejected).len(),
            Request::Metrics(request) => translate::metrics(request, ns_to_ms(now_ns), &mut rejected)
                .points
                .len(),
            Request::Logs(request) => translate::logs(request, now_ns).len(),
        };
        (n, rejected.total())
    }
}
