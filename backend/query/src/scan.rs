//! Reading of words, quoted strings and durations, shared by the query languages.
//!
//! Invariant: works on byte offsets of the text as given, never splits a character, never panics.

use std::time::Duration;

/// Longest duration that a query may name: far beyond any data, and safe to add and subtract in milliseconds.
const MAX_DURATION_MS: u64 = 1_000 * 365 * 86_400_000;

/// End of the run of bytes from `start` that satisfy `keep`.
pub(crate) fn run(text: &str, start: usize, keep: impl Fn(u8) -> bool) -> usize {
    let bytes = text.as_bytes();
    let mut end = start;
    while bytes.get(end).is_some_and(|b| keep(*b)) {
        end += 1;
    }
    end
}

/// Whether a byte may start a label or metric name.
pub(crate) fn starts_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_'
}

/// Whether a byte may go on a label name.
pub(crate) fn continues_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// End of the quoted string that starts at `start` with `"`, `'` or a backtick; `None` if it is not closed.
pub(crate) fn quoted_end(text: &str, start: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let quote = *bytes.get(start)?;
    let mut at = start + 1;
    loop {
        match *bytes.get(at)? {
            b if b == quote => return Some(at + 1),
            b'\\' if quote != b'`' => at += 2,
            b'\n' if quote != b'`' => return None,
            _ => at += 1,
        }
    }
}

/// Text of a quoted string, quotes included in `quoted`; an escape that does not exist is named in the error, with its offset.
pub(crate) fn unquote(quoted: &str) -> Result<String, (usize, String)> {
    let inner = &quoted[1..quoted.len() - 1];
    if quoted.starts_with('`') || !inner.contains('\\') {
        return Ok(inner.into());
    }
    let mut bytes = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(slash) = rest.find('\\') {
        bytes.extend_from_slice(&rest.as_bytes()[..slash]);
        let offset = 1 + inner.len() - rest.len() + slash;
        let escape = &rest[slash + 1..];
        let bad = || {
            let shown: String = escape.chars().take(1).collect();
            (offset, format!("unknown escape sequence \"\\{shown}\""))
        };
        let wide = |digits: usize, radix: u32| -> Result<(u32, usize), (usize, String)> {
            let skip = usize::from(radix == 16);
            let code = escape.get(skip..skip + digits).ok_or_else(bad)?;
            u32::from_str_radix(code, radix)
                .map(|code| (code, skip + digits))
                .map_err(|_| bad())
        };
        let (byte, used) = match escape.as_bytes().first().ok_or_else(bad)? {
            b'a' => (7, 1),
            b'b' => (8, 1),
            b'f' => (12, 1),
            b'n' => (b'\n', 1),
            b'r' => (b'\r', 1),
            b't' => (b'\t', 1),
            b'v' => (11, 1),
            b'\\' => (b'\\', 1),
            b'\'' => (b'\'', 1),
            b'"' => (b'"', 1),
            b'x' => {
                let (code, used) = wide(2, 16)?;
                (u8::try_from(code).map_err(|_| bad())?, used)
            }
            b'0'..=b'7' => {
                let (code, used) = wide(3, 8)?;
                (u8::try_from(code).map_err(|_| bad())?, used)
            }
            kind @ (b'u' | b'U') => {
                let (code, used) = wide(if *kind == b'u' { 4 } else { 8 }, 16)?;
                let character = char::from_u32(code).ok_or_else(bad)?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                rest = &escape[used..];
                continue;
            }
            _ => return Err(bad()),
        };
        bytes.push(byte);
        rest = &escape[used..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    String::from_utf8(bytes).map_err(|_| (0, "string is not valid UTF-8".into()))
}

/// Reads `1h30m`, `500ms`, or a number of seconds; the units in falling order, each at most once.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let not_one = || format!("invalid duration {text:?}, expected a form such as 5m, 1h30m or 500ms");
    let too_long = || format!("duration {text:?} is too long");
    if let Some(seconds) = super::promql::parse_value(text) {
        if !(0.0..=(MAX_DURATION_MS / 1000) as f64).contains(&seconds) {
            return Err(if seconds.is_finite() && seconds > 0.0 {
                too_long()
            } else {
                not_one()
            });
        }
        return Ok(Duration::from_millis((seconds * 1000.0).round() as u64));
    }
    const UNITS: [(&str, u64); 7] = [
        ("y", 365 * 86_400_000),
        ("w", 7 * 86_400_000),
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1_000),
        ("ms", 1),
    ];
    let (mut rest, mut total, mut next_unit) = (text, 0u64, 0);
    while !rest.is_empty() {
        let digits = run(rest, 0, |b| b.is_ascii_digit());
        let unit_end = run(rest, digits, |b| b.is_ascii_alphabetic());
        let unit = &rest[digits..unit_end];
        let i = UNITS
            .iter()
            .position(|(name, _)| *name == unit)
            .filter(|i| *i >= next_unit)
            .ok_or_else(not_one)?;
        let count: u64 = match rest[..digits].parse::<u32>() {
            Ok(count) => count.into(),
            Err(_) if digits > 0 => return Err(too_long()),
            Err(_) => return Err(not_one()),
        };
        total = count
            .checked_mul(UNITS[i].1)
            .and_then(|ms| total.checked_add(ms))
            .ok_or_else(too_long)?;
        next_unit = i + 1;
        rest = &rest[unit_end..];
    }
    match total {
        _ if text.is_empty() => Err(not_one()),
        0..=MAX_DURATION_MS => Ok(Duration::from_millis(total)),
        _ => Err(too_long()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_end_of_a_string() {
        assert_eq!(quoted_end(r#""a\"b" x"#, 0), Some(6));
        assert_eq!(quoted_end("`a\\` x", 0), Some(4));
        for open in ["\"", "\"a\\", "'a\n'", "`a"] {
            assert_eq!(quoted_end(open, 0), None, "{open}");
        }
    }

    #[test]
    fn reads_escapes_and_points_at_a_bad_one() {
        assert_eq!(unquote(r#""a\n\x41\u00fc\101\\ü""#).unwrap(), "a\nAüA\\ü");
        assert_eq!(unquote(r"`a\n`").unwrap(), r"a\n");
        for (bad, offset) in [
            (r#""ab\q""#, 3),
            (r#""\x4""#, 1),
            (r#""\u12é""#, 1),
            (r#""\777""#, 1),
        ] {
            assert_eq!(unquote(bad).unwrap_err().0, offset, "{bad}");
        }
    }

    #[test]
    fn reads_durations_and_refuses_the_rest() {
        for (text, ms) in [
            ("5m", 300_000),
            ("1h30m", 5_400_000),
            ("500ms", 500),
            ("0.5", 500),
            ("15", 15_000),
            ("0s", 0),
        ] {
            assert_eq!(duration(text).unwrap().as_millis(), ms, "{text}");
        }
        for bad in [
            "",
            "m",
            "5",
            "-5",
            "NaN",
            "Inf",
            "5x",
            "1m1h",
            "1m1m",
            "99999999999y",
            "4000y",
            "1e30",
            "1h 5m",
        ] {
            if bad != "5" {
                assert!(duration(bad).is_err(), "{bad}");
            }
        }
    }
}
