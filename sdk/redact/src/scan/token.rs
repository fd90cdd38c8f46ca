//! Token-like runs: provider keys, JSON Web Tokens, `Basic` credentials, random-looking strings.
//!
//! Not here: the list of providers (`provider`).

use super::Scanner;
use super::bytes::{is_base64, is_token};
use super::provider::{self, Provider};
use crate::Redactor;
use crate::kind::{Cause, Kind, Mode};
use crate::prefilter::TOKEN_RUN;

/// Shortest first part of a JSON Web Token: `{"alg":""}`, encoded, is 14 bytes long.
const JWT_HEADER: usize = 12;
/// Bytes after a prefix that are looked at.
const MAX_TAIL: usize = 128;
/// Shortest secret that is told by what stands before it.
pub(crate) const LONG_TOKEN: usize = 20;
/// Shortest string that is judged by its entropy.
const RANDOM: usize = 20;
/// Bits per byte from which on a string looks random. English in camel case has about 3.3, random base64 of this length 4.3.
const RANDOM_BITS: f64 = 3.6;

/// Addresses of web hooks, up to the parts that say whose they are.
const HOOKS: &[&str] = &[
    "hooks.slack.com/services/",
    "/api/webhooks/",
    "webhook.office.com/",
];

/// How far before a token such an address is looked for.
const HOOK_REACH: usize = 64;

impl Scanner<'_, '_, '_> {
    /// Judges the first token of a token-like run, which is one of a wider class; gives the place to go on at.
    #[inline(never)]
    pub(super) fn token_part(&mut self, start: usize, end: usize) -> usize {
        let stop = self.skip(start, is_token);
        if stop - start >= TOKEN_RUN {
            self.token(start, stop);
        }
        let next = self.skip_to(stop, end, |b| !is_token(b));
        self.next_part_at(next, end)
    }

    /// Judges one run of letters, digits, `_` and `-`.
    fn token(&mut self, start: usize, end: usize) {
        if self.before(start) == b'.' && self.key_after_dot(start) {
            return;
        }
        let mut at = start;
        let mut jwt_tried = false;
        while at < end {
            let fresh = at == start || self.begins_word(at);
            let may_begin = fresh && at >= self.done && provider::may_begin(self.byte(at));
            // Where the first `eyJ` of a run begins no token, none does: what follows the run is the same.
            let is_jwt = may_begin && !jwt_tried && self.starts_with(at, b"eyJ");
            jwt_tried |= is_jwt;
            if (is_jwt && self.jwt(at, end)) || (may_begin && self.provider_key(at)) {
                at = self.done.max(at + 1);
            } else if at == start && self.escape_at(start) > 0 {
                at += self.escape_at(start);
            } else {
                at = self.skip_to(at, end, |b| b.is_ascii_alphanumeric()) + 1;
            }
        }
        if self.done <= start && !self.basic(start) && !self.hook(start, end) {
            self.random(start);
        }
    }

    /// Judges the token that begins at `start` and whose first part ends at `first`.
    fn jwt(&mut self, start: usize, first: usize) -> bool {
        if !self.is_on(Kind::Jwt) {
            return false;
        }
        let second = self.next_part(first);
        if first - start < JWT_HEADER || second - first < 5 {
            return false;
        }
        let mut end = self.next_part(second);
        // Two parts are a token only if the second is JSON as well: it lost its signature.
        if end == second && self.byte(second) != b'.' && !self.starts_with(first + 1, b"eyJ") {
            return false;
        }
        // An encrypted token has five parts.
        end = self.next_part(self.next_part(end));
        if self.is_allowed(start, end) {
            return true;
        }
        match self.mode(Kind::Jwt) {
            Mode::Partial => self.replace(Cause::Kind(Kind::Jwt), start, end, &["eyJ", Redactor::REDACTED]),
            _ => self.redact(Cause::Kind(Kind::Jwt), start, end),
        }
        true
    }

    /// End of the part after the dot at `at`; `at` if there is no part.
    fn next_part(&self, at: usize) -> usize {
        if self.byte(at) != b'.' {
            return at;
        }
        let end = self.skip(at + 1, is_token);
        if end == at + 1 { at } else { end }
    }

    fn provider_key(&mut self, start: usize) -> bool {
        if !self.is_on(Kind::ProviderKey) {
            return false;
        }
        let Some(provider) = provider::candidates(self.byte(start))
            .iter()
            .find(|provider| self.is_key_of(provider, start))
        else {
            return false;
        };
        self.redact_key(provider, start);
        true
    }

    /// A key whose prefix, `SG.` or the like, ends where the run begins.
    fn key_after_dot(&mut self, run: usize) -> bool {
        if !self.is_on(Kind::ProviderKey) {
            return false;
        }
        for provider in provider::before_dot() {
            let Some(start) = run.checked_sub(provider.prefix.len()) else {
                continue;
            };
            if start >= self.done && self.begins_word(start) && self.is_key_of(provider, start) {
                self.redact_key(provider, start);
                return true;
            }
        }
        false
    }

    fn redact_key(&mut self, provider: &Provider, start: usize) {
        let tail = start + provider.prefix.len();
        let mut end = self.end_of_key(tail);
        if provider.dotted {
            loop {
                let longer = self.next_part(end);
                if longer == end {
                    break;
                }
                end = longer;
            }
        }
        if self.is_allowed(start, end) {
            return;
        }
        match self.mode(Kind::ProviderKey) {
            Mode::Partial => self.redact(Cause::Kind(Kind::ProviderKey), tail, end),
            _ => self.redact(Cause::Kind(Kind::ProviderKey), start, end),
        }
    }

    /// A PEM block that begins right after a key is not part of it.
    fn end_of_key(&self, tail: usize) -> usize {
        let end = self.skip(tail, is_token);
        let block = self
            .slice(tail, end)
            .windows(10)
            .position(|window| window == b"-----BEGIN");
        block.map_or(end, |offset| tail + offset)
    }

    /// Secrets that are told by what stands before them: the last part of a web hook's address, a Telegram bot's token.
    fn hook(&mut self, start: usize, end: usize) -> bool {
        if !self.is_on(Kind::ProviderKey) || end - start < LONG_TOKEN {
            return false;
        }
        let floor = start.saturating_sub(HOOK_REACH).max(self.done);
        let found = match self.before(start) {
            b'/' => self.is_in_hook(start),
            b':' if end - start == 35 => {
                let digits = start - 1 - self.skip_back(start - 1, floor, |b| b.is_ascii_digit());
                (8..=10).contains(&digits)
            }
            _ => false,
        };
        if found && !self.is_allowed(start, end) {
            self.redact(Cause::Kind(Kind::ProviderKey), start, end);
        }
        found
    }

    /// Whether a web hook's address stands shortly before a place: in the text, or in what an earlier match has made of it, for
    /// what that brings nearer would be found by a second walk.
    fn is_in_hook(&self, start: usize) -> bool {
        let text = self.slice(start.saturating_sub(HOOK_REACH), start);
        if holds_hook(text) {
            return true;
        }
        if start.saturating_sub(self.written) >= HOOK_REACH {
            return false;
        }
        let (written, kept) = self.seen_before(start, HOOK_REACH);
        // Where the two meet, a match ends: no address reaches over it.
        holds_hook(written) || holds_hook(kept)
    }

    fn is_key_of(&self, provider: &Provider, start: usize) -> bool {
        if !self.starts_with(start, provider.prefix.as_bytes()) {
            return false;
        }
        let tail = start + provider.prefix.len();
        let end = self.skip_to(tail, tail + MAX_TAIL, |b| provider.alphabet.holds(b));
        let tail = self.slice(tail, end);
        tail.len() >= provider.min
            && (!provider.with_digit || tail.iter().any(u8::is_ascii_digit))
            && (!provider.whole || !(self.goes_on(end) || self.byte(end) == b'_'))
    }

    /// `Basic` credentials: base64 that decodes to `user:password`.
    fn basic(&mut self, start: usize) -> bool {
        if !self.is_on(Kind::AuthScheme) || self.before(start) != b' ' {
            return false;
        }
        let Some(scheme) = start.checked_sub(6) else {
            return false;
        };
        if scheme < self.done
            || !self.slice(scheme, start - 1).eq_ignore_ascii_case(b"basic")
            || (is_token(self.before(scheme)) && !self.is_after_escape(scheme))
        {
            return false;
        }
        let end = self.skip(start, |b| {
            b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'=')
        });
        if !decodes_to_pair(self.slice(start, end)) {
            return false;
        }
        if !self.is_allowed(start, end) {
            self.redact(Cause::Kind(Kind::AuthScheme), start, end);
        }
        true
    }

    fn random(&mut self, start: usize) {
        if !self.is_on(Kind::HighEntropy)
            || start < self.done
            || is_base64(self.before(start))
            || self.is_after_match(start)
        {
            return;
        }
        let end = self.skip(start, is_base64);
        if !looks_random(self.slice(start, end)) {
            return;
        }
        if self.is_allowed(start, end) {
            return;
        }
        match self.mode(Kind::HighEntropy) {
            Mode::Partial => self.redact(Cause::Kind(Kind::HighEntropy), start + 4, end),
            _ => self.redact(Cause::Kind(Kind::HighEntropy), start, end),
        }
    }
}

fn holds_hook(text: &[u8]) -> bool {
    HOOKS
        .iter()
        .any(|hook| text.windows(hook.len()).any(|window| window == hook.as_bytes()))
}

/// Whether base64 decodes to printable text with a colon in it.
fn decodes_to_pair(text: &[u8]) -> bool {
    let (mut bits, mut n_bits, mut colon) = (0_u32, 0, false);
    for &byte in text.iter().take_while(|b| **b != b'=') {
        let six = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            _ => 63,
        };
        bits = bits << 6 | u32::from(six);
        n_bits += 6;
        if n_bits >= 8 {
            n_bits -= 8;
            let decoded = bits >> n_bits & 0xff;
            if decoded < 0x20 || decoded == 0x7f {
                return false;
            }
            colon |= decoded == u32::from(b':');
        }
    }
    colon
}

/// Whether a string is long, mixes cases and digits, and has the entropy of random base64. Ids and hashes in hex do not.
fn looks_random(text: &[u8]) -> bool {
    if text.len() < RANDOM || text.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-') {
        return false;
    }
    let count = |class: fn(&u8) -> bool| text.iter().filter(|b| class(b)).count();
    if count(u8::is_ascii_digit) < 2 || count(u8::is_ascii_lowercase) < 2 || count(u8::is_ascii_uppercase) < 2
    {
        return false;
    }
    let mut counts = [0_u16; 256];
    // Of a longer string the first bytes tell enough.
    let text = text.get(..256).unwrap_or(text);
    text.iter().for_each(|b| counts[usize::from(*b)] += 1);
    let n = text.len() as f64;
    let bits: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / n;
            -share * share.log2()
        })
        .sum();
    bits >= RANDOM_BITS
}
