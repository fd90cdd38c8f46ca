//! E-mail addresses and passwords in URLs.

use super::Scanner;
use super::bytes::{is_gap, is_quote, is_token};
use crate::kind::{Kind, Mode};

/// Bytes of the part before the `@`. Those that stand around addresses in text (`=`, `/`, `'`, braces) are left out.
const fn is_local(byte: u8) -> bool {
    is_token(byte)
        || matches!(byte, b'.' | b'%' | b'+' | b'!' | b'#' | b'$' | b'&' | b'~')
        || !byte.is_ascii()
}

impl Scanner<'_, '_, '_> {
    /// Judges the `@` at a place.
    pub(super) fn email(&mut self, at: usize) {
        if !self.is_on(Kind::Email) {
            return;
        }
        let start = self.skip_back(at, self.done, is_local);
        // A query's `&` and the dots of a sentence are not part of it.
        let start = self
            .skip(start, |b| matches!(b, b'.' | b'&' | b'!' | b'#'))
            .min(at);
        if start == at || self.slice(start, at) == b"git" {
            return;
        }
        let Some(end) = self.end_of_domain(at + 1) else {
            return;
        };
        match self.mode(Kind::Email) {
            Mode::Partial => {
                let first = self.text.get(start..at).and_then(|local| local.chars().next());
                let kept = start + first.map_or(0, char::len_utf8);
                self.replace(kept, at, &["***"]);
                self.done = self.done.max(end);
            }
            _ => self.redact(start, end),
        }
    }

    /// End of a domain with a top level of letters; none if there is no such domain.
    fn end_of_domain(&self, start: usize) -> Option<usize> {
        let class = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.') || !b.is_ascii();
        let end = self.skip(start, class);
        let end = self.skip_back(end, start, |b| matches!(b, b'.' | b'-'));
        let top = self.skip_back(end, start, |b| b != b'.');
        let letters = self.slice(top, end);
        let good = top > start + 1
            && letters.len() >= 2
            && (letters.iter().all(|b| b.is_ascii_alphabetic() || !b.is_ascii())
                || letters.starts_with(b"xn--"));
        good.then_some(end)
    }

    /// Judges the `://` at a place: the password of `user:password@host`.
    pub(super) fn url(&mut self, at: usize) {
        if !self.is_on(Kind::UrlPassword) {
            return;
        }
        let start = at + 3;
        let ends = |b: u8| is_gap(b) || is_quote(b) || matches!(b, b'<' | b'>' | b'\\' | b'{' | b'}');
        let authority = self.skip(start, |b| !ends(b) && !matches!(b, b'/' | b'?' | b'#'));
        let colon = self.skip(start, |b| !matches!(b, b':' | b'@')).min(authority);
        if self.byte(colon) != b':' {
            return;
        }
        let host = |from: usize, to: usize| {
            self.slice(from, to)
                .iter()
                .rposition(|b| *b == b'@')
                .map(|i| from + i)
        };
        let mut found = host(colon, authority);
        if found.is_none() && !is_port(self.slice(colon + 1, authority)) {
            // A password with a bare `/`, `?` or `#` in it: what stands after the colon is no port, so it is one.
            let whole = self.skip(authority, |b| !ends(b));
            found = host(authority, whole);
        }
        if let Some(host) = found.filter(|host| *host > colon + 1) {
            self.redact(colon + 1, host);
        }
    }
}

fn is_port(text: &[u8]) -> bool {
    text.len() <= 5 && text.iter().all(u8::is_ascii_digit)
}
