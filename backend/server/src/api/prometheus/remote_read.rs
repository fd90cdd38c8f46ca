//! Remote read: raw samples for another Prometheus.
//!
//! Answered are samples in one message; streamed chunks, which a client may take as well, are not offered. Native histograms are left out.
//!
//! Source: Prometheus, "Remote read API".

use axum::extract::{Request, State};
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use prost::Message as _;
use watchroom_model::{MatchOp, Matcher};
use watchroom_store::SelectLimit;

use super::answer::Failure;
use crate::api::work::run_default;
use crate::net::{Compression, receive_as};
use crate::state::{Shared, State as Server};

/// Most queries of a request.
const MAX_QUERIES: usize = 64;
/// Most matchers of a query.
const MAX_MATCHERS: usize = 64;
/// Most samples of an answer.
const MAX_SAMPLES: usize = 2_000_000;
/// Largest body of a request once decompressed; matchers are small.
const MAX_BYTES: usize = 1 << 20;

/// `prometheus.ReadRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct ReadRequest {
    #[prost(message, repeated, tag = "1")]
    queries: Vec<Query>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Query {
    #[prost(int64, tag = "1")]
    start_ms: i64,
    #[prost(int64, tag = "2")]
    end_ms: i64,
    #[prost(message, repeated, tag = "3")]
    matchers: Vec<LabelMatcher>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LabelMatcher {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(string, tag = "3")]
    value: String,
}

/// `prometheus.ReadResponse`.
#[derive(Clone, PartialEq, prost::Message)]
struct ReadResponse {
    #[prost(message, repeated, tag = "1")]
    results: Vec<QueryResult>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct QueryResult {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    t_ms: i64,
}

/// `/api/v1/read`
pub(super) async fn read(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let mut limits = state.limits;
    limits.max_body_bytes = limits.max_body_bytes.min(MAX_BYTES);
    limits.max_decompressed_bytes = limits.max_decompressed_bytes.min(MAX_BYTES);
    let body = receive_as(request.into_body(), Compression::Snappy, &state.budget, &limits)
        .await
        .map_err(|error| Failure::bad_data(error.to_string()))?;
    let queries = decode(&body.bytes)?;
    let answer = run_default(&state, move |server, _| answer(server, &queries)).await??;
    let mut response = Response::new(answer.into());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    headers.insert(CONTENT_ENCODING, HeaderValue::from_static("snappy"));
    Ok(response)
}

/// A query that has been read.
struct Select {
    start_ms: i64,
    end_ms: i64,
    matchers: Vec<Matcher>,
}

fn decode(body: &[u8]) -> Result<Vec<Select>, Failure> {
    let request = ReadRequest::decode(body)
        .map_err(|error| Failure::bad_data(format!("body is not a valid request: {error}")))?;
    if request.queries.len() > MAX_QUERIES {
        return Err(Failure::bad_data(format!(
            "request has more than {MAX_QUERIES} queries"
        )));
    }
    let select = |query: Query| {
        if query.matchers.len() > MAX_MATCHERS {
            return Err(Failure::bad_data(format!(
                "query has more than {MAX_MATCHERS} matchers"
            )));
        }
        Ok(Select {
            start_ms: query.start_ms,
            end_ms: query.end_ms,
            matchers: query
                .matchers
                .into_iter()
                .map(matcher)
                .collect::<Result<_, _>>()?,
        })
    };
    request.queries.into_iter().map(select).collect()
}

/// The reader of remote read requests, for those who hold it against input of their own, such as fuzz targets.
#[derive(Debug, Clone, Copy)]
pub struct RemoteRead;

impl RemoteRead {
    /// Reads a request that is no longer compressed, and tells how many matchers it has.
    ///
    /// # Errors
    /// What the client is told.
    pub fn read(body: &[u8]) -> Result<usize, String> {
        let queries = decode(body).map_err(|failure| failure.to_string())?;
        Ok(queries.iter().map(|query| query.matchers.len()).sum())
    }
}

fn answer(server: &Server, queries: &[Select]) -> Result<Vec<u8>, Failure> {
    let mut left = MAX_SAMPLES.min(server.limits.max_query_samples);
    let mut response = ReadResponse::default();
    for query in queries {
        let limit = SelectLimit {
            max_samples: left,
            ..SelectLimit::default()
        };
        let found = server
            .store
            .select(&query.matchers, query.start_ms, query.end_ms, limit)?;
        let timeseries = found.into_iter().filter(|series| !series.samples.is_empty());
        let timeseries: Vec<TimeSeries> = timeseries
            .map(|series| {
                left = left.saturating_sub(series.samples.len());
                TimeSeries {
                    labels: series
                        .labels
                        .iter()
                        .map(|(name, value)| Label {
                            name: name.to_owned(),
                            value: value.to_owned(),
                        })
                        .collect(),
                    samples: series
                        .samples
                        .iter()
                        .map(|sample| Sample {
                            value: sample.value,
                            t_ms: sample.t_ms,
                        })
                        .collect(),
                }
            })
            .collect();
        response.results.push(QueryResult { timeseries });
    }
    snap::raw::Encoder::new()
        .compress_vec(&response.encode_to_vec())
        .map_err(|error| Failure::bad_data(format!("answer cannot be compressed: {error}")))
}

fn matcher(matcher: LabelMatcher) -> Result<Matcher, Failure> {
    let op = match matcher.kind {
        0 => MatchOp::Equal,
        1 => MatchOp::NotEqual,
        2 => MatchOp::Regex,
        3 => MatchOp::NotRegex,
        other => {
            return Err(Failure::bad_data(format!(
                "matcher is of type {other}, which there is not"
            )));
        }
    };
    Matcher::new(op, matcher.name, matcher.value)
        .map_err(|error| Failure::bad_data(crate::error::chain(&error)))
}
