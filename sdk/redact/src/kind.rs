//! The kinds of values that are redacted, how, and how often they were.
//!
//! Not here: how a kind is recognised (`scan`).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

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

    /// Its name in settings.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProviderKey => "provider_key",
            Self::AuthScheme => "auth_scheme",
            Self::Jwt => "jwt",
            Self::PrivateKey => "private_key",
            Self::Card => "card",
            Self::SocialSecurity => "social_security",
            Self::Email => "email",
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::UrlPassword => "url_password",
            Self::HighEntropy => "high_entropy",
        }
    }

    /// The kind of this name; none if there is no such kind.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Why something was redacted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// What it looks like.
    Kind(Kind),
    /// The name under which it stands.
    Name,
    /// A pattern that was added.
    Pattern,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; N_CAUSES] = {
        let mut all = [Self::Name; N_CAUSES];
        let mut idx = 0;
        while idx < Kind::ALL.len() {
            all[idx] = Self::Kind(Kind::ALL[idx]);
            idx += 1;
        }
        all[N_CAUSES - 1] = Self::Pattern;
        all
    };

    /// The value of the label `kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kind(kind) => kind.as_str(),
            Self::Name => "name",
            Self::Pattern => "pattern",
        }
    }

    const fn idx(self) -> usize {
        match self {
            Self::Kind(kind) => kind as usize,
            Self::Name => Kind::ALL.len(),
            Self::Pattern => Kind::ALL.len() + 1,
        }
    }
}

const N_CAUSES: usize = Kind::ALL.len() + 2;

/// How often something was redacted, by its cause.
#[derive(Debug, Default)]
pub(crate) struct Counts([AtomicU64; N_CAUSES]);

impl Counts {
    pub(crate) fn enter(&self, cause: Cause) {
        self.0[cause.idx()].fetch_add(1, Relaxed);
    }

    pub(crate) fn get(&self, cause: Cause) -> u64 {
        self.0[cause.idx()].load(Relaxed)
    }
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

impl Mode {
    /// The mode of this name: `off`, `partial` or `full`; none if there is no such mode.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "off" => Some(Self::Off),
            "partial" => Some(Self::Partial),
            "full" => Some(Self::Full),
            _ => None,
        }
    }
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
