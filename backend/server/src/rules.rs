//! Evaluates rules on time, writes what they give, and keeps the state of alerts over restarts.
//!
//! Not here: what a rule means, which is the rules crate's; notification.

mod files;
mod keep;
mod metrics;
mod runner;

use std::sync::Mutex;
use std::time::Duration;

use watchroom_rules::{Group, GroupSpec};

pub(crate) use files::{expand, load};
pub(crate) use keep::restore;
pub(crate) use runner::{run, save};

/// Every group of rules.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    groups: Vec<Mutex<Run>>,
}

/// A group and how its last evaluation went.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) group: Group,
    /// Time between evaluations.
    pub(crate) interval: Duration,
    /// When it was last evaluated.
    pub(crate) last_ms: Option<i64>,
    /// How long that took.
    pub(crate) last_duration: Duration,
}

impl Rules {
    /// Groups that have not been evaluated yet; `interval` is for those that do not name one.
    pub(crate) fn new(specs: Vec<GroupSpec>, interval: Duration) -> Self {
        let groups = specs
            .into_iter()
            .map(|spec| {
                Mutex::new(Run {
                    interval: spec.interval.unwrap_or(interval),
                    group: Group::new(spec),
                    last_ms: None,
                    last_duration: Duration::ZERO,
                })
            })
            .collect();
        Self { groups }
    }

    /// Every group.
    pub(crate) fn groups(&self) -> &[Mutex<Run>] {
        &self.groups
    }
}
