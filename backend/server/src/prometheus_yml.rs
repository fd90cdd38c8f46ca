//! A `prometheus.yml`, read as it is.
//!
//! Used are `global`, `rule_files`, `alerting`, `scrape_configs` and `scrape_config_files`, with static targets and discovery by files and by HTTP.
//! What is not used is told by name and line, so that nobody waits for what will not come.
//!
//! Source: Prometheus, "Configuration".

mod alerting;
mod defaults;
mod http;
mod job;
mod lines;
mod relabel;
mod report;
mod section;
mod shown;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_yaml_ng::Value;
use watchroom_model::Labels;

use crate::rules::{Configured, expand};
use defaults::{Defaults, JobLimits};
pub(crate) use job::{HttpDiscovery, Job, StaticGroup, static_groups};
use lines::line_of;
pub use report::{ConfigReport, check_config};
pub(crate) use section::Section;
pub(crate) use shown::shown;

/// Largest file of scrape configurations.
const MAX_BYTES: u64 = 10 << 20;

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct PrometheusYml {
    pub(crate) jobs: Vec<Arc<Job>>,
    /// Relative names are relative to the file's folder.
    pub(crate) rule_files: Vec<PathBuf>,
    pub(crate) evaluation_interval: Option<Duration>,
    /// How far back rules are evaluated whose group does not say.
    pub(crate) rule_query_offset: Duration,
    pub(crate) alerting: Configured,
    /// Labels of this server, for what leaves it.
    pub(crate) external_labels: Labels,
    /// What is not used.
    pub(crate) unused: Vec<Unused>,
}

/// A key that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unused {
    /// Path of the key, such as `scrape_configs[0].oauth2`.
    pub(crate) key: String,
    /// Where it stands, counted from 1, if that can be told.
    pub(crate) line: Option<usize>,
}

/// A file that was read, to be shown.
#[derive(Debug, Clone, Default)]
pub(crate) struct Loaded {
    /// Its text without secrets.
    pub(crate) shown: String,
    pub(crate) unused: Vec<Unused>,
    pub(crate) external_labels: Labels,
    /// When it was last read, and whether that went well.
    pub(crate) at_ms: i64,
    pub(crate) failed: bool,
}

/// Reads the text of a file that stands in `folder`.
///
/// # Errors
/// The first thing that is wrong, with its path.
pub(crate) fn read(text: &str, folder: &Path) -> Result<PrometheusYml, String> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let mut unused = Vec::new();
    let mut root = Section::root(value)?;
    let mut global = root.section("global")?;
    let defaults = Defaults {
        interval: global
            .duration("scrape_interval")?
            .unwrap_or(Duration::from_secs(60)),
        timeout: global.duration("scrape_timeout")?,
        limits: JobLimits::default().read(&mut global)?,
    };
    let evaluation_interval = global.duration("evaluation_interval")?;
    let rule_query_offset = global.duration("rule_query_offset")?.unwrap_or_default();
    let external_labels = external_labels(global.pairs("external_labels")?);
    global.finish(&mut unused);
    let alerting = alerting::read(&mut root, folder, &mut unused)?;
    let rule_files = root.strings("rule_files")?;
    let rule_files = rule_files.iter().map(|file| folder.join(file)).collect();
    let mut jobs: Vec<Arc<Job>> = Vec::new();
    let mut sections = root.sections("scrape_configs")?;
    for pattern in root.strings("scrape_config_files")? {
        sections.extend(scrape_config_files(&folder.join(pattern))?);
    }
    for section in sections {
        let path = section.path().to_owned();
        let job = job::read(section, &defaults, folder, &mut unused)?;
        if jobs.iter().any(|known| known.name == job.name) {
            return Err(format!(
                "{path}.job_name: {:?} is the name of another job",
                job.name
            ));
        }
        jobs.push(Arc::new(job));
    }
    root.finish(&mut unused);
    let unused = unused.into_iter().map(|key| Unused {
        line: line_of(text, &key),
        key,
    });
    Ok(PrometheusYml {
        jobs,
        rule_files,
        evaluation_interval,
        rule_query_offset,
        alerting,
        external_labels,
        unused: unused.collect(),
    })
}

/// The jobs of files that hold nothing but `scrape_configs`.
fn scrape_config_files(pattern: &Path) -> Result<Vec<Section>, String> {
    use std::io::Read as _;
    let wrong = |path: &Path, reason: String| format!("scrape_config_files: {}: {reason}", path.display());
    let paths = expand(pattern).map_err(|(path, error)| wrong(&path, error.to_string()))?;
    let mut sections = Vec::new();
    for path in paths {
        let mut text = String::new();
        std::fs::File::open(&path)
            .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text))
            .map_err(|error| wrong(&path, error.to_string()))?;
        let value: Value = serde_yaml_ng::from_str(&text).map_err(|error| wrong(&path, error.to_string()))?;
        let found = Section::of(value, path.display().to_string())
            .and_then(|mut root| root.sections("scrape_configs"))
            .map_err(|reason| format!("scrape_config_files: {reason}"))?;
        sections.extend(found);
    }
    Ok(sections)
}

/// Labels of the server, with `${NAME}` and `$NAME` for what the environment says and `$$` for a dollar sign.
fn external_labels(pairs: Vec<(String, String)>) -> Labels {
    let of_environment = |name: &str| std::env::var(name).unwrap_or_default();
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| (name, expanded(&value, of_environment)));
    Labels::from_pairs(pairs)
}

fn expanded(text: &str, lookup: impl Fn(&str) -> String) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some((name, after)) = after.strip_prefix('{').and_then(|rest| rest.split_once('}')) {
            out.push_str(&lookup(name));
            rest = after;
        } else {
            let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let end = after.find(|c| !is_word(c)).unwrap_or(after.len());
            match end {
                0 => out.push('$'),
                _ => out.push_str(&lookup(&after[..end])),
            }
            rest = &after[end..];
        }
    }
    out + rest
}

/// Reads a list of rules of relabelling.
///
/// # Errors
/// What is wrong, with its path.
pub(crate) fn relabel_rules(text: &str) -> Result<Vec<crate::ingest::scrape::Relabel>, String> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let mut root = serde_yaml_ng::Mapping::new();
    root.insert("rules".into(), value);
    let mut root = Section::root(Value::Mapping(root))?;
    relabel::rules(&mut root, "rules", &mut Vec::new())
}

/// Reads a file as the server does, and tells the names of its jobs with the number of their static targets, for those who hold the reader
/// against input of their own. Files that it names are looked for in `folder`.
///
/// # Errors
/// The first thing that is wrong.
pub fn check(text: &str, folder: &Path) -> Result<Vec<(String, usize)>, String> {
    let read = read(text, folder)?;
    let jobs = read.jobs.iter().map(|job| {
        let out = crate::ingest::scrape::work_out(job, &job.static_groups);
        (job.name.clone(), out.targets.len())
    });
    Ok(jobs.collect())
}

#[cfg(test)]
mod tests;
