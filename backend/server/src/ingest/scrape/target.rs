//! What is scraped, and how its last scrape went.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;
use watchroom_model::{Labels, METRIC_NAME};

use super::Relabel;
use crate::ScrapeTarget;
use crate::state::lock;

/// Every target that is scraped at the moment.
#[derive(Debug, Default)]
pub(crate) struct Targets(Mutex<Vec<Arc<Target>>>);

impl Targets {
    /// All of them, by job and address.
    pub(crate) fn all(&self) -> Vec<Arc<Target>> {
        lock(&self.0).clone()
    }

    /// Adds one.
    pub(crate) fn add(&self, target: Arc<Target>) {
        let mut all = lock(&self.0);
        all.push(target);
        all.sort_by(|a, b| (&a.spec.job, &a.spec.address).cmp(&(&b.spec.job, &b.spec.address)));
    }

    /// Takes one out and ends its scraping.
    pub(crate) fn remove(&self, target: &Arc<Target>) {
        lock(&self.0).retain(|known| !Arc::ptr_eq(known, target));
        target.gone.send_replace(true);
    }
}

/// Time between scrapes if the configuration does not say.
const INTERVAL: Duration = Duration::from_secs(5);
/// Size of a body if the configuration does not say.
pub(crate) const BODY_LIMIT: usize = 10 << 20;

/// Something that is scraped.
#[derive(Debug)]
pub(crate) struct Target {
    /// Labels that every sample gets: `job`, `instance`, and the configuration's own.
    pub(crate) labels: Labels,
    /// Where it is and how it is asked.
    pub(crate) spec: TargetSpec,
    pub(crate) status: Mutex<Status>,
    /// Becomes true when it is no longer to be scraped.
    pub(crate) gone: watch::Sender<bool>,
}

/// Where a target is and how it is asked.
#[derive(Debug, Clone)]
pub(crate) struct TargetSpec {
    /// Name of the job in the configuration, whatever relabelling makes of the `job` label.
    pub(crate) job: String,
    /// What the configuration says before it is worked out.
    pub(crate) discovered: Labels,
    /// `host:port`.
    pub(crate) address: String,
    /// Path and query.
    pub(crate) path: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    /// Whether labels of samples win over those of the target.
    pub(crate) honor_labels: bool,
    /// Whether times of samples are taken.
    pub(crate) honor_timestamps: bool,
    /// Most samples of a scrape; 0 means any number that fits the size of a body.
    pub(crate) sample_limit: usize,
    /// Size of a body, decompressed.
    pub(crate) body_limit: usize,
    /// Value of the `authorization` header.
    pub(crate) authorization: Option<String>,
    /// Rules for the labels of samples.
    pub(crate) metric_relabel: Arc<[Relabel]>,
}

/// How the last scrape of a target went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    pub(crate) health: Health,
    pub(crate) last_error: String,
    pub(crate) last_scrape_ms: Option<i64>,
    pub(crate) last_duration: Duration,
}

/// Whether a target answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Health {
    #[default]
    Unknown,
    Up,
    Down,
}

impl Health {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Down => "down",
        }
    }
}

impl Target {
    /// A target with the labels that its samples get.
    pub(crate) fn new(labels: Labels, spec: TargetSpec) -> Self {
        Self {
            labels,
            spec,
            status: Mutex::default(),
            gone: watch::Sender::new(false),
        }
    }

    /// The target of a URL, scraped every five seconds.
    pub(crate) fn of_url(target: &ScrapeTarget) -> Self {
        let labels = Labels::from_pairs([("job", &target.job), ("instance", &target.address)]);
        let discovered = Labels::from_pairs([
            ("__address__", target.address.as_str()),
            ("__metrics_path__", &target.path),
            ("__scheme__", "http"),
            ("job", &target.job),
        ]);
        let spec = TargetSpec {
            job: target.job.clone(),
            discovered,
            address: target.address.clone(),
            path: target.path.clone(),
            interval: INTERVAL,
            timeout: INTERVAL,
            honor_labels: false,
            honor_timestamps: true,
            sample_limit: 0,
            body_limit: BODY_LIMIT,
            authorization: None,
            metric_relabel: Arc::new([]),
        };
        Self::new(labels, spec)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.spec.address, self.spec.path)
    }

    /// A number that stays the same for the target and differs between targets.
    pub(crate) fn hash(&self) -> u64 {
        use std::hash::{Hash as _, Hasher as _};
        // The standard hasher with its fixed keys: only the spread matters.
        let mut hasher = std::hash::DefaultHasher::new();
        (&self.labels, self.url()).hash(&mut hasher);
        hasher.finish()
    }

    /// Labels of a sample as it is stored: those of the target added. Where both have a label, the target's wins and the sample's
    /// becomes `exported_…`, unless labels are honoured.
    pub(crate) fn label(&self, sample: &Labels) -> Labels {
        let mut labels = sample.to_builder();
        for (name, value) in self.labels.iter() {
            if let Some(own) = sample.get(name) {
                if self.spec.honor_labels {
                    continue;
                }
                let mut exported = format!("exported_{name}");
                while sample.get(&exported).is_some() || self.labels.get(&exported).is_some() {
                    exported.insert_str(0, "exported_");
                }
                labels.set(&exported, own);
            }
            labels.set(name, value);
        }
        labels.build()
    }

    /// Labels of one of the series that are about the scrape itself.
    pub(crate) fn report(&self, name: &str) -> Labels {
        let mut labels = self.labels.to_builder();
        labels.set(METRIC_NAME, name);
        labels.build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(honor_labels: bool) -> Target {
        let mut target = Target::of_url(&"j=http://h:1/m".parse().unwrap());
        target.spec.honor_labels = honor_labels;
        target
    }

    #[test]
    fn labels_of_the_target_win_unless_those_of_the_sample_are_honoured() {
        let sample = Labels::from_pairs([("__name__", "m"), ("job", "mine"), ("exported_job", "x")]);
        assert_eq!(
            target(false).label(&sample).to_string(),
            r#"m{exported_exported_job="mine", exported_job="x", instance="h:1", job="j"}"#
        );
        assert_eq!(
            target(true).label(&sample).to_string(),
            r#"m{exported_job="x", instance="h:1", job="mine"}"#
        );
    }
}
