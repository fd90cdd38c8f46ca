//! `Bearer …` where no header's name stands before it.
//!
//! Not here: `Authorization: …` (`pair`), `Basic …` (`token`).

use super::Scanner;
use super::bytes::is_base64;
use crate::kind::{Cause, Kind};

/// Words that follow `bearer` in prose.
const PROSE: &[&str] = &[
    "token",
    "tokens",
    "auth",
    "authentication",
    "authorization",
    "authorisation",
    "credential",
    "credentials",
    "scheme",
    "header",
    "headers",
    "realm",
    "error",
    "format",
    "prefix",
    "value",
    "required",
    "missing",
    "expected",
    "is",
    "was",
    "or",
    "and",
    "of",
    "not",
    "in",
    "for",
    "with",
    "from",
];

impl Scanner<'_, '_, '_> {
    /// Judges the six bytes from `start` on, of which the first is a `b` and the last an `r`.
    #[inline(never)]
    pub(super) fn bearer(&mut self, start: usize) {
        let scheme = start + 6;
        if start < self.done
            || !self.is_on(Kind::AuthScheme)
            || !self.slice(start, scheme).eq_ignore_ascii_case(b"bearer")
            || !self.begins_word(start)
        {
            return;
        }
        let token = self.skip(scheme, |b| matches!(b, b' ' | b'\t'));
        let end = self.skip(token, |b| is_base64(b) || matches!(b, b'.' | b'~'));
        let end = self.skip_back(end, token, |b| b == b'.');
        if token == scheme || end == token {
            return;
        }
        let word = self.text.get(token..end).unwrap_or_default();
        // The scheme is written with a capital; in prose it is a word like others.
        let capital = self.byte(start) == b'B';
        let secret = match word.bytes().all(|b| b.is_ascii_lowercase()) {
            true if capital => !PROSE.contains(&word),
            true => word.len() >= 20,
            false => !PROSE.iter().any(|prose| {
                word.get(..prose.len())
                    .is_some_and(|head| head.eq_ignore_ascii_case(prose))
                    && word[prose.len()..]
                        .bytes()
                        .all(|b| matches!(b, b'=' | b'.' | b'/'))
            }),
        };
        if secret && !self.is_allowed(token, end) {
            self.redact(Cause::Kind(Kind::AuthScheme), token, end);
        }
    }
}
