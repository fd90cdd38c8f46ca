//! Pulls samples from targets that expose them in the text format.
//!
//! Source: Prometheus, "Configuration" and `scrape/scrape.go`.

mod discovery;
pub mod exposition;
mod fetch;
mod pull;
mod relabel;
mod run;
mod target;

pub(crate) use discovery::discover;
pub(crate) use relabel::{Action, Relabel, relabel};
pub(crate) use run::run;
pub(crate) use target::{BODY_LIMIT, Target, TargetSpec, Targets};
