//! Prometheus remote write, 1.0 and 2.0.
//!
//! Invariant: a request is bounded before it is decompressed and while it is decoded. What of a good request cannot be kept is left out,
//! the rest is kept, and the sender is told so with a status that it does not retry; what may be kept later is refused with one that it
//! does.
//! Not here: where the samples go, which is the store's.
//!
//! Source: Prometheus, "Remote-Write 1.0 specification" and "Remote-Write 2.0 specification".

mod batch;
mod histogram;
pub(crate) mod http;
mod keep;
mod v1;
mod v2;

/// Which message a request holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoteWrite {
    /// `prometheus.WriteRequest`.
    V1,
    /// `io.prometheus.write.v2.Request`.
    V2,
}
