//! What is scraped, and how its last scrape went.

use std::sync::Mutex;
use std::time::Duration;

use watchroom_model::Labels;

/// Every target.
pub(crate) type Targets = Vec<std::sync::Arc<Target>>;

/// Something that is scraped.
#[derive(Debug)]
pub(crate) struct Target {
    /// Labels that every sample gets: `job`, `instance`, and the configuration's own.
    pub(crate) labels: Labels,
    /// What the configuration said before it was worked out.
    pub(crate) discovered: Labels,
    /// `host:port`.
    pub(crate) address: String,
    /// Path and query.
    pub(crate) path: String,
    /// Name of the job, whatever relabelling made of the `job` label.
    pub(crate) job: String,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    /// Whether labels of samples win over those of the target.
    pub(crate) honor_labels: bool,
    /// Whether times of samples are taken.
    pub(crate) honor_timestamps: bool,
    /// Most samples of a scrape; 0 means any number within the size of a body.
    pub(crate) sample_limit: usize,
    /// Size of a body, decompressed.
    pub(crate) body_limit: usize,
    /// Value of the `authorization` header.
    pub(crate) authorization: Option<String>,
    pub(crate) status: Mutex<Status>,
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
    /// Name of the job.
    pub(crate) fn job(&self) -> &str {
        &self.job
    }

    /// Where it is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}{}", self.address, self.path)
    }
}
