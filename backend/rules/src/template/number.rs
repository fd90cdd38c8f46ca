//! Numbers for people, and Go's way of printing them.
//!
//! Source: Prometheus `template/template.go`; Go `strconv`.

/// Go's `%v` of a float: shortest digits, an exponent below 1e-4 and from 1e6 on.
pub(super) fn go_float(value: f64) -> String {
    if !value.is_finite() {
        return watchroom_query::promql::format_value(value);
    }
    let (mantissa, exponent) = scientific(&format!("{value:e}"));
    if (-4..6).contains(&exponent) {
        format!("{value}")
    } else {
        with_exponent(&mantissa, exponent)
    }
}

/// Go's `%.{precision}g`: that many digits at most, trailing zeros cut.
pub(super) fn general(value: f64, precision: usize) -> String {
    if !value.is_finite() {
        return watchroom_query::promql::format_value(value);
    }
    let precision = precision.max(1);
    let (mantissa, exponent) = scientific(&format!("{:.*e}", precision - 1, value));
    if exponent < -4 || exponent >= precision as i32 {
        return with_exponent(cut_zeros(&mantissa), exponent);
    }
    let decimals = usize::try_from(precision as i32 - 1 - exponent).unwrap_or(0);
    cut_zeros(&format!("{value:.decimals$}")).to_owned()
}

/// Go's `%e`.
pub(super) fn exponential(value: f64, precision: usize) -> String {
    if !value.is_finite() {
        return watchroom_query::promql::format_value(value);
    }
    let (mantissa, exponent) = scientific(&format!("{value:.precision$e}"));
    with_exponent(&mantissa, exponent)
}

fn scientific(text: &str) -> (String, i32) {
    match text.split_once('e') {
        Some((mantissa, exponent)) => (mantissa.into(), exponent.parse().unwrap_or(0)),
        None => (text.into(), 0),
    }
}

fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}

fn cut_zeros(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];

/// Multiplies a value below 1 until it is not, and names the prefix.
fn small(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for next in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        (prefix, value) = (next, value * 1000.0);
    }
    (value, prefix)
}

/// Divides a value until it is below `step`, and names the prefix.
fn large(mut value: f64, step: f64, prefixes: [&'static str; 8]) -> (f64, &'static str) {
    let mut prefix = "";
    for next in prefixes {
        if value.abs() < step {
            break;
        }
        (prefix, value) = (next, value / step);
    }
    (value, prefix)
}

/// `1.234k`, `12.5m`
pub(super) fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return general(value, 4);
    }
    let (value, prefix) = if value.abs() >= 1.0 {
        large(value, 1000.0, ["k", "M", "G", "T", "P", "E", "Z", "Y"])
    } else {
        small(value)
    };
    format!("{}{prefix}", general(value, 4))
}

/// `1.5ki`
pub(super) fn humanize_1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return general(value, 4);
    }
    let (value, prefix) = large(value, 1024.0, ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]);
    format!("{}{prefix}", general(value, 4))
}

/// `1d 2h 3m 4s`, `12.5ms`
pub(super) fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return general(value, 4);
    }
    if value == 0.0 {
        return "0s".into();
    }
    if value.abs() < 1.0 {
        let (value, prefix) = small(value);
        return format!("{}{prefix}s", general(value, 4));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let whole = value.abs() as u64;
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3600 % 24, whole / 86_400);
    if days > 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours > 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes > 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", general(value.abs(), 4))
    }
}

/// `12.5%`
pub(super) fn humanize_percentage(value: f64) -> String {
    format!("{}%", general(value * 100.0, 4))
}

/// `2024-01-31 12:00:00 +0000 UTC`
pub(super) fn humanize_timestamp(seconds: f64) -> Result<String, String> {
    if !seconds.is_finite() {
        return Ok(general(seconds, 4));
    }
    let nanos = (seconds * 1e9).round();
    let moment = time::OffsetDateTime::from_unix_timestamp_nanos(nanos as i128)
        .map_err(|_| format!("{} is not a time", go_float(seconds)))?;
    let fraction = match moment.nanosecond() {
        0 => String::new(),
        nanos => format!(".{nanos:09}").trim_end_matches('0').to_owned(),
    };
    Ok(format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}{fraction} +0000 UTC",
        moment.year(),
        u8::from(moment.month()),
        moment.day(),
        moment.hour(),
        moment.minute(),
        moment.second()
    ))
}
