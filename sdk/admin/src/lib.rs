//! The admin endpoint: `/metrics`, `/health…`, `/loglevel`, `/telemetry`, `/build` and an index page, on a port of its own.
//!
//! Invariant: it has its own thread and runtime, so it answers whatever the service does; requests, bodies, times and connections are
//! bounded. Not here: what the answers are made of; registry, board and filter are given.

mod access;
mod config;
mod error;
mod json;
mod route;
mod server;

pub use config::{AdminConfig, Parts};
pub use error::AdminError;
pub use server::AdminHandle;
