//! The naming conventions, checked on text.
//!
//! Source: Prometheus, "Metric and label naming"; OpenMetrics 1.0, reserved suffixes.

/// Units that are not base units, with the base unit and what to do with the value.
const NOT_BASE: &[(&[&str], &str, &str)] = &[
    (&["ns", "nanos", "nanoseconds"], "seconds", "divide by 1e9"),
    (&["us", "micros", "microseconds"], "seconds", "divide by 1e6"),
    (&["ms", "millis", "milliseconds"], "seconds", "divide by 1000"),
    (
        &["s", "sec", "secs", "second"],
        "seconds",
        "the word is written out",
    ),
    (&["minutes", "hours", "days", "weeks"], "seconds", "multiply"),
    (&["bits"], "bytes", "divide by 8"),
    (&["b", "byte"], "bytes", "the word is written out"),
    (
        &[
            "kb",
            "kib",
            "kilobytes",
            "kibibytes",
            "mb",
            "mib",
            "megabytes",
            "mebibytes",
        ],
        "bytes",
        "multiply",
    ),
    (&["gb", "gib", "gigabytes", "gibibytes"], "bytes", "multiply"),
    (&["percent", "percentage", "pct"], "ratio", "divide by 100"),
    (&["kilograms", "kg"], "grams", "multiply by 1000"),
    (&["fahrenheit", "kelvin"], "celsius", "convert"),
];

/// `PutLeaf` → `put_leaf`, `HTTPServer` → `http_server`.
pub(crate) fn snake_case(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::with_capacity(name.len() + 4);
    for (i, c) in chars.iter().enumerate() {
        if c.is_uppercase() {
            let before = i.checked_sub(1).and_then(|i| chars.get(i));
            let after = chars.get(i + 1);
            let starts_word = before.is_some_and(|b| b.is_lowercase() || b.is_ascii_digit())
                || before.is_some_and(|b| b.is_uppercase()) && after.is_some_and(|a| a.is_lowercase());
            if starts_word {
                out.push('_');
            }
        }
        out.extend(c.to_lowercase());
    }
    out
}

/// What is wrong with a name in snake case, whatever it names.
pub(crate) fn snake_problem(name: &str) -> Option<String> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() {
        return Some("the name is empty".to_owned());
    }
    if let Some(bad) = name.chars().find(|c| !allowed(*c)) {
        let right: String = snake_case(name)
            .chars()
            .map(|c| if allowed(c) { c } else { '_' })
            .collect();
        return Some(format!(
            "`{bad}` cannot stand in a name; `{right}` would be right"
        ));
    }
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Some("a name starts with a letter".to_owned());
    }
    if name.ends_with('_') || name.contains("__") {
        return Some("a name has single underscores, and none at its end".to_owned());
    }
    None
}

/// What is wrong with a metric's full name by the conventions. `kind` is the instrument's type.
pub(crate) fn metric_problem(name: &str, kind: &str, unit: Option<&str>) -> Option<String> {
    if let Some(problem) = snake_problem(name) {
        return Some(problem);
    }
    for suffix in ["_count", "_sum", "_bucket", "_created"] {
        if let Some(base) = name.strip_suffix(suffix) {
            return Some(format!(
                "`{suffix}` is kept for the samples of a histogram; `{base}` or another word would be right"
            ));
        }
    }
    let base = name.strip_suffix("_total");
    match (kind, base) {
        ("Counter", None) => {
            return Some(format!(
                "the name of a counter ends with `_total`; `{name}_total` would be right"
            ));
        }
        ("Counter", Some(_)) | (_, None) => {}
        (_, Some(base)) => {
            return Some(format!(
                "only a counter's name ends with `_total`; `{base}` would be right, or make it a Counter"
            ));
        }
    }
    match (kind, name.strip_suffix("_info")) {
        ("Info", None) => {
            return Some(format!(
                "the name of an info ends with `_info`; `{name}_info` would be right"
            ));
        }
        ("Info", Some(_)) | (_, None) => {}
        (_, Some(_)) => return Some("only an info's name ends with `_info`".to_owned()),
    }
    let base = base.unwrap_or(name);
    if let Some(unit) = unit
        && !base.strip_suffix(unit).is_some_and(|rest| rest.ends_with('_'))
    {
        return Some(format!(
            "the name has to carry its unit `{unit}`, before `_total` if there is one"
        ));
    }
    let last = base.rsplit('_').next().unwrap_or(base);
    unit_problem(last).filter(|_| base.contains('_') && last.len() > 1)
}

/// What is wrong with a unit: it is not a base unit.
pub(crate) fn unit_problem(unit: &str) -> Option<String> {
    NOT_BASE
        .iter()
        .find(|(words, ..)| words.contains(&unit))
        .map(|(_, base, how)| format!("`{unit}` is not a base unit; `{base}` would be right ({how})"))
}

/// What is wrong with a label's name.
pub(crate) fn label_problem(name: &str) -> Option<String> {
    if name.starts_with("__") {
        return Some("names that start with `__` are kept for the server".to_owned());
    }
    if matches!(name, "le" | "quantile") {
        return Some(format!(
            "`{name}` is the label that tells the buckets of a histogram apart"
        ));
    }
    snake_problem(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_told_apart() {
        let cases = [
            ("PutLeaf", "put_leaf"),
            ("HTTPServer", "http_server"),
            ("V2Api", "v2_api"),
            ("Ok", "ok"),
            ("A", "a"),
        ];
        for (name, expect) in cases {
            assert_eq!(snake_case(name), expect);
        }
    }

    #[test]
    fn good_names_pass() {
        for (name, kind, unit) in [
            ("deriva_rpc_total", "Counter", None),
            ("sent_bytes_total", "Counter", Some("bytes")),
            ("rpc_duration_seconds", "Histogram", Some("seconds")),
            ("cache_hit_rate", "Gauge", None),
            ("target_info", "Info", None),
            ("b", "Gauge", None),
        ] {
            assert_eq!(metric_problem(name, kind, unit), None, "{name}");
        }
    }

    #[test]
    fn bad_names_are_told_what_would_be_right() {
        for (name, kind, unit, expect) in [
            ("rpc", "Counter", None, "`rpc_total`"),
            ("rpc_total", "Gauge", None, "`rpc`"),
            ("rpc_count", "Gauge", None, "`rpc`"),
            ("rpcDuration", "Gauge", None, "`rpc_duration`"),
            ("rpc-duration", "Gauge", None, "`rpc_duration`"),
            ("latency_ms", "Histogram", None, "`seconds`"),
            ("disk_percent", "Gauge", None, "`ratio`"),
            ("build", "Info", None, "`build_info`"),
            ("sent_total", "Counter", Some("bytes"), "`bytes`"),
            ("a__b", "Gauge", None, "single underscores"),
        ] {
            let problem = metric_problem(name, kind, unit).unwrap_or_else(|| panic!("{name} passed"));
            assert!(problem.contains(expect), "{name}: {problem}");
        }
    }

    #[test]
    fn labels_keep_off_what_is_reserved() {
        assert!(label_problem("le").is_some() && label_problem("__name").is_some());
        assert_eq!(label_problem("status"), None);
    }
}
