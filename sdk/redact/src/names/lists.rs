//! The names, and two quick looks at the end of a name that tell most others from them.
//!
//! Invariant: the quick looks let every listed name through.

use super::plain::{Plain, is_kept};

/// Sensitive wherever a name ends in them, even inside a word: `userpassword`.
pub(super) const ENDINGS: &[&str] = &[
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
pub(super) const WORDS: &[&str] = &[
    "auth", "bearer", "csrf", "cvc", "cvv", "cvv2", "jwt", "otp", "pan", "pass", "pin", "privkey", "psk",
    "pwd", "session", "sid", "ssn", "tokens", "totp", "xsrf",
];

/// Words after a sensitive name that do not make it harmless.
pub(super) const TRAILERS: &[&str] = &[
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
pub(super) const COUNTS: &[&str] = &[
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

/// Whether a name ends as a listed one does.
pub(super) fn is_listed(plain: &Plain) -> bool {
    let tail = tail(plain.bytes());
    let with_tail = |tails: &'static [u32], names: &'static [&'static str]| {
        let names = tails
            .iter()
            .zip(names)
            .filter(move |(of_name, _)| **of_name == tail);
        names.map(|(_, name)| name.as_bytes())
    };
    with_tail(&ENDING_TAILS, ENDINGS).any(|name| plain.bytes().ends_with(name))
        || with_tail(&WORD_TAILS, WORDS).any(|name| plain.ends_with_words(name))
            && !COUNTS.iter().any(|name| plain.bytes().ends_with(name.as_bytes()))
}

impl Plain {
    /// Takes a number or a trailing word off the end; false if there is none.
    pub(super) fn cut_trailer(&mut self) -> bool {
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
        let tail = tail(self.bytes());
        for (_, trailer) in TRAILER_TAILS
            .iter()
            .zip(TRAILERS)
            .filter(|(of_name, _)| **of_name == tail)
        {
            if self.len > trailer.len() && self.ends_with_words(trailer.as_bytes()) {
                self.len -= trailer.len();
                return true;
            }
        }
        false
    }
}

/// The last three bytes of each listed name: one comparison of numbers tells most names apart.
static ENDING_TAILS: [u32; ENDINGS.len()] = tails(ENDINGS);
static WORD_TAILS: [u32; WORDS.len()] = tails(WORDS);
static TRAILER_TAILS: [u32; TRAILERS.len()] = tails(TRAILERS);

const fn tails<const N: usize>(names: &[&str]) -> [u32; N] {
    let mut tails = [0; N];
    let mut idx = 0;
    while idx < N {
        tails[idx] = tail(names[idx].as_bytes());
        idx += 1;
    }
    tails
}

/// The last three bytes as a number; zero if there are fewer.
const fn tail(name: &[u8]) -> u32 {
    match name.last_chunk::<3>() {
        Some([third, second, last]) => u32::from_le_bytes([*third, *second, *last, 0]),
        None => 0,
    }
}

/// A set of hashes of three bytes, with false positives: most names are told at one look at their end.
#[derive(Debug, Clone)]
pub(super) struct Tails {
    bits: [u64; 16],
    /// Some added name is too short to have a tail.
    pub(super) all: bool,
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

    pub(super) const fn add(&mut self, name: &[u8]) {
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
    pub(super) fn may_match(&self, name: &[u8]) -> bool {
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

    pub(super) const fn holds(&self, third: u8, second: u8, last: u8) -> bool {
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
