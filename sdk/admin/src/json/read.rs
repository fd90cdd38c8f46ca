//! Reads the one JSON that callers send: a flat object of strings.
//!
//! Invariant: what is not such an object is refused, never guessed at. Not here: numbers, arrays, nested objects.

use std::iter::Peekable;
use std::str::Chars;

/// Names and values of an object of strings, in order.
///
/// # Errors
/// What was found instead, in words for the caller.
pub(crate) fn object(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut chars = text.chars().peekable();
    let mut pairs = Vec::new();
    expect(&mut chars, '{')?;
    if next_is(&mut chars, '}') {
        return end(chars, pairs);
    }
    loop {
        let name = string(&mut chars)?;
        expect(&mut chars, ':')?;
        pairs.push((name, string(&mut chars)?));
        if next_is(&mut chars, '}') {
            return end(chars, pairs);
        }
        expect(&mut chars, ',')?;
    }
}

type Pairs = Vec<(String, String)>;

fn end(mut chars: Peekable<Chars<'_>>, pairs: Pairs) -> Result<Pairs, String> {
    skip_blanks(&mut chars);
    match chars.next() {
        None => Ok(pairs),
        Some(c) => Err(format!("{c:?} after the object")),
    }
}

fn skip_blanks(chars: &mut Peekable<Chars<'_>>) {
    while chars.next_if(|c| matches!(c, ' ' | '\t' | '\n' | '\r')).is_some() {}
}

fn next_is(chars: &mut Peekable<Chars<'_>>, wanted: char) -> bool {
    skip_blanks(chars);
    chars.next_if_eq(&wanted).is_some()
}

fn expect(chars: &mut Peekable<Chars<'_>>, wanted: char) -> Result<(), String> {
    skip_blanks(chars);
    match chars.next() {
        Some(c) if c == wanted => Ok(()),
        Some(c) => Err(format!("{c:?} where {wanted:?} was expected")),
        None => Err(format!("the text ends where {wanted:?} was expected")),
    }
}

fn string(chars: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    expect(chars, '"')?;
    let mut out = String::new();
    loop {
        match chars.next() {
            Some('"') => return Ok(out),
            Some('\\') => out.push(escaped(chars)?),
            Some(c) if c.is_control() => return Err(format!("{c:?} in a string")),
            Some(c) => out.push(c),
            None => return Err("a string does not end".to_owned()),
        }
    }
}

fn escaped(chars: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    Ok(match chars.next() {
        Some(c @ ('"' | '\\' | '/')) => c,
        Some('n') => '\n',
        Some('t') => '\t',
        Some('r') => '\r',
        Some('b') => '\u{8}',
        Some('f') => '\u{c}',
        Some('u') => {
            let digits: String = chars.by_ref().take(4).collect();
            let code = u32::from_str_radix(&digits, 16)
                .ok()
                .filter(|_| digits.len() == 4);
            // Filters are ASCII: half of a surrogate pair is refused like any other non-character.
            code.and_then(char::from_u32)
                .ok_or_else(|| format!("\\u{digits} is no character"))?
        }
        _ => return Err("an escape that JSON does not know".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_an_object_of_strings() {
        let pairs = object(" {\"filter\" : \"info,a=\\\"\\u0041\\n\" ,\"for\":\"10m\"}\n").unwrap();
        assert_eq!(
            pairs,
            [
                ("filter".to_owned(), "info,a=\"A\n".to_owned()),
                ("for".to_owned(), "10m".to_owned())
            ]
        );
        assert_eq!(object("{}").unwrap(), []);
    }

    #[test]
    fn refuses_everything_else() {
        for bad in [
            "",
            "{",
            "{\"a\"}",
            "{\"a\":1}",
            "{\"a\":\"b\",}",
            "{\"a\":\"b\"} x",
            "{\"a\":\"b}",
            "[\"a\"]",
            "{\"a\":{\"b\":\"c\"}}",
            "{\"a\":\"\\x\"}",
            "{\"a\":\"\\ud800\"}",
            "{\"a\":\"\\u00\"}",
            "{\"a\":\"\n\"}",
        ] {
            assert!(object(bad).is_err(), "{bad}");
        }
    }
}
