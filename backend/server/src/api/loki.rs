//! The HTTP API of Loki.
//!
//! Source: Grafana Loki, "HTTP API".

mod find;
mod query;
mod streams;
mod tail;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{Method, StatusCode};
use watchroom_query::logql::LogError;
use watchroom_query::promql::EvalError;
use watchroom_store::ReadError;

use crate::api::work::WorkError;
use crate::error::chain;
use crate::net::{Params, plain, receive};
use crate::state::Shared;

/// Every route.
pub(super) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/loki/api/v1/query_range", get(query::range).post(query::range))
        .route("/loki/api/v1/query", get(query::instant).post(query::instant))
        .route("/loki/api/v1/labels", get(find::labels).post(find::labels))
        .route("/loki/api/v1/label", get(find::labels))
        .route(
            "/loki/api/v1/label/{name}/values",
            get(find::values).post(find::values),
        )
        .route("/loki/api/v1/series", get(find::series).post(find::series))
        .route("/loki/api/v1/tail", get(tail::tail))
        .route("/ready", get(|| async { plain(StatusCode::OK, "ready\n") }))
        .with_state(Shared::clone(state))
}

/// Parameters of the URL and, for a POST, of the form in the body.
async fn params(state: &Shared, request: Request) -> Result<Params, Failure> {
    let url = Params::parse(request.uri().query().unwrap_or(""));
    if request.method() != Method::POST {
        return Ok(url);
    }
    let form = receive(request.into_body(), "", &state.budget, &state.limits)
        .await
        .map_err(|error| Failure::bad_request(error.to_string()))?;
    Ok(Params::parse(&String::from_utf8_lossy(&form.bytes)).and(url))
}

/// A failed request; Loki answers in plain text.
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

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        Self {
            status: match error {
                LogError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                LogError::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
                _ => StatusCode::INTERNAL_SERVER_ERROR,
            },
            reason: chain(&error),
        }
    }
}

impl From<EvalError> for Failure {
    fn from(error: EvalError) -> Self {
        Self {
            status: match error {
                EvalError::TimedOut => StatusCode::GATEWAY_TIMEOUT,
                EvalError::Cancelled => StatusCode::SERVICE_UNAVAILABLE,
                EvalError::Source(_) => StatusCode::INTERNAL_SERVER_ERROR,
                _ => StatusCode::BAD_REQUEST,
            },
            reason: chain(&error),
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
                WorkError::Busy => StatusCode::TOO_MANY_REQUESTS,
                WorkError::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            },
            reason: error.to_string(),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        plain(self.status, self.reason + "\n")
    }
}

/// The window of a request in nanoseconds: `start` and `end`, or `since` before the end; an hour up to now if it does not say.
fn window(params: &Params, now_ns: u64) -> Result<(u64, u64), Failure> {
    let moment = |name: &str| match params.get(name) {
        None => Ok(None),
        Some(text) => crate::api::time::parse_ns(text).map(Some).ok_or_else(|| {
            Failure::bad_request(format!(
                "could not parse '{name}' parameter: {text:?} is not a timestamp"
            ))
        }),
    };
    // Lines come with the clock of their sender, which may be a little ahead.
    let end = moment("end")?.unwrap_or(now_ns.saturating_add(1_000_000_000));
    let since = match params.get("since") {
        None => 3_600_000_000_000,
        Some(text) => watchroom_query::promql::parse_duration(text)
            .map(|since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
            .map_err(|error| Failure::bad_request(format!("could not parse 'since' parameter: {error}")))?,
    };
    let start = moment("start")?.unwrap_or(end.saturating_sub(since));
    if end < start {
        return Err(Failure::bad_request(
            "end timestamp must not be before or equal to start time",
        ));
    }
    Ok((start, end))
}
