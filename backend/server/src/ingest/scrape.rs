//! Pulls samples from targets that expose them.
//!
//! Source: Prometheus, "Configuration" and `scrape/scrape.go`.

mod client;
pub mod exposition;
mod fetch;
mod pool;
mod protocol;
mod pull;
mod relabel;
mod run;
mod target;
mod work_out;

pub(crate) use client::{Client, ClientSettings, Credentials, Pem, Proxy, Question, Secret, TlsSettings};
pub(crate) use pool::supervise;
pub(crate) use protocol::Protocol;
pub use relabel::rules;
pub(crate) use relabel::{Action, Relabel, relabel};
pub(crate) use run::run;
pub(crate) use target::{BODY_LIMIT, How, SampleLimits, Target, TargetSpec, Targets};
pub(crate) use work_out::work_out;
