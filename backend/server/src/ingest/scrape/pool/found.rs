//! What files and addresses of discovery said when they were last valid.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::clock;
use crate::error::chain;
use crate::ingest::scrape::client::Question;
use crate::prometheus_yml::{HttpDiscovery, Job, StaticGroup, static_groups};
use crate::rules::expand;

/// Longest time between two looks at the files, whatever the configuration allows: they are few and small.
const LOOK: Duration = Duration::from_secs(5);
/// Largest file or answer.
const MAX_BYTES: u64 = 10 << 20;
/// Time for an answer.
const ANSWER: Duration = Duration::from_secs(30);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    files: BTreeMap<PathBuf, Said>,
    urls: BTreeMap<String, Said>,
}

/// A source and what it said when it was last valid.
#[derive(Debug, Default)]
struct Said {
    text: String,
    groups: Vec<StaticGroup>,
    asked: Option<Instant>,
}

/// Time until the next look; `None` if nothing can change.
pub(super) fn refresh(job: &Job) -> Option<Duration> {
    let files = job.files.iter().map(|files| files.refresh);
    let urls = job.urls.iter().map(|url| url.refresh);
    let shortest = files.chain(urls).min()?;
    Some(shortest.min(LOOK).max(Duration::from_millis(500)))
}

impl Found {
    /// Looks at all sources of a job again.
    pub(super) async fn look(mut self, job: Arc<Job>) -> Self {
        if !job.files.is_empty() {
            let (of, mut files) = (Arc::clone(&job), std::mem::take(&mut self.files));
            let looked = tokio::task::spawn_blocking(move || {
                look(&of, &mut files);
                files
            });
            self.files = looked.await.unwrap_or_else(|error| {
                tracing::error!(%error, "file discovery panicked");
                BTreeMap::new()
            });
        }
        self.urls.retain(|known, _| {
            let known = |url: &HttpDiscovery| url.url == known.as_str();
            job.urls.iter().any(known)
        });
        for url in &job.urls {
            let said = self.urls.entry(url.url.to_string()).or_default();
            let now = clock::instant();
            if said
                .asked
                .is_some_and(|asked| now.saturating_duration_since(asked) < url.refresh)
            {
                continue;
            }
            said.asked = Some(now);
            match ask(url).await {
                Ok(text) => said.hear(text, "__meta_url", &url.url.to_string()),
                Err(error) => {
                    tracing::warn!(url = %url.url, %error, "discovery by HTTP keeps the targets that it had")
                }
            }
        }
        self
    }

    /// All groups of addresses.
    pub(super) fn groups(&self, job: &Job) -> Vec<StaticGroup> {
        let said = self.files.values().chain(self.urls.values());
        let said = said.flat_map(|said| said.groups.iter());
        job.static_groups.iter().chain(said).cloned().collect()
    }
}

impl Said {
    /// Takes what a source says now, if it is valid.
    fn hear(&mut self, text: String, label: &str, source: &str) {
        if self.text == text {
            return;
        }
        match static_groups(&text) {
            Ok(mut groups) => {
                for group in &mut groups {
                    group.labels.push((label.to_owned(), source.to_owned()));
                }
                self.groups = groups;
            }
            Err(error) => tracing::warn!(%source, %error, "discovery keeps what it said before"),
        }
        self.text = text;
    }
}

async fn ask(of: &HttpDiscovery) -> Result<String, String> {
    let question = Question {
        url: &of.url,
        accept: "application/json",
        compression: true,
        headers: &[(
            "x-prometheus-refresh-interval-seconds",
            of.refresh.as_secs_f64().to_string(),
        )],
        limit: MAX_BYTES as usize,
    };
    let answer = tokio::time::timeout(ANSWER, of.client.get(&question))
        .await
        .map_err(|_| format!("no answer within {} s", ANSWER.as_secs()))?
        .map_err(|error| chain(&error))?;
    String::from_utf8(answer.body).map_err(|_| "the answer is not valid UTF-8".into())
}

fn look(job: &Job, known: &mut BTreeMap<PathBuf, Said>) {
    let mut present = Vec::new();
    for pattern in job.files.iter().flat_map(|files| &files.files) {
        match expand(pattern) {
            Ok(paths) => present.extend(paths),
            Err((folder, error)) => {
                tracing::warn!(folder = %folder.display(), %error, "file discovery cannot read a folder");
                return;
            }
        }
    }
    known.retain(|path, _| present.contains(path));
    for path in present {
        match read(&path) {
            Ok(text) => {
                let shown = path.display().to_string();
                known
                    .entry(path)
                    .or_default()
                    .hear(text, "__meta_filepath", &shown);
            }
            Err(error) => {
                tracing::warn!(file = %path.display(), %error, "file discovery cannot read a file");
                if error.kind() == std::io::ErrorKind::NotFound {
                    known.remove(&path);
                }
            }
        }
    }
}

fn read(path: &Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?
        .take(MAX_BYTES)
        .read_to_string(&mut text)?;
    Ok(text)
}
