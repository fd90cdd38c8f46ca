//! Advice about names of metrics and labels.
//!
//! Source: Prometheus, "Metric and label naming", and `promlint`.

use std::collections::{BTreeMap, BTreeSet};

use watchroom_model::MetricKind;
use watchroom_server::exposition::Exposition;

/// Units with the one that is used in their place.
const UNITS: &[(&str, &str)] = &[
    ("amperes", "amperes"),
    ("bytes", "bytes"),
    ("celsius", "celsius"),
    ("grams", "grams"),
    ("joules", "joules"),
    ("kelvin", "kelvin"),
    ("meters", "meters"),
    ("metres", "metres"),
    ("seconds", "seconds"),
    ("volts", "volts"),
    ("minutes", "seconds"),
    ("hours", "seconds"),
    ("days", "seconds"),
    ("weeks", "seconds"),
    ("kelvins", "kelvin"),
    ("fahrenheit", "celsius"),
    ("rankine", "celsius"),
    ("inches", "meters"),
    ("yards", "meters"),
    ("miles", "meters"),
    ("bits", "bytes"),
    ("calories", "joules"),
    ("pounds", "grams"),
    ("ounces", "grams"),
];

const PREFIXES: &[&str] = &[
    "pico", "nano", "micro", "milli", "centi", "deci", "deca", "hecto", "kilo", "kibi", "mega", "mibi",
    "giga", "gibi", "tera", "tebi", "peta", "pebi",
];

const ABBREVIATIONS: &[&str] = &[
    "s", "ms", "us", "ns", "sec", "b", "kb", "mb", "gb", "tb", "pb", "m", "h", "d",
];

/// A family with what is known of it.
#[derive(Debug, Default)]
pub(super) struct Family {
    kind: Option<MetricKind>,
    has_help: bool,
    labels: BTreeSet<String>,
}

/// Families of a text, by name.
pub(super) fn families(found: &Exposition) -> BTreeMap<String, Family> {
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    let kinds: BTreeMap<&str, MetricKind> = found
        .metadata
        .iter()
        .map(|one| (one.name.as_str(), one.kind))
        .collect();
    for sample in &found.samples {
        let series = sample.labels.metric_name();
        let base = ["_bucket", "_sum", "_count"].into_iter().find_map(|suffix| {
            let base = series.strip_suffix(suffix)?;
            let fits = match kinds.get(base)? {
                MetricKind::Histogram => true,
                MetricKind::Summary => suffix != "_bucket",
                _ => false,
            };
            fits.then_some(base)
        });
        let name = base.unwrap_or(series);
        let family = families.entry(name.to_owned()).or_default();
        let known = found.metadata.iter().find(|one| one.name == name);
        if family.kind.is_none() {
            family.kind = known.map(|one| one.kind);
            family.has_help = known.is_some_and(|one| !one.help.is_empty());
        }
        family
            .labels
            .extend(sample.labels.iter().map(|(name, _)| name.to_owned()));
        family.labels.extend(sample.blank.iter().cloned());
    }
    families
}

/// Advice with the metric that it is about.
pub(super) fn advice(found: &Exposition) -> Vec<(String, String)> {
    let mut advice = Vec::new();
    for (name, family) in families(found) {
        let mut say = |message: String| advice.push((name.clone(), message));
        if !family.has_help {
            say("no help text".into());
        }
        if let Some((unit, base)) = unit(&name).filter(|(unit, base)| unit != base) {
            say(format!("use base unit {base:?} instead of {unit:?}"));
        }
        let kind = family.kind.unwrap_or(MetricKind::Unknown);
        let is_total = name.ends_with("_total");
        if kind == MetricKind::Counter && !is_total {
            say("counter metrics should have \"_total\" suffix".into());
        }
        if !matches!(kind, MetricKind::Counter | MetricKind::Unknown) && is_total {
            say("non-counter metrics should not have \"_total\" suffix".into());
        }
        if kind != MetricKind::Unknown {
            let (histogram, summary) = (kind == MetricKind::Histogram, kind == MetricKind::Summary);
            if !histogram && name.ends_with("_bucket") {
                say("non-histogram metrics should not have \"_bucket\" suffix".into());
            }
            for suffix in ["_count", "_sum"] {
                if !histogram && !summary && name.ends_with(suffix) {
                    say(format!(
                        "non-histogram and non-summary metrics should not have {suffix:?} suffix"
                    ));
                }
            }
            if !histogram && family.labels.contains("le") {
                say("non-histogram metrics should not have \"le\" label".into());
            }
            if !summary && family.labels.contains("quantile") {
                say("non-summary metrics should not have \"quantile\" label".into());
            }
        }
        let lower = name.to_lowercase();
        for word in ["counter", "gauge", "summary", "histogram", "gauge_histogram"] {
            if has_word(&lower, word) {
                say(format!("metric name should not include type '{word}'"));
            }
        }
        if name.contains(':') {
            say("metric names should not contain ':'".into());
        }
        if is_camel(&name) {
            say("metric names should be written in 'snake_case' not 'camelCase'".into());
        }
        if family.labels.iter().any(|label| is_camel(label)) {
            say("label names should be written in 'snake_case' not 'camelCase'".into());
        }
        if ABBREVIATIONS.iter().any(|unit| has_word(&lower, unit)) {
            say("metric names should not contain abbreviated units".into());
        }
    }
    advice
}

/// Whether a word stands in a name after an underscore, up to the next one or the end.
fn has_word(name: &str, word: &str) -> bool {
    name.contains(&format!("_{word}_")) || name.ends_with(&format!("_{word}"))
}

fn is_camel(name: &str) -> bool {
    let bytes = name.as_bytes();
    bytes
        .windows(2)
        .any(|pair| pair[0].is_ascii_lowercase() && pair[1].is_ascii_uppercase())
}

/// The first part of a name that is a unit, perhaps with a prefix, and the base unit.
fn unit(name: &str) -> Option<(&str, &'static str)> {
    let base = |word: &str| {
        UNITS
            .iter()
            .find(|(unit, _)| *unit == word)
            .map(|(_, base)| *base)
    };
    name.split('_').find_map(|part| {
        base(part)
            .or_else(|| {
                PREFIXES
                    .iter()
                    .find_map(|prefix| base(part.strip_prefix(prefix)?))
            })
            .map(|base| (part, base))
    })
}
