//! Patterns that a user adds: what a secret of their own looks like.
//!
//! Invariant: a pattern is matched from left to right without ever going back, and takes a bounded number of bytes, so no pattern runs away.
//! Not here: alternatives, groups, anchors. Two secrets are two patterns.

/// Longest run of one element.
const MAX_REPEAT: usize = 1024;
/// Elements of a pattern.
const MAX_ELEMENTS: usize = 64;

/// Why a pattern cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It does not follow the rules.
    #[error("pattern {pattern:?} is malformed at byte {at}: {expected}")]
    Malformed {
        /// The pattern.
        pattern: String,
        /// Where.
        at: usize,
        /// What would be right.
        expected: &'static str,
    },
    /// It would match in every text.
    #[error(
        "pattern {pattern:?} matches as few as {len} characters; at least {} are needed",
        Pattern::MIN_LEN
    )]
    TooShort {
        /// The pattern.
        pattern: String,
        /// Fewest characters that it takes.
        len: usize,
    },
}

/// A set of ASCII characters; beyond ASCII, all or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Class {
    ascii: u128,
    beyond: bool,
}

impl Class {
    fn of(set: impl Fn(u8) -> bool) -> Self {
        let ascii = (0..128).filter(|b| set(*b)).fold(0, |bits, b| bits | 1_u128 << b);
        Self { ascii, beyond: false }
    }

    fn one(byte: u8) -> Self {
        Self::of(|b| b == byte)
    }

    const fn holds(self, byte: u8) -> bool {
        if byte < 128 {
            self.ascii >> byte & 1 == 1
        } else {
            self.beyond
        }
    }
}

/// Some characters of one class.
#[derive(Debug, Clone, Copy)]
struct Element {
    class: Class,
    min: usize,
    max: usize,
}

/// What a secret looks like: characters that stand for themselves, `\d` (digit), `\w` (letter, digit or `_`), `\x` (hex digit), `.` (no
/// blank), sets such as `[A-Za-z0-9_-]`, each once or `{n}`, `{n,m}`, `+` (1 to 1024) times. A backslash takes any other meaning away.
///
/// `acme_[A-Za-z0-9]{20,40}`, `\d{3}-\d{4}-\d{4}`. Each element takes as much as it can and gives nothing back. A match begins and ends where
/// a word does. What stands for itself at the beginning is kept: `acme_[REDACTED]`.
#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    prefix: Box<str>,
    elements: Box<[Element]>,
}

impl Pattern {
    /// Fewest characters that a pattern must take.
    pub(crate) const MIN_LEN: usize = 4;

    pub(crate) fn parse(pattern: &str) -> Result<Self, PatternError> {
        let mut elements = Parser {
            pattern,
            bytes: pattern.as_bytes(),
            at: 0,
        }
        .elements()?;
        let len = elements.iter().map(|element| element.min).sum();
        if len < Self::MIN_LEN {
            return Err(PatternError::TooShort {
                pattern: pattern.to_owned(),
                len,
            });
        }
        let n_plain = elements
            .iter()
            .take_while(|e| e.max == 1 && e.class.ascii.count_ones() == 1)
            .count();
        // A pattern that is but plain text is not kept.
        let n_plain = if n_plain == elements.len() { 0 } else { n_plain };
        let prefix: String = elements
            .drain(..n_plain)
            .map(|e| char::from(e.class.ascii.trailing_zeros().to_le_bytes()[0]))
            .collect();
        Ok(Self {
            prefix: prefix.into(),
            elements: elements.into(),
        })
    }

    /// Where the secret begins and ends in the first match from `from` on; the prefix stands before it.
    fn find(&self, text: &str, from: usize) -> Option<(usize, usize)> {
        let bytes = text.as_bytes();
        let mut at = from;
        loop {
            let rest = text.get(at..)?;
            let start = if self.prefix.is_empty() {
                let first = self.elements.first()?;
                at + rest.bytes().position(|b| first.class.holds(b))?
            } else {
                at + rest.find(&*self.prefix)?
            };
            if !joined(bytes, start)
                && let Some(end) = self.end_of(bytes, start + self.prefix.len())
                && text.is_char_boundary(end)
                && !joined(bytes, end)
            {
                return Some((start + self.prefix.len(), end));
            }
            at = start + 1;
            while !text.is_char_boundary(at) {
                at += 1;
            }
        }
    }

    /// Tells of each match that is not allowed where its secret begins and ends.
    pub(crate) fn matches(
        &self,
        text: &str,
        is_allowed: impl Fn(&str) -> bool,
        mut tell: impl FnMut(usize, usize),
    ) {
        let mut at = 0;
        while let Some((start, end)) = self.find(text, at) {
            at = end;
            let secret = text.get(start..end).unwrap_or_default();
            let whole = text.get(start - self.prefix.len()..end).unwrap_or_default();
            if secret != crate::Redactor::REDACTED && !is_allowed(whole) {
                tell(start, end);
            }
        }
    }

    fn end_of(&self, bytes: &[u8], mut at: usize) -> Option<usize> {
        for element in &self.elements {
            let span = bytes.get(at..)?;
            let n = span
                .iter()
                .take(element.max)
                .take_while(|b| element.class.holds(**b))
                .count();
            if n < element.min {
                return None;
            }
            at += n;
        }
        Some(at)
    }
}

/// Whether a word goes on over a place.
fn joined(bytes: &[u8], at: usize) -> bool {
    let is_word =
        |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_' || !b.is_ascii());
    is_word(at.checked_sub(1).and_then(|before| bytes.get(before))) && is_word(bytes.get(at))
}

/// Replaces what the patterns match; none if they match nothing. Also gives the number of matches.
pub(crate) fn redact(
    patterns: &[Pattern],
    text: &str,
    is_allowed: impl Fn(&str) -> bool,
) -> Option<(String, u64)> {
    let mut redacted: Option<String> = None;
    let mut n_matches = 0;
    for pattern in patterns {
        let text = redacted.as_deref().unwrap_or(text);
        let mut out = String::new();
        let mut written = 0;
        pattern.matches(text, &is_allowed, |start, end| {
            out.push_str(text.get(written..start).unwrap_or_default());
            out.push_str(crate::Redactor::REDACTED);
            written = end;
            n_matches += 1;
        });
        if written > 0 {
            out.push_str(text.get(written..).unwrap_or_default());
            redacted = Some(out);
        }
    }
    redacted.map(|text| (text, n_matches))
}

struct Parser<'p> {
    pattern: &'p str,
    bytes: &'p [u8],
    at: usize,
}

impl Parser<'_> {
    fn elements(&mut self) -> Result<Vec<Element>, PatternError> {
        let mut elements = Vec::new();
        while let Some(byte) = self.next() {
            let class = match byte {
                b'[' => self.set()?,
                b'\\' => self.escape()?,
                b'.' => Class {
                    ascii: Class::of(|b| b.is_ascii_graphic()).ascii,
                    beyond: true,
                },
                b'*' | b'?' | b'(' | b')' | b'|' | b'^' => {
                    self.at -= 1;
                    return Err(self.malformed("a backslash before `*`, `?`, `(`, `)`, `|`, `^` makes them plain; they have no other meaning"));
                }
                b'{' | b'}' | b']' | b'+' => {
                    self.at -= 1;
                    return Err(self.malformed("`{n}`, `{n,m}` and `+` follow what is repeated"));
                }
                _ if !byte.is_ascii() => {
                    self.at -= 1;
                    return Err(self.malformed("only ASCII stands for itself"));
                }
                _ => Class::one(byte),
            };
            let (min, max) = self.repeat()?;
            elements.push(Element { class, min, max });
            if elements.len() > MAX_ELEMENTS {
                return Err(self.malformed("at most 64 elements"));
            }
        }
        Ok(elements)
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.bytes.get(self.at).copied();
        self.at += usize::from(byte.is_some());
        byte
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn malformed(&self, expected: &'static str) -> PatternError {
        PatternError::Malformed {
            pattern: self.pattern.to_owned(),
            at: self.at,
            expected,
        }
    }

    fn escape(&mut self) -> Result<Class, PatternError> {
        match self.next() {
            Some(b'd') => Ok(Class::of(|b| b.is_ascii_digit())),
            Some(b'w') => Ok(Class::of(|b| b.is_ascii_alphanumeric() || b == b'_')),
            Some(b'x') => Ok(Class::of(|b| b.is_ascii_hexdigit())),
            Some(byte) if byte.is_ascii_punctuation() || byte == b' ' => Ok(Class::one(byte)),
            _ => Err(self.malformed("`\\d`, `\\w`, `\\x`, or a backslash before a mark")),
        }
    }

    fn set(&mut self) -> Result<Class, PatternError> {
        const EXPECTED: &str = "a set of ASCII characters and ranges, such as `[A-Za-z0-9_-]`";
        let mut class = Class::default();
        loop {
            let first = match self.next() {
                Some(b']') if class != Class::default() => return Ok(class),
                Some(b'\\') => {
                    class.ascii |= self.escape()?.ascii;
                    continue;
                }
                Some(byte) if byte.is_ascii_graphic() && byte != b'[' && byte != b']' && byte != b'^' => byte,
                _ => return Err(self.malformed(EXPECTED)),
            };
            let last = match (self.peek(), self.bytes.get(self.at + 1)) {
                (Some(b'-'), Some(last)) if *last != b']' => {
                    self.at += 2;
                    *last
                }
                _ => first,
            };
            if !last.is_ascii_graphic() || last < first {
                return Err(self.malformed(EXPECTED));
            }
            class.ascii |= Class::of(|b| (first..=last).contains(&b)).ascii;
        }
    }

    fn repeat(&mut self) -> Result<(usize, usize), PatternError> {
        match self.peek() {
            Some(b'+') => {
                self.at += 1;
                Ok((1, MAX_REPEAT))
            }
            Some(b'{') => {
                self.at += 1;
                let min = self.number()?;
                let max = match self.next() {
                    Some(b'}') => min,
                    Some(b',') => {
                        let max = self.number()?;
                        match self.next() {
                            Some(b'}') => max,
                            _ => return Err(self.malformed("`}`")),
                        }
                    }
                    _ => return Err(self.malformed("`}` or `,`")),
                };
                if min > max || max == 0 {
                    return Err(self.malformed("`{n,m}` with n not above m, and m above 0"));
                }
                Ok((min, max))
            }
            _ => Ok((1, 1)),
        }
    }

    fn number(&mut self) -> Result<usize, PatternError> {
        let start = self.at;
        while self.peek().is_some_and(|b| b.is_ascii_digit()) {
            self.at += 1;
        }
        let digits = self.pattern.get(start..self.at).unwrap_or_default();
        match digits.parse() {
            Ok(n) if n <= MAX_REPEAT => Ok(n),
            _ => Err(self.malformed("a number up to 1024")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, cases: &[(&str, &str)]) {
        let patterns = [Pattern::parse(pattern).expect("well-formed")];
        for (text, expected) in cases {
            let redacted = redact(&patterns, text, |_| false).map_or((*text).to_owned(), |(text, _)| text);
            assert_eq!(redacted, *expected, "{pattern}");
            assert!(
                redact(&patterns, expected, |_| false).is_none(),
                "twice, {pattern}"
            );
        }
    }

    #[test]
    fn matches_whole_words_and_keeps_the_prefix() {
        check(
            "acme_[A-Za-z0-9]{8,12}",
            &[
                (
                    "key acme_abcd1234, acme_0123456789ab",
                    "key acme_[REDACTED], acme_[REDACTED]",
                ),
                ("acme_short", "acme_short"),
                ("acme_0123456789abcdef", "acme_0123456789abcdef"),
                ("notacme_abcd1234", "notacme_abcd1234"),
                ("acme_acme_abcd1234", "acme_acme_abcd1234"),
            ],
        );
        check(
            r"\d{3}-\d{4}",
            &[
                ("on 123-4567.", "on [REDACTED]."),
                ("1123-4567", "1123-4567"),
                ("123-45678", "123-45678"),
            ],
        );
        check(
            r"EMP\d+",
            &[
                ("EMP1 EMP123", "EMP[REDACTED] EMP[REDACTED]"),
                ("EMPLOYEE", "EMPLOYEE"),
            ],
        );
        check("Project X", &[("of Project X now", "of [REDACTED] now")]);
        check(
            r"k=.{4}",
            &[("k=\u{e9}\u{e9} x", "k=[REDACTED] x"), ("k=ab x", "k=ab x")],
        );
        check(r"\[\x{6}\]", &[("at [c0ffee]", "at [[REDACTED]")]);
    }

    #[test]
    fn says_what_is_wrong() {
        for (pattern, at) in [
            ("a(b)", 1),
            ("abcd*", 4),
            ("[", 1),
            ("[]", 2),
            ("[z-a]{8}", 4),
            ("[^a]{8}", 2),
            ("abc{2,1}", 8),
            ("abc{2000}", 8),
            ("abc{", 4),
            ("abcd\\", 5),
            ("abcd\\k", 6),
            ("{3}", 0),
            ("caf\u{e9}x", 3),
        ] {
            match Pattern::parse(pattern) {
                Err(PatternError::Malformed { at: found, .. }) => assert_eq!(found, at, "{pattern}"),
                other => panic!("{pattern}: {other:?}"),
            }
        }
        assert!(matches!(
            Pattern::parse("abc"),
            Err(PatternError::TooShort { len: 3, .. })
        ));
        assert!(matches!(
            Pattern::parse("ab\\d{0,9}"),
            Err(PatternError::TooShort { len: 2, .. })
        ));
        assert!(matches!(
            Pattern::parse(""),
            Err(PatternError::TooShort { len: 0, .. })
        ));
    }
}
