//! `watchroom check cardinality`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, anyhow};
use clap::Args;
use serde_json::{Value, json};
use watchroom_server::exposition::{Format, ParseLimits, parse};

use super::{Common, Finding, Report, source};
use crate::command::Failure;

/// Flags of `watchroom check cardinality`.
#[derive(Debug, Args)]
pub(crate) struct CardinalityArgs {
    /// What is exposed: a file, a URL, or `-` for standard input
    #[arg(value_name = "SOURCE", default_value = "-", conflicts_with = "backend")]
    source: String,
    /// Ask a running backend, of ours or of Prometheus' kind, in place of reading what is exposed
    #[arg(long, value_name = "URL")]
    backend: Option<String>,
    /// Series that a metric may have
    #[arg(long, value_name = "N", default_value_t = 1000)]
    max_series: u64,
    /// Metrics that are listed, those with the most series first
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,
    #[command(flatten)]
    pub(super) common: Common,
}

/// Series of a metric, and the label with the most values if it is known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Count {
    series: u64,
    label: Option<(String, usize)>,
}

pub(super) fn check(args: &CardinalityArgs) -> Result<Report, Failure> {
    let (file, counts) = match &args.backend {
        Some(url) => (url.as_str(), of_backend(url)?),
        None => {
            let text = source::read(&args.source)?;
            let file = source::shown(&args.source);
            let counts = of_text(&text).map_err(|error| Failure::run(anyhow!("{file}: {error}")))?;
            (file, counts)
        }
    };
    Ok(judge(file, counts, args.max_series, args.top))
}

fn judge(file: &str, counts: BTreeMap<String, Count>, max_series: u64, top: usize) -> Report {
    let mut report = Report::default();
    let total: u64 = counts.values().map(|count| count.series).sum();
    let mut sorted: Vec<(String, Count)> = counts.into_iter().collect();
    sorted.sort_by(|a, b| b.1.series.cmp(&a.1.series).then_with(|| a.0.cmp(&b.0)));
    for (metric, count) in sorted.iter().filter(|(_, count)| count.series > max_series) {
        let most = count.label.as_ref().map_or_else(String::new, |(label, values)| {
            format!("; label {label:?} has {values} values")
        });
        let message = format!("{} series, at most {max_series} are allowed{most}", count.series);
        report.findings.push(Finding::error(file, None, metric, message));
    }
    report
        .summary
        .push(format!("{file}: {} metrics, {total} series", sorted.len()));
    for (metric, count) in sorted.iter().take(top) {
        report.summary.push(format!("{:>10} {metric}", count.series));
    }
    let listed = sorted.iter().take(top).map(|(metric, count)| {
        let label = count.label.as_ref();
        json!({
            "metric": metric,
            "series": count.series,
            "label": label.map(|(name, _)| name),
            "values": label.map(|(_, values)| values),
        })
    });
    report.more.insert("top".into(), listed.collect());
    report.more.insert("series".into(), total.into());
    report
}

/// Series of a text by name.
fn of_text(text: &str) -> Result<BTreeMap<String, Count>, String> {
    let format = match text.trim_end().ends_with("# EOF") {
        true => Format::OpenMetrics,
        false => Format::Text,
    };
    let limits = ParseLimits {
        samples: 5_000_000,
        ..ParseLimits::default()
    };
    let found = parse(text, format, &limits).map_err(|error| error.to_string())?;
    let mut values: BTreeMap<String, (u64, BTreeMap<String, BTreeSet<String>>)> = BTreeMap::new();
    for sample in &found.samples {
        let (series, labels) = values.entry(sample.labels.metric_name().to_owned()).or_default();
        *series += 1;
        for (name, value) in sample.labels.iter().filter(|(name, _)| *name != "__name__") {
            labels
                .entry(name.to_owned())
                .or_default()
                .insert(value.to_owned());
        }
    }
    let counts = values.into_iter().map(|(metric, (series, labels))| {
        let most = labels
            .into_iter()
            .map(|(name, values)| (values.len(), name))
            .max();
        let label = most.map(|(n, name)| (name, n));
        (metric, Count { series, label })
    });
    Ok(counts.collect())
}

/// Series that a backend has now, by name.
fn of_backend(url: &str) -> Result<BTreeMap<String, Count>, Failure> {
    let query = "count%20by%20(__name__)%20(%7B__name__!%3D%22%22%7D)";
    let url = format!("{}/api/v1/query?query={query}", url.trim_end_matches('/'));
    let text = source::fetch(&url, "application/json")?;
    let answer: Value = serde_json::from_str(&text)
        .with_context(|| format!("{url} does not answer with JSON"))
        .map_err(Failure::start)?;
    let result = answer["data"]["result"]
        .as_array()
        .ok_or_else(|| Failure::start(anyhow!("{url} does not answer as Prometheus' API does")))?;
    let counts = result.iter().filter_map(|item| {
        let series = item["value"][1].as_str()?.parse().ok()?;
        let name = item["metric"]["__name__"].as_str()?.to_owned();
        Some((name, Count { series, label: None }))
    });
    Ok(counts.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_with_too_many_series_is_named_with_its_largest_label() {
        let text =
            "a{user=\"1\",zone=\"x\"} 1\na{user=\"2\",zone=\"x\"} 1\na{user=\"3\",zone=\"y\"} 1\nb 1\n";
        let report = judge("f", of_text(text).unwrap(), 2, 1);
        assert_eq!(report.findings.len(), 1);
        assert_eq!(
            (
                report.findings[0].about.as_str(),
                report.findings[0].message.as_str()
            ),
            (
                "a",
                "3 series, at most 2 are allowed; label \"user\" has 3 values"
            )
        );
        assert_eq!(report.summary, ["f: 2 metrics, 4 series", "         3 a"]);
        assert_eq!(judge("f", of_text(text).unwrap(), 3, 1).findings, []);
    }
}
