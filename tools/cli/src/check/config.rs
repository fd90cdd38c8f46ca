//! `watchroom check config`.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use serde_json::json;

use super::{Common, Finding, Report};
use crate::command::Failure;

/// Flags of `watchroom check config`.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// A prometheus.yml
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    pub(super) common: Common,
}

pub(super) fn check(args: &ConfigArgs) -> Result<Report, Failure> {
    let file = args.file.display().to_string();
    let found = watchroom_server::check_config(&args.file)
        .with_context(|| format!("cannot read {file}"))
        .map_err(Failure::start)?;
    let mut report = Report::default();
    let errors = found.errors.iter();
    report
        .findings
        .extend(errors.map(|(line, reason)| Finding::error(&file, *line, "", reason)));
    let advice = found.advice.iter();
    report
        .findings
        .extend(advice.map(|(line, reason)| Finding::advice(&file, *line, "", reason)));
    let n_targets: usize = found.jobs.iter().map(|(_, n)| n).sum();
    report.summary.push(format!(
        "{file}: {} jobs, {n_targets} static targets, {} rule files, {} alertmanager sections",
        found.jobs.len(),
        found.rule_files.len(),
        found.n_alertmanagers
    ));
    let jobs = found
        .jobs
        .iter()
        .map(|(name, n)| json!({"job": name, "static_targets": n}));
    report.more.insert("jobs".into(), jobs.collect());
    let files = found
        .rule_files
        .iter()
        .map(|file| json!(file.display().to_string()));
    report.more.insert("rule_files".into(), files.collect());
    Ok(report)
}
