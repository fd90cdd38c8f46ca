//! Moments as the APIs take and give them.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Reads seconds since the epoch with decimals, or RFC 3339, as milliseconds.
pub(crate) fn parse_ms(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        let ms = (seconds * 1000.0).round();
        return (ms.abs() < 9e15).then_some(ms as i64);
    }
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(moment.unix_timestamp_nanos().div_euclid(1_000_000)).ok()
}

/// Reads a moment as Loki does, as nanoseconds: an integer of nanoseconds (of seconds if it has ten digits or fewer), seconds with
/// decimals, or RFC 3339.
pub(crate) fn parse_ns(text: &str) -> Option<u64> {
    if let Ok(number) = text.parse::<u64>() {
        return match text.len() <= 10 {
            true => number.checked_mul(1_000_000_000),
            false => Some(number),
        };
    }
    if let Ok(seconds) = text.parse::<f64>() {
        let ns = seconds * 1e9;
        return (0.0..1.8e19).contains(&ns).then_some(ns as u64);
    }
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(moment.unix_timestamp_nanos()).ok()
}

/// RFC 3339 in UTC; the zero moment of Go for what never was.
pub(crate) fn rfc3339(t_ms: Option<i64>) -> String {
    t_ms.and_then(|ms| OffsetDateTime::from_unix_timestamp_nanos(i128::from(ms) * 1_000_000).ok())
        .and_then(|moment| moment.format(&Rfc3339).ok())
        .unwrap_or_else(|| "0001-01-01T00:00:00Z".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        assert_eq!(parse_ms("1.5"), Some(1_500));
        assert_eq!(parse_ms("1970-01-01T00:00:01.5Z"), Some(1_500));
        assert_eq!(parse_ms("1970-01-01T01:00:00+01:00"), Some(0));
        assert_eq!(parse_ns("1600000000"), Some(1_600_000_000_000_000_000));
        assert_eq!(parse_ns("1600000000000000001"), Some(1_600_000_000_000_000_001));
        assert_eq!(parse_ns("1.5"), Some(1_500_000_000));
        for bad in ["", "x", "NaN", "1e300", "inf", "2020-13-01T00:00:00Z"] {
            assert_eq!(parse_ms(bad), None, "{bad}");
            assert_eq!(parse_ns(bad), None, "{bad}");
        }
    }

    #[test]
    fn shows_moments() {
        assert_eq!(rfc3339(Some(1_500)), "1970-01-01T00:00:01.5Z");
        assert_eq!(rfc3339(None), "0001-01-01T00:00:00Z");
    }
}
