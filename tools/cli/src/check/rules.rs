//! `watchroom check rules`.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::PathBuf;

use anyhow::{Context as _, anyhow};
use clap::Args;
use watchroom_rules::{GroupSpec, RuleKind, RuleSpec};
use watchroom_server::exposition::{Format, ParseLimits, parse};

use super::{Common, Finding, Report, source};
use crate::command::Failure;
use crate::files::expand;

/// Names that need nobody to expose them.
const KNOWN: &[&str] = &["up", "ALERTS", "ALERTS_FOR_STATE"];

/// Flags of `watchroom check rules`.
#[derive(Debug, Args)]
pub(crate) struct RulesArgs {
    /// Rule files; `*` and `?` stand for any text and for any character
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What is exposed, a file or a URL: expressions may name only these metrics and those that rules record
    #[arg(long, value_name = "SOURCE", num_args = 1..)]
    metrics: Vec<String>,
    #[command(flatten)]
    pub(super) common: Common,
}

pub(super) fn check(args: &RulesArgs) -> Result<Report, Failure> {
    let mut report = Report::default();
    let mut groups: Vec<GroupSpec> = Vec::new();
    for pattern in &args.files {
        let files = expand(pattern);
        if files.is_empty() {
            return Err(Failure::start(anyhow!("no file fits {}", pattern.display())));
        }
        for path in files {
            let file = path.display().to_string();
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("cannot read {file}"))
                .map_err(Failure::start)?;
            match watchroom_rules::load(&file, &text) {
                Ok(found) => {
                    let n: usize = found.iter().map(|group| group.rules.len()).sum();
                    report
                        .summary
                        .push(format!("{file}: {} groups, {n} rules", found.len()));
                    duplicates(&found, &mut report);
                    groups.extend(found);
                }
                Err(errors) => report.findings.extend(errors.into_iter().map(|error| {
                    let about = match (&error.group, &error.rule) {
                        (Some(group), Some(rule)) => format!("group {group:?}, rule {rule:?}"),
                        (Some(group), None) => format!("group {group:?}"),
                        _ => String::new(),
                    };
                    Finding::error(&file, error.line, &about, error.reason)
                })),
            }
        }
    }
    if !args.metrics.is_empty() {
        names(&groups, &exposed(&args.metrics)?, &mut report);
    }
    Ok(report)
}

/// What series of a rule are told apart by: whether it alerts, its name, its labels.
type Identity<'a> = (bool, &'a str, &'a [(String, String)]);

/// Rules of one kind, name and set of labels write the same series.
fn duplicates(groups: &[GroupSpec], report: &mut Report) {
    let mut first: BTreeMap<Identity<'_>, &RuleSpec> = BTreeMap::new();
    for group in groups {
        for rule in &group.rules {
            let alert = matches!(rule.kind, RuleKind::Alerting { .. });
            if let Some(known) = first.get(&(alert, &rule.name, &rule.labels)) {
                let line = known
                    .line
                    .map_or_else(String::new, |line| format!(" on line {line}"));
                report.findings.push(Finding::advice(
                    &group.file,
                    rule.line,
                    &format!("group {:?}, rule {:?}", group.name, rule.name),
                    format!(
                        "a rule of the same name and labels is there already{line}; their series may collide"
                    ),
                ));
            } else {
                first.insert((alert, &rule.name, &rule.labels), rule);
            }
        }
    }
}

/// Names of series that are exposed.
fn exposed(sources: &[String]) -> Result<HashSet<String>, Failure> {
    let mut names = HashSet::new();
    for from in sources {
        let text = source::read(from)?;
        let found = parse(&text, Format::Text, &ParseLimits::default())
            .with_context(|| source::shown(from).to_owned())
            .map_err(Failure::run)?;
        names.extend(
            found
                .samples
                .iter()
                .map(|sample| sample.labels.metric_name().to_owned()),
        );
        for family in found.metadata {
            for suffix in ["", "_bucket", "_sum", "_count"] {
                names.insert(format!("{}{suffix}", family.name));
            }
        }
    }
    Ok(names)
}

/// Metrics that expressions name and that nobody exposes or records.
fn names(groups: &[GroupSpec], exposed: &HashSet<String>, report: &mut Report) {
    let rules = || groups.iter().flat_map(|group| &group.rules);
    let recorded: HashSet<&str> = rules()
        .filter(|rule| matches!(rule.kind, RuleKind::Recording))
        .map(|rule| rule.name.as_str())
        .collect();
    for group in groups {
        for rule in &group.rules {
            let mut unknown = BTreeSet::new();
            for matcher in rule.query.selectors().into_iter().flatten() {
                let equal = matcher.name == "__name__" && matcher.op == watchroom_model::MatchOp::Equal;
                let name = matcher.value.as_str();
                if equal && !exposed.contains(name) && !recorded.contains(name) && !KNOWN.contains(&name) {
                    unknown.insert(name);
                }
            }
            report.findings.extend(unknown.into_iter().map(|name| {
                let about = format!("group {:?}, rule {:?}", group.name, rule.name);
                Finding::error(
                    &group.file,
                    rule.line,
                    &about,
                    format!("nobody exposes or records {name:?}"),
                )
            }));
        }
    }
}
