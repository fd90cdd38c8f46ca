//! The functions of a template.
//!
//! Source: Prometheus `template/template.go`; Go `text/template`.

use std::cmp::Ordering;

use regex::RegexBuilder;
use watchroom_model::{Labels, METRIC_NAME};
use watchroom_query::promql::parse_duration;

use super::Data;
use super::number::{
    go_float, humanize, humanize_1024, humanize_duration, humanize_percentage, humanize_timestamp,
};
use super::printf::printf;
use super::value::Value;

type Result1 = Result<Value, String>;

/// A function; the value that comes through the pipe is its last argument.
#[derive(Debug)]
pub(super) struct Function {
    pub name: &'static str,
    pub min_args: usize,
    pub max_args: usize,
    pub call: fn(&[Value], &Data<'_>) -> Result1,
}

const fn function(
    name: &'static str,
    args: (usize, usize),
    call: fn(&[Value], &Data<'_>) -> Result1,
) -> Function {
    Function {
        name,
        min_args: args.0,
        max_args: args.1,
        call,
    }
}

const MANY: usize = 64;

static FUNCTIONS: &[Function] = &[
    function("humanize", (1, 1), |a, _| {
        Ok(Value::Text(humanize(a[0].number()?)))
    }),
    function("humanize1024", (1, 1), |a, _| {
        Ok(Value::Text(humanize_1024(a[0].number()?)))
    }),
    function("humanizeDuration", (1, 1), |a, _| {
        Ok(Value::Text(humanize_duration(a[0].number()?)))
    }),
    function("humanizePercentage", (1, 1), |a, _| {
        Ok(Value::Text(humanize_percentage(a[0].number()?)))
    }),
    function("humanizeTimestamp", (1, 1), |a, _| {
        humanize_timestamp(a[0].number()?).map(Value::Text)
    }),
    function("printf", (1, MANY), |a, _| {
        Ok(Value::Text(printf(a[0].text()?, &a[1..])))
    }),
    function("print", (0, MANY), |a, _| Ok(Value::Text(print(a)))),
    function("println", (0, MANY), |a, _| {
        let words: Vec<String> = a.iter().map(ToString::to_string).collect();
        Ok(Value::Text(words.join(" ") + "\n"))
    }),
    function("title", (1, 1), |a, _| Ok(Value::Text(title(a[0].text()?)))),
    function("toUpper", (1, 1), |a, _| {
        Ok(Value::Text(a[0].text()?.to_uppercase()))
    }),
    function("toLower", (1, 1), |a, _| {
        Ok(Value::Text(a[0].text()?.to_lowercase()))
    }),
    function("match", (2, 2), |a, _| {
        Ok(Value::Bool(regex(a[0].text()?)?.is_match(a[1].text()?)))
    }),
    function("reReplaceAll", (3, 3), |a, _| {
        Ok(Value::Text(
            regex(a[0].text()?)?
                .replace_all(a[2].text()?, a[1].text()?)
                .into_owned(),
        ))
    }),
    function("stripPort", (1, 1), |a, _| {
        Ok(Value::Text(strip_port(a[0].text()?).into()))
    }),
    function("stripDomain", (1, 1), |a, _| {
        Ok(Value::Text(strip_domain(a[0].text()?)))
    }),
    function("parseDuration", (1, 1), |a, _| {
        parse_duration(a[0].text()?)
            .map(|d| Value::Number(d.as_secs_f64()))
            .map_err(|e| e.message().to_owned())
    }),
    function("toTime", (1, 1), |a, _| {
        let seconds = a[0].number()?;
        if !seconds.is_finite() || seconds.abs() > 9e9 {
            return Err(format!("{} is not a time", go_float(seconds)));
        }
        Ok(Value::Time(i128::from((seconds * 1000.0) as i64) * 1_000_000))
    }),
    function("toDuration", (1, 1), |a, _| {
        Ok(Value::Duration((a[0].number()? * 1e9) as i64))
    }),
    function("now", (0, 0), |_, data| {
        Ok(Value::Number(data.now_ms as f64 / 1000.0))
    }),
    function("args", (0, MANY), |a, _| {
        let named = a
            .iter()
            .enumerate()
            .map(|(i, value)| (format!("arg{i}"), value.clone()));
        Ok(Value::Map(named.collect()))
    }),
    function("html", (1, MANY), |a, _| Ok(Value::Text(html(&print(a))))),
    function("js", (1, MANY), |a, _| Ok(Value::Text(js(&print(a))))),
    function("slice", (1, 4), slice),
    function("safeHtml", (1, 1), |a, _| {
        Ok(Value::Text(a[0].text()?.to_owned()))
    }),
    function("urlquery", (1, MANY), |a, _| {
        Ok(Value::Text(url_query(&print(a))))
    }),
    function("urlQueryEscape", (1, 1), |a, _| {
        Ok(Value::Text(url_query(a[0].text()?)))
    }),
    function("externalURL", (0, 0), |_, data| {
        Ok(Value::Text(data.external_url.into()))
    }),
    function("pathPrefix", (0, 0), |_, data| {
        Ok(Value::Text(path_prefix(data.external_url).into()))
    }),
    function("graphLink", (1, 1), |a, _| Ok(Value::Text(link(a[0].text()?, 0)))),
    function("tableLink", (1, 1), |a, _| Ok(Value::Text(link(a[0].text()?, 1)))),
    function("query", (1, 1), |a, data| {
        let found = (data.query)(a[0].text()?)?.into_iter();
        Ok(Value::Samples(
            found
                .map(|(labels, point)| (labels, Value::from(&point)))
                .collect(),
        ))
    }),
    function("first", (1, 1), |a, _| first(&a[0])),
    function("value", (1, 1), |a, _| {
        sample(&a[0]).map(|(_, value)| value.clone())
    }),
    function("label", (2, 2), |a, _| {
        let (labels, _) = sample(&a[1])?;
        Ok(Value::Text(labels.get(a[0].text()?).unwrap_or("").into()))
    }),
    function("strvalue", (1, 1), |a, _| {
        let (labels, _) = sample(&a[0])?;
        Ok(Value::Text(labels.get("__value__").unwrap_or("").into()))
    }),
    function("sortByLabel", (2, 2), sort_by_label),
    function("eq", (2, MANY), |a, _| {
        let mut equal = false;
        for other in &a[1..] {
            equal |= compare(&a[0], other)? == Some(Ordering::Equal);
        }
        Ok(Value::Bool(equal))
    }),
    function("ne", (2, 2), |a, _| {
        Ok(Value::Bool(compare(&a[0], &a[1])? != Some(Ordering::Equal)))
    }),
    function("lt", (2, 2), |a, _| {
        Ok(Value::Bool(compare(&a[0], &a[1])?.is_some_and(Ordering::is_lt)))
    }),
    function("le", (2, 2), |a, _| {
        Ok(Value::Bool(compare(&a[0], &a[1])?.is_some_and(Ordering::is_le)))
    }),
    function("gt", (2, 2), |a, _| {
        Ok(Value::Bool(compare(&a[0], &a[1])?.is_some_and(Ordering::is_gt)))
    }),
    function("ge", (2, 2), |a, _| {
        Ok(Value::Bool(compare(&a[0], &a[1])?.is_some_and(Ordering::is_ge)))
    }),
    function("and", (1, MANY), |a, _| {
        Ok(a.iter().find(|v| !v.is_true()).unwrap_or(&a[a.len() - 1]).clone())
    }),
    function("or", (1, MANY), |a, _| {
        Ok(a.iter().find(|v| v.is_true()).unwrap_or(&a[a.len() - 1]).clone())
    }),
    function("not", (1, 1), |a, _| Ok(Value::Bool(!a[0].is_true()))),
    function("len", (1, 1), |a, _| length(&a[0])),
    function("index", (1, MANY), |a, _| {
        a[1..]
            .iter()
            .try_fold(a[0].clone(), |value, key| index(&value, key))
    }),
];

/// The function whose name is nearest to one that does not exist.
pub(super) fn like(name: &str) -> Option<&'static str> {
    let names = FUNCTIONS.iter().map(|function| function.name);
    names
        .map(|known| (distance(&known.to_lowercase(), &name.to_lowercase()), known))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, known)| known)
}

/// Letters to change, add or leave out to make one word of another.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().take(32).collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().take(32).enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = (corner + usize::from(x != *y)).min(above + 1).min(row[j] + 1);
            corner = above;
        }
    }
    row[b.len()]
}

/// Finds a function.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

fn regex(pattern: &str) -> Result<regex::Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| format!("invalid regular expression {pattern:?}"))
}

/// Values one after the other, with a space between two that are not text.
fn print(args: &[Value]) -> String {
    let mut out = String::new();
    for (i, value) in args.iter().enumerate() {
        let is_text = |v: &Value| matches!(v, Value::Text(_));
        if i > 0 && !is_text(value) && !is_text(&args[i - 1]) {
            out.push(' ');
        }
        out.push_str(&value.to_string());
    }
    out
}

/// The first letter of each word in upper case.
fn title(text: &str) -> String {
    let mut after_letter = false;
    text.chars()
        .map(|c| {
            let upper = !after_letter;
            after_letter = c.is_alphanumeric() || c == '_' || c == '\'';
            if upper {
                c.to_uppercase().next().unwrap_or(c)
            } else {
                c
            }
        })
        .collect()
}

fn strip_port(address: &str) -> &str {
    match address.rsplit_once(':') {
        Some((host, port))
            if port.bytes().all(|b| b.is_ascii_digit()) && (host.ends_with(']') || !host.contains(':')) =>
        {
            host.strip_prefix('[')
                .and_then(|h| h.strip_suffix(']'))
                .unwrap_or(host)
        }
        _ => address,
    }
}

/// `host.example.org:80` becomes `host:80`; an address in numbers stays.
fn strip_domain(address: &str) -> String {
    let host = strip_port(address);
    if host.parse::<std::net::IpAddr>().is_ok() {
        return address.into();
    }
    let short = host.split('.').next().unwrap_or(host);
    format!("{short}{}", address.strip_prefix(host).unwrap_or(""))
}

fn path_prefix(url: &str) -> &str {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    path.find('/').map_or("", |i| &path[i..])
}

fn url_query(text: &str) -> String {
    text.bytes()
        .map(|b| match b {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => (b as char).to_string(),
            b' ' => "+".into(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn link(expr: &str, tab: u8) -> String {
    format!("/graph?g0.expr={}&g0.tab={tab}", url_query(expr))
}

fn sample(value: &Value) -> Result<(&Labels, &Value), String> {
    match value {
        Value::Sample(labels, value) => Ok((labels, value)),
        other => Err(format!("{other} is not a sample")),
    }
}

fn first(value: &Value) -> Result1 {
    match value {
        Value::Samples(samples) => match samples.first() {
            Some((labels, value)) => Ok(Value::Sample(labels.clone(), Box::new(value.clone()))),
            None => Err("first() called on vector with no elements".into()),
        },
        other => Err(format!("{other} is not a query result")),
    }
}

fn sort_by_label(args: &[Value], _: &Data<'_>) -> Result1 {
    let Value::Samples(samples) = &args[1] else {
        return Err(format!("{} is not a query result", args[1]));
    };
    let name = args[0].text()?;
    let mut sorted = samples.clone();
    sorted.sort_by(|a, b| a.0.get(name).unwrap_or("").cmp(b.0.get(name).unwrap_or("")));
    Ok(Value::Samples(sorted))
}

/// Order of two values of one kind; `None` if one is not a number in spite of its kind.
fn compare(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (a, b) {
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        (Value::Bool(a), Value::Bool(b)) => Ok(Some(a.cmp(b))),
        (Value::Number(a), Value::Number(b)) => Ok(a.partial_cmp(b)),
        (Value::Int(a), Value::Int(b)) | (Value::Duration(a), Value::Duration(b)) => Ok(Some(a.cmp(b))),
        _ => Err(format!(
            "incompatible types for comparison: {} and {} (a number with a point, such as 1.0, compares with a value)",
            a.kind(),
            b.kind()
        )),
    }
}

fn length(value: &Value) -> Result1 {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Labels(labels) => labels.len(),
        Value::Samples(samples) => samples.len(),
        Value::Map(entries) => entries.len(),
        other => return Err(format!("len of type {}", other.kind())),
    };
    Ok(Value::Int(length as i64))
}

fn index(value: &Value, key: &Value) -> Result1 {
    match value {
        Value::Labels(labels) => Ok(Value::Text(labels.get(key.text()?).unwrap_or("").into())),
        Value::Samples(samples) => {
            let (labels, value) = position(key)
                .and_then(|i| samples.get(i).ok_or_else(|| format!("index out of range: {key}")))?;
            Ok(Value::Sample(labels.clone(), Box::new(value.clone())))
        }
        Value::Map(entries) => {
            let name = key.text()?;
            let found = entries.iter().find(|(known, _)| known == name);
            Ok(found.map_or(Value::Nil, |(_, value)| value.clone()))
        }
        Value::Text(text) => {
            let byte = position(key).and_then(|i| {
                text.as_bytes()
                    .get(i)
                    .ok_or_else(|| format!("index out of range: {key}"))
            })?;
            Ok(Value::Int(i64::from(*byte)))
        }
        other => Err(format!("cannot index {other}")),
    }
}

/// A field of a value: `.Labels`, `.Value`, or a label's name.
pub(super) fn field(value: &Value, name: &str, data: &Data<'_>) -> Result1 {
    match (value, name) {
        (Value::Root, "Labels") => Ok(Value::Labels(data.labels.clone())),
        (Value::Root, "Value") => Ok(Value::from(data.value)),
        (Value::Root, "ExternalLabels") => Ok(Value::Labels(data.external_labels.clone())),
        (Value::Root, "ExternalURL") => Ok(Value::Text(data.external_url.into())),
        (Value::Labels(labels), name) => Ok(Value::Text(labels.get(name).unwrap_or("").into())),
        (Value::Sample(labels, _), "Labels") => Ok(Value::Labels(labels.without(&[METRIC_NAME]))),
        (Value::Sample(_, value), "Value") => Ok((**value).clone()),
        (Value::Map(entries), name) => Ok(entries
            .iter()
            .find(|(known, _)| known == name)
            .map_or(Value::Nil, |(_, value)| value.clone())),
        (Value::Time(nanos), name) => super::time::method(*nanos, name, &[]),
        (Value::Nil, name) => Err(format!("nil data; no entry for key {name:?}")),
        (other, name) => Err(format!("can't evaluate field {name} in {other}")),
    }
}

fn position(key: &Value) -> Result<usize, String> {
    match key {
        Value::Int(i) => usize::try_from(*i).map_err(|_| format!("index out of range: {key}")),
        other => Err(format!("cannot index slice/array with type {}", other.kind())),
    }
}

/// A part of a text, by bytes.
fn slice(args: &[Value], _: &Data<'_>) -> Result1 {
    let text = args[0].text()?;
    let bound = |i: usize, default: usize| args.get(i).map_or(Ok(default), position);
    let (from, to) = (bound(1, 0)?, bound(2, text.len())?);
    let part = text.get(from..to).filter(|_| args.len() < 4);
    part.map(|part| Value::Text(part.into()))
        .ok_or_else(|| format!("invalid slice index: {from}:{to} of {} bytes", text.len()))
}

fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => out.push_str("&#34;"),
            '\'' => out.push_str("&#39;"),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\0' => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

fn js(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '\'' => out.push_str("\\'"),
            '"' => out.push_str("\\\""),
            '<' | '>' | '&' | '=' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c if c < ' ' => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}
