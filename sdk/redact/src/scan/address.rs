//! E-mail addresses and passwords in URLs.

use super::Scanner;
use super::bytes::{is_gap, is_quote};
use crate::kind::{Cause, Kind, Mode};

/// How far a password that is not encoded is looked for.
const MAX_PASSWORD: usize = 256;

/// Characters of the part before the `@`. Those that stand around addresses in text (`=`, `/`, `'`, braces) are left out.
fn is_local(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '%' | '+' | '!' | '#' | '$' | '&' | '~')
}

/// Characters of the part after it.
fn is_domain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '.')
}

impl Scanner<'_, '_, '_> {
    /// Judges the `@` at a place.
    #[inline(never)]
    pub(super) fn email(&mut self, at: usize) {
        if !self.is_on(Kind::Email) {
            return;
        }
        let before = self.text.get(self.done..at).unwrap_or_default();
        let start = at - (before.len() - before.trim_end_matches(is_local).len());
        // A query's `&` and the dots of a sentence are not part of it.
        let start = self
            .skip(start, |b| matches!(b, b'.' | b'&' | b'!' | b'#'))
            .min(at);
        // The last digits that a mask has left are no one's address.
        let local = self.slice(start, at);
        let masked = self.before(start) == b'*' && local.len() == 5 && local.starts_with(b"-");
        if start == at || local == b"git" || masked {
            return;
        }
        let Some(end) = self.end_of_domain(at + 1) else {
            return;
        };
        if self.is_allowed(start, end) {
            return;
        }
        match self.mode(Kind::Email) {
            Mode::Partial => {
                let first = self.text.get(start..at).and_then(|local| local.chars().next());
                let kept = start + first.map_or(0, char::len_utf8);
                self.replace(Cause::Kind(Kind::Email), kept, at, &["***"]);
            }
            _ => self.redact(Cause::Kind(Kind::Email), start, end),
        }
    }

    /// End of the longest domain with a top level of letters; none if there is no such domain.
    ///
    /// What stands behind it (`example.com.10.0.0.1`) does not hide it: a walk after that has been replaced would see it.
    fn end_of_domain(&self, start: usize) -> Option<usize> {
        let after = self.text.get(start..).unwrap_or_default();
        let mut end = start + (after.len() - after.trim_start_matches(is_domain).len());
        loop {
            end = self.skip_back(end, start, |b| matches!(b, b'.' | b'-'));
            let top = self.skip_back(end, start, |b| b != b'.');
            if top <= start + 1 {
                return None;
            }
            if self.starts_with(top, b"xn--") {
                return Some(end);
            }
            // What is joined to a top level by a dash or a digit is not part of it.
            let letters = self.skip_to(top, end, |b| b.is_ascii_alphabetic() || !b.is_ascii());
            if letters >= top + 2 {
                return Some(letters);
            }
            end = top;
        }
    }

    /// Judges the `://` at a place: the password of `user:password@host`.
    #[inline(never)]
    pub(super) fn url(&mut self, at: usize) {
        if !self.is_on(Kind::UrlPassword) {
            return;
        }
        let start = at + 3;
        let ends = |b: u8| is_gap(b) || is_quote(b) || matches!(b, b'<' | b'>' | b'\\' | b'{' | b'}');
        let authority = self.skip(start, |b| !ends(b) && !matches!(b, b'/' | b'?' | b'#'));
        let colon = self.skip_to(start, authority, |b| !matches!(b, b':' | b'@'));
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
            let whole = self.skip_to(authority, authority + MAX_PASSWORD, |b| !ends(b));
            found = host(authority, whole);
        }
        if let Some(host) = found.filter(|host| *host > colon + 1) {
            self.redact(Cause::Kind(Kind::UrlPassword), colon + 1, host);
        }
    }
}

fn is_port(text: &[u8]) -> bool {
    text.len() <= 5 && text.iter().all(u8::is_ascii_digit)
}
