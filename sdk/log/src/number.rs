//! Numbers as text, without allocation.
//!
//! Not here: dates.

/// Appends an integer.
pub(crate) fn push_int(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a finite number in its shortest form. Whether it was finite; if not, nothing is appended.
pub(crate) fn push_float(out: &mut Vec<u8>, number: f64) -> bool {
    if number.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(number).as_bytes());
    }
    number.is_finite()
}

/// Appends a duration in the unit that fits, with three digits: `1.23ms`.
pub(crate) fn push_duration(out: &mut Vec<u8>, ns: u64) {
    let (unit_ns, unit) = match ns {
        0..1_000 => (1, "ns"),
        1_000..1_000_000 => (1_000, "µs"),
        1_000_000..1_000_000_000 => (1_000_000, "ms"),
        _ => (1_000_000_000, "s"),
    };
    let (whole, thousandths) = (ns / unit_ns, ns % unit_ns * 1_000 / unit_ns);
    push_int(out, whole);
    let n_digits = match whole {
        _ if unit_ns == 1 => 0,
        0..10 => 2,
        10..100 => 1,
        _ => 0,
    };
    if n_digits > 0 {
        out.push(b'.');
        for power in [100, 10].into_iter().take(n_digits) {
            out.push(b'0' + u8::try_from(thousandths / power % 10).unwrap_or(0));
        }
    }
    out.extend_from_slice(unit.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_three_digits() {
        for (ns, text) in [
            (0, "0ns"),
            (999, "999ns"),
            (1_234, "1.23µs"),
            (45_678, "45.6µs"),
            (999_999, "999µs"),
            (1_000_000, "1.00ms"),
            (12_345_678_901, "12.3s"),
            (3_600_000_000_000, "3600s"),
        ] {
            let mut out = Vec::new();
            push_duration(&mut out, ns);
            assert_eq!(String::from_utf8(out).unwrap(), text);
        }
    }
}
