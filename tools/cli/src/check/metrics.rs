//! `watchroom check metrics`.

use clap::Args;
use watchroom_server::exposition::{Format, ParseLimits, parse};

use super::{Common, Finding, Report, naming, source, strict};
use crate::command::Failure;

/// Flags of `watchroom check metrics`.
#[derive(Debug, Args)]
pub(crate) struct MetricsArgs {
    /// What is exposed: a file, a URL, or `-` for standard input
    #[arg(value_name = "SOURCE", default_value = "-")]
    source: String,
    #[command(flatten)]
    pub(super) common: Common,
}

pub(super) fn check(args: &MetricsArgs) -> Result<Report, Failure> {
    Ok(look(source::shown(&args.source), &source::read(&args.source)?))
}

/// Looks at a text.
fn look(file: &str, text: &str) -> Report {
    let mut report = Report::default();
    let open = text.trim_end().ends_with("# EOF");
    let format = if open { Format::OpenMetrics } else { Format::Text };
    let limits = ParseLimits {
        samples: 5_000_000,
        ..ParseLimits::default()
    };
    match parse(text, format, &limits) {
        Err(error) => {
            report
                .findings
                .push(Finding::error(file, Some(error.line), "", error.reason));
        }
        Ok(found) => {
            if format == Format::Text {
                let wrong = strict::mistakes(text).into_iter();
                report
                    .findings
                    .extend(wrong.map(|(line, reason)| Finding::error(file, Some(line), "", reason)));
            }
            let advice = naming::advice(&found).into_iter();
            report
                .findings
                .extend(advice.map(|(metric, message)| Finding::advice(file, None, &metric, message)));
            let n_families = naming::families(&found).len();
            report.summary.push(format!(
                "{file}: {n_families} metrics, {} series",
                found.samples.len()
            ));
        }
    }
    report
}

#[cfg(test)]
mod tests;
