//! Why a question about traces was not answered.

use crate::{SourceError, Stop};

/// Why a question about traces was not answered.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// The client went away, or the process is shutting down.
    #[error("the query was cancelled")]
    Cancelled,
    /// The deadline passed.
    #[error("the query timed out; narrow the time range or the expression")]
    TimedOut,
    /// The store failed.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl From<Stop> for TraceError {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Cancelled => Self::Cancelled,
            Stop::TimedOut => Self::TimedOut,
        }
    }
}
