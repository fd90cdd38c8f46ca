//! TLS of the endpoint, if this build has it.
//!
//! Invariant: files are read and checked once, at the start. A client's certificate is verified or the connection ends; that one is sent
//! at all is for the rules of access to ask, so that health can stay open.
//! Not here: files that change while the service runs.

#[cfg(not(feature = "tls"))]
mod missing;
#[cfg(feature = "tls")]
mod present;

#[cfg(not(feature = "tls"))]
pub(super) use missing::Tls;
#[cfg(feature = "tls")]
pub(super) use present::Tls;
