//! Why a whole request was refused, and how each protocol says so.

use http::StatusCode;
use watchroom_store::AppendError;

use super::wire::{RetryInfo, Status};
use crate::net::BodyError;

/// A request of which nothing was taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The sender must mend the request.
    #[error("{0}")]
    Invalid(String),
    /// The request is too large to ever be taken.
    #[error("{0}")]
    TooLarge(String),
    /// A form of request that is not understood.
    #[error("{0}")]
    Unsupported(String),
    /// The body did not arrive in time.
    #[error("{0}")]
    TooSlow(String),
    /// Too busy now.
    #[error("{reason}")]
    Overloaded {
        /// What is full.
        reason: String,
        /// Seconds to wait before the next try.
        retry_after: u64,
    },
    /// The sender has to say who it is.
    #[error("{0}")]
    Unauthenticated(String),
    /// The sender may not do this.
    #[error("{0}")]
    Forbidden(String),
    /// The sender is beyond its own limits.
    #[error("{reason}")]
    Limited {
        /// What there is too much of.
        reason: String,
        /// Seconds to wait before the next try.
        retry_after: u64,
    },
    /// Failed through no fault of the sender.
    #[error("{0}")]
    Internal(String),
}

/// Codes of gRPC.
mod code {
    pub(super) const INVALID_ARGUMENT: i32 = 3;
    pub(super) const DEADLINE_EXCEEDED: i32 = 4;
    pub(super) const PERMISSION_DENIED: i32 = 7;
    pub(super) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(super) const UNIMPLEMENTED: i32 = 12;
    pub(super) const INTERNAL: i32 = 13;
    pub(super) const UNAVAILABLE: i32 = 14;
    pub(super) const UNAUTHENTICATED: i32 = 16;
}

impl Refusal {
    /// Seconds to wait before trying again, if trying again can help.
    pub(crate) fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Overloaded { retry_after, .. } | Self::Limited { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// Status of an HTTP answer. Of these a sender retries 429 and 503.
    pub(crate) fn http_status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) => StatusCode::BAD_REQUEST,
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unsupported(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Overloaded { .. } => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
            Self::Forbidden(_) => StatusCode::FORBIDDEN,
            Self::Limited { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// The answer as `google.rpc.Status`. RESOURCE_EXHAUSTED without `RetryInfo` is one that a sender does not retry.
    pub(crate) fn rpc_status(&self) -> Status {
        let (code, details) = match self {
            Self::Invalid(_) => (code::INVALID_ARGUMENT, Vec::new()),
            Self::TooLarge(_) => (code::RESOURCE_EXHAUSTED, Vec::new()),
            Self::Unsupported(_) => (code::UNIMPLEMENTED, Vec::new()),
            Self::TooSlow(_) => (code::DEADLINE_EXCEEDED, Vec::new()),
            Self::Overloaded { retry_after, .. } => (code::UNAVAILABLE, vec![RetryInfo::after(*retry_after)]),
            Self::Unauthenticated(_) => (code::UNAUTHENTICATED, Vec::new()),
            Self::Forbidden(_) => (code::PERMISSION_DENIED, Vec::new()),
            Self::Limited { retry_after, .. } => {
                (code::RESOURCE_EXHAUSTED, vec![RetryInfo::after(*retry_after)])
            }
            Self::Internal(_) => (code::INTERNAL, Vec::new()),
        };
        Status {
            code,
            message: self.to_string(),
            details,
        }
    }
}

impl From<AppendError> for Refusal {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::Overloaded { .. } => Self::Overloaded {
                reason: error.to_string(),
                retry_after: 2,
            },
            AppendError::DiskFull { .. } => Self::Overloaded {
                reason: error.to_string(),
                retry_after: 30,
            },
            other => Self::Internal(crate::error::chain(&other)),
        }
    }
}

impl From<BodyError> for Refusal {
    fn from(error: BodyError) -> Self {
        let reason = error.to_string();
        match error {
            BodyError::TooLarge { .. } => Self::TooLarge(reason),
            BodyError::Slow { .. } => Self::TooSlow(reason),
            BodyError::Busy => Self::Overloaded {
                reason,
                retry_after: 1,
            },
            BodyError::Broken(_) | BodyError::Corrupt { .. } => Self::Invalid(reason),
            BodyError::Encoding { .. } => Self::Unsupported(reason),
        }
    }
}
