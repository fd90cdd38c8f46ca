//! Series with their values in the expanding notation: `1 2+3x4 _ stale {{schema:0 count:1 buckets:[1]}}x3`.

use std::sync::Arc;

use watchroom_model::{Labels, METRIC_NAME, MatchOp, NativeHistogram, stale_nan};
use watchroom_query::promql;

/// Values that one series may expand to.
const MAX_VALUES: usize = 1_000_000;

/// A series and its values, one for each interval.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub labels: Labels,
    pub values: Vec<Given>,
}

/// What a series has at a moment.
#[derive(Debug, Clone)]
pub(super) enum Given {
    Nothing,
    Number(f64),
    Histogram(Arc<NativeHistogram>),
}

impl Input {
    pub(super) fn read(series: &str, values: &str) -> Result<Self, String> {
        Ok(Self {
            labels: labels(series)?,
            values: expand(values)?,
        })
    }
}

/// Reads `name{a="b"}`; every matcher has to be an equality.
pub(super) fn labels(text: &str) -> Result<Labels, String> {
    let text = text.trim();
    if text == "{}" {
        return Ok(Labels::empty());
    }
    // A selector must not be empty, a series may be.
    let (matchers, name) = match promql::parse_selector(text) {
        Ok(matchers) => (matchers, None),
        Err(error) => match text.strip_prefix('{') {
            Some(rest) => {
                let named = format!("x{{{rest}");
                let matchers = promql::parse_selector(&named).map_err(|_| error.to_string())?;
                (matchers, Some("x"))
            }
            None => return Err(error.to_string()),
        },
    };
    let mut labels = Labels::builder();
    for matcher in matchers {
        if matcher.op != MatchOp::Equal {
            return Err(format!("label {:?}: expected \"=\"", matcher.name));
        }
        if matcher.name == METRIC_NAME && name == Some(matcher.value.as_str()) {
            continue;
        }
        labels.set(&matcher.name, &matcher.value);
    }
    Ok(labels.build())
}

/// Expands a text of values.
pub(super) fn expand(text: &str) -> Result<Vec<Given>, String> {
    let mut values = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (item, after) = item(rest)?;
        one(item, &mut values)?;
        rest = after;
    }
    Ok(values)
}

/// Splits the first item off; blanks within braces do not end it.
fn item(text: &str) -> Result<(&str, &str), String> {
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("{{") {
            at += rest
                .find("}}")
                .ok_or_else(|| format!("histogram is not closed by \"}}}}\": {rest:?}"))?
                + 2;
            continue;
        }
        let Some(c) = rest.chars().next() else { break };
        if c.is_whitespace() {
            break;
        }
        at += c.len_utf8();
    }
    Ok((&text[..at], text[at..].trim_start()))
}

fn one(item: &str, values: &mut Vec<Given>) -> Result<(), String> {
    let (head, times) = match item.starts_with("{{") {
        true => repeated(item, item.rfind("}}").map_or(0, |at| at + 2))?,
        false => repeated(item, 0)?,
    };
    let room = MAX_VALUES.saturating_sub(values.len());
    if times.unwrap_or(0) >= room {
        return Err(format!("series has more than {MAX_VALUES} values"));
    }
    if head == "_" {
        values.extend(std::iter::repeat_n(Given::Nothing, times.unwrap_or(1)));
        return Ok(());
    }
    if head.starts_with("{{") {
        return histograms(head, times, values);
    }
    if head == "stale" && times.is_none() {
        values.push(Given::Number(stale_nan()));
        return Ok(());
    }
    let wrong = || format!("expected a value such as 1, 1+2x3, _x4, stale or {{{{…}}}}, got {item:?}");
    // The sign of a step, not that of the number or of its exponent.
    let step_at = head
        .char_indices()
        .skip(1)
        .find(|(i, c)| matches!(c, '+' | '-') && !head[..*i].ends_with(['e', 'E']));
    let (start, step) = match step_at {
        Some((i, _)) => (&head[..i], Some(&head[i..])),
        None => (head, None),
    };
    let start = promql::parse_value(start).ok_or_else(wrong)?;
    let step = step
        .map(|step| promql::parse_value(step).ok_or_else(wrong))
        .transpose()?;
    match (step, times) {
        (None, None) => values.push(Given::Number(start)),
        (Some(_), None) => return Err(wrong()),
        (step, Some(times)) => {
            // Added up, not multiplied, as Prometheus does: the last digits differ.
            let mut value = start;
            for _ in 0..=times {
                values.push(Given::Number(value));
                value += step.unwrap_or(0.0);
            }
        }
    }
    Ok(())
}

/// `…x5`: what is repeated, and how often. There are no hexadecimal numbers here: `0x5` is six times zero.
fn repeated(item: &str, from: usize) -> Result<(&str, Option<usize>), String> {
    match item[from..].rfind('x').map(|at| from + at) {
        Some(at) => {
            let times = &item[at + 1..];
            let times = times
                .parse::<usize>()
                .map_err(|_| format!("expected a whole number after \"x\", got {item:?}"))?;
            Ok((&item[..at], Some(times)))
        }
        None => Ok((item, None)),
    }
}

fn histograms(head: &str, times: Option<usize>, values: &mut Vec<Given>) -> Result<(), String> {
    let end = head.find("}}").map_or(head.len(), |at| at + 2);
    let start = promql::parse_histogram(&head[..end])?;
    let (step, adds) = match &head[end..] {
        "" => (None, true),
        rest if rest.starts_with(['+', '-']) => {
            (Some(promql::parse_histogram(&rest[1..])?), rest.starts_with('+'))
        }
        rest => {
            return Err(format!(
                "expected \"+\" or \"-\" between histograms, got {rest:?}"
            ));
        }
    };
    let Some(times) = times else {
        if step.is_some() {
            return Err(format!("a step without \"x\" and a number: {head:?}"));
        }
        values.push(Given::Histogram(Arc::new(start)));
        return Ok(());
    };
    let hint = start.reset;
    let mut value = start;
    for _ in 0..=times {
        values.push(Given::Histogram(Arc::new(value.clone())));
        if let Some(step) = &step {
            let next = if adds { value.add(step) } else { value.sub(step) };
            value = next.map_err(|error| error.to_string())?;
            value.reset = hint;
        }
    }
    Ok(())
}
