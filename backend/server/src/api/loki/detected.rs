//! What labels and fields there are to ask for.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::{Path, Request, State};
use axum::response::Response;
use http::StatusCode;
use watchroom_model::LogLine;
use watchroom_query::logql::{DetectedField, Direction, LogQuery, LogSource, LogWindow, detect_fields};
use watchroom_query::{Cancel, Stop};

use super::{Failure, log_query, params, selector, window};
use crate::api::work::run_default;
use crate::api::{StoreSource, json};
use crate::net::{self, Params};
use crate::state::{Shared, State as Server};

/// Lines that are looked at, and fields or values that are told, if a request does not say how many; and most of each.
const DEFAULT_LIMIT: usize = 1_000;
const MAX_LIMIT: usize = 10_000;

/// `/loki/api/v1/detected_labels`
pub(super) async fn labels(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let (matchers, (start, end)) = (selector(params.get("query"))?, window(&state, &params)?);
    run_default(&state, move |server, _| {
        let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for stream in server.store.log_series(&matchers, start, end)? {
            for (name, value) in stream.iter() {
                found.entry(name.to_owned()).or_default().insert(value.to_owned());
            }
        }
        let mut body = String::from(r#"{"detectedLabels":"#);
        json::list(&mut body, &found, |out, (name, values)| {
            out.push_str(r#"{"label":"#);
            json::text(out, name);
            out.push_str(&format!(r#","cardinality":{}}}"#, values.len()));
        });
        body.push('}');
        Ok(net::json(StatusCode::OK, body))
    })
    .await?
}

/// `/loki/api/v1/detected_fields`
pub(super) async fn fields(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let ask = Ask::read(&state, &params)?;
    run_default(&state, move |server, deadline| {
        let found = ask.detect(server, &*deadline)?;
        let mut body = String::from(r#"{"fields":"#);
        json::list(&mut body, found.iter().take(ask.limit), |out, field| {
            out.push_str(r#"{"label":"#);
            json::text(out, &field.name);
            out.push_str(r#","type":"#);
            json::text(out, field.kind.as_str());
            out.push_str(&format!(r#","cardinality":{},"parsers":"#, field.values.len()));
            match field.parsers.is_empty() {
                true => out.push_str("null"),
                false => json::list(out, &field.parsers, |out, parser| json::text(out, parser)),
            }
            out.push('}');
        });
        body.push_str(&format!(r#","limit":{}}}"#, ask.limit));
        Ok(net::json(StatusCode::OK, body))
    })
    .await?
}

/// `/loki/api/v1/detected_field/{name}/values`
pub(super) async fn values(
    State(state): State<Shared>,
    Path(name): Path<String>,
    request: Request,
) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let ask = Ask::read(&state, &params)?;
    run_default(&state, move |server, deadline| {
        let found = ask.detect(server, &*deadline)?;
        let values = found
            .iter()
            .filter(|field| field.name == name)
            .flat_map(|field| &field.values);
        let mut body = String::from(r#"{"values":"#);
        json::list(&mut body, values.take(ask.limit), |out, value| {
            json::text(out, value)
        });
        body.push_str(&format!(r#","limit":{}}}"#, ask.limit));
        Ok(net::json(StatusCode::OK, body))
    })
    .await?
}

/// What is asked for.
struct Ask {
    query: LogQuery,
    bounds: (u64, u64),
    line_limit: usize,
    limit: usize,
}

impl Ask {
    fn read(state: &Shared, params: &Params) -> Result<Self, Failure> {
        let number = |name: &str| match params.get(name).map(str::parse::<usize>) {
            None => Ok(None),
            Some(Ok(limit)) if limit > 0 => Ok(Some(limit.min(MAX_LIMIT))),
            Some(_) => Err(Failure::bad_request(format!(
                "could not parse '{name}' parameter: not a positive number"
            ))),
        };
        Ok(Self {
            query: log_query(params)?,
            bounds: window(state, params)?,
            line_limit: number("line_limit")?.unwrap_or(DEFAULT_LIMIT),
            limit: number("limit")?
                .or(number("field_limit")?)
                .unwrap_or(DEFAULT_LIMIT),
        })
    }

    /// The fields of the newest lines that the query wants, as they were sent.
    fn detect(&self, server: &Server, cancel: &dyn Cancel) -> Result<Vec<DetectedField>, Failure> {
        const CHECK_EVERY: u64 = 1_024;
        let window = LogWindow {
            matchers: self.query.matchers(),
            start_ns: self.bounds.0,
            end_ns: self.bounds.1,
            direction: Direction::Backward,
            text: None,
        };
        let mut lines: Vec<LogLine> = Vec::new();
        let (mut visited, mut stopped) = (0_u64, None);
        StoreSource(&server.store)
            .visit(&window, &mut |line| {
                visited += 1;
                if visited.is_multiple_of(CHECK_EVERY) {
                    stopped = cancel.stop();
                }
                if !self.query.has_stages() || self.query.find(line).is_some() {
                    lines.push(line.clone());
                }
                match stopped.is_some() || lines.len() >= self.line_limit {
                    true => std::ops::ControlFlow::Break(()),
                    false => std::ops::ControlFlow::Continue(()),
                }
            })
            .map_err(watchroom_query::logql::LogError::from)?;
        match stopped {
            None => Ok(detect_fields(&lines)),
            Some(Stop::Cancelled) => Err(watchroom_query::logql::LogError::Cancelled.into()),
            Some(Stop::TimedOut) => Err(watchroom_query::logql::LogError::TimedOut.into()),
        }
    }
}
