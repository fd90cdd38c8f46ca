//! What is wrong with a setting: where it stands, what it says, what would be right.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;

/// Writes an error with its sources, for the `Debug` of errors that `main` returns: Rust prints those with `Debug`, and what is wrong
/// and what would be right is to be read there too.
pub(crate) fn chain(error: &dyn Error, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{error}")?;
    let mut next = error.source();
    while let Some(source) = next {
        write!(f, ": {source}")?;
        next = source.source();
    }
    Ok(())
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        chain(self, f)
    }
}

/// A setting that cannot be taken. Its `Debug` is what it says, with its sources.
#[derive(thiserror::Error)]
pub enum ConfigError {
    /// A variable or key has a value that it does not accept.
    #[error("{place}: {value:?} is not accepted; expected {expected}")]
    Value {
        /// The variable, or the file and key.
        place: String,
        /// The value; a secret one is not shown.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// The file holds a key that no setting has.
    #[error("{path}: unknown key `{key}`; known keys nearby: {nearby}", path = path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Keys of the same table.
        nearby: String,
    },
    /// The file cannot be read.
    #[error("{path}: cannot be read", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path}: not valid TOML: {reason}", path = path.display())]
    NotToml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        reason: String,
    },
    /// A variable holds bytes that are not UTF-8.
    #[error("{variable}: the value is not UTF-8")]
    NotUnicode {
        /// The variable.
        variable: &'static str,
    },
}
