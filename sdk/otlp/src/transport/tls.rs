//! TLS to a collector, if this build has it.
//!
//! Invariant: files are read and checked once, at the start; a connection is either verified or none.
//! Not here: files that change while the service runs.

#[cfg(not(feature = "tls"))]
mod missing;
#[cfg(feature = "tls")]
mod present;

#[cfg(not(feature = "tls"))]
pub(super) use missing::Tls;
#[cfg(feature = "tls")]
pub(super) use present::Tls;
