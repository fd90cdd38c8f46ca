//! Durations as Jaeger's search form takes them.

use std::time::Duration;

/// A duration that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid duration {text:?}: expected a number with a unit (ns, us, µs, ms, s, m, h), such as 1.2s or 100ms"
)]
pub struct DurationError {
    /// The text as given.
    pub text: String,
}

/// Reads `100ms`, `1.2s`, `500us`, `1m30s`.
///
/// # Errors
/// [`DurationError`] if it is empty, negative, without a unit or too long.
///
/// Source: Go `time.ParseDuration`, which Jaeger uses.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let fail = || DurationError { text: text.into() };
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(fail());
    }
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .ok_or_else(fail)?;
        let number: f64 = rest[..digits].parse().map_err(|_| fail())?;
        rest = &rest[digits..];
        let unit_len = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        let seconds = match &rest[..unit_len] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return Err(fail()),
        };
        rest = &rest[unit_len..];
        let part = Duration::try_from_secs_f64(number * seconds).map_err(|_| fail())?;
        total = total.checked_add(part).ok_or_else(fail)?;
    }
    Ok(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect_ns: u128) {
        assert_eq!(parse_duration(text).unwrap().as_nanos(), expect_ns, "{text}");
    }

    #[test]
    fn reads_what_jaeger_reads() {
        check("100ms", 100_000_000);
        check("1.2s", 1_200_000_000);
        check("500us", 500_000);
        check("500µs", 500_000);
        check("1m30s", 90_000_000_000);
        check("1h", 3_600_000_000_000);
        check("0", 0);
    }

    #[test]
    fn refuses_what_is_not_a_duration() {
        for bad in ["", "1", "ms", "-1s", "1.2.3s", "1d", "1 s", "1e300h", "∞s"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert_eq!(
            parse_duration("12").unwrap_err().to_string(),
            "invalid duration \"12\": expected a number with a unit (ns, us, µs, ms, s, m, h), such as 1.2s or 100ms"
        );
    }
}
