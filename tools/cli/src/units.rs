//! Sizes, ages and addresses as people write them.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::time::Duration;

/// Reads `512MiB`, `10GB`, `4096`.
pub(crate) fn bytes(text: &str) -> Result<u64, String> {
    let fail = || {
        format!(
            "expected a number of bytes with or without a unit (B, KB, MB, GB, TB, KiB, MiB, GiB, TiB), such as 512MiB, got {text:?}"
        )
    };
    let (number, unit) = split(text);
    let number: f64 = number.parse().map_err(|_| fail())?;
    let size = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kib" => 1024.0,
        "m" | "mib" => 1024f64.powi(2),
        "g" | "gib" => 1024f64.powi(3),
        "t" | "tib" => 1024f64.powi(4),
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "tb" => 1e12,
        _ => return Err(fail()),
    };
    let bytes = number * size;
    (1.0..9e18)
        .contains(&bytes)
        .then_some(bytes as u64)
        .ok_or_else(fail)
}

/// Reads a size, and refuses one below `least`, which is a number of MiB.
pub(crate) fn bytes_from(least: u64) -> impl Fn(&str) -> Result<u64, String> + Clone {
    move |text| match bytes(text)? {
        size if size < least => Err(format!("expected at least {} MiB, got {text:?}", least >> 20)),
        size => Ok(size),
    }
}

/// Reads a number of times a second.
pub(crate) fn rate(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|rate| (0.1..=1_000.0).contains(rate))
        .ok_or_else(|| format!("expected a number from 0.1 to 1000, got {text:?}"))
}

/// Reads `15d`, `1.5h`, `2w`.
pub(crate) fn age(text: &str) -> Result<Duration, String> {
    let fail = || format!("expected a number with a unit (s, m, h, d, w, y), such as 15d, got {text:?}");
    let (number, unit) = split(text);
    let number: f64 = number.parse().map_err(|_| fail())?;
    let seconds = match unit {
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "w" => 7.0 * 86_400.0,
        "y" => 365.0 * 86_400.0,
        _ => return Err(fail()),
    };
    let seconds = number * seconds;
    if !(1.0..1e11).contains(&seconds) {
        return Err(fail());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// Reads `30s` and the like, and `0s`.
pub(crate) fn pause(text: &str) -> Result<Duration, String> {
    match text {
        "0" | "0s" => Ok(Duration::ZERO),
        text => age(text),
    }
}

/// Reads `127.0.0.1:7200`, `[::1]:7200`, `localhost:7200`.
pub(crate) fn address(text: &str) -> Result<SocketAddr, String> {
    text.to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .ok_or_else(|| format!("expected host:port, such as 127.0.0.1:7200, got {text:?}"))
}

fn split(text: &str) -> (&str, &str) {
    let at = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(at);
    (number, unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_sizes() {
        for (text, expect) in [
            ("1", 1),
            ("512MiB", 512 << 20),
            ("1.5 gib", 3 << 29),
            ("10GB", 10_000_000_000),
            ("2k", 2048),
        ] {
            assert_eq!(bytes(text), Ok(expect), "{text}");
        }
        for bad in ["", "x", "-1", "0", "1e9", "1 XB", "99999999TiB"] {
            assert!(bytes(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_rates() {
        assert_eq!(rate("2.5"), Ok(2.5));
        for bad in ["", "x", "nan", "inf", "-1", "0", "1e9"] {
            assert!(rate(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_ages() {
        assert_eq!(age("1.5h"), Ok(Duration::from_secs(5_400)));
        assert_eq!(age("15d"), Ok(Duration::from_secs(15 * 86_400)));
        for bad in ["", "15", "d", "-1d", "0s", "1x", "999999y"] {
            assert!(age(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_addresses() {
        assert_eq!(
            address("127.0.0.1:0").map(|a| a.to_string()),
            Ok("127.0.0.1:0".into())
        );
        assert!(address("127.0.0.1").is_err());
    }
}
