//! `/loglevel`: the filter in force, and its exchange, for good or for a time (COM-13).

use std::time::Duration;

use http::Method;
use watchroom_capture::Filter;

use super::{Answer, Ask, TEXT};
use crate::config::Parts;
use crate::json;

pub(super) fn answer(parts: &Parts, ask: &Ask<'_>) -> Answer {
    let Some(filter) = &parts.log_filter else {
        return Answer::new(404, TEXT, "this service logs nothing\n");
    };
    match *ask.method {
        Method::GET | Method::HEAD => Answer::new(200, TEXT, format!("{}\n", filter.get())),
        Method::PUT => match read(ask) {
            Err(error) => Answer::new(400, TEXT, format!("{error}\n")),
            Ok((new, None)) => {
                filter.set(new);
                Answer::new(200, TEXT, format!("{}\n", filter.get()))
            }
            Ok((new, Some(time))) => match filter.set_for(new, time) {
                Ok(()) => Answer::new(200, TEXT, format!("{} for {} s\n", filter.get(), time.as_secs())),
                Err(error) => Answer::new(
                    503,
                    TEXT,
                    format!("not changed: no thread to put it back ({error})\n"),
                ),
            },
        },
        _ => Answer::not_allowed("GET, HEAD, PUT"),
    }
}

/// The body is a filter, or JSON: `{"filter":"info","for":"10m"}`.
fn read(ask: &Ask<'_>) -> Result<(Filter, Option<Duration>), String> {
    let text = std::str::from_utf8(ask.body)
        .map_err(|_| "the body is not UTF-8; send a filter such as info,deriva=debug")?;
    let text = text.trim();
    let mut time = ask.param("for").map(duration).transpose()?;
    let mut filter = text.to_owned();
    if text.starts_with('{') {
        filter.clear();
        let pairs = json::read::object(text).map_err(|error| {
            format!("the body is not JSON such as {{\"filter\":\"info\",\"for\":\"10m\"}}: {error}")
        })?;
        for (name, value) in pairs {
            match name.as_str() {
                "filter" => filter = value,
                "for" => time = Some(duration(&value)?),
                _ => return Err(format!("{name:?} is not known; known: filter, for")),
            }
        }
    }
    if filter.is_empty() {
        return Err("there is no filter; send one such as info,deriva=debug".to_owned());
    }
    Ok((Filter::parse(&filter).map_err(|error| error.to_string())?, time))
}

/// From one second to a day: `90`, `90s`, `10m`, `1h`.
fn duration(text: &str) -> Result<Duration, String> {
    const DAY: u64 = 86_400;
    let error = || format!("for={text:?} is not a time from 1 s to 1 day, such as 90s, 10m or 1h");
    let (digits, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let factor = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(error()),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|n| n.checked_mul(factor));
    seconds
        .filter(|s| (1..=DAY).contains(s))
        .map(Duration::from_secs)
        .ok_or_else(error)
}
