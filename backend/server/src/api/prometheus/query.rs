//! Instant and range queries.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use watchroom_query::promql::{self, EvalOptions, QueryOutput};

use super::answer::{Failure, with_notes};
use super::params;
use crate::api::work::{Deadline, run};
use crate::api::{StoreSource, json, time};
use crate::clock;
use crate::net::Params;
use crate::state::{Shared, State as Server};

/// Points a series of a range query may have.
const MAX_POINTS: i64 = 11_000;

/// `/api/v1/query`
pub(super) async fn instant(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let t_ms = moment(&params, "time")?.unwrap_or_else(clock::now_ms);
    let text = required(&params, "query")?.to_owned();
    let options = Options::read(&params)?;
    run(&state, options.timeout, move |server, deadline| {
        let query = promql::parse(&text).map_err(|error| Failure::parameter("query", error))?;
        let source = StoreSource(&server.store);
        let output = promql::instant(&query, &source, t_ms, &options.eval(server, deadline));
        counted(server, output)
    })
    .await?
}

/// `/api/v1/query_range`
pub(super) async fn range(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let need = |name| moment(&params, name)?.ok_or_else(|| Failure::parameter(name, "it is missing"));
    let (start_ms, end_ms) = (need("start")?, need("end")?);
    if end_ms < start_ms {
        return Err(Failure::parameter(
            "end",
            "end timestamp must not be before start time",
        ));
    }
    let step = promql::parse_duration(required(&params, "step")?)
        .map_err(|error| Failure::parameter("step", error))?;
    let step_ms = i64::try_from(step.as_millis()).unwrap_or(i64::MAX);
    if step_ms == 0 {
        return Err(Failure::parameter(
            "step",
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ));
    }
    if (end_ms - start_ms) / step_ms > MAX_POINTS {
        return Err(Failure::bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    let text = required(&params, "query")?.to_owned();
    let options = Options::read(&params)?;
    run(&state, options.timeout, move |server, deadline| {
        let query = promql::parse(&text).map_err(|error| Failure::parameter("query", error))?;
        let source = StoreSource(&server.store);
        let options = options.eval(server, deadline);
        let output = promql::range(&query, &source, start_ms, end_ms, step_ms, &options);
        counted(server, output)
    })
    .await?
}

/// What a request may set.
struct Options {
    timeout: Duration,
    lookback: Option<Duration>,
}

impl Options {
    fn read(params: &Params) -> Result<Self, Failure> {
        let duration = |name| {
            params
                .get(name)
                .map(|text| promql::parse_duration(text).map_err(|error| Failure::parameter(name, error)))
                .transpose()
        };
        Ok(Self {
            timeout: duration("timeout")?.unwrap_or(Duration::MAX),
            lookback: duration("lookback_delta")?,
        })
    }

    fn eval(&self, server: &Server, deadline: Arc<Deadline>) -> EvalOptions {
        let defaults = EvalOptions::default();
        EvalOptions {
            lookback: self.lookback.unwrap_or(defaults.lookback),
            window: server.query_windows,
            max_samples: server.limits.max_query_samples,
            // One more than Prometheus' limit on steps, since both ends count.
            max_points: MAX_POINTS as usize + 1,
            cancel: deadline,
            ..defaults
        }
    }
}

fn counted<E: Into<Failure>>(server: &Server, output: Result<QueryOutput, E>) -> Result<Response, Failure> {
    match output {
        Ok(output) => Ok(answer(&output)),
        Err(error) => {
            server.counters.queries_failed.add(1);
            Err(error.into())
        }
    }
}

pub(super) fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, Failure> {
    params
        .get(name)
        .ok_or_else(|| Failure::parameter(name, "it is missing or empty"))
}

pub(super) fn moment(params: &Params, name: &str) -> Result<Option<i64>, Failure> {
    params
        .get(name)
        .map(|text| {
            time::parse_ms(text).ok_or_else(|| {
                Failure::parameter(name, format!("cannot parse {text:?} to a valid timestamp"))
            })
        })
        .transpose()
}

fn answer(output: &QueryOutput) -> Response {
    with_notes(&output.warnings, &output.infos, |out| {
        out.push('{');
        json::result(out, &output.value);
        out.push('}');
    })
}
