//! Evaluates rules on time, writes what they give, keeps the state of alerts over restarts, and tells receivers.
//!
//! Not here: what a rule means, which is the rules crate's.

mod files;
mod keep;
mod link;
mod metrics;
mod notify;
mod reload;
mod runner;
mod settings;
mod silences;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use watchroom_rules::{External, Group, GroupSnapshot, GroupSpec};

use crate::prometheus_yml::PrometheusYml;
use crate::state::Counter;

pub(crate) use files::{expand, load};
pub(crate) use keep::restore;
pub(crate) use metrics::exposition;
pub(crate) use notify::{AlertmanagerConfig, Configured, Discovery, Notifier, supervise as notify};
pub(crate) use reload::reload;
pub(crate) use runner::{save, supervise};
pub use settings::{Alerting, ParseReceiverError, ReceiverUrl};
pub(crate) use silences::{Silences, router};

/// Time between evaluations of groups that do not say.
const INTERVAL: Duration = Duration::from_secs(15);

/// Every group of rules, and who is told of alerts.
#[derive(Debug)]
pub(crate) struct Rules {
    groups: RwLock<Arc<[Arc<Active>]>>,
    /// Changes when groups do.
    changed: watch::Sender<u64>,
    pub(crate) notifier: Notifier,
    pub(crate) silences: Silences,
    /// One reload at a time.
    reloading: Mutex<()>,
    /// When the state of alerts was last written.
    saved_ms: Mutex<i64>,
    /// Rule files of flags.
    files: Vec<PathBuf>,
}

/// A group that is evaluated.
#[derive(Debug)]
pub(crate) struct Active {
    run: Mutex<Run>,
    /// What its last evaluation left behind, for those who must not wait for the one at hand.
    seen: Mutex<Seen>,
    /// Becomes true when another group takes its place.
    ended: watch::Sender<bool>,
    pub(crate) totals: Totals,
}

/// What an evaluation left behind.
#[derive(Debug)]
struct Seen {
    key: String,
    snapshot: GroupSnapshot,
    interval: Duration,
    last_ms: Option<i64>,
    last_duration: Duration,
    last_samples: usize,
    n_rules: usize,
}

impl Seen {
    /// The state of a group at a moment.
    fn of(run: &Run, at_ms: i64) -> Self {
        Self {
            key: key(run.group.spec()),
            snapshot: run.group.snapshot(at_ms),
            interval: run.interval,
            last_ms: run.last_ms,
            last_duration: run.last_duration,
            last_samples: run.last_samples,
            n_rules: run.group.spec().rules.len(),
        }
    }
}

/// What happened to a group since it was loaded.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) iterations: Counter,
    pub(crate) missed: Counter,
    pub(crate) failures: Counter,
}

/// A group and how its last evaluation went.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) group: Group,
    external: External,
    /// Time between evaluations.
    pub(crate) interval: Duration,
    /// When it was last evaluated.
    pub(crate) last_ms: Option<i64>,
    /// How long that took.
    pub(crate) last_duration: Duration,
    /// Series and alerts that it gave.
    pub(crate) last_samples: usize,
}

/// What groups do not say themselves.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    pub(crate) interval: Duration,
    pub(crate) query_offset: Duration,
    pub(crate) external: External,
}

impl Defaults {
    /// What a configuration file says, and the address of the server.
    pub(crate) fn new(file: &PrometheusYml, notifier: &Notifier) -> Self {
        Self {
            interval: file.evaluation_interval.unwrap_or(INTERVAL),
            query_offset: file.rule_query_offset,
            external: External {
                labels: file.external_labels.clone(),
                url: notifier.external_url.clone(),
            },
        }
    }
}

impl Rules {
    /// Groups that have not been evaluated yet.
    pub(crate) fn new(
        specs: Vec<GroupSpec>,
        defaults: &Defaults,
        notifier: Notifier,
        config: &crate::Config,
    ) -> Self {
        let groups = specs.into_iter().map(|spec| {
            let group = made(spec, defaults).looking_up_state();
            Arc::new(Active::new(group, defaults))
        });
        Self {
            groups: RwLock::new(groups.collect()),
            changed: watch::Sender::new(0),
            notifier,
            silences: Silences::open(&config.data_dir),
            reloading: Mutex::default(),
            saved_ms: Mutex::default(),
            files: config.rules.clone(),
        }
    }

    /// Every group, in the order of files.
    pub(crate) fn groups(&self) -> Arc<[Arc<Active>]> {
        Arc::clone(&self.groups.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A group with what it does not say itself.
fn made(mut spec: GroupSpec, defaults: &Defaults) -> Group {
    spec.query_offset.get_or_insert(defaults.query_offset);
    Group::new(spec).with_external(defaults.external.clone())
}

impl Active {
    fn new(group: Group, defaults: &Defaults) -> Self {
        let run = Run {
            interval: group.spec().interval.unwrap_or(defaults.interval),
            external: defaults.external.clone(),
            group,
            last_ms: None,
            last_duration: Duration::ZERO,
            last_samples: 0,
        };
        Self {
            seen: Mutex::new(Seen::of(&run, crate::clock::now_ms())),
            run: Mutex::new(run),
            ended: watch::Sender::new(false),
            totals: Totals::default(),
        }
    }

    /// Takes note of what an evaluation left behind.
    fn note(&self, run: &Run, at_ms: i64) {
        *crate::state::lock(&self.seen) = Seen::of(run, at_ms);
    }

    /// The group, as soon as it is not being evaluated.
    pub(crate) fn run(&self) -> std::sync::MutexGuard<'_, Run> {
        crate::state::lock(&self.run)
    }
}

/// What tells a group from others over reloads and restarts.
fn key(spec: &GroupSpec) -> String {
    format!("{};{}", spec.file, spec.name)
}
