//! What is scraped, and how its last scrape went.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Uri;
use tokio::sync::watch;
use watchroom_model::{Labels, METRIC_NAME, MetricMetadata};

use super::{Client, Protocol, Relabel};
use crate::ScrapeTarget;
use crate::state::lock;

/// Every target that is scraped at the moment, and those that relabelling dropped.
#[derive(Debug, Default)]
pub(crate) struct Targets {
    active: Mutex<Vec<Arc<Target>>>,
    dropped: Mutex<BTreeMap<String, Dropped>>,
}

/// Dropped targets of a job.
#[derive(Debug, Clone, Default)]
pub(crate) struct Dropped {
    /// What is known of those that are kept to be shown.
    pub(crate) kept: Vec<Labels>,
    /// How many there are.
    pub(crate) count: usize,
}

impl Targets {
    /// All of them, by job and address.
    pub(crate) fn all(&self) -> Vec<Arc<Target>> {
        lock(&self.active).clone()
    }

    /// Adds one.
    pub(crate) fn add(&self, target: Arc<Target>) {
        let mut all = lock(&self.active);
        all.push(target);
        all.sort_by(|a, b| (&a.spec.job, a.url()).cmp(&(&b.spec.job, b.url())));
    }

    /// Takes one out and ends its scraping.
    pub(crate) fn remove(&self, target: &Arc<Target>, ending: Ending) {
        lock(&self.active).retain(|known| !Arc::ptr_eq(known, target));
        target.ending.send_replace(ending);
    }

    /// Dropped targets by job.
    pub(crate) fn dropped(&self) -> BTreeMap<String, Dropped> {
        lock(&self.dropped).clone()
    }

    /// Sets the dropped targets of a job; `None` if the job is gone.
    pub(crate) fn set_dropped(&self, job: &str, dropped: Option<Dropped>) {
        let mut all = lock(&self.dropped);
        match dropped {
            Some(dropped) => all.insert(job.to_owned(), dropped),
            None => all.remove(job),
        };
    }
}

/// Time between scrapes if the configuration does not say.
const INTERVAL: Duration = Duration::from_secs(5);
/// Size of a body if the configuration does not say.
pub(crate) const BODY_LIMIT: usize = 32 << 20;

/// Something that is scraped.
#[derive(Debug)]
pub(crate) struct Target {
    /// Labels that every sample gets: `job`, `instance`, and the configuration's own.
    pub(crate) labels: Labels,
    /// Where it is and how it is asked.
    pub(crate) spec: TargetSpec,
    pub(crate) status: Mutex<Status>,
    /// Tells when it is no longer to be scraped.
    pub(crate) ending: watch::Sender<Ending>,
}

/// Whether a target is to be scraped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Runs,
    /// It is gone: its series end.
    Gone,
    /// Another with the same labels follows: its series go on.
    Replaced,
}

/// Where a target is and how it is asked.
#[derive(Debug, Clone)]
pub(crate) struct TargetSpec {
    /// Name of the job in the configuration, whatever relabelling makes of the `job` label.
    pub(crate) job: String,
    /// What the configuration says before it is worked out.
    pub(crate) discovered: Labels,
    /// Scheme, `host:port`, path and query.
    pub(crate) url: Uri,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    /// Why it is not scraped although it is there.
    pub(crate) refused: Option<String>,
    pub(crate) how: Arc<How>,
}

/// What all targets of a job have in common.
#[derive(Debug)]
pub(crate) struct How {
    pub(crate) client: Client,
    /// Whether labels of samples win over those of the target.
    pub(crate) honor_labels: bool,
    /// Whether times of samples are taken.
    pub(crate) honor_timestamps: bool,
    /// Whether series with times of their own end with a stale marker as well.
    pub(crate) track_timestamps: bool,
    /// Whether the classic buckets of a native histogram are kept as well.
    pub(crate) classic_histograms: bool,
    /// Whether a target may compress its answer.
    pub(crate) compression: bool,
    pub(crate) limits: SampleLimits,
    /// Size of a body, decompressed.
    pub(crate) body_limit: usize,
    /// What a target is asked for, best first.
    pub(crate) protocols: Vec<Protocol>,
    /// Rules for the labels of samples.
    pub(crate) metric_relabel: Vec<Relabel>,
}

impl Default for How {
    fn default() -> Self {
        Self {
            client: Client::default(),
            honor_labels: false,
            honor_timestamps: true,
            track_timestamps: false,
            classic_histograms: false,
            compression: true,
            limits: SampleLimits::default(),
            body_limit: BODY_LIMIT,
            protocols: Protocol::defaults(false),
            metric_relabel: Vec::new(),
        }
    }
}

/// Limits on what a scrape may hold after relabelling; a scrape that exceeds one fails. 0 means any number.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SampleLimits {
    pub(crate) samples: usize,
    pub(crate) labels: usize,
    pub(crate) name_bytes: usize,
    pub(crate) value_bytes: usize,
    /// Buckets of a native histogram.
    pub(crate) buckets: usize,
}

/// How the last scrape of a target went.
#[derive(Debug, Clone, Default)]
pub(crate) struct Status {
    pub(crate) health: Health,
    pub(crate) last_error: String,
    pub(crate) last_scrape_ms: Option<i64>,
    pub(crate) last_duration: Duration,
    /// What its last good answer said about its metrics.
    pub(crate) metadata: Arc<[MetricMetadata]>,
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
            ending: watch::Sender::new(Ending::Runs),
        }
    }

    /// The target of a URL, scraped every five seconds.
    pub(crate) fn of_url(target: &ScrapeTarget) -> Self {
        let labels = Labels::from_pairs([("job", &target.job), ("instance", &target.address)]);
        let interval = format!("{}s", INTERVAL.as_secs());
        let discovered = Labels::from_pairs([
            ("__address__", target.address.as_str()),
            ("__metrics_path__", &target.path),
            ("__scheme__", "http"),
            ("__scrape_interval__", &interval),
            ("__scrape_timeout__", &interval),
            ("job", &target.job),
        ]);
        let spec = TargetSpec {
            job: target.job.clone(),
            discovered,
            url: format!("http://{}{}", target.address, target.path)
                .parse()
                .unwrap_or_default(),
            interval: INTERVAL,
            timeout: INTERVAL,
            refused: None,
            how: Arc::default(),
        };
        Self::new(labels, spec)
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        self.spec.url.to_string()
    }

    /// Whether both write the same series from the same place.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        self.labels == other.labels && self.spec.url == other.spec.url
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
    /// becomes `exported_…`, unless labels are honoured; then also one that the sample has with an empty value stays away.
    pub(crate) fn label(&self, sample: &Labels, blank: &[String]) -> Labels {
        let mut labels = sample.to_builder();
        for (name, value) in self.labels.iter() {
            let own = sample.get(name);
            if self.spec.how.honor_labels && (own.is_some() || blank.iter().any(|blank| blank == name)) {
                continue;
            }
            if let Some(own) = own {
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
        target.spec.how = Arc::new(How {
            honor_labels,
            ..How::default()
        });
        target
    }

    #[test]
    fn labels_of_the_target_win_unless_those_of_the_sample_are_honoured() {
        let sample = Labels::from_pairs([("__name__", "m"), ("job", "mine"), ("exported_job", "x")]);
        assert_eq!(
            target(false).label(&sample, &[]).to_string(),
            r#"m{exported_exported_job="mine", exported_job="x", instance="h:1", job="j"}"#
        );
        assert_eq!(
            target(true).label(&sample, &[]).to_string(),
            r#"m{exported_job="x", instance="h:1", job="mine"}"#
        );
        assert_eq!(
            target(true).label(&sample, &["instance".into()]).to_string(),
            r#"m{exported_job="x", job="mine"}"#
        );
    }
}
