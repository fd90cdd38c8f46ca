//! Instant and range queries.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::response::Response;
use watchroom_query::promql::{self, EvalOptions, QueryOutput, Value};

use super::answer::{Failure, with_notes};
use super::params;
use super::stats::{Counted, Stats};
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
    let mut asked = Asked::new(&options);
    run(&state, options.timeout, move |server, deadline| {
        asked.begin();
        let query = promql::parse(&text).map_err(|error| Failure::parameter("query", error))?;
        let source = StoreSource(&server.store);
        let source = Counted::new(&source);
        let output = promql::instant(&query, &source, t_ms, &options.eval(server, deadline));
        asked.answer(server, output, &source)
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
    let mut asked = Asked::new(&options);
    run(&state, options.timeout, move |server, deadline| {
        asked.begin();
        let query = promql::parse(&text).map_err(|error| Failure::parameter("query", error))?;
        let source = StoreSource(&server.store);
        let source = Counted::new(&source);
        let options = options.eval(server, deadline);
        let output = promql::range(&query, &source, start_ms, end_ms, step_ms, &options);
        asked.answer(server, output, &source)
    })
    .await?
}

/// What a request may set.
struct Options {
    /// Most series of the result.
    limit: usize,
    /// Whether the answer tells what the query cost.
    stats: bool,
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
        let limit = match params.get("limit").map(str::parse::<usize>) {
            None | Some(Ok(0)) => usize::MAX,
            Some(Ok(limit)) => limit,
            Some(Err(_)) => return Err(Failure::parameter("limit", "limit must be a whole number")),
        };
        Ok(Self {
            limit,
            stats: params.get("stats").is_some(),
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

/// How a query is to be answered.
struct Asked {
    limit: usize,
    stats: Option<Stats>,
}

impl Asked {
    fn new(options: &Options) -> Self {
        Self {
            limit: options.limit,
            stats: options.stats.then(Stats::asked),
        }
    }

    fn begin(&mut self) {
        if let Some(stats) = &mut self.stats {
            stats.begin();
        }
    }

    fn answer<E: Into<Failure>>(
        &self,
        server: &Server,
        output: Result<QueryOutput, E>,
        source: &Counted<'_>,
    ) -> Result<Response, Failure> {
        let output = match output {
            Ok(output) => limited(output, self.limit),
            Err(error) => {
                server.counters.queries_failed.add(1);
                return Err(error.into());
            }
        };
        Ok(with_notes(&output.warnings, &output.infos, |out| {
            out.push('{');
            json::result(out, &output.value);
            if let Some(stats) = &self.stats {
                stats.write(out, source);
            }
            out.push('}');
        }))
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

/// Leaves out what is beyond the limit that the client set, and says so.
fn limited(mut output: QueryOutput, limit: usize) -> QueryOutput {
    let n = match &mut output.value {
        Value::Vector(all) => {
            let n = all.len();
            all.truncate(limit);
            n
        }
        Value::Matrix(all) => {
            let n = all.len();
            all.truncate(limit);
            n
        }
        Value::Scalar(_) | Value::String { .. } => 0,
    };
    if n > limit {
        output.warnings.push("results truncated due to limit".to_owned());
    }
    output
}
