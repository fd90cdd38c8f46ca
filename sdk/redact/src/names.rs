//! Which names are sensitive.
//!
//! Invariant: the answer depends on the letters and digits of a name and on where its words begin, not on case or separators;
//! nothing is allocated. Not here: finding names in text (`scan`).

use crate::RedactorError;

/// Letters and digits of a name that are looked at; of a longer name, the last ones.
const MAX_LEN: usize = 64;

/// Sensitive wherever a name ends in them, even inside a word: `userpassword`.
const ENDINGS: &[&str] = &[
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "token",
    "authorization",
    "cookie",
    "cookies",
    "apikey",
    "apikeys",
    "privatekey",
    "privatekeys",
    "secretkey",
    "accesskey",
    "encryptionkey",
    "signingkey",
    "masterkey",
    "sharedkey",
    "hmackey",
    "sshkey",
    "awsaccesskeyid",
    "clientassertion",
    "connectionstring",
    "sessionid",
    "sessid",
    "sessionkey",
    "credential",
    "credentials",
    "mnemonic",
    "seedphrase",
    "recoverycode",
    "recoverycodes",
    "cardnumber",
    "socialsecurity",
    "socialsecuritynumber",
    "verificationcode",
    "jsessionid",
];

/// Sensitive only as a name's last whole words, since other words end in them: `pin` but not `spin`.
const WORDS: &[&str] = &[
    "auth", "bearer", "csrf", "cvc", "cvv", "cvv2", "jwt", "otp", "pan", "pass", "pin", "privkey", "psk",
    "pwd", "session", "sid", "ssn", "tokens", "totp", "xsrf",
];

/// Words after a sensitive name that do not make it harmless.
const TRAILERS: &[&str] = &[
    "value",
    "hash",
    "hashed",
    "text",
    "plain",
    "plaintext",
    "raw",
    "string",
    "str",
    "base64",
    "b64",
    "hex",
    "confirm",
    "confirmation",
    "again",
    "repeat",
    "old",
    "new",
    "current",
    "bytes",
    "data",
    "header",
];

/// Plural of a count rather than of a secret: models count tokens.
const COUNTS: &[&str] = &[
    "maxtokens",
    "numtokens",
    "ntokens",
    "totaltokens",
    "prompttokens",
    "completiontokens",
    "inputtokens",
    "outputtokens",
    "cachedtokens",
    "reasoningtokens",
];

/// How the value of a name is written in text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    /// The name is not sensitive.
    Harmless,
    /// One word, or something in quotes or brackets.
    Plain,
    /// A scheme and what belongs to it: `Authorization`.
    Credentials,
    /// Pairs joined by `;`: `Cookie`, `Set-Cookie`.
    Cookie,
}

/// The list of sensitive names.
#[derive(Debug, Clone, Default)]
pub(crate) struct Names {
    tails: Tails,
    added: Vec<Box<[u8]>>,
    allowed: Vec<Box<[u8]>>,
}

impl Names {
    pub(crate) fn new(added: &[String], allowed: &[String]) -> Result<Self, RedactorError> {
        let checked = |names: &[String]| {
            names
                .iter()
                .map(|name| plain_of(name))
                .collect::<Result<Vec<_>, _>>()
        };
        let added = checked(added)?;
        let mut tails = Tails::default();
        added.iter().for_each(|name| tails.add(name));
        Ok(Self {
            tails,
            added,
            allowed: checked(allowed)?,
        })
    }

    /// Whether the name is sensitive.
    pub(crate) fn is_sensitive(&self, name: &str) -> bool {
        self.tails.may_match(name.as_bytes()) && self.judge(&mut Plain::new(name.as_bytes()))
    }

    /// Whether a name found in text is sensitive, and how its value is written.
    pub(crate) fn sort(&self, name: &[u8]) -> Sort {
        if !self.tails.may_match(name) {
            return Sort::Harmless;
        }
        let mut plain = Plain::new(name);
        if !self.judge(&mut plain) {
            return Sort::Harmless;
        }
        if plain.bytes().ends_with(b"authorization") {
            Sort::Credentials
        } else if plain.bytes().ends_with(b"cookie") || plain.bytes().ends_with(b"cookies") {
            Sort::Cookie
        } else {
            Sort::Plain
        }
    }

    /// Whether a name that ends in these three bytes may be sensitive; told without looking at the rest of it.
    #[inline]
    pub(crate) fn may_end_in(&self, tail: [u8; 3]) -> bool {
        let [third, second, last] = tail.map(|b| b.to_ascii_lowercase());
        let plain =
            third.is_ascii_alphanumeric() && second.is_ascii_alphanumeric() && last.is_ascii_alphabetic();
        !plain || self.tails.all || self.tails.holds(third, second, last)
    }

    fn judge(&self, plain: &mut Plain) -> bool {
        if plain.len == 0 {
            return false;
        }
        if self.allowed.iter().any(|name| plain.ends_with_words(name)) {
            return false;
        }
        // A name may carry a number and two trailing words: `password_hash_2`.
        for _ in 0..3 {
            if is_listed(plain) || self.added.iter().any(|name| plain.ends_with_words(name)) {
                return true;
            }
            if !plain.cut_trailer() {
                return false;
            }
        }
        false
    }
}

fn is_listed(plain: &Plain) -> bool {
    if ENDINGS
        .iter()
        .any(|name| plain.bytes().ends_with(name.as_bytes()))
    {
        return true;
    }
    WORDS.iter().any(|name| plain.ends_with_words(name.as_bytes()))
        && !COUNTS.iter().any(|name| plain.bytes().ends_with(name.as_bytes()))
}

/// A set of hashes of three bytes, with false positives: most names are told at one look at their end.
#[derive(Debug, Clone)]
struct Tails {
    bits: [u64; 16],
    /// Some added name is too short to have a tail.
    all: bool,
}

impl Tails {
    const fn of_lists() -> Self {
        let mut tails = Self {
            bits: [0; 16],
            all: false,
        };
        let lists = [ENDINGS, WORDS, TRAILERS];
        let mut list_idx = 0;
        while list_idx < lists.len() {
            let list = lists[list_idx];
            let mut idx = 0;
            while idx < list.len() {
                tails.add(list[idx].as_bytes());
                idx += 1;
            }
            list_idx += 1;
        }
        tails
    }

    const fn add(&mut self, name: &[u8]) {
        let n = name.len();
        if n < 3 {
            self.all = true;
        } else {
            let hash = Self::hash(name[n - 3], name[n - 2], name[n - 1]);
            self.bits[hash / 64] |= 1 << (hash % 64);
        }
    }

    /// Of bytes in lower case.
    const fn hash(third: u8, second: u8, last: u8) -> usize {
        (third as usize * 5 + second as usize * 59 + last as usize * 683) % 1024
    }

    /// Whether a name may end as a listed one does, or in a number.
    fn may_match(&self, name: &[u8]) -> bool {
        if self.all {
            return true;
        }
        let mut kept = name
            .iter()
            .rev()
            .filter(|b| is_kept(**b))
            .map(u8::to_ascii_lowercase);
        let (Some(last), Some(second), Some(third)) = (kept.next(), kept.next(), kept.next()) else {
            return false;
        };
        if self.holds(third, second, last) {
            return true;
        }
        if !last.is_ascii_digit() {
            return false;
        }
        let mut kept = name
            .iter()
            .rev()
            .filter(|b| is_kept(**b))
            .skip_while(|b| b.is_ascii_digit())
            .map(u8::to_ascii_lowercase);
        match (kept.next(), kept.next(), kept.next()) {
            (Some(last), Some(second), Some(third)) => self.holds(third, second, last),
            _ => false,
        }
    }

    const fn holds(&self, third: u8, second: u8, last: u8) -> bool {
        let hash = Self::hash(third, second, last);
        self.bits[hash / 64] >> (hash % 64) & 1 == 1
    }
}

impl Default for Tails {
    fn default() -> Self {
        const LISTS: Tails = Tails::of_lists();
        LISTS
    }
}

fn plain_of(name: &str) -> Result<Box<[u8]>, RedactorError> {
    if name.bytes().filter(|b| is_kept(*b)).count() > MAX_LEN {
        return Err(RedactorError::LongName {
            name: name.to_owned(),
            max: MAX_LEN,
        });
    }
    let plain = Plain::new(name.as_bytes());
    if plain.len == 0 {
        return Err(RedactorError::EmptyName(name.to_owned()));
    }
    Ok(plain.bytes().into())
}

const fn is_kept(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || !byte.is_ascii()
}

/// A name without separators, in lower case, with a mark where each word begins.
struct Plain {
    bytes: [u8; MAX_LEN],
    len: usize,
    /// Bit `i`: a word begins at byte `i`.
    starts: u64,
}

impl Plain {
    fn new(name: &[u8]) -> Self {
        let mut plain = Self {
            bytes: [0; MAX_LEN],
            len: 0,
            starts: 0,
        };
        // Separators are few; twice the length holds what can match of any name that people write.
        let name = &name[name.len().saturating_sub(2 * MAX_LEN)..];
        let n_kept = name.iter().filter(|b| is_kept(**b)).count();
        let mut skip = n_kept.saturating_sub(MAX_LEN);
        let mut before = 0_u8;
        for &byte in name {
            if is_kept(byte) {
                let begins = !is_kept(before) || (byte.is_ascii_uppercase() && !before.is_ascii_uppercase());
                if skip > 0 {
                    skip -= 1;
                } else if let Some(slot) = plain.bytes.get_mut(plain.len) {
                    *slot = byte.to_ascii_lowercase();
                    plain.starts |= u64::from(begins) << plain.len;
                    plain.len += 1;
                }
            }
            before = byte;
        }
        plain
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn ends_with_words(&self, name: &[u8]) -> bool {
        self.bytes().ends_with(name) && {
            let start = self.len - name.len();
            start == 0 || (start < MAX_LEN && self.starts >> start & 1 == 1)
        }
    }

    /// Takes a number or a trailing word off the end; false if there is none.
    fn cut_trailer(&mut self) -> bool {
        let n_digits = self
            .bytes()
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit())
            .count();
        if n_digits > 0 && n_digits < self.len {
            self.len -= n_digits;
            return true;
        }
        for trailer in TRAILERS {
            if self.len > trailer.len() && self.ends_with_words(trailer.as_bytes()) {
                self.len -= trailer.len();
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(names: &Names, sensitive: bool, list: &[&str]) {
        for name in list {
            assert_eq!(names.is_sensitive(name), sensitive, "{name}");
        }
    }

    #[test]
    fn ignores_case_and_separators_and_looks_at_the_last_words() {
        check(
            &Names::default(),
            true,
            &[
                "password",
                "PASSWORD",
                "passwd",
                "user_password",
                "userPassword",
                "db.password",
                "Pass-Word",
                "secret",
                "client_secret",
                "clientSecret",
                "token",
                "access_token",
                "refreshToken",
                "X-Auth-Token",
                "authorization",
                "Proxy-Authorization",
                "http.request.header.authorization",
                "cookie",
                "set-cookie",
                "Set-Cookie",
                "http.response.header.set_cookie",
                "api-key",
                "apiKey",
                "API_KEY",
                "apikey",
                "x-api-key",
                "private_key",
                "privateKey",
                "session",
                "session_id",
                "sessionId",
                "JSESSIONID",
                "user_pin",
                "pin",
                "otp",
                "ssn",
                "pwd",
                "db_pwd",
                "password_hash",
                "password2",
                "new_password_confirmation",
                "secret_key",
                "aws_secret_access_key",
                "credentials",
                "passphrase",
                "id_token",
                "csrf_token",
                "STRIPE_SECRET_KEY",
                "card_number",
                "token_value",
            ],
        );
    }

    #[test]
    fn lets_names_pass_that_only_look_sensitive() {
        check(
            &Names::default(),
            false,
            &[
                "",
                "_",
                "user",
                "author",
                "authorized",
                "authority",
                "token_count",
                "max_tokens",
                "prompt_tokens",
                "totalTokens",
                "tokenizer",
                "secretary",
                "spin",
                "shipping",
                "compass",
                "bypass",
                "key",
                "primary_key",
                "partition_key",
                "public_key",
                "session_count",
                "session_duration_ms",
                "cookie_consent",
                "password_age_days",
                "passed",
                "passenger",
                "sidecar",
                "inside",
                "span",
                "japan",
                "path",
                "status",
                "http.route",
                "grpc.method",
            ],
        );
    }

    #[test]
    fn obeys_added_and_allowed_names() {
        let names = Names::new(&["Tax ID".into()], &["session".into(), "page-token".into()]).unwrap();
        check(
            &names,
            true,
            &["tax_id", "taxId", "customer.tax-id", "session_id", "token"],
        );
        check(
            &names,
            false,
            &[
                "syntaxid",
                "session",
                "user_session",
                "pageToken",
                "next_page_token",
            ],
        );
    }

    #[test]
    fn the_look_at_the_end_misses_no_name() {
        let names = Names::new(&["xy".into()], &[]).unwrap();
        check(&names, true, &["xy", "a_xy", "xy2"]);
        let names = Names::default();
        for name in [ENDINGS, WORDS].concat() {
            assert!(
                names.may_end_in(*name.to_uppercase().as_bytes().last_chunk().unwrap()),
                "{name}"
            );
            for trailer in [TRAILERS, &["", "1", "22"]].concat() {
                for name in [
                    format!("{name}{trailer}"),
                    format!("my-{name}-{trailer}").to_uppercase(),
                ] {
                    assert!(
                        !names.judge(&mut Plain::new(name.as_bytes())) || names.is_sensitive(&name),
                        "{name}"
                    );
                }
            }
        }
    }

    #[test]
    fn refuses_a_name_that_could_not_match() {
        assert_eq!(
            Names::new(&["--".into()], &[]).unwrap_err(),
            RedactorError::EmptyName("--".into())
        );
        assert!(matches!(
            Names::new(&["x".repeat(65)], &[]),
            Err(RedactorError::LongName { max: 64, .. })
        ));
    }

    #[test]
    fn judges_a_very_long_name_by_its_end() {
        let long = format!("{}.password", "segment.".repeat(500));
        check(&Names::default(), true, &[&long]);
        check(
            &Names::default(),
            true,
            &[&format!("{}password", "x".repeat(500))],
        );
        check(&Names::default(), false, &[&"é".repeat(500)]);
    }
}
