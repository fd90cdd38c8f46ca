//! One entry of `scrape_configs`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_yaml_ng::Value;
use watchroom_model::Labels;

use super::section::Section;
use super::{Global, relabel};
use crate::ingest::scrape::{Relabel, Target, TargetSpec};

/// One entry of `scrape_configs`.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) name: String,
    pub(crate) static_groups: Vec<StaticGroup>,
    pub(crate) files: Vec<FileDiscovery>,
    metrics_path: String,
    params: Vec<(String, String)>,
    interval: Duration,
    timeout: Duration,
    honor_labels: bool,
    honor_timestamps: bool,
    sample_limit: usize,
    body_limit: usize,
    authorization: Option<String>,
    relabel: Vec<Relabel>,
    metric_relabel: Arc<[Relabel]>,
}

/// Addresses with labels of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaticGroup {
    targets: Vec<String>,
    labels: Vec<(String, String)>,
}

/// Files that hold targets and may change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FileDiscovery {
    /// Names or patterns.
    pub(crate) files: Vec<PathBuf>,
    /// Time between two looks.
    pub(crate) refresh: Duration,
}

pub(super) fn read(
    mut job: Section,
    global: Global,
    folder: &Path,
    unused: &mut Vec<String>,
) -> Result<Job, String> {
    let path = job.path().to_owned();
    let name = job
        .text("job_name")?
        .filter(|name| !name.is_empty())
        .ok_or_else(|| format!("{path}.job_name: it is missing"))?;
    let scheme = job.text("scheme")?.unwrap_or_else(|| "http".into());
    if scheme != "http" {
        return Err(format!(
            "{path}.scheme: {scheme:?} is not supported; only http is"
        ));
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
    let read = Job {
        metrics_path,
        params: params(&mut job)?,
        interval,
        timeout,
        honor_labels: job.flag("honor_labels", false)?,
        honor_timestamps: job.flag("honor_timestamps", true)?,
        sample_limit: job.count("sample_limit")?.unwrap_or(0),
        body_limit: match job.bytes("body_size_limit")? {
            None | Some(0) => crate::ingest::scrape::BODY_LIMIT,
            Some(limit) => limit,
        },
        authorization: authorization(&mut job, folder, unused)?,
        relabel: relabel::rules(&mut job, "relabel_configs", unused)?,
        metric_relabel: relabel::rules(&mut job, "metric_relabel_configs", unused)?.into(),
        static_groups: groups(job.sections("static_configs")?, unused)?,
        files: files(&mut job, folder, unused)?,
        name,
    };
    job.finish(unused);
    Ok(read)
}

impl Job {
    /// The targets of groups of addresses.
    ///
    /// # Errors
    /// An address that cannot be one.
    pub(crate) fn targets(&self, groups: &[StaticGroup]) -> Result<Vec<Target>, String> {
        let mut targets = Vec::new();
        for group in groups {
            for address in &group.targets {
                targets.extend(self.target(address, &group.labels)?);
            }
        }
        Ok(targets)
    }

    /// Works a target out as Prometheus does: labels with two underscores say where it is and go once they have been used.
    fn target(&self, address: &str, labels: &[(String, String)]) -> Result<Option<Target>, String> {
        let mut discovered = Labels::builder();
        discovered.set("job", &self.name);
        discovered.set("__address__", address);
        discovered.set("__scheme__", "http");
        discovered.set("__metrics_path__", &self.metrics_path);
        for (name, value) in &self.params {
            discovered.set(&format!("__param_{name}"), value);
        }
        for (name, value) in labels {
            discovered.set(name, value);
        }
        let discovered = discovered.build();
        let Some(found) = crate::ingest::scrape::relabel(&discovered, &self.relabel) else {
            return Ok(None);
        };
        let address = found.get("__address__").unwrap_or("");
        let address = match address.parse::<http::uri::Authority>() {
            Ok(authority) if !authority.host().is_empty() && !address.contains('@') => {
                let port = authority.port_u16().unwrap_or(80);
                format!("{}:{port}", authority.host())
            }
            _ => {
                return Err(format!(
                    "job {:?}: {address:?} is not an address (host:port)",
                    self.name
                ));
            }
        };
        let mut path = found.get("__metrics_path__").unwrap_or("/metrics").to_owned();
        let mut separator = '?';
        for (name, value) in found.iter() {
            if let Some(name) = name.strip_prefix("__param_") {
                path.push(separator);
                path.push_str(&format!("{}={}", encode(name), encode(value)));
                separator = '&';
            }
        }
        if path.parse::<http::uri::PathAndQuery>().is_err() {
            return Err(format!("job {:?}: {path:?} is not a path", self.name));
        }
        let mut labels = Labels::builder();
        labels.set("instance", &address);
        for (name, value) in found.iter().filter(|(name, _)| !name.starts_with("__")) {
            labels.set(name, value);
        }
        let spec = TargetSpec {
            job: self.name.clone(),
            discovered,
            address,
            path,
            interval: self.interval,
            timeout: self.timeout,
            honor_labels: self.honor_labels,
            honor_timestamps: self.honor_timestamps,
            sample_limit: self.sample_limit,
            body_limit: self.body_limit,
            authorization: self.authorization.clone(),
            metric_relabel: Arc::clone(&self.metric_relabel),
        };
        Ok(Some(Target::new(labels.build(), spec)))
    }
}

/// Reads the text of a file of file discovery, YAML or JSON.
///
/// # Errors
/// What is wrong, with its path.
pub(crate) fn static_groups(text: &str) -> Result<Vec<StaticGroup>, String> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|error| error.to_string())?;
    let Value::Sequence(items) = value else {
        return Err("expected a list of groups of targets".into());
    };
    let sections = items
        .into_iter()
        .enumerate()
        .map(|(i, item)| Section::of(item, format!("[{i}]")))
        .collect::<Result<_, _>>()?;
    groups(sections, &mut Vec::new())
}

fn groups(sections: Vec<Section>, unused: &mut Vec<String>) -> Result<Vec<StaticGroup>, String> {
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

fn files(job: &mut Section, folder: &Path, unused: &mut Vec<String>) -> Result<Vec<FileDiscovery>, String> {
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

/// Parameters of the URL; of several values of one the first counts.
fn params(job: &mut Section) -> Result<Vec<(String, String)>, String> {
    let mut section = job.section("params")?;
    let mut params = Vec::new();
    for name in section.keys() {
        if let Some(value) = section.strings(&name)?.into_iter().next() {
            params.push((name, value));
        }
    }
    Ok(params)
}

/// The value of the `authorization` header, by `basic_auth` or `authorization`.
fn authorization(
    job: &mut Section,
    folder: &Path,
    unused: &mut Vec<String>,
) -> Result<Option<String>, String> {
    let (has_basic, has_other) = (job.has("basic_auth"), job.has("authorization"));
    let mut basic = job.section("basic_auth")?;
    let mut other = job.section("authorization")?;
    let header = if has_basic && has_other {
        return Err(format!(
            "{}: at most one of basic_auth and authorization is allowed",
            job.path()
        ));
    } else if has_basic {
        let user = basic.text("username")?.unwrap_or_default();
        let password = secret(&mut basic, "password", folder)?;
        Some(format!(
            "Basic {}",
            base64(format!("{user}:{password}").as_bytes())
        ))
    } else if has_other {
        let scheme = other.text("type")?.unwrap_or_else(|| "Bearer".into());
        Some(format!("{scheme} {}", secret(&mut other, "credentials", folder)?))
    } else {
        None
    };
    basic.finish(unused);
    other.finish(unused);
    match header {
        Some(header) if http::HeaderValue::try_from(&header).is_err() => Err(format!(
            "{}: credentials hold characters that no header can",
            job.path()
        )),
        header => Ok(header),
    }
}

fn secret(section: &mut Section, key: &str, folder: &Path) -> Result<String, String> {
    let file_key = format!("{key}_file");
    let path = format!("{}.{file_key}", section.path());
    match (section.text(key)?, section.text(&file_key)?) {
        (Some(secret), None) => Ok(secret),
        (None, Some(file)) => match std::fs::read_to_string(folder.join(&file)) {
            Ok(secret) => Ok(secret.trim().to_owned()),
            Err(error) => Err(format!("{path}: cannot read {file:?}: {error}")),
        },
        (None, None) => Ok(String::new()),
        (Some(_), Some(_)) => Err(format!("{path}: {key} is there as well")),
    }
}

fn base64(bytes: &[u8]) -> String {
    let mut text = crate::ingest::otlp::encode_base64(bytes);
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    text
}

fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}
