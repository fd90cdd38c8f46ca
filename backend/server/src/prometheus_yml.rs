//! A `prometheus.yml`, read as it is.
//!
//! Used are `global`, `rule_files` and `scrape_configs` with static targets and file discovery over http. What is not used is told by
//! name, so that nobody waits for what will not come.
//!
//! Source: Prometheus, "Configuration".

mod job;
mod relabel;
mod section;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub(crate) use job::{Job, StaticGroup, static_groups};
use section::Section;

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct PrometheusYml {
    pub(crate) jobs: Vec<Job>,
    /// Relative names are relative to the file's folder.
    pub(crate) rule_files: Vec<PathBuf>,
    pub(crate) evaluation_interval: Option<Duration>,
    /// Keys that are not used, by path.
    pub(crate) unused: Vec<String>,
}

/// What jobs take over from `global`.
#[derive(Debug, Clone, Copy)]
struct Global {
    interval: Duration,
    timeout: Option<Duration>,
}

/// Reads the text of a file that stands in `folder`.
///
/// # Errors
/// The first thing that is wrong, with its path.
pub(crate) fn read(text: &str, folder: &Path) -> Result<PrometheusYml, String> {
    let value: serde_yaml_ng::Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let mut unused = Vec::new();
    let mut root = Section::root(value)?;
    let mut global = root.section("global")?;
    let defaults = Global {
        interval: global
            .duration("scrape_interval")?
            .unwrap_or(Duration::from_secs(60)),
        timeout: global.duration("scrape_timeout")?,
    };
    let evaluation_interval = global.duration("evaluation_interval")?;
    global.finish(&mut unused);
    let rule_files = root.strings("rule_files")?;
    let rule_files = rule_files.iter().map(|file| folder.join(file)).collect();
    let mut jobs: Vec<Job> = Vec::new();
    for section in root.sections("scrape_configs")? {
        let path = section.path().to_owned();
        let job = job::read(section, defaults, folder, &mut unused)?;
        if jobs.iter().any(|known| known.name == job.name) {
            return Err(format!(
                "{path}.job_name: {:?} is the name of another job",
                job.name
            ));
        }
        jobs.push(job);
    }
    root.finish(&mut unused);
    Ok(PrometheusYml {
        jobs,
        rule_files,
        evaluation_interval,
        unused,
    })
}

#[cfg(test)]
mod tests;
