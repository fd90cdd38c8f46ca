//! Questions about many spans: `/api/watchroom/traces/…`.
//!
//! Times are taken as nanoseconds, seconds or RFC 3339, as Loki does; moments are given in milliseconds with decimals, durations in
//! nanoseconds. A failure is `{"error": …}`, with `position`, a byte offset, where an expression cannot be read.

mod compare;
mod graph;
mod params;
mod red;
mod search;
mod trace;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};
use watchroom_query::traces::{Coverage, Stats, TraceError};
use watchroom_store::ReadError;

use crate::api::work::WorkError;
use crate::error::chain;
use crate::net;
use crate::state::Shared;

/// Every route.
pub(super) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/api/watchroom/traces/search", get(search::search))
        .route("/api/watchroom/traces/histogram", get(search::histogram))
        .route("/api/watchroom/traces/red", get(red::red))
        .route("/api/watchroom/traces/compare", get(compare::compare))
        .route("/api/watchroom/traces/attributes", get(compare::attributes))
        .route("/api/watchroom/traces/graph", get(graph::graph))
        .route("/api/watchroom/traces/{id}/path", get(trace::path))
        .route("/api/watchroom/traces/{id}/exemplars", get(trace::exemplars))
        .with_state(Shared::clone(state))
}

/// A request without an answer.
#[derive(Debug)]
struct Failure {
    status: StatusCode,
    reason: String,
    position: Option<usize>,
}

impl Failure {
    fn bad_request(reason: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            reason: reason.into(),
            position: None,
        }
    }

    fn parameter(name: &str, reason: impl std::fmt::Display) -> Self {
        Self::bad_request(format!("parameter '{name}': {reason}"))
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
            position: None,
        }
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Self {
        Self {
            status: match error {
                TraceError::Cancelled | TraceError::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
                TraceError::Source(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            reason: chain(&error),
            position: None,
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            reason: chain(&error),
            position: None,
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.reason });
        if let Some(position) = self.position {
            body["position"] = position.into();
        }
        net::json(self.status, body.to_string())
    }
}

fn success(body: &Value) -> Response {
    net::json(StatusCode::OK, body.to_string())
}

/// Milliseconds since the epoch, to the microsecond.
fn ms(ns: u64) -> f64 {
    (ns / 1_000) as f64 / 1e3
}

fn coverage(coverage: &Coverage) -> Value {
    json!({
        "looked_at": coverage.looked_at,
        "matched": coverage.matched,
        "partial": coverage.partial,
    })
}

fn stats(stats: &Stats) -> Value {
    let quantile = |q| stats.latency.quantile(q);
    json!({
        "count": stats.count,
        "errors": stats.errors,
        "p50_ns": quantile(0.5),
        "p95_ns": quantile(0.95),
        "p99_ns": quantile(0.99),
    })
}
