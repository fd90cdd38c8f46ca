//! Settings of a redactor.
//!
//! Invariant: what is built has been checked. Not here: reading settings from files or the environment (the façade does).

use std::sync::Arc;

use watchroom_core::Ledger;

use crate::kind::{Counts, Kind, Mode, Modes};
use crate::names::Names;
use crate::pattern::{Pattern, PatternError};
use crate::recent::Judge;
use crate::redactor::Rules;
use crate::{HashKey, Redactor};

/// Why a redactor cannot be built.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RedactorError {
    /// A name has no letter or digit, so it would match nothing or everything.
    #[error("sensitive name {0:?} holds no letter or digit")]
    EmptyName(String),
    /// A name is longer than any that is looked at.
    #[error("sensitive name {name:?} has more than {max} letters and digits")]
    LongName {
        /// The name.
        name: String,
        /// The greatest length.
        max: usize,
    },
    /// An allowed value is empty.
    #[error("allowed value is empty")]
    EmptyValue,
    /// A pattern is malformed or matches too much.
    #[error("a pattern cannot be used")]
    Pattern(#[from] PatternError),
    /// A limit of zero would redact everything.
    #[error("max_value_bytes must be at least 1")]
    ZeroLimit,
}

/// Settings of a [`Redactor`]; begin with [`Redactor::builder`].
#[derive(Debug, Clone)]
pub struct RedactorBuilder {
    names: Vec<String>,
    allowed: Vec<String>,
    patterns: Vec<String>,
    allowed_values: Vec<String>,
    hash_key: Option<HashKey>,
    modes: Modes,
    keep_local_addresses: bool,
    max_value_bytes: usize,
    ledger: Option<Arc<Ledger>>,
}

impl Default for RedactorBuilder {
    fn default() -> Self {
        Self {
            names: Vec::new(),
            allowed: Vec::new(),
            patterns: Vec::new(),
            allowed_values: Vec::new(),
            hash_key: None,
            modes: Modes::default(),
            keep_local_addresses: true,
            max_value_bytes: 64 * 1024,
            ledger: None,
        }
    }
}

impl RedactorBuilder {
    /// Adds a sensitive name. Case and separators do not matter, and longer names that end in it match too: `tax_id` covers
    /// `taxId` and `customer.tax-id`.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Takes a name off the list, whatever else would match: `allow_name("session")` lets `session` and `user_session` pass.
    #[must_use]
    pub fn allow_name(mut self, name: &str) -> Self {
        self.allowed.push(name.to_owned());
        self
    }

    /// Lets one value pass that its looks or a pattern would give away: `allow_value("support@example.com")`. Compared as a whole, with what
    /// would be redacted. Under a sensitive name it is redacted still.
    #[must_use]
    pub fn allow_value(mut self, value: &str) -> Self {
        self.allowed_values.push(value.to_owned());
        self
    }

    /// Adds what a secret of one's own looks like: `acme_[A-Za-z0-9]{20,40}`, `\d{3}-\d{4}-\d{4}`.
    ///
    /// Characters stand for themselves; `\d` is a digit, `\w` a letter, a digit or `_`, `\x` a hex digit, `.` anything but a blank,
    /// `[A-Za-z0-9_-]` a set; each once, or `{n}`, `{n,m}` or `+` (up to 1024) times. Each takes as much as it can and gives nothing back, so no
    /// pattern can run away. A match begins and ends where a word does; the characters that stand for themselves at its beginning stay:
    /// `acme_[REDACTED]`. Patterns cost time with each value, in the order of a search for that beginning.
    #[must_use]
    pub fn pattern(mut self, pattern: &str) -> Self {
        self.patterns.push(pattern.to_owned());
        self
    }

    /// The key of [`Redactor::hash_id`]. Without one a random one is taken, and pseudonyms agree within one process only.
    #[must_use]
    pub fn hash_key(mut self, key: HashKey) -> Self {
        self.hash_key = Some(key);
        self
    }

    /// Sets what becomes of a kind of value.
    #[must_use]
    pub fn mode(mut self, kind: Kind, mode: Mode) -> Self {
        self.modes.set(kind, mode);
        self
    }

    /// Lets a kind of value pass.
    #[must_use]
    pub fn disable(self, kind: Kind) -> Self {
        self.mode(kind, Mode::Off)
    }

    /// Masks a kind of value in part only.
    #[must_use]
    pub fn partial(self, kind: Kind) -> Self {
        self.mode(kind, Mode::Partial)
    }

    /// Whether long strings that look random are redacted. Off by default: ids and hashes are such strings too.
    #[must_use]
    pub fn high_entropy(self, on: bool) -> Self {
        self.mode(Kind::HighEntropy, if on { Mode::Full } else { Mode::Off })
    }

    /// Whether loopback and unspecified addresses (`127.0.0.0/8`, `0.0.0.0`, `::1`) stay readable, as they do by default: they
    /// tell of no one, and a service's own "listening on" lines are made of them.
    #[must_use]
    pub fn keep_local_addresses(mut self, keep: bool) -> Self {
        self.keep_local_addresses = keep;
        self
    }

    /// Longest value that is looked into, 64 KiB by default; a longer one is redacted whole.
    #[must_use]
    pub fn max_value_bytes(mut self, max: usize) -> Self {
        self.max_value_bytes = max;
        self
    }

    /// Where redactions are counted.
    #[must_use]
    pub fn ledger(mut self, ledger: Arc<Ledger>) -> Self {
        self.ledger = Some(ledger);
        self
    }

    /// Builds the redactor.
    ///
    /// # Errors
    /// [`RedactorError`] if a name is empty or too long, a pattern is malformed, or the limit is zero.
    pub fn build(self) -> Result<Redactor, RedactorError> {
        if self.max_value_bytes == 0 {
            return Err(RedactorError::ZeroLimit);
        }
        if self.allowed_values.iter().any(String::is_empty) {
            return Err(RedactorError::EmptyValue);
        }
        let patterns: Result<Vec<_>, _> = self
            .patterns
            .iter()
            .map(|pattern| Pattern::parse(pattern))
            .collect();
        Ok(Redactor::from_rules(Rules {
            judge: Judge::default(),
            names: Names::new(&self.names, &self.allowed)?,
            modes: self.modes,
            patterns: patterns?,
            allowed_values: self.allowed_values,
            hash_key: self.hash_key.unwrap_or_else(HashKey::random),
            counts: Counts::default(),
            keep_local_addresses: self.keep_local_addresses,
            max_value_bytes: self.max_value_bytes,
            ledger: self.ledger,
        }))
    }
}
