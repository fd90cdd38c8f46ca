//! Moments and durations as Go prints them, and the methods of a moment.
//!
//! Source: Go `time`.

use time::{OffsetDateTime, Weekday};

use super::value::Value;

fn moment(nanos: i128) -> Option<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp_nanos(nanos).ok()
}

/// `2024-01-31 12:00:00.5 +0000 UTC`
pub(super) fn go_time(nanos: i128) -> String {
    format(nanos, "2006-01-02 15:04:05.999999999 -0700 MST")
}

/// `1h2m3.5s`
pub(super) fn go_duration(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let fraction = |unit: u64, name: &str| {
        let digits = unit.ilog10() as usize;
        let mut text = (size / unit).to_string();
        if !size.is_multiple_of(unit) {
            let rest = format!("{:0digits$}", size % unit);
            text.push('.');
            text.push_str(rest.trim_end_matches('0'));
        }
        format!("{sign}{text}{name}")
    };
    match size {
        0 => "0s".into(),
        1..1_000 => format!("{sign}{size}ns"),
        1_000..1_000_000 => fraction(1_000, "µs"),
        1_000_000..1_000_000_000 => fraction(1_000_000, "ms"),
        _ => {
            let (hours, minutes) = (size / 3_600_000_000_000, size / 60_000_000_000 % 60);
            let seconds = size % 60_000_000_000;
            let mut text = sign.to_owned();
            if hours > 0 {
                text.push_str(&format!("{hours}h"));
            }
            if hours > 0 || minutes > 0 {
                text.push_str(&format!("{minutes}m"));
            }
            text.push_str(&(seconds / 1_000_000_000).to_string());
            if !seconds.is_multiple_of(1_000_000_000) {
                let rest = format!("{:09}", seconds % 1_000_000_000);
                text.push('.');
                text.push_str(rest.trim_end_matches('0'));
            }
            text + "s"
        }
    }
}

/// A method of a moment that a template may call.
pub(super) fn method(nanos: i128, name: &str, args: &[Value]) -> Result<Value, String> {
    let at = moment(nanos).ok_or("the time is out of range")?;
    let whole = |number: i64| Ok(Value::Int(number));
    match (name, args) {
        ("Format", [layout]) => Ok(Value::Text(format(nanos, layout.text()?))),
        ("Unix", []) => whole(at.unix_timestamp()),
        ("UnixMilli", []) => whole((nanos / 1_000_000) as i64),
        ("Year", []) => whole(i64::from(at.year())),
        ("Day", []) => whole(i64::from(at.day())),
        ("YearDay", []) => whole(i64::from(at.ordinal())),
        ("Hour", []) => whole(i64::from(at.hour())),
        ("Minute", []) => whole(i64::from(at.minute())),
        ("Second", []) => whole(i64::from(at.second())),
        ("Month", []) => Ok(Value::Text(at.month().to_string())),
        ("Weekday", []) => Ok(Value::Text(at.weekday().to_string())),
        ("UTC" | "Local", []) => Ok(Value::Time(nanos)),
        ("String", []) => Ok(Value::Text(go_time(nanos))),
        (other, _) => Err(format!("can't evaluate field {other} in type *time.Time")),
    }
}

/// Prints a moment by Go's example layout; longer elements stand before those that begin alike.
fn format(nanos: i128, layout: &str) -> String {
    let Some(at) = moment(nanos) else {
        return "the time is out of range".into();
    };
    let short = |text: String| text.chars().take(3).collect::<String>();
    let hour12 = match at.hour() % 12 {
        0 => 12,
        hour => hour,
    };
    let monday = |day: Weekday| day.to_string();
    let elements: [(&str, String); 25] = [
        ("2006", format!("{:04}", at.year())),
        ("January", at.month().to_string()),
        ("Monday", monday(at.weekday())),
        ("-07:00", "+00:00".into()),
        ("Z07:00", "Z".into()),
        ("-0700", "+0000".into()),
        ("002", format!("{:03}", at.ordinal())),
        ("Jan", short(at.month().to_string())),
        ("Mon", short(monday(at.weekday()))),
        ("MST", "UTC".into()),
        ("01", format!("{:02}", u8::from(at.month()))),
        ("02", format!("{:02}", at.day())),
        ("03", format!("{hour12:02}")),
        ("04", format!("{:02}", at.minute())),
        ("05", format!("{:02}", at.second())),
        ("06", format!("{:02}", at.year().rem_euclid(100))),
        ("15", format!("{:02}", at.hour())),
        ("PM", if at.hour() < 12 { "AM" } else { "PM" }.into()),
        ("pm", if at.hour() < 12 { "am" } else { "pm" }.into()),
        ("_2", format!("{:2}", at.day())),
        ("1", u8::from(at.month()).to_string()),
        ("2", at.day().to_string()),
        ("3", hour12.to_string()),
        ("4", at.minute().to_string()),
        ("5", at.second().to_string()),
    ];
    let mut out = String::new();
    let mut rest = layout;
    while let Some(first) = rest.chars().next() {
        // A fraction of a second: as many digits as zeros, or none that are zero at the end for nines.
        let digits = rest[1.min(rest.len())..]
            .bytes()
            .take_while(|b| matches!(b, b'0' | b'9'))
            .count();
        if matches!(first, '.' | ',') && digits > 0 {
            let all = format!("{:09}", at.nanosecond());
            let kept = &all[..digits.min(9)];
            let kept = match rest.as_bytes()[1] {
                b'9' => kept.trim_end_matches('0'),
                _ => kept,
            };
            if !kept.is_empty() {
                out.push(first);
                out.push_str(kept);
            }
            rest = &rest[1 + digits..];
        } else if let Some((element, text)) = elements.iter().find(|(element, _)| rest.starts_with(element)) {
            out.push_str(text);
            rest = &rest[element.len()..];
        } else {
            out.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    out
}
