//! Settings of a redactor.
//!
//! Invariant: what is built has been checked. Not here: reading settings from files or the environment (the façade does).

use std::sync::Arc;

use watchroom_core::Ledger;

use crate::Redactor;
use crate::kind::{Kind, Mode, Modes};
use crate::names::Names;
use crate::redactor::Rules;

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
    /// A limit of zero would redact everything.
    #[error("max_value_bytes must be at least 1")]
    ZeroLimit,
}

/// Settings of a [`Redactor`]; begin with [`Redactor::builder`].
#[derive(Debug, Clone)]
pub struct RedactorBuilder {
    names: Vec<String>,
    allowed: Vec<String>,
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
    /// [`RedactorError`] if a name is empty or too long, or the limit is zero.
    pub fn build(self) -> Result<Redactor, RedactorError> {
        if self.max_value_bytes == 0 {
            return Err(RedactorError::ZeroLimit);
        }
        Ok(Redactor::from_rules(Rules {
            names: Names::new(&self.names, &self.allowed)?,
            modes: self.modes,
            keep_local_addresses: self.keep_local_addresses,
            max_value_bytes: self.max_value_bytes,
            ledger: self.ledger,
        }))
    }
}
