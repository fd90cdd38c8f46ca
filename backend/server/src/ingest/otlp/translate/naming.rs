//! Names of metrics and labels, as Prometheus has them.
//!
//! Source: OpenTelemetry specification, "Prometheus compatibility", and Prometheus' own OTLP translation with suffixes added.

/// The name of a metric: words joined by `_`, then the unit, then `_total` for a monotonic sum or `_ratio` for a gauge of unit 1.
/// A suffix that the name has already is not doubled.
pub(crate) fn metric_name(name: &str, unit: &str, monotonic: bool, gauge: bool) -> String {
    let mut words: Vec<&str> = name
        .split(|c: char| !c.is_ascii_alphanumeric() && c != ':')
        .filter(|word| !word.is_empty())
        .collect();
    let unit = unit.trim();
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let main = unit_word(main.trim());
    let per = per_word(per.trim());
    if !main.is_empty() && !has(&words, &main) {
        words.push(&main);
    }
    if !per.is_empty() && !has(&words, &per) {
        if words.last() != Some(&"per") {
            words.push("per");
        }
        words.push(&per);
    }
    if monotonic {
        words.retain(|word| *word != "total");
        words.push("total");
    }
    if gauge && unit == "1" {
        words.retain(|word| *word != "ratio");
        words.push("ratio");
    }
    let mut joined = words.join("_");
    if joined.starts_with(|c: char| c.is_ascii_digit()) {
        joined.insert(0, '_');
    }
    joined
}

fn has(words: &[&str], unit: &str) -> bool {
    words.contains(&unit) || (unit.contains('_') && words.join("_").contains(unit))
}

/// The unit as metadata names it: the words that [`metric_name`] appends.
pub(crate) fn unit_name(unit: &str) -> String {
    let unit = unit.trim();
    match unit.split_once('/') {
        Some((main, per)) => {
            let (main, per) = (unit_word(main.trim()), per_word(per.trim()));
            match (main.is_empty(), per.is_empty()) {
                (_, true) => main,
                (true, false) => format!("per_{per}"),
                (false, false) => format!("{main}_per_{per}"),
            }
        }
        None if unit == "1" => "ratio".into(),
        None => unit_word(unit),
    }
}

/// The name of a label: what is not allowed becomes `_`, a leading digit gets `key_`, a single leading underscore `key`.
pub(crate) fn label_name(name: &str) -> String {
    let mut label: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect();
    if label.starts_with(|c: char| c.is_ascii_digit()) {
        label.insert_str(0, "key_");
    } else if label.starts_with('_') && !label.starts_with("__") {
        label.insert_str(0, "key");
    }
    label
}

fn unit_word(unit: &str) -> String {
    if unit.contains(['{', '}']) {
        return String::new();
    }
    let word = match unit {
        "" | "1" => "",
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "TiBy" => "tebibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "TBy" => "terabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        other => return clean(other),
    };
    word.into()
}

fn per_word(unit: &str) -> String {
    if unit.contains(['{', '}']) {
        return String::new();
    }
    let word = match unit {
        "s" => "second",
        "m" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        other => return clean(other),
    };
    word.into()
}

fn clean(unit: &str) -> String {
    let words: Vec<&str> = unit
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, unit: &str, monotonic: bool, gauge: bool, expect: &str) {
        assert_eq!(metric_name(name, unit, monotonic, gauge), expect);
        // A second pass over its own output changes nothing.
        assert_eq!(metric_name(expect, unit, monotonic, gauge), expect);
    }

    #[test]
    fn joins_words_and_appends_unit_and_kind_once() {
        check(
            "http.server.duration",
            "s",
            false,
            false,
            "http_server_duration_seconds",
        );
        check(
            "http.server.duration.seconds",
            "s",
            false,
            false,
            "http_server_duration_seconds",
        );
        check("requests", "1", true, false, "requests_total");
        check("requests.total", "{request}", true, false, "requests_total");
        check("total.io", "By", true, false, "io_bytes_total");
        check("cache.hit", "1", false, true, "cache_hit_ratio");
        check("speed", "m/s", false, true, "speed_meters_per_second");
        check("rate", "{packet}/s", false, true, "rate_per_second");
        check("2xx..count", "", false, true, "_2xx_count");
        check("mem", "KiBy", false, true, "mem_kibibytes");
        check("fuel", "furlong-x", false, true, "fuel_furlong_x");
    }

    #[test]
    fn makes_label_names_that_prometheus_takes() {
        for (name, expect) in [
            ("http.method", "http_method"),
            ("0day", "key_0day"),
            ("_private", "key_private"),
            ("__reserved", "__reserved"),
            ("größe", "gr__e"),
        ] {
            assert_eq!(label_name(name), expect);
        }
    }

    #[test]
    fn names_units() {
        for (unit, expect) in [
            ("s", "seconds"),
            ("1", "ratio"),
            ("m/s", "meters_per_second"),
            ("{x}", ""),
        ] {
            assert_eq!(unit_name(unit), expect);
        }
    }
}
