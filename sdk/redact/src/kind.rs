//! The kinds of values that are redacted, and how.
//!
//! Not here: how a kind is recognised (`scan`).

/// A kind of value that is recognised by itself, whatever name it stands under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Keys that their provider marks with a prefix: `sk_live_…`, `AKIA…`, `ghp_…`, `xoxb-…`, `AIza…` and the like.
    ProviderKey,
    /// What follows the scheme in `Bearer …`, and in `Basic …` where it decodes to `user:password`.
    AuthScheme,
    /// JSON Web Tokens: `eyJ….….…`.
    Jwt,
    /// PEM private keys.
    PrivateKey,
    /// Payment card numbers that pass the Luhn check.
    Card,
    /// US social security numbers written `ddd-dd-dddd`.
    SocialSecurity,
    /// E-mail addresses.
    Email,
    /// IPv4 addresses.
    Ipv4,
    /// IPv6 addresses.
    Ipv6,
    /// The password of `scheme://user:password@host`.
    UrlPassword,
    /// Long strings that look random. Off unless asked for.
    HighEntropy,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::ProviderKey,
        Self::AuthScheme,
        Self::Jwt,
        Self::PrivateKey,
        Self::Card,
        Self::SocialSecurity,
        Self::Email,
        Self::Ipv4,
        Self::Ipv6,
        Self::UrlPassword,
        Self::HighEntropy,
    ];
}

/// What becomes of a value of some kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Mode {
    /// It stays as it is.
    Off,
    /// It is masked in part, so that people can still tell two values apart: `sk_live_[REDACTED]`, `****-****-****-1111`,
    /// `j***@example.com`, `10.1.*.*`, `2001:db8::*`, `***-**-1120`.
    Partial,
    /// All of it becomes `[REDACTED]`.
    #[default]
    Full,
}

/// The mode of each kind.
#[derive(Debug, Clone)]
pub(crate) struct Modes([Mode; Kind::ALL.len()]);

impl Default for Modes {
    fn default() -> Self {
        let mut modes = Self([Mode::Full; Kind::ALL.len()]);
        modes.set(Kind::ProviderKey, Mode::Partial);
        modes.set(Kind::Card, Mode::Partial);
        modes.set(Kind::HighEntropy, Mode::Off);
        modes
    }
}

impl Modes {
    pub(crate) fn set(&mut self, kind: Kind, mode: Mode) {
        self.0[kind as usize] = mode;
    }

    pub(crate) fn get(&self, kind: Kind) -> Mode {
        self.0[kind as usize]
    }

    pub(crate) fn is_on(&self, kind: Kind) -> bool {
        self.get(kind) != Mode::Off
    }
}
