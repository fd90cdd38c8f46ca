//! Pages of other origins that may read answers.

use std::str::FromStr;
use std::sync::Arc;

use regex::Regex;

/// Origins whose pages may read answers, as a regular expression for the whole of one: `https://grafana\.example(:\d+)?`.
#[derive(Debug, Clone, Default)]
pub struct CorsOrigins(pub(crate) Arc<Option<Regex>>);

/// An expression that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid regular expression {text:?}: {reason}")]
pub struct ParseCorsOriginsError {
    text: String,
    reason: String,
}

impl FromStr for CorsOrigins {
    type Err = ParseCorsOriginsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match Regex::new(&format!("^(?:{text})$")) {
            Ok(regex) => Ok(Self(Arc::new(Some(regex)))),
            Err(error) => Err(ParseCorsOriginsError {
                text: text.into(),
                reason: error.to_string(),
            }),
        }
    }
}
