//! The HTTP API of Loki.
//!
//! Source: Grafana Loki, "HTTP API".

mod detected;
mod find;
mod meta;
mod query;
mod streams;
mod tail;
mod volume;

use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{Method, StatusCode};
use watchroom_model::Matcher;
use watchroom_query::logql::{self, LogError, LogQuery};
use watchroom_query::promql::{self, EvalError};
use watchroom_store::ReadError;

use crate::api::work::WorkError;
use crate::clock;
use crate::error::chain;
use crate::net::{Params, plain, receive};
use crate::state::Shared;

/// Every route.
pub(super) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/loki/api/v1/query_range", get(query::range).post(query::range))
        .route("/loki/api/v1/query", get(query::instant).post(query::instant))
        .route("/loki/api/v1/labels", get(find::labels).post(find::labels))
        .route("/loki/api/v1/label", get(find::labels).post(find::labels))
        .route(
            "/loki/api/v1/label/{name}/values",
            get(find::values).post(find::values),
        )
        .route("/loki/api/v1/series", get(find::series).post(find::series))
        .route("/loki/api/v1/index/stats", get(volume::stats).post(volume::stats))
        .route(
            "/loki/api/v1/index/volume",
            get(volume::volume).post(volume::volume),
        )
        .route(
            "/loki/api/v1/index/volume_range",
            get(volume::volume_range).post(volume::volume_range),
        )
        .route(
            "/loki/api/v1/detected_labels",
            get(detected::labels).post(detected::labels),
        )
        .route(
            "/loki/api/v1/detected_fields",
            get(detected::fields).post(detected::fields),
        )
        .route(
            "/loki/api/v1/detected_field/{name}/values",
            get(detected::values).post(detected::values),
        )
        .route("/loki/api/v1/patterns", get(meta::patterns).post(meta::patterns))
        .route(
            "/loki/api/v1/format_query",
            get(meta::format_query).post(meta::format_query),
        )
        .route("/loki/api/v1/status/buildinfo", get(meta::build_info))
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
                LogError::Source(_) | LogError::Eval(EvalError::Source(_)) => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
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

/// A parameter that has to be there.
fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, Failure> {
    params
        .get(name)
        .ok_or_else(|| Failure::bad_request(format!("parameter '{name}' is missing or empty")))
}

/// The parameter `query`, which has to be one for lines.
fn log_query(params: &Params) -> Result<LogQuery, Failure> {
    logql::parse_logs(required(params, "query")?).map_err(|error| Failure::bad_request(error.to_string()))
}

/// Matchers of a stream selector, of which a pipeline may follow; none for all streams.
fn selector(text: Option<&str>) -> Result<Vec<Matcher>, Failure> {
    match text.map(str::trim) {
        None | Some("" | "{}") => Ok(Vec::new()),
        Some(text) => logql::parse_logs(text)
            .map(|query| query.matchers().to_vec())
            .map_err(|error| Failure::bad_request(error.to_string())),
    }
}

/// The window of a request in nanoseconds: `start` and `end`, or `since` before the end; an hour up to now if it does not say.
fn window(state: &Shared, params: &Params) -> Result<(u64, u64), Failure> {
    let moment = |name: &str| match params.get(name) {
        None => Ok(None),
        Some(text) => crate::api::time::parse_ns(text).map(Some).ok_or_else(|| {
            Failure::bad_request(format!(
                "could not parse '{name}' parameter: {text:?} is not a timestamp"
            ))
        }),
    };
    // Lines come with the clock of their sender, which may be a little ahead.
    let end = moment("end")?.unwrap_or_else(|| clock::now_ns().saturating_add(1_000_000_000));
    let since = match params.get("since") {
        None => 3_600_000_000_000,
        Some(text) => promql::parse_duration(text)
            .map(|since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
            .map_err(|error| Failure::bad_request(format!("could not parse 'since' parameter: {error}")))?,
    };
    let start = moment("start")?.unwrap_or(end.saturating_sub(since));
    if end < start {
        return Err(Failure::bad_request(
            "end timestamp must not be before or equal to start time",
        ));
    }
    let (length, most) = (
        Duration::from_nanos(end - start),
        state.limits.max_log_query_length,
    );
    if length > most {
        let shown = |length: Duration| promql::format_duration(Duration::from_secs(length.as_secs()));
        return Err(Failure::bad_request(format!(
            "the query time range exceeds the limit (query length: {}, limit: {})",
            shown(length),
            shown(most)
        )));
    }
    Ok((start, end))
}
