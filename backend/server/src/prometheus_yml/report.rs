//! A `prometheus.yml` looked at as the server would, and all that it names.

use std::path::{Path, PathBuf};

use super::read;
use crate::rules::{expand, load};

/// What a file says, what is wrong with it, and what of it has no effect.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigReport {
    /// Names of jobs with the number of their static targets.
    pub jobs: Vec<(String, usize)>,
    /// Rule files that were found.
    pub rule_files: Vec<PathBuf>,
    /// Groups of Alertmanagers.
    pub n_alertmanagers: usize,
    /// What keeps a server from starting with it, with its line where known.
    pub errors: Vec<(Option<usize>, String)>,
    /// What has no effect, or not the one that is meant, with its line where known.
    pub advice: Vec<(Option<usize>, String)>,
}

/// Looks at a file.
///
/// # Errors
/// What the system said if it cannot be read.
pub fn check_config(path: &Path) -> std::io::Result<ConfigReport> {
    let text = std::fs::read_to_string(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut report = ConfigReport::default();
    let file = match read(&text, folder) {
        Ok(file) => file,
        Err(reason) => {
            let line = reason
                .split(": ")
                .next()
                .and_then(|key| super::line_of(&text, key));
            report.errors.push((line, reason));
            return Ok(report);
        }
    };
    for job in &file.jobs {
        let out = crate::ingest::scrape::work_out(job, &job.static_groups);
        report.jobs.push((job.name.clone(), out.targets.len()));
        report
            .errors
            .extend(out.wrong.into_iter().map(|reason| (None, reason)));
    }
    for unused in &file.unused {
        let reason = format!("{} is not supported and has no effect", unused.key);
        report.advice.push((unused.line, reason));
    }
    report.n_alertmanagers = file.alerting.alertmanagers.len();
    for pattern in &file.rule_files {
        match expand(pattern) {
            Ok(files) if files.is_empty() => {
                let reason = format!("rule_files: no file fits {}", pattern.display());
                report.advice.push((None, reason));
            }
            Ok(files) => report.rule_files.extend(files),
            Err((path, error)) => {
                report
                    .errors
                    .push((None, format!("rule_files: {}: {error}", path.display())));
            }
        }
    }
    if let Err(error) = load("--config", &file.rule_files) {
        report.errors.push((None, crate::error::chain(&error)));
    }
    let of_jobs = file
        .jobs
        .iter()
        .flat_map(|job| &job.files)
        .flat_map(|found| &found.files);
    let of_alertmanagers = file.alerting.alertmanagers.iter().flat_map(|one| &one.files);
    let discovered = of_jobs.chain(of_alertmanagers.flat_map(|found| &found.files));
    for pattern in discovered {
        // They may come later, so this is no error.
        match expand(pattern) {
            Ok(files) if files.iter().any(|file| file.exists()) => {
                for file in files.iter().filter(|file| file.exists()) {
                    let read = std::fs::read_to_string(file).map_err(|error| error.to_string());
                    if let Err(reason) = read.and_then(|text| super::static_groups(&text)) {
                        report
                            .errors
                            .push((None, format!("{}: {reason}", file.display())));
                    }
                }
            }
            _ => report.advice.push((
                None,
                format!("file_sd_configs: no file fits {}", pattern.display()),
            )),
        }
    }
    Ok(report)
}
