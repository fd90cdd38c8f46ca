//! Queries over a window and at a moment, for lines and for numbers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use watchroom_query::logql::{self, Direction, LogOptions, LogQuery, MetricOutput, Query};
use watchroom_query::promql;

use super::streams::{self, Shape};
use super::{Failure, params, required, window};
use crate::api::work::{Deadline, run_default};
use crate::api::{StoreSource, json};
use crate::clock;
use crate::net::{self, Params};
use crate::state::{Shared, State as Server};

/// Lines of a query that does not say how many.
const DEFAULT_LIMIT: usize = 100;
/// Most lines of a query.
const MAX_LIMIT: usize = 5_000;
/// Most points of a series.
const MAX_POINTS: usize = 11_000;

/// `/loki/api/v1/query_range`
pub(super) async fn range(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let shape = shape(request.headers());
    let params = params(&state, request).await?;
    let (start, end) = window(&state, &params)?;
    match read(&params)? {
        Query::Logs(query) => lines(&state, &params, query, (start, end), shape).await,
        Query::Metric(query) => {
            let (start_ms, end_ms, step_ms) = (
                clock::ns_to_ms(start),
                clock::ns_to_ms(end),
                step_ms(&params, start, end)?,
            );
            numbers(&state, move |server, options| {
                logql::range(
                    &query,
                    &StoreSource(&server.store),
                    start_ms,
                    end_ms,
                    step_ms,
                    options,
                )
            })
            .await
        }
    }
}

/// `/loki/api/v1/query`: a metric at `time`, or the lines of the hour up to it.
pub(super) async fn instant(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let shape = shape(request.headers());
    let params = params(&state, request).await?;
    let time = match params.get("time") {
        None => clock::now_ns(),
        Some(text) => crate::api::time::parse_ns(text)
            .ok_or_else(|| Failure::bad_request(format!("could not parse 'time' parameter: {text:?}")))?,
    };
    match read(&params)? {
        Query::Logs(query) => {
            let hour = (time.saturating_sub(3_600_000_000_000), time.saturating_add(1));
            lines(&state, &params, query, hour, shape).await
        }
        Query::Metric(query) => {
            numbers(&state, move |server, options| {
                logql::instant(
                    &query,
                    &StoreSource(&server.store),
                    clock::ns_to_ms(time),
                    options,
                )
            })
            .await
        }
    }
}

fn read(params: &Params) -> Result<Query, Failure> {
    logql::parse(required(params, "query")?).map_err(|error| Failure::bad_request(error.to_string()))
}

/// Limits of an evaluation on this server.
pub(super) fn options(server: &Server, deadline: Arc<Deadline>) -> LogOptions {
    LogOptions {
        now_ns: clock::now_ns(),
        max_samples: server.limits.max_query_samples,
        max_points: MAX_POINTS,
        cancel: deadline,
        ..LogOptions::default()
    }
}

fn shape(headers: &HeaderMap) -> Shape {
    let flags = headers
        .get_all("x-loki-response-encoding-flags")
        .iter()
        .filter_map(|value| value.to_str().ok());
    match flags
        .flat_map(|flags| flags.split(','))
        .any(|flag| flag.trim() == "categorize-labels")
    {
        true => Shape::Categorized,
        false => Shape::Plain,
    }
}

/// Answers a query for numbers.
async fn numbers(
    state: &Shared,
    evaluate: impl FnOnce(&Server, &LogOptions) -> Result<MetricOutput, logql::LogError> + Send + 'static,
) -> Result<Response, Failure> {
    run_default(state, move |server, deadline| {
        let since = clock::instant();
        let output = evaluate(server, &options(server, deadline))?;
        let mut body = String::from(r#"{"status":"success","data":{"#);
        json::result(&mut body, &output.value);
        stats(&mut body, output.visited, output.visited_bytes, 0, since);
        body.push_str("}}");
        Ok(net::json(StatusCode::OK, body))
    })
    .await?
}

/// Answers a query for lines.
async fn lines(
    state: &Shared,
    params: &Params,
    query: LogQuery,
    (start, end): (u64, u64),
    shape: Shape,
) -> Result<Response, Failure> {
    let (limit, direction) = (limit(params)?, direction(params)?);
    let interval_ns = match params.get("interval") {
        None => 0,
        Some(text) => nanoseconds(duration("interval", text)?),
    };
    run_default(state, move |server, deadline| {
        let since = clock::instant();
        let options = LogOptions {
            direction,
            limit,
            interval_ns,
            ..options(server, deadline)
        };
        let output = logql::evaluate(&query, &StoreSource(&server.store), start, end, &options)?;
        let mut body = String::from(r#"{"status":"success","data":{"resultType":"streams","#);
        if shape == Shape::Categorized {
            body.push_str(r#""encodingFlags":["categorize-labels"],"#);
        }
        body.push_str(r#""result":"#);
        streams::write(&mut body, &output.entries, shape);
        stats(
            &mut body,
            output.visited,
            output.visited_bytes,
            output.entries.len(),
            since,
        );
        body.push_str("}}");
        Ok(net::json(StatusCode::OK, body))
    })
    .await?
}

/// What the evaluation cost, as Loki tells it; what has no meaning here is left out.
fn stats(out: &mut String, lines: u64, bytes: u64, returned: usize, since: Instant) {
    let seconds = clock::instant().duration_since(since).as_secs_f64();
    let per_second = |n: u64| (n as f64 / seconds.max(1e-9)) as u64;
    out.push_str(&format!(
        r#","stats":{{"summary":{{"bytesProcessedPerSecond":{},"linesProcessedPerSecond":{},"totalBytesProcessed":{bytes},"totalLinesProcessed":{lines},"execTime":{seconds},"queueTime":0,"subqueries":0,"totalEntriesReturned":{returned}}}}}"#,
        per_second(bytes),
        per_second(lines),
    ));
}

/// `step` as a duration or in seconds; as Loki has it, enough for 250 points if it is not given.
pub(super) fn step_ms(params: &Params, start: u64, end: u64) -> Result<i64, Failure> {
    let Some(text) = params.get("step") else {
        let span = clock::ns_to_ms(end) - clock::ns_to_ms(start);
        return Ok((span / 250_000).max(1) * 1000);
    };
    let step = i64::try_from(duration("step", text)?.as_millis()).unwrap_or(i64::MAX);
    match step {
        0 => Err(Failure::bad_request(
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        )),
        step => Ok(step),
    }
}

fn duration(name: &str, text: &str) -> Result<Duration, Failure> {
    promql::parse_duration(text)
        .map_err(|error| Failure::bad_request(format!("could not parse '{name}' parameter: {error}")))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
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
