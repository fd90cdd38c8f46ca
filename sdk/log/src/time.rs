//! Dates as text.
//!
//! Source: RFC 3339; days to civil date by the proleptic Gregorian calendar, in eras of 400 years that begin in March.
//! Not here: reading time (core's clock), time zones (everything is UTC).

use std::cell::Cell;

const NS_PER_MS: u64 = 1_000_000;
const MS_PER_S: u64 = 1_000;
const S_PER_DAY: u64 = 86_400;

/// A moment in UTC, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: u64,
    pub(crate) month: u64,
    pub(crate) day: u64,
    pub(crate) hour: u64,
    pub(crate) minute: u64,
    pub(crate) second: u64,
}

impl Civil {
    pub(crate) const fn of_unix_s(unix_s: u64) -> Self {
        const DAYS_PER_ERA: u64 = 146_097;
        /// Days from 1 March of the year 0 to 1 January 1970.
        const EPOCH: u64 = 719_468;
        let days = unix_s / S_PER_DAY + EPOCH;
        let (era, day_of_era) = (days / DAYS_PER_ERA, days % DAYS_PER_ERA);
        // The last day of 4, 100 and 400 years is the leap day, since years begin in March.
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        // March to July and August to December repeat 31, 30, 31, 30, 31: 153 days in 5 months.
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = era * 400 + year_of_era + if month <= 2 { 1 } else { 0 };
        let second = unix_s % S_PER_DAY;
        Self {
            year,
            month,
            day,
            hour: second / 3_600,
            minute: second / 60 % 60,
            second: second % 60,
        }
    }
}

/// Puts the lowest decimal digits of a number into a place.
fn digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
    }
}

type Text = [u8; 24];

thread_local! {
    /// The second last shown, and its text; a line in the same second only differs in its milliseconds.
    static LAST: Cell<(u64, Text)> = const { Cell::new((u64::MAX, *b"0000-00-00T00:00:00.000Z")) };
}

/// Appends `2026-01-02T03:04:05.678Z`.
pub(crate) fn push_rfc3339_ms(out: &mut Vec<u8>, unix_ns: u64) {
    let unix_ms = unix_ns / NS_PER_MS;
    let (second, ms) = (unix_ms / MS_PER_S, unix_ms % MS_PER_S);
    let (known, mut text) = LAST
        .try_with(Cell::get)
        .unwrap_or((u64::MAX, *b"0000-00-00T00:00:00.000Z"));
    if known != second {
        let civil = Civil::of_unix_s(second);
        digits(&mut text[0..4], civil.year);
        digits(&mut text[5..7], civil.month);
        digits(&mut text[8..10], civil.day);
        digits(&mut text[11..13], civil.hour);
        digits(&mut text[14..16], civil.minute);
        digits(&mut text[17..19], civil.second);
        // During a thread's end there is no place to remember it.
        let _ = LAST.try_with(|last| last.set((second, text)));
    }
    let digit = |power: u64| b'0' + u8::try_from(ms / power % 10).unwrap_or(0);
    [text[20], text[21], text[22]] = [digit(100), digit(10), digit(1)];
    out.extend_from_slice(&text);
}

/// A date for the name of a file, which sorts by time: `20260102T030405Z`.
pub(crate) fn compact(unix_s: u64) -> String {
    let Civil {
        year,
        month,
        day,
        hour,
        minute,
        second,
    } = Civil::of_unix_s(unix_s);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

/// Reads what [`compact`] has written.
pub(crate) fn parse_compact(text: &str) -> Option<u64> {
    let well_formed =
        text.len() == 16 && text.is_ascii() && text.as_bytes()[8] == b'T' && text.ends_with('Z');
    if !well_formed {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        let digits = &text[range];
        digits
            .bytes()
            .all(|b| b.is_ascii_digit())
            .then(|| digits.parse::<u64>().ok())
            .flatten()
    };
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, second) = (number(9..11)?, number(11..13)?, number(13..15)?);
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // The inverse of `of_unix_s`: years begin in March.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(days * S_PER_DAY + hour * 3_600 + minute * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(unix_ns: u64) -> String {
        let mut out = Vec::new();
        push_rfc3339_ms(&mut out, unix_ns);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn known_moments_have_their_known_text() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_767_323_045_678, "2026-01-02T03:04:05.678Z"),
            (1_767_323_045_679, "2026-01-02T03:04:05.679Z"),
            (4_107_542_399_000, "2100-02-28T23:59:59.000Z"),
            (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        ] {
            assert_eq!(shown(unix_ms * NS_PER_MS), text);
        }
    }

    #[test]
    fn every_day_reads_back_as_itself() {
        for day in 0..60_000 {
            let unix_s = day * S_PER_DAY + day % S_PER_DAY;
            assert_eq!(parse_compact(&compact(unix_s)), Some(unix_s));
        }
        for bad in [
            "",
            "20260102T030405",
            "20261302T030405Z",
            "20260102 030405Z",
            "2026010xT030405Z",
            "19690102T030405Z",
        ] {
            assert_eq!(parse_compact(bad), None, "{bad}");
        }
    }
}
