//! The query API of Jaeger, version 1 with what its page asks for, and version 3 over HTTP.
//!
//! Source: Jaeger, `cmd/query/app` (`http_handler.go`, `query_parser.go`) and `model/json`.

mod dependencies;
mod search;
mod services;
mod shape;
mod v3;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::json;
use watchroom_store::ReadError;

use crate::api::work::WorkError;
use crate::error::chain;
use crate::net;
use crate::state::Shared;

/// Every route.
pub(super) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/api/services", get(services::services))
        .route("/api/services/{service}/operations", get(services::operations))
        .route("/api/operations", get(services::operations_by_query))
        .route("/api/traces", get(search::search))
        .route("/api/traces/{id}", get(search::by_id))
        .route("/api/dependencies", get(dependencies::dependencies))
        .with_state(Shared::clone(state))
        .merge(v3::router(state))
}

/// A failed request.
#[derive(Debug)]
struct Failure {
    status: StatusCode,
    reason: String,
}

impl Failure {
    fn bad_request(reason: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            reason: reason.into(),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: chain(&error),
        }
    }
}

impl From<WorkError> for Failure {
    fn from(error: WorkError) -> Self {
        Self {
            status: match error {
                WorkError::Busy => StatusCode::SERVICE_UNAVAILABLE,
                WorkError::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            },
            reason: error.to_string(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({
            "data": null, "total": 0, "limit": 0, "offset": 0,
            "errors": [{ "code": self.status.as_u16(), "msg": self.reason }],
        });
        net::json(self.status, body.to_string())
    }
}

/// A good answer with a list of `total` items.
fn success(total: usize, data: impl serde::Serialize) -> Response {
    #[derive(serde::Serialize)]
    struct Envelope<T> {
        data: T,
        total: usize,
        limit: usize,
        offset: usize,
        errors: Option<()>,
    }
    let envelope = Envelope {
        data,
        total,
        limit: 0,
        offset: 0,
        errors: None,
    };
    match serde_json::to_string(&envelope) {
        Ok(body) => net::json(StatusCode::OK, body),
        Err(error) => Failure {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: error.to_string(),
        }
        .into_response(),
    }
}
