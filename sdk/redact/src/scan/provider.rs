//! Keys that their provider marks with a prefix.
//!
//! Invariant: the list is in order of the first byte. Not here: finding them.

use Alphabet::{Alnum, Hex, Token, Upper};

/// What the part after the prefix is made of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Alphabet {
    /// Letters and digits.
    Alnum,
    /// Letters, digits, `_` and `-`.
    Token,
    /// Upper-case letters and digits.
    Upper,
    /// Hex digits in lower case.
    Hex,
}

impl Alphabet {
    pub(super) const fn holds(self, byte: u8) -> bool {
        match self {
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Token => super::bytes::is_token(byte),
            Self::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Self::Hex => byte.is_ascii_digit() || matches!(byte, b'a'..=b'f'),
        }
    }
}

/// One kind of key.
#[derive(Debug)]
pub(super) struct Provider {
    pub(super) prefix: &'static str,
    pub(super) alphabet: Alphabet,
    /// Shortest part after the prefix that is taken for a key.
    pub(super) min: usize,
    /// Whether that part holds a digit for sure.
    pub(super) with_digit: bool,
    /// Whether the key ends where its alphabet does.
    pub(super) whole: bool,
    /// Whether parts joined by dots belong to it.
    pub(super) dotted: bool,
}

const fn key(prefix: &'static str, alphabet: Alphabet, min: usize) -> Provider {
    Provider {
        prefix,
        alphabet,
        min,
        with_digit: false,
        whole: false,
        dotted: false,
    }
}

impl Provider {
    const fn with_digit(mut self) -> Self {
        self.with_digit = true;
        self
    }

    const fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    const fn dotted(mut self) -> Self {
        self.dotted = true;
        self
    }
}

/// The list, in order of the first byte; longer prefixes before shorter ones that they begin with.
const PROVIDERS: &[Provider] = &[
    key("A3T", Upper, 17).whole().with_digit(),
    key("ABIA", Upper, 16).whole().with_digit(),
    key("ACCA", Upper, 16).whole().with_digit(),
    key("AGE-SECRET-KEY-", Alnum, 20),
    key("AGPA", Upper, 16).whole().with_digit(),
    key("AIDA", Upper, 16).whole().with_digit(),
    key("AIPA", Upper, 16).whole().with_digit(),
    key("AIza", Token, 30),
    key("AKIA", Upper, 12).whole(),
    key("ANPA", Upper, 16).whole().with_digit(),
    key("ANVA", Upper, 16).whole().with_digit(),
    key("AROA", Upper, 16).whole().with_digit(),
    key("ASIA", Upper, 16).whole().with_digit(),
    key("EAAA", Token, 56).with_digit(),
    key("GOCSPX-", Token, 20),
    key("NRAK-", Upper, 20),
    key("NRJS-", Hex, 16),
    key("PMAK-", Token, 30),
    key("SK", Hex, 32).whole(),
    key("dapi", Hex, 32),
    key("doo_v1_", Hex, 32),
    key("dop_v1_", Hex, 32),
    key("dor_v1_", Hex, 32),
    key("eyJrIjoi", Token, 40),
    key("figd_", Token, 20),
    key("gho_", Alnum, 8),
    key("ghp_", Alnum, 8),
    key("ghr_", Alnum, 8),
    key("ghs_", Alnum, 8),
    key("ghu_", Alnum, 8),
    key("github_pat_", Token, 8),
    key("glc_", Alnum, 30),
    key("gldt-", Token, 16),
    key("glpat-", Token, 8).dotted(),
    key("glptt-", Token, 16),
    key("glrt-", Token, 16).dotted(),
    key("glsa_", Token, 30),
    key("gsk_", Alnum, 30),
    key("hf_", Alnum, 30),
    key("key-", Hex, 32).whole(),
    key("lin_api_", Alnum, 16),
    key("npm_", Alnum, 30).whole(),
    key("ntn_", Alnum, 30),
    key("nvapi-", Token, 30),
    key("phc_", Alnum, 30),
    key("phx_", Alnum, 30),
    key("pk_live_", Alnum, 4),
    key("pk_test_", Alnum, 4),
    key("pplx-", Alnum, 30),
    key("pul-", Hex, 32),
    key("pypi-", Token, 30),
    key("r8_", Alnum, 30),
    key("rk_live_", Alnum, 4),
    key("rk_test_", Alnum, 4),
    key("rubygems_", Hex, 32),
    key("secret_", Alnum, 40).whole().with_digit(),
    key("shpat_", Alnum, 16),
    key("shpca_", Alnum, 16),
    key("shppa_", Alnum, 16),
    key("shpss_", Alnum, 16),
    key("sk-ant-", Token, 8),
    key("sk-or-", Token, 16),
    key("sk-proj-", Token, 8),
    key("sk-svcacct-", Token, 8),
    key("sk-", Alnum, 16).with_digit(),
    key("sk_live_", Alnum, 4),
    key("sk_test_", Alnum, 4),
    key("sntrys_", Token, 30).dotted(),
    key("sq0atp-", Token, 16),
    key("sq0csp-", Token, 16),
    key("sqp_", Hex, 32),
    key("tfp_", Token, 30),
    key("whsec_", Alnum, 8),
    key("xapp-", Token, 8),
    key("xoxa-", Token, 8),
    key("xoxb-", Token, 8),
    key("xoxc-", Token, 8),
    key("xoxd-", Token, 8),
    key("xoxe-", Token, 8),
    key("xoxo-", Token, 8),
    key("xoxp-", Token, 8),
    key("xoxr-", Token, 8),
    key("xoxs-", Token, 8),
];

/// Keys whose prefix ends in a dot, so that it stands before the run of bytes that is looked at.
const BEFORE_DOT: &[Provider] = &[
    key("SG.", Token, 16).dotted(),
    key("dp.pt.", Alnum, 30),
    key("dp.st.", Token, 30).dotted(),
    key("hvb.", Token, 16),
    key("hvs.", Token, 16),
    key("xoxe.", Token, 8).dotted(),
    key("ya29.", Token, 16).dotted(),
];

/// For each first byte, where its providers begin and end in the list.
static RANGES: [(u8, u8); 128] = ranges();

const fn ranges() -> [(u8, u8); 128] {
    let mut ranges = [(0, 0); 128];
    let mut idx = 0;
    while idx < PROVIDERS.len() {
        let first = PROVIDERS[idx].prefix.as_bytes()[0] as usize;
        if ranges[first].1 == 0 {
            ranges[first].0 = idx as u8;
        }
        ranges[first].1 = idx as u8 + 1;
        idx += 1;
    }
    ranges
}

/// For each first byte, the lower five bits of the bytes that follow it in a prefix.
static SECONDS: [u32; 128] = {
    let mut seconds = [0; 128];
    let mut idx = 0;
    while idx < PROVIDERS.len() {
        let prefix = PROVIDERS[idx].prefix.as_bytes();
        seconds[prefix[0] as usize] |= 1 << (prefix[1] & 31);
        idx += 1;
    }
    // A JSON Web Token.
    seconds[b'e' as usize] |= 1 << (b'y' & 31);
    seconds
};

/// Whether two bytes may begin a key or a JSON Web Token; false tells for sure.
pub(crate) fn may_begin_key(first: u8, second: u8) -> bool {
    let seconds = SECONDS.get(usize::from(first)).copied().unwrap_or(0);
    seconds >> (second & 31) & 1 == 1
}

/// Providers whose prefix begins with this byte.
pub(super) fn candidates(first: u8) -> &'static [Provider] {
    let (start, end) = RANGES.get(usize::from(first)).copied().unwrap_or_default();
    PROVIDERS
        .get(usize::from(start)..usize::from(end))
        .unwrap_or_default()
}

/// Providers whose prefix ends in a dot.
pub(super) const fn before_dot() -> &'static [Provider] {
    BEFORE_DOT
}

/// Whether a key or a JSON Web Token may begin with this byte.
pub(super) fn may_begin(first: u8) -> bool {
    !candidates(first).is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order_and_every_provider_can_be_found() {
        assert!(PROVIDERS.is_sorted_by_key(|p| p.prefix.as_bytes()[0]));
        assert!(PROVIDERS.len() < 256);
        for provider in PROVIDERS {
            let first = candidates(provider.prefix.as_bytes()[0])
                .iter()
                .find(|other| provider.prefix.starts_with(other.prefix))
                .map(|other| other.prefix);
            assert_eq!(first, Some(provider.prefix), "a shorter prefix stands before it");
        }
        assert!(BEFORE_DOT.iter().all(|p| p.prefix.ends_with('.')));
        assert!(may_begin(b'e') && !may_begin(b'z') && !may_begin(0xff));
    }
}
