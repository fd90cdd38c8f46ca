//! Characters that are written as several: `%40`, `\u0040`, `\x40`, `\/`, `&#64;`, `&quot;`.
//!
//! Invariant: an escape is read from left to right, in a bounded number of bytes but for the backslashes before it, which are passed over
//! once. Not here: what stands in the text once they are read (`layers`). Not read: quoted-printable (`=40`), octal (`\100`), base64, any
//! compression or encryption.

/// Bytes that an escape begins with.
const fn begins(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

/// Names of characters in HTML and XML, as the usual functions write them.
const ENTITIES: &[(&[u8], char)] = &[
    (b"amp;", '&'),
    (b"lt;", '<'),
    (b"gt;", '>'),
    (b"quot;", '"'),
    (b"apos;", '\''),
    (b"nbsp;", ' '),
    (b"commat;", '@'),
];

/// A character that is written as several bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Escape {
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) c: char,
}

/// How far escapes of escapes are read at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// `%2540` is `%40`.
    One,
    /// `%2540`, `%252540`, … are `@`.
    All,
}

/// The first escape from `from` on.
pub(crate) fn next(text: &[u8], from: usize, depth: Depth) -> Option<Escape> {
    let mut at = from;
    loop {
        let rest = text.get(at..)?;
        let start = at + rest.iter().position(|b| begins(*b))?;
        let read = match text.get(start)? {
            b'%' => percent(text, start, depth).ok_or(start + 1),
            b'&' => entity(text, start, depth).ok_or(start + 1),
            _ => {
                let after = after_backslashes(text, start);
                backslash(text, after).ok_or(after)
            }
        };
        match read {
            Ok((c, end)) => return Some(Escape { start, end, c }),
            Err(next) => at = next,
        }
    }
}

/// Whether an escape begins at a place, or ends its backslashes there, or a plus sign stands for a blank.
pub(crate) fn is_at(text: &[u8], at: usize) -> bool {
    match text.get(at) {
        Some(b'%') => percent(text, at, Depth::One).is_some(),
        Some(b'&') => entity(text, at, Depth::One).is_some(),
        Some(b'\\') => backslash(text, at + 1).is_some(),
        Some(b'+') => is_blank_plus(text, at),
        _ => false,
    }
}

/// Whether a plus sign stands where only a form would write one for a blank: after `Bearer` or `Basic`, or between groups of digits. Once
/// there is any other escape, all may be such.
pub(crate) fn is_blank_plus(text: &[u8], at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let ends_in = |word: &[u8]| {
        let from = before.len().checked_sub(word.len());
        from.and_then(|from| before.get(from..))
            .is_some_and(|end| end.eq_ignore_ascii_case(word))
    };
    let digits = |text: &[u8]| text.len() == 3 && text.iter().all(u8::is_ascii_digit);
    match before.last() {
        Some(b'0'..=b'9') => {
            before.last_chunk::<3>().is_some_and(|end| digits(end))
                && text.get(at + 1..at + 4).is_some_and(digits)
        }
        Some(b'r' | b'R') => ends_in(b"bearer"),
        Some(b'c' | b'C') => ends_in(b"basic"),
        _ => false,
    }
}

fn starts_with(text: &[u8], at: usize, what: &[u8]) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(what))
}

fn after_backslashes(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    at + rest.iter().position(|b| *b != b'\\').unwrap_or(rest.len())
}

/// The number that `N` hex digits at a place write.
fn hex<const N: usize>(text: &[u8], at: usize) -> Option<u32> {
    let digits = text.get(at..at + N)?;
    digits.iter().try_fold(0, |number, byte| {
        Some(number << 4 | char::from(*byte).to_digit(16)?)
    })
}

/// The number that up to `max` digits at a place write, and where they end.
fn number(text: &[u8], at: usize, radix: u32, max: usize) -> Option<(u32, usize)> {
    let rest = text.get(at..)?;
    let n = rest
        .iter()
        .take(max)
        .take_while(|b| char::from(**b).is_digit(radix))
        .count();
    let digits = std::str::from_utf8(rest.get(..n)?).ok()?;
    Some((u32::from_str_radix(digits, radix).ok()?, at + n))
}

/// A byte that is the first of a character, of which `next` reads the others: it is given where, and gives the byte and its end.
fn utf8(first: u32, end: usize, next: impl Fn(usize) -> Option<(u32, usize)>) -> Option<(char, usize)> {
    let first = u8::try_from(first).ok()?;
    let len = match first {
        0..0x80 => return Some((char::from(first), end)),
        0xc2..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0..0xf5 => 4,
        _ => return None,
    };
    let mut bytes = [first, 0, 0, 0];
    let mut end = end;
    for slot in bytes.get_mut(1..len)? {
        let (byte, after) = next(end)?;
        *slot = u8::try_from(byte).ok()?;
        end = after;
    }
    let c = std::str::from_utf8(bytes.get(..len)?).ok()?.chars().next()?;
    Some((c, end))
}

/// UTF-16, of which `next` reads the second half of a pair.
fn utf16(first: u32, end: usize, next: impl Fn(usize) -> Option<(u32, usize)>) -> Option<(char, usize)> {
    if !(0xd800..0xdc00).contains(&first) {
        return Some((char::from_u32(first)?, end));
    }
    let (second, end) = next(end)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    let c = char::from_u32(0x1_0000 + ((first - 0xd800) << 10 | (second - 0xdc00)))?;
    Some((c, end))
}

/// `%40`, `%C3%A9`, `%u0040`.
fn percent(text: &[u8], start: usize, depth: Depth) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let marked = starts_with(text, at, b"%u") || starts_with(text, at, b"%U");
        marked.then(|| Some((hex::<4>(text, at + 2)?, at + 6)))?
    };
    if let Some((first, end)) = unit(start) {
        return utf16(first, end, unit);
    }
    let byte = |at: usize| {
        let mut byte = starts_with(text, at, b"%").then(|| hex::<2>(text, at + 1))??;
        let mut end = at + 3;
        while depth == Depth::All && byte == u32::from(b'%') {
            let Some(deeper) = hex::<2>(text, end) else {
                break;
            };
            byte = deeper;
            end += 2;
        }
        Some((byte, end))
    };
    let (first, end) = byte(start)?;
    utf8(first, end, byte)
}

/// `\u0040`, `\u{40}`, `\x40`, `\/`, after as many backslashes as there are.
fn backslash(text: &[u8], after: usize) -> Option<(char, usize)> {
    let lead = |at: usize, letter: u8| {
        let letter_at = after_backslashes(text, at);
        (letter_at > at && text.get(letter_at) == Some(&letter)).then_some(letter_at + 1)
    };
    match text.get(after)? {
        b'/' => Some(('/', after + 1)),
        b'u' if starts_with(text, after + 1, b"{") => {
            let (number, end) = number(text, after + 2, 16, 6)?;
            let c = starts_with(text, end, b"}").then(|| char::from_u32(number))??;
            Some((c, end + 1))
        }
        b'u' => utf16(hex::<4>(text, after + 1)?, after + 5, |at| {
            let digits = lead(at, b'u')?;
            Some((hex::<4>(text, digits)?, digits + 4))
        }),
        b'x' => utf8(hex::<2>(text, after + 1)?, after + 3, |at| {
            let digits = lead(at, b'x')?;
            Some((hex::<2>(text, digits)?, digits + 2))
        }),
        _ => None,
    }
}

/// `&#64;`, `&#x40;`, `&quot;`.
fn entity(text: &[u8], start: usize, depth: Depth) -> Option<(char, usize)> {
    let mut at = start + 1;
    if depth == Depth::All {
        while starts_with(text, at, b"amp;") {
            at += 4;
        }
        if at > start + 1 {
            // With nothing of an escape after it, it is the character itself.
            return Some(entity_after(text, at).unwrap_or(('&', at)));
        }
    }
    entity_after(text, at)
}

fn entity_after(text: &[u8], at: usize) -> Option<(char, usize)> {
    let (number, end) = match text.get(at..)? {
        [b'#', b'x' | b'X', ..] => number(text, at + 2, 16, 6)?,
        [b'#', ..] => number(text, at + 1, 10, 7)?,
        rest => {
            // Most of what follows `&` is a name of a query's.
            if !matches!(rest.first(), Some(b'a' | b'c' | b'g' | b'l' | b'n' | b'q')) {
                return None;
            }
            let (name, c) = ENTITIES.iter().find(|(name, _)| rest.starts_with(name))?;
            return Some((*c, at + name.len()));
        }
    };
    let c = starts_with(text, end, b";").then(|| char::from_u32(number))??;
    Some((c, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, depth: Depth) -> String {
        let mut out = String::new();
        let mut from = 0;
        while let Some(escape) = next(text.as_bytes(), from, depth) {
            out.push_str(&text[from..escape.start]);
            out.push(escape.c);
            from = escape.end;
        }
        out + &text[from..]
    }

    #[test]
    fn reads_each_way_of_writing() {
        for (text, expected) in [
            ("bob%40example.com%2f", "bob@example.com/"),
            ("%C3%A9t%c3%a9 %F0%9F%A6%80", "\u{e9}t\u{e9} \u{1f980}"),
            ("%u0040 %U00e9 %uD83E%uDD80", "@ \u{e9} \u{1f980}"),
            (r"\u0040 \\u0040 \u{40} \x40 \\\x40", "@ @ @ @ @"),
            (r"\xc3\xa9 \ud83e\udd80 https:\/\/x", "\u{e9} \u{1f980} https://x"),
            (
                "&#64;&#x40;&#X40;&quot;&amp;&lt;&gt;&apos;&nbsp;&commat;",
                "@@@\"&<>' @",
            ),
            ("%2540 &amp;#64;", "%40 &#64;"),
        ] {
            assert_eq!(read(text, Depth::One), expected, "{text}");
        }
        for (text, expected) in [
            ("%2540 %2525252540 %25 %25%32", "@ @ % %2"),
            ("&amp;#64; &amp;amp;amp;quot; &amp;x", "@ \" &x"),
        ] {
            assert_eq!(read(text, Depth::All), expected, "{text}");
        }
    }

    #[test]
    fn leaves_what_is_none() {
        for text in [
            "100% of %d, %s and %-5s; 50%",
            "%4",
            "%",
            "%zz",
            "%ff",
            "%C3",
            "%C3%C3",
            "%u12",
            "%uD83E",
            "%uD83Ex",
            r"\n \t \\ \u12 \ud83e \x4 \xff \u{110000} \u{} \q \",
            "&",
            "&#",
            "&#;",
            "&#64",
            "&#x;",
            "&#1114112;",
            "a && b",
            "&unknown;",
            "x=1&y=2",
        ] {
            assert_eq!(next(text.as_bytes(), 0, Depth::One), None, "{text}");
            assert_eq!(next(text.as_bytes(), 0, Depth::All), None, "{text}");
        }
    }
}
