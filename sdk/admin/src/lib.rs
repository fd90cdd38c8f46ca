//! The admin endpoint: `/metrics`, `/health…`, `/loglevel`, `/telemetry`, `/build` and an index page, on a port of its own.
//!
//! Whoever asks needs a bearer token, a name and a password, or a client certificate, if one of these is set; changes need one
//! wherever others than this machine can ask.
//!
//! Invariant: it has its own thread and runtime, so it answers whatever the service does; requests, bodies, times and connections are
//! bounded. Not here: what the answers are made of; registry, board and filter are given.

mod access;
mod config;
mod error;
mod json;
mod route;
mod server;

pub use config::{AdminConfig, BasicAuth, Parts, TlsFiles};
pub use error::AdminError;
pub use server::AdminHandle;
