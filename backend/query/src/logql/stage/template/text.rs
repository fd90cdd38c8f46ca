//! Functions of text.

use regex::{Regex, RegexBuilder};

use crate::template::{Function, Value, function};

/// Longest text that a function makes.
const MAX_TEXT: usize = 256 * 1024;

type Result1 = Result<Value, String>;

pub(super) static FUNCTIONS: &[Function] = &[
    function("__line__", (0, 0), |_, context| Ok(context.ask("line"))),
    function("lower", (1, 1), |a, _| Ok(a[0].text()?.to_lowercase().into())),
    function("upper", (1, 1), |a, _| Ok(a[0].text()?.to_uppercase().into())),
    function("ToLower", (1, 1), |a, _| Ok(a[0].text()?.to_lowercase().into())),
    function("ToUpper", (1, 1), |a, _| Ok(a[0].text()?.to_uppercase().into())),
    function("title", (1, 1), |a, _| Ok(title(a[0].text()?).into())),
    function("Replace", (4, 4), |a, _| {
        let (text, from, to, n) = (a[0].text()?, a[1].text()?, a[2].text()?, a[3].int()?);
        replaced(text, from, to, usize::try_from(n).unwrap_or(usize::MAX))
    }),
    function("replace", (3, 3), |a, _| {
        replaced(a[2].text()?, a[0].text()?, a[1].text()?, usize::MAX)
    }),
    function("Trim", (2, 2), |a, _| {
        trim(a[0].text()?, a[1].text()?, true, true)
    }),
    function("TrimLeft", (2, 2), |a, _| {
        trim(a[0].text()?, a[1].text()?, true, false)
    }),
    function("TrimRight", (2, 2), |a, _| {
        trim(a[0].text()?, a[1].text()?, false, true)
    }),
    function("TrimSpace", (1, 1), |a, _| Ok(a[0].text()?.trim().into())),
    function("TrimPrefix", (2, 2), |a, _| {
        let text = a[0].text()?;
        Ok(text.strip_prefix(a[1].text()?).unwrap_or(text).into())
    }),
    function("TrimSuffix", (2, 2), |a, _| {
        let text = a[0].text()?;
        Ok(text.strip_suffix(a[1].text()?).unwrap_or(text).into())
    }),
    function("trim", (1, 1), |a, _| Ok(a[0].text()?.trim().into())),
    function("trimAll", (2, 2), |a, _| {
        trim(a[1].text()?, a[0].text()?, true, true)
    }),
    function("trimPrefix", (2, 2), |a, _| {
        let text = a[1].text()?;
        Ok(text.strip_prefix(a[0].text()?).unwrap_or(text).into())
    }),
    function("trimSuffix", (2, 2), |a, _| {
        let text = a[1].text()?;
        Ok(text.strip_suffix(a[0].text()?).unwrap_or(text).into())
    }),
    function("trunc", (2, 2), |a, _| {
        Ok(truncated(a[1].text()?, a[0].int()?).into())
    }),
    function("substr", (3, 3), |a, _| {
        Ok(substring(a[2].text()?, a[0].int()?, a[1].int()?).into())
    }),
    function("contains", (2, 2), |a, _| {
        Ok(Value::Bool(a[1].text()?.contains(a[0].text()?)))
    }),
    function("hasPrefix", (2, 2), |a, _| {
        Ok(Value::Bool(a[1].text()?.starts_with(a[0].text()?)))
    }),
    function("hasSuffix", (2, 2), |a, _| {
        Ok(Value::Bool(a[1].text()?.ends_with(a[0].text()?)))
    }),
    function("repeat", (2, 2), |a, _| {
        let (n, text) = (usize::try_from(a[0].int()?).unwrap_or(0), a[1].text()?);
        match text.len().checked_mul(n) {
            Some(len) if len <= MAX_TEXT => Ok(text.repeat(n).into()),
            _ => Err(format!("the result is longer than {MAX_TEXT} bytes")),
        }
    }),
    function("indent", (2, 2), |a, _| indented(a[0].int()?, a[1].text()?)),
    function("nindent", (2, 2), |a, _| {
        match indented(a[0].int()?, a[1].text()?)? {
            Value::Text(text) => Ok(Value::Text(format!("\n{text}"))),
            other => Ok(other),
        }
    }),
    function("alignLeft", (2, 2), |a, _| {
        aligned(a[0].int()?, &a[1].to_string(), true)
    }),
    function("alignRight", (2, 2), |a, _| {
        aligned(a[0].int()?, &a[1].to_string(), false)
    }),
    function("count", (2, 2), |a, _| {
        Ok(Value::Int(
            regex(a[0].text()?)?.find_iter(a[1].text()?).count() as i64
        ))
    }),
    function("regexReplaceAll", (3, 3), |a, _| {
        let (pattern, text, replacement) = (regex(a[0].text()?)?, a[1].text()?, a[2].text()?);
        bounded(pattern.replace_all(text, replacement).into_owned())
    }),
    function("regexReplaceAllLiteral", (3, 3), |a, _| {
        let (pattern, text, replacement) = (regex(a[0].text()?)?, a[1].text()?, a[2].text()?);
        bounded(
            pattern
                .replace_all(text, regex::NoExpand(replacement))
                .into_owned(),
        )
    }),
    function("default", (2, 2), |a, _| {
        Ok(a[usize::from(a[1].is_true())].clone())
    }),
    function("urlencode", (1, 1), |a, _| Ok(url_encoded(a[0].text()?).into())),
    function("urldecode", (1, 1), |a, _| url_decoded(a[0].text()?)),
    function(
        "b64enc",
        (1, 1),
        |a, _| Ok(base64(a[0].text()?.as_bytes()).into()),
    ),
    function("b64dec", (1, 1), |a, _| from_base64(a[0].text()?)),
    function("fromJson", (1, 1), |a, _| {
        let parsed: serde_json::Value =
            serde_json::from_str(a[0].text()?).map_err(|error| error.to_string())?;
        Ok(from_json(parsed))
    }),
];

fn bounded(text: String) -> Result1 {
    match text.len() <= MAX_TEXT {
        true => Ok(Value::Text(text)),
        false => Err(format!("the result is longer than {MAX_TEXT} bytes")),
    }
}

fn replaced(text: &str, from: &str, to: &str, n: usize) -> Result1 {
    let places = text.matches(from).take(n).count();
    if places.saturating_mul(to.len()) > MAX_TEXT {
        return Err(format!("the result is longer than {MAX_TEXT} bytes"));
    }
    bounded(text.replacen(from, to, n))
}

fn trim(text: &str, cut: &str, left: bool, right: bool) -> Result1 {
    let mut rest = text;
    if left {
        rest = rest.trim_start_matches(|c| cut.contains(c));
    }
    if right {
        rest = rest.trim_end_matches(|c| cut.contains(c));
    }
    Ok(rest.into())
}

/// Each word with a capital.
fn title(text: &str) -> String {
    let mut before = ' ';
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match before.is_alphanumeric() || before == '_' || before == '\'' {
            true => out.push(c),
            false => out.extend(c.to_uppercase()),
        }
        before = c;
    }
    out
}

/// The first `n` characters, or the last if `n` is negative.
fn truncated(text: &str, n: i64) -> &str {
    let len = text.chars().count() as i64;
    let at = |n: i64| {
        let n = usize::try_from(n).unwrap_or(0);
        text.char_indices().nth(n).map_or(text.len(), |(at, _)| at)
    };
    match n {
        n if n < 0 && len + n > 0 => &text[at(len + n)..],
        n if n >= 0 && len > n => &text[..at(n)],
        _ => text,
    }
}

/// Characters from `start` to before `end`; a negative start stands for the beginning, a negative end for the end.
fn substring(text: &str, start: i64, end: i64) -> String {
    let start = usize::try_from(start).unwrap_or(0);
    let end = usize::try_from(end).unwrap_or(usize::MAX);
    text.chars().skip(start).take(end.saturating_sub(start)).collect()
}

fn indented(n: i64, text: &str) -> Result1 {
    let pad = " ".repeat(usize::try_from(n).unwrap_or(0).min(200));
    bounded(format!("{pad}{}", text.replace('\n', &format!("\n{pad}"))))
}

/// A text cut or filled up to `n` characters; the left or the right end stays.
fn aligned(n: i64, text: &str, left: bool) -> Result1 {
    let n = usize::try_from(n).unwrap_or(0).min(MAX_TEXT);
    let len = text.chars().count();
    Ok(Value::Text(match left {
        _ if len == n => text.to_owned(),
        true if len > n => text.chars().take(n).collect(),
        false if len > n => text.chars().skip(len - n).collect(),
        true => format!("{text}{}", " ".repeat(n - len)),
        false => format!("{}{text}", " ".repeat(n - len)),
    }))
}

fn regex(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern)
        .size_limit(1 << 20)
        .build()
        .map_err(|_| format!("invalid regular expression {pattern:?}"))
}

fn url_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

fn url_decoded(text: &str) -> Result1 {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes().iter();
    while let Some(byte) = rest.next() {
        match byte {
            b'+' => bytes.push(b' '),
            b'%' => {
                let mut digit = || rest.next().and_then(|b| char::from(*b).to_digit(16));
                match (digit(), digit()) {
                    (Some(high), Some(low)) => bytes.push((high << 4 | low) as u8),
                    _ => return Err(format!("invalid escape in {text:?}")),
                }
            }
            other => bytes.push(*other),
        }
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let number = (0..3).fold(0, |n, i| n << 8 | u32::from(three.get(i).copied().unwrap_or(0)));
        for i in 0..4 {
            out.push(match i <= three.len() {
                true => char::from(BASE64[(number >> (18 - 6 * i) & 63) as usize]),
                false => '=',
            });
        }
    }
    out
}

fn from_base64(text: &str) -> Result1 {
    let bad = || format!("{:?} is not base64", text.chars().take(40).collect::<String>());
    let digits: Vec<u32> = text
        .trim_end_matches('=')
        .bytes()
        .map(|byte| BASE64.iter().position(|known| *known == byte).map(|at| at as u32))
        .collect::<Option<_>>()
        .ok_or_else(bad)?;
    let mut bytes = Vec::with_capacity(digits.len());
    for four in digits.chunks(4) {
        if four.len() == 1 {
            return Err(bad());
        }
        let number = (0..4).fold(0, |n, i| n << 6 | four.get(i).copied().unwrap_or(0));
        bytes.extend_from_slice(&number.to_be_bytes()[1..four.len()]);
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

fn from_json(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(truth) => Value::Bool(truth),
        // As in Go, every number is a float.
        serde_json::Value::Number(number) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Value::Text(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => {
            let mut entries: Vec<(String, Value)> = entries
                .into_iter()
                .map(|(key, value)| (key, from_json(value)))
                .collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Map(entries)
        }
    }
}
