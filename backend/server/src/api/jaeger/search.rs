//! Traces by id and by search.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use watchroom_model::TraceId;
use watchroom_query::traces::{parse_duration, parse_tag, parse_tags_json};
use watchroom_query::{Cancel as _, Stop};
use watchroom_store::SpanFilter;

use super::{Failure, shape, success};
use crate::api::work::run_default;
use crate::clock;
use crate::net::Params;
use crate::state::Shared;

/// Traces of a search that does not say how many.
pub(super) const DEFAULT_LIMIT: usize = 100;
/// Most traces of a search.
pub(super) const MAX_LIMIT: usize = 1_500;
/// Spans after which a search ends, whole traces always.
pub(super) const MAX_SPANS: usize = 200_000;

/// `/api/traces`
pub(super) async fn search(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = Params::parse(request.uri().query().unwrap_or(""));
    let ids = params
        .all("traceID")
        .map(trace_id)
        .collect::<Result<Vec<TraceId>, Failure>>()?;
    let filter = match ids.is_empty() {
        true => Some(filter(&params)?),
        false => None,
    };
    run_default(&state, move |server, deadline| {
        let ids = match filter {
            Some(filter) => server.store.find_traces(&filter)?,
            None => ids,
        };
        let (mut traces, mut n_spans) = (Vec::new(), 0);
        for id in ids {
            match deadline.stop() {
                None if n_spans < MAX_SPANS => {}
                Some(Stop::TimedOut) => return Err(timed_out()),
                _ => break,
            }
            let spans = server.store.trace(id)?;
            n_spans += spans.len();
            traces.extend(shape::trace(&spans));
        }
        Ok(success(traces.len(), traces))
    })
    .await?
}

/// `/api/traces/{id}`
pub(super) async fn by_id(State(state): State<Shared>, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = trace_id(&id)?;
    run_default(&state, move |server, _| {
        let spans = server.store.trace(id)?;
        match shape::trace(&spans) {
            Some(trace) => Ok(success(1, [trace])),
            None => Err(Failure {
                status: StatusCode::NOT_FOUND,
                reason: "trace not found".into(),
            }),
        }
    })
    .await?
}

fn timed_out() -> Failure {
    Failure {
        status: StatusCode::SERVICE_UNAVAILABLE,
        reason: "the search timed out; narrow it".into(),
    }
}

fn trace_id(text: &str) -> Result<TraceId, Failure> {
    TraceId::parse(text).filter(|id| id.0 != 0).ok_or_else(|| {
        Failure::bad_request(format!(
            "invalid trace id {text:?}: expected up to 32 hex digits, not all zero"
        ))
    })
}

fn filter(params: &Params) -> Result<SpanFilter, Failure> {
    let Some(service) = params.get("service") else {
        return Err(Failure::bad_request("parameter 'service' is required"));
    };
    let micros = |name: &str, default: u64| match params.get(name) {
        None => Ok(default),
        Some(text) => text
            .parse::<u64>()
            .map(|us| us.saturating_mul(1000))
            .map_err(|_| bad(name, "expected microseconds since the epoch")),
    };
    let duration = |name: &str| match params.get(name) {
        None => Ok(None),
        Some(text) => parse_duration(text)
            .map(|duration| Some(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)))
            .map_err(|error| bad(name, &error.to_string())),
    };
    let limit = match params.get("limit") {
        None => DEFAULT_LIMIT,
        Some(text) => match text.parse::<usize>() {
            Ok(limit) if limit > 0 => limit.min(MAX_LIMIT),
            _ => return Err(bad("limit", "expected a positive whole number")),
        },
    };
    let mut tags = Vec::new();
    for text in params.all("tags").filter(|text| !text.is_empty()) {
        tags.extend(parse_tags_json(text).map_err(|error| bad("tags", &error.to_string()))?);
    }
    for text in params.all("tag") {
        // Jaeger separates by a colon here, and values may have `=` in them.
        let pair = match text.split_once(':') {
            Some((key, value)) if !key.is_empty() && !key.contains('=') => (key.into(), value.into()),
            _ => parse_tag(text).map_err(|error| bad("tag", &error.to_string()))?,
        };
        tags.push(pair);
    }
    let (min, max) = (duration("minDuration")?, duration("maxDuration")?);
    if let (Some(min), Some(max)) = (min, max)
        && max < min
    {
        return Err(Failure::bad_request(
            "'maxDuration' should be greater than 'minDuration'",
        ));
    }
    // A moment in microseconds stands for all of it.
    let end_ns = micros("end", u64::MAX)?.saturating_add(999);
    let start_ns = match (params.get("start"), params.get("lookback")) {
        // Jaeger's page sends both, and `custom` where the person chose the moments.
        (None, Some(lookback)) => match parse_duration(lookback) {
            Ok(lookback) => {
                let from_ns = end_ns.min(clock::now_ns());
                from_ns.saturating_sub(u64::try_from(lookback.as_nanos()).unwrap_or(u64::MAX))
            }
            Err(error) => return Err(bad("lookback", &error.to_string())),
        },
        _ => micros("start", 0)?,
    };
    Ok(SpanFilter {
        service: Some(service.into()),
        operation: params.get("operation").map(Into::into),
        start_ns,
        end_ns,
        min_duration_ns: min,
        max_duration_ns: max,
        tags,
        limit,
    })
}

fn bad(name: &str, reason: &str) -> Failure {
    Failure::bad_request(format!("unable to parse parameter '{name}': {reason}"))
}
