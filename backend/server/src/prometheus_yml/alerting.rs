//! `alerting`: where Alertmanagers are and what they are told.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::job::{files, groups};
use super::section::Section;
use super::{http, relabel};
use crate::ingest::scrape::Client;
use crate::rules::{AlertmanagerConfig, Configured, Discovery};

/// Takes the section out of the file's root.
pub(super) fn read(
    root: &mut Section,
    folder: &Path,
    unused: &mut Vec<String>,
) -> Result<Configured, String> {
    let mut alerting = root.section("alerting")?;
    let alert_relabel = relabel::rules(&mut alerting, "alert_relabel_configs", unused)?;
    let mut alertmanagers = Vec::new();
    for section in alerting.sections("alertmanagers")? {
        alertmanagers.push(Arc::new(alertmanager(section, folder, unused)?));
    }
    alerting.finish(unused);
    Ok(Configured {
        alertmanagers,
        alert_relabel,
    })
}

fn alertmanager(
    mut section: Section,
    folder: &Path,
    unused: &mut Vec<String>,
) -> Result<AlertmanagerConfig, String> {
    let path = section.path().to_owned();
    let scheme = section.text("scheme")?.unwrap_or_else(|| "http".into());
    if !matches!(scheme.as_str(), "http" | "https") {
        return Err(format!("{path}.scheme: expected http or https, got {scheme:?}"));
    }
    match section.text("api_version")?.as_deref() {
        None | Some("v2") => {}
        Some(other) => {
            return Err(format!(
                "{path}.api_version: {other:?} is not supported; only v2 is"
            ));
        }
    }
    let read = AlertmanagerConfig {
        scheme,
        path_prefix: section.text("path_prefix")?.unwrap_or_default(),
        timeout: section.duration("timeout")?.unwrap_or(Duration::from_secs(10)),
        client: Arc::new(Client::new(http::client(&mut section, folder, unused)?)?),
        relabel: relabel::rules(&mut section, "relabel_configs", unused)?,
        alert_relabel: relabel::rules(&mut section, "alert_relabel_configs", unused)?,
        groups: groups(section.sections("static_configs")?, unused)?
            .into_iter()
            .map(|group| (group.targets, group.labels))
            .collect(),
        files: files(&mut section, folder, unused)?
            .into_iter()
            .map(|found| Discovery {
                files: found.files,
                refresh: found.refresh,
            })
            .collect(),
        urls: Vec::new(),
    };
    section.finish(unused);
    Ok(read)
}
