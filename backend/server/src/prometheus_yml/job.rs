//! One entry of `scrape_configs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_yaml_ng::Value;

use super::section::Section;
use super::{Defaults, http, relabel};
use crate::ingest::scrape::{Client, ClientSettings, How, Relabel};

/// One entry of `scrape_configs`.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) name: String,
    /// A number for all that was said about it, which tells whether a reload changes it.
    pub(crate) source: u64,
    pub(crate) static_groups: Vec<StaticGroup>,
    pub(crate) files: Vec<FileDiscovery>,
    pub(crate) urls: Vec<HttpDiscovery>,
    pub(crate) scheme: String,
    pub(crate) metrics_path: String,
    pub(crate) params: Vec<(String, Vec<String>)>,
    pub(crate) interval: Duration,
    pub(crate) timeout: Duration,
    pub(crate) relabel: Vec<Relabel>,
    /// Most targets; 0 means any number.
    pub(crate) target_limit: usize,
    /// Dropped targets that are kept to be shown; 0 means all.
    pub(crate) keep_dropped: usize,
    pub(crate) how: Arc<How>,
}

/// Addresses with labels of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaticGroup {
    pub(crate) targets: Vec<String>,
    pub(crate) labels: Vec<(String, String)>,
}

/// Files that hold targets and may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileDiscovery {
    /// Names or patterns.
    pub(crate) files: Vec<PathBuf>,
    /// Time between two looks.
    pub(crate) refresh: Duration,
}

/// An address that answers with targets.
#[derive(Debug)]
pub(crate) struct HttpDiscovery {
    pub(crate) url: ::http::Uri,
    pub(crate) client: Client,
    /// Time between two questions.
    pub(crate) refresh: Duration,
}

pub(super) fn read(
    mut job: Section,
    global: &Defaults,
    folder: &Path,
    unused: &mut Vec<String>,
) -> Result<Job, String> {
    let path = job.path().to_owned();
    let source = fingerprint(&format!("{job:?} {global:?} {folder:?}"));
    let name = job
        .text("job_name")?
        .filter(|name| !name.is_empty())
        .ok_or_else(|| format!("{path}.job_name: it is missing"))?;
    let scheme = job.text("scheme")?.unwrap_or_else(|| "http".into());
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(format!("{path}.scheme: expected http or https, got {scheme:?}"));
    }
    let interval = job.duration("scrape_interval")?.unwrap_or(global.interval);
    let timeout = job.duration("scrape_timeout")?;
    if timeout.is_some_and(|timeout| timeout > interval) {
        return Err(format!("{path}.scrape_timeout: it is longer than the interval"));
    }
    let timeout = timeout
        .or(global.timeout)
        .unwrap_or(Duration::from_secs(10))
        .min(interval);
    let metrics_path = job.text("metrics_path")?.unwrap_or_else(|| "/metrics".into());
    if !metrics_path.starts_with('/') {
        return Err(format!("{path}.metrics_path: it does not begin with a slash"));
    }
    let limits = global.limits.read(&mut job)?;
    let client = client(http::client(&mut job, folder, unused)?)?;
    let read = Job {
        source,
        scheme,
        metrics_path,
        params: params(&mut job)?,
        interval,
        timeout,
        relabel: relabel::rules(&mut job, "relabel_configs", unused)?,
        target_limit: limits.targets,
        keep_dropped: limits.keep_dropped,
        static_groups: groups(job.sections("static_configs")?, unused)?,
        files: files(&mut job, folder, unused)?,
        urls: urls(&mut job, folder, unused)?,
        how: Arc::new(How {
            client,
            honor_labels: job.flag("honor_labels", false)?,
            honor_timestamps: job.flag("honor_timestamps", true)?,
            track_timestamps: job.flag("track_timestamps_staleness", false)?,
            classic_histograms: limits.classic_histograms || job.flag("scrape_classic_histograms", false)?,
            compression: job.flag("enable_compression", true)?,
            limits: limits.samples.clone(),
            body_limit: limits.body,
            protocols: limits.protocols(),
            metric_relabel: relabel::rules(&mut job, "metric_relabel_configs", unused)?,
        }),
        name,
    };
    job.finish(unused);
    Ok(read)
}

fn fingerprint(text: &str) -> u64 {
    use std::hash::{Hash as _, Hasher as _};
    let mut hasher = std::hash::DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A client whose TLS files have been read.
fn client(settings: ClientSettings) -> Result<Client, String> {
    Client::new(settings)
}

/// Reads the text of a file of file discovery, YAML or JSON.
///
/// # Errors
/// What is wrong, with its path.
pub(crate) fn static_groups(text: &str) -> Result<Vec<StaticGroup>, String> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let items = match value {
        Value::Sequence(items) => items,
        Value::Null => Vec::new(),
        _ => return Err("expected a list of groups of targets".into()),
    };
    let sections = items
        .into_iter()
        .enumerate()
        .map(|(i, item)| Section::of(item, format!("[{i}]")))
        .collect::<Result<_, _>>()?;
    groups(sections, &mut Vec::new())
}

pub(super) fn groups(sections: Vec<Section>, unused: &mut Vec<String>) -> Result<Vec<StaticGroup>, String> {
    let mut groups = Vec::new();
    for mut section in sections {
        groups.push(StaticGroup {
            targets: section.strings("targets")?,
            labels: section.pairs("labels")?,
        });
        section.finish(unused);
    }
    Ok(groups)
}

pub(super) fn files(
    job: &mut Section,
    folder: &Path,
    unused: &mut Vec<String>,
) -> Result<Vec<FileDiscovery>, String> {
    let mut found = Vec::new();
    for mut section in job.sections("file_sd_configs")? {
        let files = section.strings("files")?;
        found.push(FileDiscovery {
            files: files.iter().map(|file| folder.join(file)).collect(),
            refresh: section
                .duration("refresh_interval")?
                .unwrap_or(Duration::from_secs(300)),
        });
        section.finish(unused);
    }
    Ok(found)
}

fn urls(job: &mut Section, folder: &Path, unused: &mut Vec<String>) -> Result<Vec<HttpDiscovery>, String> {
    let mut found = Vec::new();
    for mut section in job.sections("http_sd_configs")? {
        let path = section.path().to_owned();
        let url = section.text("url")?.unwrap_or_default();
        let url = url
            .parse::<::http::Uri>()
            .ok()
            .filter(|url| matches!(url.scheme_str(), Some("http" | "https")) && url.authority().is_some())
            .ok_or_else(|| format!("{path}.url: expected a URL such as http://host/targets, got {url:?}"))?;
        found.push(HttpDiscovery {
            url,
            refresh: section
                .duration("refresh_interval")?
                .unwrap_or(Duration::from_secs(60)),
            client: client(http::client(&mut section, folder, unused)?)?,
        });
        section.finish(unused);
    }
    Ok(found)
}

/// Parameters of the URL with their values.
fn params(job: &mut Section) -> Result<Vec<(String, Vec<String>)>, String> {
    let mut section = job.section("params")?;
    section
        .keys()
        .into_iter()
        .map(|name| section.strings(&name).map(|values| (name, values)))
        .collect()
}
