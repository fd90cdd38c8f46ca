//! Version 3 of the query API over HTTP: answers are OTLP in JSON.
//!
//! Not here: its form over gRPC.
//!
//! Source: Jaeger, `cmd/query/app/apiv3/http_gateway.go` and `idl/proto/api_v3/query_service.proto`.

mod otlp;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use watchroom_model::{Span, TraceId};
use watchroom_query::traces::{parse_duration, parse_tags_json};
use watchroom_query::{Cancel as _, Stop};
use watchroom_store::{ReadError, SpanFilter};

use super::Failure as V1;
use super::search::{DEFAULT_LIMIT, MAX_LIMIT, MAX_SPANS};
use crate::api::work::{WorkError, run_default};
use crate::net::{self, Params};
use crate::state::Shared;

/// Every route.
pub(super) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/api/v3/services", get(services))
        .route("/api/v3/operations", get(operations))
        .route("/api/v3/traces", get(find))
        .route("/api/v3/traces/{id}", get(by_id))
        .with_state(Shared::clone(state))
}

/// A failed request, in the envelope of this version.
#[derive(Debug)]
struct Failure(V1);

impl Failure {
    fn bad(name: &str, reason: impl std::fmt::Display) -> Self {
        Self(V1::bad_request(format!("malformed parameter {name}: {reason}")))
    }

    fn not_found() -> Self {
        Self(V1 {
            status: StatusCode::NOT_FOUND,
            reason: "No traces found".into(),
        })
    }
}

impl From<WorkError> for Failure {
    fn from(error: WorkError) -> Self {
        Self(error.into())
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let Self(V1 { status, reason }) = self;
        let body = json!({ "error": { "httpCode": status.as_u16(), "message": reason } });
        net::json(status, body.to_string())
    }
}

fn success(body: &Value) -> Response {
    net::json(StatusCode::OK, body.to_string())
}

async fn services(State(state): State<Shared>) -> Result<Response, Failure> {
    let services = run_default(&state, |server, _| server.store.services()).await?;
    Ok(success(&json!({ "services": services })))
}

/// `?service=…&span_kind=…`
async fn operations(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = Params::parse(request.uri().query().unwrap_or(""));
    let Some(service) = params.get("service").map(str::to_owned) else {
        return Err(Failure::bad("service", "it is required"));
    };
    let found = run_default(&state, move |server, _| server.store.operations(&service)).await?;
    let kind = params.get("span_kind").map(str::to_ascii_lowercase);
    let shown: Vec<_> = found
        .iter()
        .filter(|(_, of)| kind.as_deref().is_none_or(|kind| kind == of.as_str()))
        .map(|(name, kind)| json!({ "name": name, "spanKind": kind.as_str() }))
        .collect();
    Ok(success(&json!({ "operations": shown })))
}

async fn by_id(State(state): State<Shared>, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = TraceId::parse(&id).filter(|id| id.0 != 0).ok_or_else(|| {
        Failure::bad(
            "trace_id",
            format!("{id:?} is not up to 32 hex digits, or all zero"),
        )
    })?;
    run_default(&state, move |server, _| {
        let spans = server.store.trace(id)?;
        match spans.is_empty() {
            true => Err(Failure::not_found()),
            false => Ok(success(&wrap(&[spans]))),
        }
    })
    .await?
}

async fn find(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = Params::parse(request.uri().query().unwrap_or(""));
    let filter = filter(&params)?;
    run_default(&state, move |server, deadline| {
        let (mut traces, mut n_spans) = (Vec::new(), 0);
        for id in server.store.find_traces(&filter)? {
            match deadline.stop() {
                None if n_spans < MAX_SPANS => {}
                Some(Stop::TimedOut) => {
                    return Err(Failure(V1 {
                        status: StatusCode::SERVICE_UNAVAILABLE,
                        reason: "the search timed out; narrow it".into(),
                    }));
                }
                _ => break,
            }
            let spans = server.store.trace(id)?;
            n_spans += spans.len();
            traces.push(spans);
        }
        match traces.is_empty() {
            true => Err(Failure::not_found()),
            false => Ok(success(&wrap(&traces))),
        }
    })
    .await?
}

fn wrap(traces: &[Vec<Span>]) -> Value {
    let spans: Vec<Value> = traces
        .iter()
        .flat_map(|trace| otlp::resource_spans(trace))
        .collect();
    json!({ "result": { "resourceSpans": spans } })
}

fn filter(params: &Params) -> Result<SpanFilter, Failure> {
    let moment = |name: &str| {
        let text = params
            .get(name)
            .ok_or_else(|| Failure::bad(name, "it is required"))?;
        OffsetDateTime::parse(text, &Rfc3339)
            .ok()
            .and_then(|moment| u64::try_from(moment.unix_timestamp_nanos()).ok())
            .ok_or_else(|| {
                Failure::bad(
                    name,
                    format!("{text:?} is not RFC 3339, such as 2026-01-02T15:04:05Z"),
                )
            })
    };
    let duration = |name: &str| match params.get(name) {
        None => Ok(None),
        Some(text) => parse_duration(text)
            .map(|duration| Some(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
            .map_err(|error| Failure::bad(name, error)),
    };
    let mut limit = DEFAULT_LIMIT;
    // The second is what versions before 2 called it.
    for name in ["query.search_depth", "query.num_traces"] {
        if let Some(text) = params.get(name) {
            limit = match text.parse::<usize>() {
                Ok(limit) if limit > 0 => limit.min(MAX_LIMIT),
                _ => return Err(Failure::bad(name, "expected a positive whole number")),
            };
        }
    }
    let mut tags = Vec::new();
    for text in params.all("query.attributes").filter(|text| !text.is_empty()) {
        tags.extend(parse_tags_json(text).map_err(|error| Failure::bad("query.attributes", error))?);
    }
    let (min, max) = (duration("query.duration_min")?, duration("query.duration_max")?);
    if let (Some(min), Some(max)) = (min, max)
        && max < min
    {
        return Err(Failure::bad(
            "query.duration_max",
            "it is less than query.duration_min",
        ));
    }
    let owned = |name: &str| params.get(name).map(Into::into);
    Ok(SpanFilter {
        service: owned("query.service_name"),
        operation: owned("query.operation_name"),
        start_ns: moment("query.start_time_min")?,
        end_ns: moment("query.start_time_max")?,
        min_duration_ns: min,
        max_duration_ns: max,
        tags,
        limit,
    })
}
