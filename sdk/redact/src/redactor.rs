//! The redactor: settings, compiled and shared.
//!
//! Invariant: cloning shares; a clean value is lent back. Not here: how things are found (`scan`, `names`).

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use watchroom_core::{Count, Ledger};

use crate::kind::{Cause, Counts, Modes};
use crate::names::Names;
use crate::pattern::{self, Pattern};
use crate::recent::Judge;
use crate::scan::{By, scan};
use crate::sql::{self, Dialect};
use crate::{HashKey, HashedId, RedactorBuilder};

/// How often what was redacted is looked at again, and a statement shaped; what changes even then is redacted as a whole.
const MAX_ROUNDS: usize = 4;

/// What became of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It holds nothing to redact.
    Clean,
    /// All or parts of it were replaced.
    Redacted,
    /// It could not be judged (too long, or an internal error) and was replaced as a whole.
    FailedClosed,
}

/// Settings in the form in which they are used.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) judge: Judge,
    pub(crate) names: Names,
    pub(crate) modes: Modes,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) allowed_values: Vec<String>,
    pub(crate) hash_key: HashKey,
    pub(crate) counts: Counts,
    pub(crate) keep_local_addresses: bool,
    pub(crate) max_value_bytes: usize,
    pub(crate) ledger: Option<Arc<Ledger>>,
}

impl Rules {
    /// Whether a value is on the allow-list.
    pub(crate) fn is_allowed(&self, value: &str) -> bool {
        self.allowed_values.iter().any(|allowed| allowed == value)
    }
}

/// The redactor. Cloning it is cheap: all parts of a service share one.
///
/// [`Redactor::default`] knows every kind but high entropy.
#[derive(Debug, Clone)]
pub struct Redactor {
    rules: Arc<Rules>,
}

impl Default for Redactor {
    fn default() -> Self {
        static DEFAULT: OnceLock<Redactor> = OnceLock::new();
        DEFAULT
            .get_or_init(|| {
                Self::from_rules(Rules {
                    judge: Judge::default(),
                    names: Names::default(),
                    modes: Modes::default(),
                    patterns: Vec::new(),
                    allowed_values: Vec::new(),
                    hash_key: HashKey::random(),
                    counts: Counts::default(),
                    keep_local_addresses: true,
                    max_value_bytes: 64 * 1024,
                    ledger: None,
                })
            })
            .clone()
    }
}

impl Redactor {
    /// What stands in place of a redacted value.
    pub const REDACTED: &str = "[REDACTED]";

    /// Settings to build a redactor from.
    #[must_use]
    pub fn builder() -> RedactorBuilder {
        RedactorBuilder::default()
    }

    pub(crate) fn from_rules(rules: Rules) -> Self {
        Self {
            rules: Arc::new(rules),
        }
    }

    /// Whether values under this name are redacted whatever they are. Case and separators do not matter; of a dotted path
    /// (`http.request.header.authorization`) the last segments count. Worth caching per callsite.
    #[must_use]
    pub fn is_sensitive_name(&self, name: &str) -> bool {
        self.rules.names.is_sensitive(name)
    }

    /// Redacts by value and by the names that stand inside the value. A clean value is lent back without an allocation.
    #[must_use]
    pub fn value<'a>(&self, value: &'a str) -> Cow<'a, str> {
        let mut out = String::new();
        match self.scan(value, &mut out) {
            Outcome::Clean => Cow::Borrowed(value),
            Outcome::Redacted => Cow::Owned(out),
            Outcome::FailedClosed => Cow::Borrowed(Self::REDACTED),
        }
    }

    /// Appends the redacted value to `out`.
    pub fn value_into(&self, value: &str, out: &mut String) -> Outcome {
        let start = out.len();
        let outcome = self.scan(value, out);
        match outcome {
            Outcome::Clean => out.push_str(value),
            Outcome::Redacted => {}
            Outcome::FailedClosed => {
                out.truncate(start);
                out.push_str(Self::REDACTED);
            }
        }
        outcome
    }

    /// Redacts by name, then by value. An empty value stays empty.
    #[must_use]
    pub fn field<'a>(&self, name: &str, value: &'a str) -> Cow<'a, str> {
        if value.is_empty() {
            return Cow::Borrowed(value);
        }
        if self.is_sensitive_name(name) {
            if value != Self::REDACTED {
                self.count_redaction();
            }
            return Cow::Borrowed(Self::REDACTED);
        }
        if sql::is_statement_name(name) {
            let mut out = String::new();
            return match self.sql_into(value, Dialect::Auto, &mut out) {
                Outcome::Clean => Cow::Borrowed(value),
                _ => Cow::Owned(out),
            };
        }
        self.value(value)
    }

    /// As [`Redactor::value_into`], for a value whose name is known not to be sensitive: a statement under `db.query.text` or
    /// `db.statement` is reduced to its shape.
    pub fn named_into(&self, name: &str, value: &str, out: &mut String) -> Outcome {
        if sql::is_statement_name(name) {
            self.sql_into(value, Dialect::Auto, out)
        } else {
            self.value_into(value, out)
        }
    }

    /// Appends the [shape](sql::shape) of a statement, redacted by value: what stands unquoted in a text that is no SQL may be a secret, too.
    pub fn sql_into(&self, statement: &str, dialect: Dialect, out: &mut String) -> Outcome {
        let start = out.len();
        if statement.len() <= self.rules.max_value_bytes && sql::shape_into(statement, dialect, out) {
            // What a match leaves at its edges may read differently: it is shaped again, until nothing changes.
            for _ in 0..MAX_ROUNDS {
                let shape = out.split_off(start);
                match self.scan_by(&shape, By::Value, out) {
                    Outcome::Clean => {
                        out.push_str(&shape);
                        return match shape == statement {
                            true => Outcome::Clean,
                            false => Outcome::Redacted,
                        };
                    }
                    Outcome::Redacted => {
                        let redacted = out.split_off(start);
                        if !sql::shape_into(&redacted, dialect, out) {
                            break;
                        }
                        if out.get(start..) == Some(&*redacted) {
                            return Outcome::Redacted;
                        }
                    }
                    Outcome::FailedClosed => break,
                }
            }
        }
        out.truncate(start);
        out.push_str(Self::REDACTED);
        self.enter(Count::RedactionsFailedClosed, 1);
        Outcome::FailedClosed
    }

    /// Enters in the ledger that a caller replaced a value by its name, having asked [`Redactor::is_sensitive_name`] before.
    pub fn count_redaction(&self) {
        self.rules.counts.enter(Cause::Name);
        self.enter(Count::Redactions, 1);
    }

    /// How often something was redacted for this reason.
    #[must_use]
    pub fn n_redacted(&self, cause: Cause) -> u64 {
        self.rules.counts.get(cause)
    }

    /// A pseudonym for a user's id or the like, fit for a label or a log line: the same for the same value under the same
    /// [key](RedactorBuilder::hash_key), and nothing that the value could be found from without it.
    ///
    /// ```
    /// use watchroom_redact::{HashKey, Redactor};
    ///
    /// let key = HashKey::from_hex("5f1c0a9e3b7d42868c11d0e4a7b95f23")?;
    /// let redactor = Redactor::builder().hash_key(key).build()?;
    /// let id = redactor.hash_id("user-4711");
    /// assert_eq!(id.len(), 16);
    /// assert_eq!(id, redactor.hash_id("user-4711"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn hash_id(&self, value: &str) -> HashedId {
        self.rules.hash_key.hash(value.as_bytes())
    }

    /// Appends to `out` if there is something to redact; leaves `out` as it is if the value is clean.
    fn scan(&self, value: &str, out: &mut String) -> Outcome {
        self.scan_by(value, By::NameAndValue, out)
    }

    /// Scans until there is nothing more to find: what a match has been replaced by may show another one that it hid. A clean value is
    /// walked over once.
    fn scan_by(&self, value: &str, by: By, out: &mut String) -> Outcome {
        if value.len() > self.rules.max_value_bytes {
            self.enter(Count::RedactionsFailedClosed, 1);
            return Outcome::FailedClosed;
        }
        let start = out.len();
        let mut outcome = self.scan_once(value, by, out);
        for _ in 0..MAX_ROUNDS {
            if outcome != Outcome::Redacted {
                return outcome;
            }
            let mut again = String::new();
            outcome = self.scan_once(out.get(start..).unwrap_or_default(), by, &mut again);
            match outcome {
                Outcome::Clean => return Outcome::Redacted,
                Outcome::Redacted => {
                    out.truncate(start);
                    out.push_str(&again);
                }
                Outcome::FailedClosed => {}
            }
        }
        self.enter(Count::RedactionsFailedClosed, 1);
        Outcome::FailedClosed
    }

    /// One walk, and the patterns after it.
    fn scan_once(&self, value: &str, by: By, out: &mut String) -> Outcome {
        let start = out.len();
        let (mut outcome, mut n_redactions) = scan(value, &self.rules, by, out);
        if !self.rules.patterns.is_empty() && outcome != Outcome::FailedClosed {
            let text = match outcome {
                Outcome::Clean => value,
                _ => out.get(start..).unwrap_or_default(),
            };
            if let Some((text, n_matches)) = self.match_patterns(text) {
                out.truncate(start);
                out.push_str(&text);
                outcome = Outcome::Redacted;
                n_redactions += n_matches;
            }
        }
        match outcome {
            Outcome::Clean => {}
            Outcome::Redacted => self.enter(Count::Redactions, n_redactions),
            Outcome::FailedClosed => self.enter(Count::RedactionsFailedClosed, 1),
        }
        outcome
    }

    #[cold]
    fn match_patterns(&self, text: &str) -> Option<(String, u64)> {
        let found = pattern::redact(&self.rules.patterns, text, |value| self.rules.is_allowed(value));
        if let Some((_, n_matches)) = &found {
            (0..*n_matches).for_each(|_| self.rules.counts.enter(Cause::Pattern));
        }
        found
    }

    fn enter(&self, count: Count, n: u64) {
        if let Some(ledger) = &self.rules.ledger {
            ledger.count(count, n);
        }
    }
}
