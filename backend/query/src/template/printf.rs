//! Go's `printf`, for the values that a template has.

use super::Value;

/// Longest width or precision that is honoured.
const MAX_WIDTH: usize = 200;

/// One `%…` of a format.
#[derive(Default)]
struct Verb {
    minus: bool,
    zero: bool,
    plus: bool,
    width: usize,
    precision: Option<usize>,
}

/// Formats values as Go does; too few, too many or wrong ones show as Go shows them.
pub(crate) fn printf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut args = args.iter();
    let mut chars = format.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut verb = Verb::default();
        while let Some(flag) = chars.next_if(|c| "+-# 0".contains(*c)) {
            verb.minus |= flag == '-';
            verb.zero |= flag == '0';
            verb.plus |= flag == '+';
        }
        while let Some(digit) = chars.next_if(char::is_ascii_digit) {
            verb.width = (verb.width * 10 + digit as usize - '0' as usize).min(MAX_WIDTH);
        }
        if chars.next_if_eq(&'.').is_some() {
            let mut precision = 0;
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                precision = (precision * 10 + digit as usize - '0' as usize).min(MAX_WIDTH);
            }
            verb.precision = Some(precision);
        }
        match chars.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(letter) => match args.next() {
                None => out.push_str(&format!("%!{letter}(MISSING)")),
                Some(value) => {
                    let text = one(&verb, letter, value);
                    pad(&verb, &text, &mut out);
                }
            },
        }
    }
    let extra: Vec<String> = args.map(|value| format!("{}={value}", kind(value))).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn one(verb: &Verb, letter: char, value: &Value) -> String {
    let signed = |text: String| {
        if verb.plus && !text.starts_with('-') {
            format!("+{text}")
        } else {
            text
        }
    };
    match (letter, value) {
        ('v' | 's', Value::Text(text)) => cut(text, verb.precision).to_owned(),
        ('v', Value::Float(number)) => signed(general(*number, verb.precision)),
        ('v', value) => signed(value.to_string()),
        ('s', value @ (Value::List(_) | Value::Map(_) | Value::Time(_))) => value.to_string(),
        ('q', Value::Text(text)) => format!("{:?}", cut(text, verb.precision)),
        ('x', Value::Text(text)) => text.bytes().map(|byte| format!("{byte:02x}")).collect(),
        ('X', Value::Text(text)) => text.bytes().map(|byte| format!("{byte:02X}")).collect(),
        ('d', Value::Int(number)) => signed(number.to_string()),
        ('x', Value::Int(number)) => format!("{number:x}"),
        ('X', Value::Int(number)) => format!("{number:X}"),
        ('o', Value::Int(number)) => format!("{number:o}"),
        ('b', Value::Int(number)) => format!("{number:b}"),
        ('c', Value::Int(number)) => {
            let code = u32::try_from(*number).ok().and_then(char::from_u32);
            code.unwrap_or(char::REPLACEMENT_CHARACTER).to_string()
        }
        ('t', Value::Bool(truth)) => truth.to_string(),
        ('f' | 'F', Value::Float(number)) if number.is_finite() => {
            signed(format!("{number:.*}", verb.precision.unwrap_or(6)))
        }
        ('f' | 'F' | 'e' | 'g' | 'G', Value::Float(number)) if !number.is_finite() => {
            signed(general(*number, None))
        }
        ('e', Value::Float(number)) => signed(exponential(*number, verb.precision.or(Some(6)))),
        ('g' | 'G', Value::Float(number)) => signed(general(*number, verb.precision)),
        (letter, value) => format!("%!{letter}({}={value})", kind(value)),
    }
}

/// What Go calls the type of a value.
fn kind(value: &Value) -> &'static str {
    match value {
        Value::Nil => "<nil>",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float64",
        Value::Text(_) => "string",
        Value::Time(_) => "time.Time",
        Value::List(_) => "[]interface {}",
        Value::Map(_) | Value::Root => "map[string]interface {}",
    }
}

fn cut(text: &str, precision: Option<usize>) -> &str {
    let end = precision.and_then(|n| text.char_indices().nth(n));
    end.map_or(text, |(end, _)| &text[..end])
}

fn pad(verb: &Verb, text: &str, out: &mut String) {
    let missing = verb.width.saturating_sub(text.chars().count());
    if verb.minus {
        out.push_str(text);
        out.extend(std::iter::repeat_n(' ', missing));
    } else if verb.zero {
        let sign = usize::from(text.starts_with(['-', '+']));
        out.push_str(&text[..sign]);
        out.extend(std::iter::repeat_n('0', missing));
        out.push_str(&text[sign..]);
    } else {
        out.extend(std::iter::repeat_n(' ', missing));
        out.push_str(text);
    }
}

/// Go's `%g`: the shortest digits, with an exponent where it is large or small.
pub(super) fn general(number: f64, precision: Option<usize>) -> String {
    if !number.is_finite() {
        return crate::promql::format_value(number);
    }
    let digits = exponential(number, precision.map(|n| n.max(1) - 1));
    let exponent: i32 = digits
        .rsplit_once('e')
        .and_then(|(_, exponent)| exponent.parse().ok())
        .unwrap_or(0);
    if (-4..precision.map_or(21, |n| n.max(1) as i32)).contains(&exponent) {
        return match precision {
            None => format!("{number}"),
            Some(n) => {
                let decimals = (n.max(1) as i32 - 1 - exponent).max(0) as usize;
                trimmed(format!("{number:.decimals$}"))
            }
        };
    }
    let (mantissa, exponent) = digits.rsplit_once('e').unwrap_or((&digits, "+00"));
    format!("{}e{exponent}", trimmed(mantissa.to_owned()))
}

fn trimmed(text: String) -> String {
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// A number with an exponent of two digits or more, such as `1.5e+06`.
fn exponential(number: f64, precision: Option<usize>) -> String {
    let shown = match precision {
        Some(n) => format!("{number:.n$e}"),
        None => format!("{number:e}"),
    };
    let (digits, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let (sign, exponent) = match exponent.strip_prefix('-') {
        Some(exponent) => ('-', exponent),
        None => ('+', exponent),
    };
    format!("{digits}e{sign}{exponent:0>2}")
}
