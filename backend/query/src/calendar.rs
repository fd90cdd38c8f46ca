//! Moments as text, in the layouts of Go's `time` package.
//!
//! Moments are nanoseconds since the epoch. Zones are UTC and fixed distances from it; there is no table of the world's zones.

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];

/// Parts of a layout, longer ones before those that begin them.
const PARTS: [&str; 30] = [
    "January", "Jan", "Monday", "Mon", "MST", "2006", "Z07:00", "Z0700", "-07:00", "-0700", "-07", "01",
    "02", "03", "04", "05", "06", "002", "15", "PM", "pm", "_2", "1", "2", "3", "4", "5", ".000", ".999",
    ",000",
];

/// Year, month (from 1) and day of a day counted from 1970-01-01; years run from March, so that a leap day comes last.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Days from 1970-01-01 to a date.
pub(crate) fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The part of a layout that begins `rest`, and its length; decimals of a second are as long as they are written.
fn part(rest: &str) -> Option<(&'static str, usize)> {
    let found = PARTS.into_iter().find(|part| match *part {
        ".000" | ".999" | ",000" => {
            let (bytes, digit) = (rest.as_bytes(), part.as_bytes()[1]);
            let after = bytes.iter().skip(1).find(|b| **b != digit);
            bytes.first() == part.as_bytes().first()
                && bytes.get(1) == Some(&digit)
                && !after.is_some_and(u8::is_ascii_digit)
        }
        part => rest.starts_with(part),
    })?;
    let len = match found {
        ".000" | ".999" | ",000" => {
            let digit = found.as_bytes()[1];
            1 + rest.bytes().skip(1).take_while(|b| *b == digit).count()
        }
        part => part.len(),
    };
    Some((found, len))
}

/// Shows a moment in UTC.
///
/// Source: Go `time.Time.Format`.
pub(crate) fn format(ns: i64, layout: &str) -> String {
    let seconds = ns.div_euclid(1_000_000_000);
    let fraction = ns.rem_euclid(1_000_000_000);
    let (day_number, of_day) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(day_number);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    let hour12 = if hour % 12 == 0 { 12 } else { hour % 12 };
    let month_name = MONTHS[(month - 1) as usize];
    let day_name = DAYS[(day_number + 4).rem_euclid(7) as usize];
    let mut out = String::new();
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        let Some((what, len)) = part(rest) else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        };
        rest = &rest[len..];
        match what {
            "January" => out.push_str(month_name),
            "Jan" => out.push_str(&month_name[..3]),
            "Monday" => out.push_str(day_name),
            "Mon" => out.push_str(&day_name[..3]),
            "MST" => out.push_str("UTC"),
            "2006" => out.push_str(&format!("{year:04}")),
            "Z07:00" | "Z0700" => out.push('Z'),
            "-07:00" => out.push_str("+00:00"),
            "-0700" => out.push_str("+0000"),
            "-07" => out.push_str("+00"),
            "01" => out.push_str(&format!("{month:02}")),
            "02" => out.push_str(&format!("{day:02}")),
            "03" => out.push_str(&format!("{hour12:02}")),
            "04" => out.push_str(&format!("{minute:02}")),
            "05" => out.push_str(&format!("{second:02}")),
            "06" => out.push_str(&format!("{:02}", year.rem_euclid(100))),
            "002" => out.push_str(&format!("{:03}", day_number - days(year, 1, 1) + 1)),
            "15" => out.push_str(&format!("{hour:02}")),
            "PM" => out.push_str(if hour < 12 { "AM" } else { "PM" }),
            "pm" => out.push_str(if hour < 12 { "am" } else { "pm" }),
            "_2" => out.push_str(&format!("{day:2}")),
            "1" => out.push_str(&month.to_string()),
            "2" => out.push_str(&day.to_string()),
            "3" => out.push_str(&hour12.to_string()),
            "4" => out.push_str(&minute.to_string()),
            "5" => out.push_str(&second.to_string()),
            decimals => {
                let digits = format!("{fraction:09}");
                let mut digits = &digits[..(len - 1).min(9)];
                if decimals == ".999" {
                    digits = digits.trim_end_matches('0');
                }
                if !digits.is_empty() {
                    out.push_str(&decimals[..1]);
                    out.push_str(digits);
                }
            }
        }
    }
    out
}

/// Reads a moment; one without a zone is `offset_s` seconds east of UTC.
///
/// Source: Go `time.ParseInLocation`.
pub(crate) fn parse(text: &str, layout: &str, offset_s: i64) -> Option<i64> {
    let (mut year, mut month, mut day) = (0, 1, 1);
    let (mut hour, mut minute, mut second, mut fraction) = (0, 0, 0, 0);
    let (mut afternoon, mut offset) = (None, offset_s);
    let (mut rest, mut layout) = (text, layout);
    while let Some(first) = layout.chars().next() {
        let Some((what, len)) = part(layout) else {
            rest = rest.strip_prefix(first)?;
            layout = &layout[first.len_utf8()..];
            continue;
        };
        layout = &layout[len..];
        match what {
            "January" => month = name(&mut rest, &MONTHS, usize::MAX)? + 1,
            "Jan" => month = name(&mut rest, &MONTHS, 3)? + 1,
            "Monday" => drop(name(&mut rest, &DAYS, usize::MAX)?),
            "Mon" => drop(name(&mut rest, &DAYS, 3)?),
            "MST" => {
                let n = rest.bytes().take_while(u8::is_ascii_uppercase).count();
                rest = rest.get(n.max(3)..)?;
            }
            "2006" => year = number(&mut rest, 4, 4)?,
            "06" => {
                let short = number(&mut rest, 2, 2)?;
                year = if short < 69 { 2000 + short } else { 1900 + short };
            }
            "Z07:00" | "Z0700" | "-07:00" | "-0700" | "-07" => {
                if what.starts_with('Z') && rest.starts_with('Z') {
                    (rest, offset) = (&rest[1..], 0);
                } else {
                    let sign = match rest.bytes().next()? {
                        b'+' => 1,
                        b'-' => -1,
                        _ => return None,
                    };
                    rest = &rest[1..];
                    let hours = number(&mut rest, 2, 2)?;
                    if what.ends_with(":00") {
                        rest = rest.strip_prefix(':')?;
                    }
                    let minutes = if what == "-07" {
                        0
                    } else {
                        number(&mut rest, 2, 2)?
                    };
                    offset = sign * (hours * 3600 + minutes * 60);
                }
            }
            "01" => month = number(&mut rest, 2, 2)?,
            "1" => month = number(&mut rest, 1, 2)?,
            "02" => day = number(&mut rest, 2, 2)?,
            "_2" => {
                rest = rest.trim_start_matches(' ');
                day = number(&mut rest, 1, 2)?;
            }
            "2" => day = number(&mut rest, 1, 2)?,
            "002" => day = number(&mut rest, 3, 3)?,
            "15" => hour = number(&mut rest, 2, 2)?,
            "03" => hour = number(&mut rest, 2, 2)?,
            "3" => hour = number(&mut rest, 1, 2)?,
            "04" => minute = number(&mut rest, 2, 2)?,
            "4" => minute = number(&mut rest, 1, 2)?,
            "05" | "5" => {
                second = number(&mut rest, if what == "05" { 2 } else { 1 }, 2)?;
                // Decimals may stand there even if the layout has none.
                let decimals =
                    part(layout).is_some_and(|(next, _)| next.len() == 4 && next.ends_with(['0', '9']));
                if !decimals && rest.starts_with('.') {
                    rest = &rest[1..];
                    fraction = decimal(&mut rest)?;
                }
            }
            "PM" | "pm" => {
                let word = rest.get(..2)?;
                afternoon = Some(word.eq_ignore_ascii_case("pm"));
                rest = &rest[2..];
            }
            decimals => match rest.strip_prefix(['.', ',']) {
                Some(digits) => {
                    rest = digits;
                    fraction = decimal(&mut rest)?;
                }
                None if decimals == ".999" => {}
                None => return None,
            },
        }
    }
    if let Some(afternoon) = afternoon {
        hour = hour % 12 + if afternoon { 12 } else { 0 };
    }
    let fits = rest.is_empty()
        && (1..=12).contains(&month)
        && (1..=366).contains(&day)
        && hour < 24
        && minute < 60
        && second < 60;
    let seconds =
        fits.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second - offset)?;
    seconds.checked_mul(1_000_000_000)?.checked_add(fraction)
}

/// Digits at the front, as many as there may be.
fn number(rest: &mut &str, least: usize, most: usize) -> Option<i64> {
    let n = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let digits = rest.get(..n).filter(|_| n >= least)?;
    *rest = &rest[n..];
    digits.parse().ok()
}

/// Digits after a point, as nanoseconds.
fn decimal(rest: &mut &str) -> Option<i64> {
    let n = rest.bytes().take_while(u8::is_ascii_digit).count();
    let digits: String = rest[..n].chars().take(9).collect();
    *rest = &rest[n..];
    format!("{digits:0<9}").parse().ok()
}

/// The name at the front, cut to `len`; gives its place.
fn name(rest: &mut &str, names: &[&str], len: usize) -> Option<i64> {
    let at = names.iter().position(|name| {
        let name = &name[..name.len().min(len)];
        rest.get(..name.len())
            .is_some_and(|front| front.eq_ignore_ascii_case(name))
    })?;
    *rest = &rest[names[at].len().min(len)..];
    Some(at as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_a_moment_in_many_layouts() {
        let ns = 1_136_214_245_123_000_000; // 2006-01-02T22:04:05.123+07:00 less seven hours
        for (layout, expect) in [
            ("2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z"),
            ("2006-01-02 15:04:05.000", "2006-01-02 15:04:05.123"),
            ("Mon Jan _2 15:04:05.999999 2006", "Mon Jan  2 15:04:05.123 2006"),
            (
                "Monday, 2 January 06, 3:04pm (002)",
                "Monday, 2 January 06, 3:04pm (002)",
            ),
            ("02.01. MST -0700", "02.01. UTC +0000"),
        ] {
            assert_eq!(format(ns, layout), expect);
        }
        assert_eq!(
            format(-1, "2006-01-02 15:04:05.000000000"),
            "1969-12-31 23:59:59.999999999"
        );
    }

    #[test]
    fn reads_what_it_shows_and_refuses_the_rest() {
        for layout in [
            "2006-01-02T15:04:05.000Z07:00",
            "2006-01-02T15:04:05Z07:00",
            "Jan 2, 2006 at 3:04:05.000pm",
            "02/Jan/2006:15:04:05.000 -0700",
        ] {
            let ns = 1_700_000_000_123_000_000;
            let shown = format(ns, layout);
            let ns = if layout.contains("000") && !layout.ends_with("05Z07:00") {
                ns
            } else {
                ns / 1_000_000_000 * 1_000_000_000
            };
            assert_eq!(parse(&shown, layout, 0), Some(ns), "{shown}");
        }
        assert_eq!(
            parse("2020-01-01 01:00", "2006-01-02 15:04", 3600),
            Some(1_577_836_800_000_000_000)
        );
        assert_eq!(
            parse("2020-01-01T01:00:00+01:00", "2006-01-02T15:04:05Z07:00", 0),
            Some(1_577_836_800_000_000_000)
        );
        for bad in ["", "2020-13-01", "2020-1-01", "2020-01-01x", "ü"] {
            assert_eq!(parse(bad, "2006-01-02", 0), None, "{bad}");
        }
    }
}
