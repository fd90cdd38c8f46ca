//! `watchroom check`: what is wrong with rules, metrics and configurations before a server says so, and how many series there are.
//!
//! Files are read by the server's own readers, so that what passes here is taken there.

mod cardinality;
mod config;
mod metrics;
mod naming;
mod rules;
mod source;
mod strict;

use std::fmt::Write as _;
use std::io::Write as _;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use crate::command::Failure;

const EXIT_CODES: &str = "Exit codes: 0 nothing is wrong; 1 something is, or there is advice and --strict is given; 2 the command line is wrong; \
    3 what was to be checked cannot be read.";

/// What is checked.
#[derive(Debug, Subcommand)]
pub(crate) enum CheckCommand {
    /// Rule files: syntax, expressions, templates, duplicates
    #[command(after_help = EXIT_CODES)]
    Rules(rules::RulesArgs),
    /// What a service exposes: whether it can be scraped, and whether its names are as usual
    #[command(after_help = EXIT_CODES)]
    Metrics(metrics::MetricsArgs),
    /// A prometheus.yml as the server reads it, and what it names
    #[command(after_help = EXIT_CODES)]
    Config(config::ConfigArgs),
    /// Series of each metric against a limit
    #[command(after_help = EXIT_CODES)]
    Cardinality(cardinality::CardinalityArgs),
}

/// Flags that all have.
#[derive(Debug, Args)]
pub(crate) struct Common {
    /// How findings are printed
    #[arg(long, value_name = "FORM", default_value = "text")]
    format: Format,
    /// Count advice as a mistake
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines for people
    Text,
    /// One JSON object
    Json,
}

/// Something that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    error: bool,
    file: String,
    line: Option<usize>,
    /// Metric, rule or job that it is about; may be empty.
    about: String,
    message: String,
}

impl Finding {
    fn error(file: &str, line: Option<usize>, about: &str, message: impl Into<String>) -> Self {
        Self {
            error: true,
            file: file.into(),
            line,
            about: about.into(),
            message: message.into(),
        }
    }

    fn advice(file: &str, line: Option<usize>, about: &str, message: impl Into<String>) -> Self {
        Self {
            error: false,
            ..Self::error(file, line, about, message)
        }
    }
}

/// What a check came to.
#[derive(Debug, Default)]
struct Report {
    findings: Vec<Finding>,
    /// Lines that say what was looked at.
    summary: Vec<String>,
    /// Further members of the JSON object.
    more: serde_json::Map<String, serde_json::Value>,
}

pub(crate) fn run(command: CheckCommand) -> Result<(), Failure> {
    let (report, common) = match command {
        CheckCommand::Rules(args) => (rules::check(&args)?, args.common),
        CheckCommand::Metrics(args) => (metrics::check(&args)?, args.common),
        CheckCommand::Config(args) => (config::check(&args)?, args.common),
        CheckCommand::Cardinality(args) => (cardinality::check(&args)?, args.common),
    };
    let n_errors = report.findings.iter().filter(|finding| finding.error).count();
    let n_advice = report.findings.len() - n_errors;
    let out = match common.format {
        Format::Text => text(&report),
        Format::Json => json(report, n_errors, n_advice),
    };
    std::io::stdout()
        .lock()
        .write_all(out.as_bytes())
        .context("cannot write the findings")
        .map_err(Failure::run)?;
    match n_errors + if common.strict { n_advice } else { 0 } {
        0 => Ok(()),
        _ => Err(Failure::run(anyhow!(
            "{n_errors} mistakes, {n_advice} pieces of advice"
        ))),
    }
}

fn text(report: &Report) -> String {
    let mut out = String::new();
    for finding in &report.findings {
        let line = finding.line.map_or_else(String::new, |line| format!(":{line}"));
        let level = if finding.error { "error" } else { "advice" };
        let about = match finding.about.as_str() {
            "" => String::new(),
            about => format!("{about}: "),
        };
        let _ = writeln!(out, "{}{line}: {level}: {about}{}", finding.file, finding.message);
    }
    for line in &report.summary {
        let _ = writeln!(out, "{line}");
    }
    out
}

fn json(report: Report, n_errors: usize, n_advice: usize) -> String {
    let findings = report.findings.iter().map(|finding| {
        json!({
            "level": if finding.error { "error" } else { "advice" },
            "file": finding.file,
            "line": finding.line,
            "about": finding.about,
            "message": finding.message,
        })
    });
    let mut object = report.more;
    object.insert("findings".into(), findings.collect());
    object.insert("errors".into(), n_errors.into());
    object.insert("advice".into(), n_advice.into());
    serde_json::Value::Object(object).to_string() + "\n"
}
