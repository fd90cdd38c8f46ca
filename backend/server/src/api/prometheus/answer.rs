//! The envelope of every answer.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use watchroom_query::SourceError;
use watchroom_query::promql::EvalError;
use watchroom_store::ReadError;

use crate::api::json;
use crate::api::work::WorkError;
use crate::error::chain;
use crate::net;

/// A failed request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    status: StatusCode,
    kind: &'static str,
    reason: String,
}

impl Failure {
    /// The client has to mend its request.
    pub(super) fn bad_data(reason: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind: "bad_data",
            reason: reason.into(),
        }
    }

    /// A parameter is not what it should be.
    pub(super) fn parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::bad_data(format!("invalid parameter {name:?}: {reason}"))
    }

    pub(super) fn new(status: StatusCode, kind: &'static str, reason: String) -> Self {
        Self { status, kind, reason }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.reason)
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        let reason = chain(&error);
        match error {
            EvalError::Cancelled => Self::new(StatusCode::SERVICE_UNAVAILABLE, "canceled", reason),
            EvalError::TimedOut => Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", reason),
            EvalError::TooManyPoints { .. }
            | EvalError::InvalidRange { .. }
            | EvalError::InvalidType { .. } => Self::bad_data(reason),
            EvalError::Source(SourceError::Failed(_)) => {
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", reason)
            }
            _ => Self::new(StatusCode::UNPROCESSABLE_ENTITY, "execution", reason),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let reason = chain(&error);
        match error {
            ReadError::TooManySeries { .. } | ReadError::TooManySamples { .. } => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "execution", reason)
            }
            _ => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", reason),
        }
    }
}

impl From<WorkError> for Failure {
    fn from(error: WorkError) -> Self {
        match error {
            WorkError::Busy => Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", error.to_string()),
            WorkError::Failed => Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", error.to_string()),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = format!(r#"{{"status":"error","errorType":"{}","error":"#, self.kind);
        json::text(&mut body, &self.reason);
        body.push('}');
        net::json(self.status, body)
    }
}

/// A good answer: its data is written by `data`.
pub(super) fn success(data: impl FnOnce(&mut String)) -> Response {
    with_notes(&[], &[], data)
}

/// A good answer with warnings and notes.
pub(super) fn with_notes(warnings: &[String], infos: &[String], data: impl FnOnce(&mut String)) -> Response {
    let mut body = String::from(r#"{"status":"success","data":"#);
    data(&mut body);
    for (name, notes) in [("warnings", warnings), ("infos", infos)] {
        if !notes.is_empty() {
            body.push_str(",\"");
            body.push_str(name);
            body.push_str("\":");
            json::list(&mut body, notes, |out, note| json::text(out, note));
        }
    }
    body.push('}');
    net::json(StatusCode::OK, body)
}

/// The answer for a path of the API that is not there.
pub(super) async fn unknown(request: axum::extract::Request) -> Failure {
    Failure::new(
        StatusCode::NOT_FOUND,
        "not_found",
        format!("there is no {} {}", request.method(), request.uri().path()),
    )
}
