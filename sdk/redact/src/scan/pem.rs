//! PEM private keys.

use super::Scanner;
use crate::Redactor;
use crate::kind::{Cause, Kind, Mode};

/// Longest label between `BEGIN` and the dashes.
const MAX_LABEL: usize = 48;

impl Scanner<'_, '_, '_> {
    /// Judges what follows five dashes or more at `at`. A block without its end is redacted to the end of the text.
    #[inline(never)]
    pub(super) fn pem(&mut self, at: usize) {
        if !self.is_on(Kind::PrivateKey) || !self.starts_with(at, b"BEGIN ") {
            return;
        }
        let label_end = self.skip(at, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
        let label = self.slice(at, label_end.min(at + MAX_LABEL));
        if !self.starts_with(label_end, b"-----") || !label.windows(11).any(|window| window == b"PRIVATE KEY")
        {
            return;
        }
        let start = at.saturating_sub(5).max(self.done);
        let body = self.skip(label_end, |b| b == b'-');
        let (foot, end) = self.end_of_pem(body);
        match self.mode(Kind::PrivateKey) {
            Mode::Partial => {
                self.replace(Cause::Kind(Kind::PrivateKey), body, foot, &[Redactor::REDACTED]);
                self.done = self.done.max(end);
            }
            _ => self.redact(Cause::Kind(Kind::PrivateKey), start, end),
        }
    }
    /// Where the last line of the block that goes on at `at` begins and ends; the end of the text if there is none.
    pub(super) fn end_of_pem(&self, at: usize) -> (usize, usize) {
        let rest = self.text.get(at..).unwrap_or_default();
        match rest.find("-----END ") {
            Some(foot) => {
                let label_end = self.skip(at + foot + 5, |b| b != b'-');
                (at + foot, self.skip(label_end, |b| b == b'-'))
            }
            None => (self.bytes.len(), self.bytes.len()),
        }
    }
}
