//! Functions of time. Zones are `UTC`, `Local`, which is UTC too, and distances such as `+02:00`.

use crate::calendar;
use crate::template::{Function, Value, function};
use crate::traces::parse_duration;

type Result1 = Result<Value, String>;

pub(super) static FUNCTIONS: &[Function] = &[
    function("__timestamp__", (0, 0), |_, context| Ok(context.ask("timestamp"))),
    function("now", (0, 0), |_, context| Ok(context.ask("now"))),
    function("date", (2, 2), |a, _| {
        let layout = a[0].text()?;
        Ok(calendar::format(moment(&a[1])?, layout).into())
    }),
    function("toDate", (2, 2), |a, _| read(a[0].text()?, "UTC", a[1].text()?)),
    function("toDateInZone", (3, 3), |a, _| {
        read(a[0].text()?, a[1].text()?, a[2].text()?)
    }),
    function("unixEpoch", (1, 1), |a, _| {
        Ok((a[0].time()?.div_euclid(1_000_000_000)).to_string().into())
    }),
    function("unixEpochMillis", (1, 1), |a, _| {
        Ok((a[0].time()?.div_euclid(1_000_000)).to_string().into())
    }),
    function("unixEpochNanos", (1, 1), |a, _| {
        Ok(a[0].time()?.to_string().into())
    }),
    function("unixToTime", (1, 1), |a, _| {
        let text = a[0].to_string();
        let number: i64 = text.parse().map_err(|_| format!("{text:?} is not a time"))?;
        // Days, seconds, milliseconds, microseconds or nanoseconds, as its length tells.
        let unit = match text.len() {
            5 => 86_400_000_000_000,
            10 => 1_000_000_000,
            13 => 1_000_000,
            16 => 1_000,
            19 => 1,
            _ => return Err(format!("{text:?} is not a time of 5, 10, 13, 16 or 19 digits")),
        };
        number
            .checked_mul(unit)
            .map(Value::Time)
            .ok_or_else(|| format!("{text:?} is too late a time"))
    }),
    function("duration", (1, 1), |a, _| seconds(&a[0])),
    function("duration_seconds", (1, 1), |a, _| seconds(&a[0])),
];

/// A moment; a number is seconds since the epoch.
fn moment(value: &Value) -> Result<i64, String> {
    match value {
        Value::Int(seconds) => seconds
            .checked_mul(1_000_000_000)
            .ok_or_else(|| "time is out of range".into()),
        other => other.time(),
    }
}

fn read(layout: &str, zone: &str, text: &str) -> Result1 {
    let offset = offset_s(zone)
        .ok_or_else(|| format!("unknown zone {zone:?}, expected UTC or a form such as +02:00"))?;
    calendar::parse(text, layout, offset)
        .map(Value::Time)
        .ok_or_else(|| format!("{text:?} is not a time in the layout {layout:?}"))
}

fn offset_s(zone: &str) -> Option<i64> {
    if ["", "UTC", "Local", "GMT", "Z"].contains(&zone) {
        return Some(0);
    }
    let sign = match zone.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone[1..].split_once(':')?;
    Some(
        sign * (hours.parse::<u16>().ok()?.min(24) as i64 * 3600
            + minutes.parse::<u16>().ok()?.min(59) as i64 * 60),
    )
}

fn seconds(value: &Value) -> Result1 {
    let text = value.text()?;
    let (sign, size) = match text.strip_prefix('-') {
        Some(size) => (-1.0, size),
        None => (1.0, text),
    };
    parse_duration(size)
        .map(|duration| Value::Float(sign * duration.as_secs_f64()))
        .map_err(|error| error.to_string())
}
