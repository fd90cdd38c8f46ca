//! What a metric's and a label's name must look like, for names that come at run time. The derives check the same and more.
//!
//! Source: the Prometheus data model and its naming conventions.

use crate::declaration::{Declaration, Kind};

/// Whether a name is one for a metric.
pub(crate) fn is_metric_name(name: &str) -> bool {
    let head = |b: u8| b.is_ascii_alphabetic() || b == b'_' || b == b':';
    name.bytes()
        .enumerate()
        .all(|(i, b)| head(b) || i > 0 && b.is_ascii_digit())
        && !name.is_empty()
}

/// A label name made of any text: what is not allowed becomes `_`.
pub(crate) fn label_name(text: &str) -> String {
    let mut name: String = text
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    name
}

/// What is wrong with the name of a declaration.
pub(crate) fn problem(declaration: &Declaration) -> Option<String> {
    let name = declaration.name();
    if !is_metric_name(name) {
        return Some("a metric's name is made of letters, digits and _, and starts with no digit".to_owned());
    }
    if declaration.legacy_name {
        return None;
    }
    for suffix in ["_count", "_sum", "_bucket", "_created"] {
        if name.ends_with(suffix) {
            return Some(format!("`{suffix}` is kept for the samples of a histogram"));
        }
    }
    let base = name.strip_suffix("_total");
    if (declaration.kind == Kind::Counter) != base.is_some() {
        return Some("the name of a counter, and of nothing else, ends with `_total`".to_owned());
    }
    if (declaration.kind == Kind::Info) != name.ends_with("_info") {
        return Some("the name of an info, and of nothing else, ends with `_info`".to_owned());
    }
    let unit = declaration.unit()?;
    let has_unit = base
        .unwrap_or(name)
        .strip_suffix(unit)
        .is_some_and(|rest| rest.ends_with('_'));
    (!has_unit).then(|| format!("the name has to carry its unit: `…_{unit}`"))
}

/// Every name under which samples of the metric appear in any format.
pub(crate) fn sample_names(declaration: &Declaration) -> Vec<String> {
    let name = declaration.name();
    let with = |base: &str, suffixes: &[&str]| suffixes.iter().map(|s| format!("{base}{s}")).collect();
    match declaration.kind {
        Kind::Counter => with(
            name.strip_suffix("_total").unwrap_or(name),
            &["", "_total", "_created"],
        ),
        Kind::Histogram | Kind::NativeHistogram => with(name, &["", "_bucket", "_sum", "_count", "_created"]),
        Kind::Summary => with(name, &["", "_sum", "_count", "_created"]),
        Kind::Info => with(name.strip_suffix("_info").unwrap_or(name), &["", "_info"]),
        Kind::UpDownCounter | Kind::Gauge | Kind::StateSet => with(name, &[""]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(name: &'static str, kind: Kind) -> Declaration {
        Declaration {
            kind,
            ..Declaration::new(name, "")
        }
    }

    #[test]
    fn names_follow_the_conventions() {
        assert_eq!(problem(&declared("a_total", Kind::Counter)), None);
        assert_eq!(
            problem(&declared("a_seconds_total", Kind::Counter).with_unit("seconds")),
            None
        );
        assert_eq!(
            problem(&declared("a_seconds", Kind::Histogram).with_unit("seconds")),
            None
        );
        assert_eq!(problem(&declared("a", Kind::Counter).with_legacy_name()), None);
        assert!(problem(&declared("a", Kind::Counter)).unwrap().contains("_total"));
        assert!(
            problem(&declared("a_total", Kind::Gauge))
                .unwrap()
                .contains("_total")
        );
        assert!(problem(&declared("a_sum", Kind::Gauge)).unwrap().contains("_sum"));
        assert!(problem(&declared("build", Kind::Info)).unwrap().contains("_info"));
        assert!(
            problem(&declared("a", Kind::Gauge).with_unit("bytes"))
                .unwrap()
                .contains("_bytes")
        );
        assert!(problem(&declared("0a", Kind::Gauge).with_legacy_name()).is_some());
    }

    #[test]
    fn any_text_becomes_a_label_name() {
        assert_eq!(label_name("service.name"), "service_name");
        assert_eq!(label_name("2xx"), "_2xx");
        assert_eq!(label_name(""), "_");
    }
}
