//! Numbers as text, without allocation.
//!
//! Not here: dates.

/// Appends an integer.
pub(crate) fn push_int(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// Appends a finite number in its shortest form. Whether it was finite; if not, nothing is appended.
pub(crate) fn push_float(out: &mut Vec<u8>, number: f64) -> bool {
    if let Some(thousandths) = whole_thousandths(number) {
        push_thousandths(out, number.is_sign_negative(), thousandths);
        return true;
    }
    if number.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(number).as_bytes());
    }
    number.is_finite()
}

/// The number in thousandths, without its sign, if it is a whole number of them and not large: most numbers that are logged are.
///
/// A quotient of two whole numbers below 2⁵³ is the number next to the true quotient, so that one which comes out as the number itself
/// reads back as it. Of all decimals with at most 15 digits only one reads back as a given number, so that it is the shortest, too.
fn whole_thousandths(number: f64) -> Option<u64> {
    let size = number.abs();
    if !(0.001..1e9).contains(&size) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "from 1 to 10¹²"
    )]
    let (thousandths, back) = {
        let thousandths = (size * 1e3).round_ties_even() as u64;
        (thousandths, thousandths as f64 / 1e3)
    };
    #[expect(clippy::float_cmp, reason = "the very number is asked for")]
    (back == size).then_some(thousandths)
}

fn push_thousandths(out: &mut Vec<u8>, is_negative: bool, thousandths: u64) {
    if is_negative {
        out.push(b'-');
    }
    push_int(out, thousandths / 1_000);
    let rest = thousandths % 1_000;
    let digit = |power: u64| b'0' + u8::try_from(rest / power % 10).unwrap_or(0);
    let digits = [b'.', digit(100), digit(10), digit(1)];
    let n_digits = match rest {
        _ if rest.is_multiple_of(100) => 2,
        _ if rest.is_multiple_of(10) => 3,
        _ => 4,
    };
    out.extend_from_slice(&digits[..n_digits]);
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
    fn numbers_are_as_short_as_they_can_be() {
        let numbers = (0..40_000_u32).flat_map(|n| {
            let n = f64::from(n);
            [
                n / 1e3,
                -n / 1e3,
                n / 1e4,
                n * 0.1,
                n * 1.1,
                n * 25_000.007,
                n / 7.0,
                n * 1e5,
            ]
        });
        for number in numbers {
            let mut out = Vec::new();
            assert!(push_float(&mut out, number));
            let shortest = ryu::Buffer::new().format_finite(number).to_owned();
            assert_eq!(String::from_utf8(out).unwrap(), shortest, "{number:e}");
        }
        assert!(!push_float(&mut Vec::new(), f64::NAN) && !push_float(&mut Vec::new(), f64::INFINITY));
    }

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
