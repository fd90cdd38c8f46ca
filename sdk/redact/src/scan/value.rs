//! Where the value of a sensitive name ends.
//!
//! Invariant: in doubt the value goes on: too much is redacted rather than too little. Not here: the names.

use super::bytes::{is_closer, is_gap, is_name, is_opener, is_quote, is_word};
use super::pair::Pair;
use super::{Scanner, Text};
use crate::Redactor;
use crate::kind::Cause;
use crate::names::Sort;

/// Values that say that there is none, and a statement's parameter.
const NOTHING: &[&[u8]] = &[
    b"null",
    b"None",
    b"none",
    b"?",
    b"nil",
    b"undefined",
    b"true",
    b"false",
    b"True",
    b"False",
];

/// Authentication schemes whose credentials are one word.
const ONE_WORD: &[&str] = &[
    "basic",
    "bearer",
    "token",
    "negotiate",
    "ntlm",
    "apikey",
    "api-key",
    "key",
    "jwt",
];

/// Authentication schemes whose credentials are a list of parameters.
const PARAMETERS: &[&str] = &[
    "digest",
    "aws4-hmac-sha256",
    "hmac",
    "signature",
    "hawk",
    "oauth",
    "mac",
];

impl Scanner<'_, '_, '_> {
    #[inline(never)]
    pub(super) fn pair_value(&mut self, pair: &Pair) {
        let mut at = self.skip(pair.after, |b| matches!(b, b'=' | b'>'));
        at = match pair.quote {
            Some(_) => self.skip(at, |b| is_gap(b) && b != 0),
            None => self.skip(at, |b| matches!(b, b' ' | b'\t')),
        };
        let slashes = self.skip(at, |b| b == b'\\');
        if is_quote(self.byte(slashes)) {
            let close = self.close_of_quote(slashes, slashes - at);
            if close > slashes + 1 {
                self.redact(Cause::Name, slashes + 1, close);
            }
            return;
        }
        let end = match pair.sort {
            Sort::Credentials => self.end_of_credentials(at),
            Sort::Cookie => self.end_of_cookies(at),
            _ => self.end_of_plain(at, true),
        };
        if end <= at || NOTHING.contains(&self.slice(at, end)) {
            return;
        }
        // JSON stays JSON when a number or an object is replaced.
        let quote = pair.quote.and_then(|(start, end)| self.text.get(start..end));
        match quote.filter(|quote| quote.ends_with('"')) {
            // Where quotes are written as escapes, none is added.
            Some(quote) if self.is == Text::Written => {
                let quote = quote.to_owned();
                self.replace(Cause::Name, at, end, &[&quote, Redactor::REDACTED, &quote]);
            }
            _ => self.redact(Cause::Name, at, end),
        }
    }

    /// Place of the quote that closes the one at `open`, before its backslashes; the end of the text if there is none.
    ///
    /// Text that was quoted `n` times has `2ⁿ - 1` backslashes before its quotes.
    fn close_of_quote(&self, open: usize, n_slashes: usize) -> usize {
        let quote = self.byte(open);
        let mut from = open + 1;
        loop {
            let at = self.skip(from, |b| b != quote);
            if at >= self.bytes.len() {
                return at;
            }
            let slashes = self.skip_back(at, open + 1, |b| b == b'\\');
            let n = at - slashes;
            if n < n_slashes {
                return slashes;
            }
            if n % (2 * (n_slashes + 1)) == n_slashes {
                return at - n_slashes;
            }
            from = at + 1;
        }
    }

    /// End of the bracket that opens at `open`, strings in it passed over; the end of the text if it stays open.
    fn end_of_group(&self, open: usize) -> usize {
        let mut depth = 0_usize;
        let mut at = open;
        while at < self.bytes.len() {
            let byte = self.byte(at);
            if byte == b'"' {
                let slashes = self.skip_back(at, open, |b| b == b'\\');
                let close = self.close_of_quote(at, at - slashes);
                at = self.skip(close, |b| b == b'\\') + 1;
                continue;
            }
            if is_opener(byte) {
                depth += 1;
            } else if is_closer(byte) {
                depth -= 1;
                if depth == 0 {
                    return at + 1;
                }
            }
            at += 1;
        }
        self.bytes.len()
    }

    /// End of a value that stands in no quotes. `lists` tells whether `,` `;` `&` `|` may end it.
    fn end_of_plain(&self, start: usize, lists: bool) -> usize {
        let mut end = self.end_of_word(start, lists);
        // The blanks of a PEM block's first line are part of it.
        while self.slice(start, end).ends_with(b"-----BEGIN") {
            let block = self.end_of_pem(end).1;
            if block == end {
                // The text ends here, after the first word of the block.
                break;
            }
            end = block;
            if !is_gap(self.byte(end)) {
                end = self.end_of_word(end, lists);
            }
        }
        end
    }

    fn end_of_word(&self, start: usize, lists: bool) -> usize {
        let mut at = start;
        loop {
            let byte = self.byte(at);
            let next = self.byte(at + 1);
            if is_gap(byte) && at >= self.bytes.len() || is_gap(byte) && byte != 0 {
                break;
            }
            match byte {
                b'"' | b'\'' | b'`' => {
                    // `b"…"`, `r#"…"#`: the quote belongs to the value.
                    if at > start
                        && at - start <= 4
                        && self.slice(start, at).iter().all(|b| b"bBrRcuU#".contains(b))
                    {
                        let close = self.close_of_quote(at, 0);
                        at = self.skip(close, |b| b == byte || b == b'#');
                        continue;
                    }
                    if !is_word(next) {
                        break;
                    }
                }
                b'\\' if is_quote(self.byte(self.skip(at, |b| b == b'\\'))) => break,
                b',' | b';' | b'&' | b'|' if lists && self.is_list_end(at) => break,
                b')' | b']' | b'}' if !is_word(next) => break,
                b'<' if at > start => break,
                b'(' | b'[' | b'{' => {
                    at = self.end_of_group(at);
                    continue;
                }
                _ => {}
            }
            at += 1;
        }
        // `password: Secret { inner: … }`, as `Debug` writes it.
        if self.byte(at) == b' '
            && self.byte(at + 1) == b'{'
            && self.byte(start).is_ascii_uppercase()
            && self.slice(start, at).iter().all(|b| is_name(*b) || *b == b':')
        {
            return self.end_of_group(at + 1);
        }
        // A mark of the sentence around it.
        if at > start && matches!(self.before(at), b'.' | b',' | b';' | b':' | b'&') {
            return at - 1;
        }
        at
    }

    /// Whether the separator at a place ends a value: something else begins after it, or nothing does.
    fn is_list_end(&self, at: usize) -> bool {
        let next = self.byte(at + 1);
        if is_gap(next)
            || is_quote(next)
            || is_closer(next)
            || is_opener(next)
            || matches!(next, b',' | b';' | b'&' | b'\\')
        {
            return true;
        }
        let name_end = self.skip(at + 1, is_name);
        name_end > at + 1 && !next.is_ascii_digit() && matches!(self.byte(name_end), b'=' | b':' | b'[')
    }

    /// End of what follows `Authorization:`.
    fn end_of_credentials(&self, start: usize) -> usize {
        let scheme_end = self.skip(start, |b| b.is_ascii_alphanumeric() || b == b'-');
        if scheme_end == start || self.byte(scheme_end) != b' ' {
            return self.end_of_plain(start, true);
        }
        let scheme = self.text.get(start..scheme_end).unwrap_or_default();
        let is_one_of = |list: &[&str]| list.iter().any(|name| scheme.eq_ignore_ascii_case(name));
        if is_one_of(PARAMETERS) {
            return self.skip(start, |b| !matches!(b, b'\n' | b'\r'));
        }
        let next = self.skip(scheme_end, |b| b == b' ');
        let end = self.end_of_plain(next, true);
        let word = self.slice(next, end);
        if is_one_of(ONE_WORD) || word.len() >= 16 || word.iter().any(u8::is_ascii_digit) {
            return end;
        }
        self.end_of_plain(start, true)
    }

    /// End of what follows `Cookie:` or `Set-Cookie:`: words as long as they are joined by `;`.
    fn end_of_cookies(&self, start: usize) -> usize {
        let mut at = start;
        loop {
            let end = self.end_of_plain(at, false);
            let joined = self.byte(end) == b';' && self.byte(end + 1) == b' ';
            let next = self.skip(end + 1, |b| b == b' ');
            let word_end = self.skip(next, is_name);
            let attribute = [&b"httponly"[..], b"secure", b"partitioned"]
                .iter()
                .any(|name| self.slice(next, word_end).eq_ignore_ascii_case(name));
            if !joined || word_end == next || (self.byte(word_end) != b'=' && !attribute) {
                return end;
            }
            at = next;
        }
    }
}
