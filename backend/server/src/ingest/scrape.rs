//! Pulls samples from targets that expose them in the text format.
//!
//! Source: Prometheus, "Configuration" and `scrape/scrape.go`.

mod target;

pub(crate) use target::{Target, Targets};
