//! What the text format forbids and scrapers put up with.
//!
//! Source: Prometheus, "Exposition formats", and `expfmt.TextParser`.

use std::collections::HashSet;

/// Mistakes with their lines, counted from 1.
pub(super) fn mistakes(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let (mut helped, mut typed, mut sampled) = (HashSet::new(), HashSet::new(), HashSet::new());
    let mut kinds: Vec<(&str, &str)> = Vec::new();
    let mut n_lines = 0;
    for (i, line) in text.lines().enumerate() {
        n_lines = i + 1;
        let line = line.trim_start();
        if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.split_whitespace();
            let (keyword, name) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
            match keyword {
                "HELP" if !helped.insert(name) => {
                    found.push((n_lines, format!("second HELP line for metric name {name:?}")));
                }
                "TYPE" if !typed.insert(name) => {
                    found.push((
                        n_lines,
                        format!("second TYPE line for metric name {name:?}, or TYPE reported after samples"),
                    ));
                }
                "TYPE" => {
                    if sampled.contains(name) {
                        found.push((n_lines, format!("TYPE of {name:?} reported after its samples")));
                    }
                    let kind = words.next().unwrap_or("");
                    if !["counter", "gauge", "histogram", "summary", "untyped"]
                        .contains(&kind.to_ascii_lowercase().as_str())
                    {
                        found.push((n_lines, format!("unknown metric type {kind:?}")));
                    }
                    kinds.push((name, kind));
                }
                _ => {}
            }
            continue;
        }
        let end = line
            .find(|c: char| c == '{' || c.is_whitespace())
            .unwrap_or(line.len());
        if end > 0 {
            sampled.insert(family(&line[..end], &kinds));
        }
        // Scrapers take these, the format's own readers do not.
        let after = line.rfind('}').map_or(end, |at| at + 1);
        let value = line[after..].split_whitespace().next().unwrap_or("");
        if value.to_ascii_lowercase().contains("0x") || value.contains('_') {
            found.push((n_lines, format!("expected float as value, got {value:?}")));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        found.push((n_lines, "the last line does not end with a line feed".into()));
    }
    found
}

/// The family of a series: that of `x_bucket` is `x` if it is declared as a histogram.
fn family<'a>(series: &'a str, kinds: &[(&'a str, &str)]) -> &'a str {
    for (suffix, of) in [
        ("_bucket", &["histogram"][..]),
        ("_sum", &["histogram", "summary"]),
        ("_count", &["histogram", "summary"]),
    ] {
        let declared = |base: &str| {
            kinds
                .iter()
                .any(|(name, kind)| *name == base && of.contains(kind))
        };
        if let Some(base) = series.strip_suffix(suffix).filter(|base| declared(base)) {
            return base;
        }
    }
    series
}
