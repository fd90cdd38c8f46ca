//! Go's `printf`, for the values a template has.

use super::number::{exponential, general, go_float};
use super::value::Value;

/// Longest width or precision that is honoured.
const MAX_WIDTH: usize = 200;

/// One `%…` of a format.
struct Verb {
    minus: bool,
    zero: bool,
    plus: bool,
    width: usize,
    precision: Option<usize>,
    letter: char,
}

/// Formats values as Go does; too few, too many or wrong ones show as Go shows them.
pub(super) fn printf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut args = args.iter();
    let mut rest = format;
    while let Some(percent) = rest.find('%') {
        out.push_str(&rest[..percent]);
        let (verb, used) = read(&rest[percent + 1..]);
        rest = &rest[percent + 1 + used..];
        match verb.letter {
            '%' => out.push('%'),
            '\0' => out.push_str("%!(NOVERB)"),
            letter => match args.next() {
                Some(value) => out.push_str(&pad(&verb, one(&verb, value))),
                None => out.push_str(&format!("%!{letter}(MISSING)")),
            },
        }
    }
    out.push_str(rest);
    let extra: Vec<String> = args.map(|value| format!("{}={value}", value.kind())).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn read(text: &str) -> (Verb, usize) {
    let mut verb = Verb {
        minus: false,
        zero: false,
        plus: false,
        width: 0,
        precision: None,
        letter: '\0',
    };
    let mut in_precision = false;
    for (i, c) in text.char_indices() {
        match c {
            '-' => verb.minus = true,
            '+' => verb.plus = true,
            ' ' | '#' => {}
            '0' if verb.width == 0 && !in_precision => verb.zero = true,
            '.' => {
                in_precision = true;
                verb.precision = Some(0);
            }
            digit if digit.is_ascii_digit() => {
                let add = |n: usize| (n * 10 + digit as usize - '0' as usize).min(MAX_WIDTH);
                if in_precision {
                    verb.precision = verb.precision.map(add);
                } else {
                    verb.width = add(verb.width);
                }
            }
            letter => {
                verb.letter = letter;
                return (verb, i + letter.len_utf8());
            }
        }
    }
    (verb, text.len())
}

fn one(verb: &Verb, value: &Value) -> String {
    let wrong = || {
        let kind = value.kind();
        format!("%!{}({kind}={value})", verb.letter)
    };
    let signed = |text: String, number: f64| {
        if verb.plus && number >= 0.0 {
            format!("+{text}")
        } else {
            text
        }
    };
    match (verb.letter, value) {
        ('v', Value::Number(number)) => signed(go_float(*number), *number),
        ('v', value) => value.to_string(),
        ('s', Value::Number(_) | Value::Int(_) | Value::Bool(_)) => wrong(),
        ('s', value) => value
            .to_string()
            .chars()
            .take(verb.precision.unwrap_or(usize::MAX))
            .collect(),
        ('T', value) => value.kind().to_owned(),
        ('q', Value::Text(text)) => format!("{text:?}"),
        ('q', Value::Int(number)) => format!("{:?}", character(*number)),
        ('c', Value::Int(number)) => character(*number).to_string(),
        ('U', Value::Int(number)) => format!("U+{number:04X}"),
        ('b', Value::Int(number)) => format!("{number:b}"),
        ('o', Value::Int(number)) => format!("{number:o}"),
        ('X', Value::Int(number)) => format!("{number:X}"),
        ('X', Value::Text(text)) => text.bytes().map(|b| format!("{b:02X}")).collect(),
        ('t', Value::Bool(truth)) => truth.to_string(),
        ('d', Value::Int(number)) => signed(number.to_string(), *number as f64),
        ('x', Value::Int(number)) => format!("{number:x}"),
        ('x', Value::Text(text)) => text.bytes().map(|b| format!("{b:02x}")).collect(),
        ('f' | 'F', Value::Number(number)) if number.is_finite() => {
            signed(format!("{number:.*}", verb.precision.unwrap_or(6)), *number)
        }
        ('f' | 'F', Value::Number(number)) => go_float(*number),
        ('E' | 'G', Value::Number(_)) => {
            let lower = Verb {
                letter: verb.letter.to_ascii_lowercase(),
                ..*verb
            };
            one(&lower, value).to_ascii_uppercase()
        }
        ('e', Value::Number(number)) => signed(exponential(*number, verb.precision.unwrap_or(6)), *number),
        ('g', Value::Number(number)) => signed(
            match verb.precision {
                Some(precision) => general(*number, precision),
                None => go_float(*number),
            },
            *number,
        ),
        _ => wrong(),
    }
}

fn character(number: i64) -> char {
    u32::try_from(number)
        .ok()
        .and_then(char::from_u32)
        .unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn pad(verb: &Verb, text: String) -> String {
    let missing = verb.width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if verb.minus {
        return text + &" ".repeat(missing);
    }
    if verb.zero {
        let sign = usize::from(text.starts_with(['-', '+']));
        return format!("{}{}{}", &text[..sign], "0".repeat(missing), &text[sign..]);
    }
    " ".repeat(missing) + &text
}
