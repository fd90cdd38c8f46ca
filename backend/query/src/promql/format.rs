//! Prometheus' text forms of numbers and durations.

use std::time::Duration;

/// Prints a value as the HTTP API does: the shortest digits that read back the same, never with an exponent; `+Inf`, `-Inf`, `NaN`.
///
/// Source: Prometheus `model.SampleValue.String`.
#[must_use]
pub fn format_value(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.into()
    } else {
        format!("{value}")
    }
}

/// Reads a number as PromQL writes it: decimal, `0x` hexadecimal, `Inf`, `NaN` in any case, with or without sign.
#[must_use]
pub fn parse_value(text: &str) -> Option<f64> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'-' => (-1.0, &text[1..]),
        b'+' => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    let lower = digits.to_ascii_lowercase();
    let number = match lower.as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        hex if hex.starts_with("0x") => u64::from_str_radix(&hex[2..], 16).ok()? as f64,
        decimal if decimal.starts_with(|c: char| c.is_ascii_digit() || c == '.') => decimal.parse().ok()?,
        _ => return None,
    };
    Some(sign * number)
}

/// Prints a duration as PromQL writes it: `1h30m`, `500ms`, `0s`.
///
/// Source: Prometheus `model.Duration.String`.
#[must_use]
pub fn format_duration(duration: Duration) -> String {
    let mut ms = duration.as_millis();
    if ms == 0 {
        return "0s".into();
    }
    let mut text = String::new();
    let units: [(&str, u128, bool); 7] = [
        ("y", 365 * 86_400_000, true),
        ("w", 7 * 86_400_000, true),
        ("d", 86_400_000, false),
        ("h", 3_600_000, false),
        ("m", 60_000, false),
        ("s", 1_000, false),
        ("ms", 1, false),
    ];
    for (unit, size, whole_only) in units {
        if (whole_only && !ms.is_multiple_of(size)) || ms < size {
            continue;
        }
        text.push_str(&format!("{}{unit}", ms / size));
        ms %= size;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(value: f64, expect: &str) {
        assert_eq!(format_value(value), expect);
        let back = parse_value(expect).unwrap();
        assert!(
            back == value || (back.is_nan() && value.is_nan()),
            "{expect} read back as {back}"
        );
    }

    #[test]
    fn prints_the_shortest_digits_that_read_back() {
        check(1.0, "1");
        check(0.1 + 0.2, "0.30000000000000004");
        check(-0.5, "-0.5");
        check(1e21, "1000000000000000000000");
        check(1e-7, "0.0000001");
        check(f64::INFINITY, "+Inf");
        check(f64::NEG_INFINITY, "-Inf");
        check(f64::NAN, "NaN");
    }

    #[test]
    fn reads_only_numbers() {
        for bad in ["", "-", "x", "1e", "--1", "0x", "infinit", "1 "] {
            assert_eq!(parse_value(bad), None, "{bad}");
        }
        assert_eq!(parse_value("0x1F"), Some(31.0));
    }

    #[test]
    fn prints_durations_as_prometheus_does() {
        for (ms, expect) in [
            (0, "0s"),
            (500, "500ms"),
            (90_000, "1m30s"),
            (86_400_000 * 14, "2w"),
            (86_400_000 * 8, "8d"),
            (3_600_000, "1h"),
        ] {
            assert_eq!(format_duration(Duration::from_millis(ms)), expect);
        }
    }
}
