//! Log queries over a window and up to a moment.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use watchroom_query::logql::{self, Direction};
use watchroom_query::promql::{self, EvalError, EvalOptions, QueryOutput};

use super::{Failure, params, streams, window};
use crate::api::work::run_default;
use crate::api::{StoreSource, json};
use crate::clock;
use crate::net::{self, Params};
use crate::state::Shared;

/// Lines of a query that does not say how many.
const DEFAULT_LIMIT: usize = 100;
/// Most lines of a query.
const MAX_LIMIT: usize = 5_000;
/// Most points of a query that reads no line.
const MAX_POINTS: usize = 11_000;

/// `/loki/api/v1/query_range`
pub(super) async fn range(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let (start, end) = window(&params, clock::now_ns())?;
    if let Some(query) = params.get("query").and_then(logql::parse_constant) {
        let (start_ms, end_ms, step_ms) = (ms(start), ms(end), step_ms(&params, start, end)?);
        return constant(&state, move |source, options| {
            promql::range(&query, source, start_ms, end_ms, step_ms, options)
        })
        .await;
    }
    answer(&state, &params, start, end).await
}

/// `/loki/api/v1/query`: the lines of the hour up to `time`.
pub(super) async fn instant(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let time = match params.get("time") {
        None => clock::now_ns(),
        Some(text) => crate::api::time::parse_ns(text)
            .ok_or_else(|| Failure::bad_request(format!("could not parse 'time' parameter: {text:?}")))?,
    };
    if let Some(query) = params.get("query").and_then(logql::parse_constant) {
        return constant(&state, move |source, options| {
            promql::instant(&query, source, ms(time), options)
        })
        .await;
    }
    answer(
        &state,
        &params,
        time.saturating_sub(3_600_000_000_000),
        time.saturating_add(1),
    )
    .await
}

/// Answers a query that reads no line.
async fn constant(
    state: &Shared,
    evaluate: impl FnOnce(&StoreSource<'_>, &EvalOptions) -> Result<QueryOutput, EvalError> + Send + 'static,
) -> Result<Response, Failure> {
    run_default(state, move |server, deadline| {
        let options = EvalOptions {
            max_points: MAX_POINTS,
            cancel: deadline,
            ..EvalOptions::default()
        };
        let output = evaluate(&StoreSource(&server.store), &options)?;
        let mut body = String::from(r#"{"status":"success","data":{"#);
        json::result(&mut body, &output.value);
        body.push_str(r#","stats":{}}}"#);
        Ok(net::json(StatusCode::OK, body))
    })
    .await?
}

fn ms(ns: u64) -> i64 {
    // Fits: 2⁶⁴ / 10⁶ is less than 2⁶³.
    (ns / 1_000_000) as i64
}

/// `step` as a duration or in seconds; as Loki has it, enough for 250 points if it is not given.
fn step_ms(params: &Params, start: u64, end: u64) -> Result<i64, Failure> {
    let Some(text) = params.get("step") else {
        return Ok(((ms(end) - ms(start)) / 250_000).max(1) * 1000);
    };
    let step = promql::parse_duration(text)
        .map_err(|error| Failure::bad_request(format!("could not parse 'step' parameter: {error}")))?;
    Ok(i64::try_from(step.as_millis()).unwrap_or(i64::MAX))
}

async fn answer(state: &Shared, params: &Params, start: u64, end: u64) -> Result<Response, Failure> {
    let text = params
        .get("query")
        .ok_or_else(|| Failure::bad_request("parameter 'query' is missing or empty"))?;
    let query = logql::parse(text).map_err(|error| Failure::bad_request(error.to_string()))?;
    let limit = limit(params)?;
    let direction = direction(params)?;
    run_default(state, move |server, deadline| {
        let source = StoreSource(&server.store);
        let output = logql::evaluate(&query, &source, start, end, direction, limit, &*deadline)?;
        let mut body = String::from(r#"{"status":"success","data":{"resultType":"streams","result":"#);
        streams::write(&mut body, &output.lines);
        body.push_str(&format!(
            r#","stats":{{"summary":{{"totalLinesProcessed":{},"totalEntriesReturned":{}}}}}}}}}"#,
            output.visited,
            output.lines.len()
        ));
        Ok(net::json(StatusCode::OK, body))
    })
    .await?
}

pub(super) fn limit(params: &Params) -> Result<usize, Failure> {
    match params.get("limit").map(str::parse::<usize>) {
        None => Ok(DEFAULT_LIMIT),
        Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => Ok(limit),
        Some(Ok(limit)) => Err(Failure::bad_request(format!(
            "max entries limit per query exceeded, limit > max_entries_limit ({limit} > {MAX_LIMIT}), or zero"
        ))),
        Some(Err(_)) => Err(Failure::bad_request(
            "could not parse 'limit' parameter: not a whole number",
        )),
    }
}

fn direction(params: &Params) -> Result<Direction, Failure> {
    match params.get("direction").map(str::to_ascii_lowercase).as_deref() {
        None | Some("backward") => Ok(Direction::Backward),
        Some("forward") => Ok(Direction::Forward),
        Some(other) => Err(Failure::bad_request(format!(
            "invalid direction {other:?}, must be forward or backward"
        ))),
    }
}
