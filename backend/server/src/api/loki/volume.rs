//! How much there is: lines and bytes by streams, and over time.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use watchroom_model::{Labels, Matcher, Point, Sample, SeriesData};
use watchroom_query::logql::{Direction, LogError, LogSource, LogWindow};
use watchroom_query::promql::Value;
use watchroom_query::{Cancel, Stop};

use super::query::step_ms;
use super::{Failure, params, required, selector, window};
use crate::api::work::run_default;
use crate::api::{StoreSource, json};
use crate::clock;
use crate::net::{self, Params};
use crate::state::{Shared, State as Server};

/// Label sets that are told of, if a request does not say how many.
const DEFAULT_LIMIT: usize = 100;
/// Most steps of a volume over time.
const MAX_POINTS: u64 = 11_000;

/// `/loki/api/v1/index/stats`
pub(super) async fn stats(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let matchers = selector(Some(required(&params, "query")?))?;
    let bounds = window(&state, &params)?;
    run_default(&state, move |server, deadline| {
        let mut streams: BTreeSet<Labels> = BTreeSet::new();
        let (mut lines, mut bytes) = (0_u64, 0_u64);
        scan(server, &matchers, bounds, &*deadline, |stream, _, n| {
            if !streams.contains(stream) {
                streams.insert(stream.clone());
            }
            lines += 1;
            bytes += n;
        })?;
        let (n, body) = (streams.len(), String::new());
        Ok(net::json(
            StatusCode::OK,
            body + &format!(r#"{{"streams":{n},"chunks":{n},"bytes":{bytes},"entries":{lines}}}"#),
        ))
    })
    .await?
}

/// `/loki/api/v1/index/volume`: the bytes of each label set over the window, the largest first.
pub(super) async fn volume(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let request = Volume::read(&state, &params)?;
    run_default(&state, move |server, deadline| {
        let (_, end) = request.bounds;
        let t_ms = clock::ns_to_ms(end);
        let sums = request.sums(server, &*deadline, |_| t_ms)?;
        let largest = request.largest(sums);
        let vector = largest.into_iter().map(|(labels, steps)| {
            let value = steps.values().sum::<u64>() as f64;
            (labels, Point::Float(Sample { t_ms, value }))
        });
        Ok(answer(&Value::Vector(vector.collect())))
    })
    .await?
}

/// `/loki/api/v1/index/volume_range`: the same for each step.
pub(super) async fn volume_range(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let request = Volume::read(&state, &params)?;
    let (start, end) = request.bounds;
    let step_ns = step_ms(&params, start, end)?
        .unsigned_abs()
        .saturating_mul(1_000_000);
    if (end - start) / step_ns > MAX_POINTS {
        return Err(Failure::bad_request(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        ));
    }
    run_default(&state, move |server, deadline| {
        let step_of = |time_ns: u64| clock::ns_to_ms(start + (time_ns - start) / step_ns * step_ns);
        let sums = request.sums(server, &*deadline, step_of)?;
        let mut matrix: Vec<SeriesData> = request
            .largest(sums)
            .into_iter()
            .map(|(labels, steps)| {
                let samples = steps.into_iter().map(|(t_ms, bytes)| Sample {
                    t_ms,
                    value: bytes as f64,
                });
                SeriesData::floats(labels, samples.collect())
            })
            .collect();
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(answer(&Value::Matrix(matrix)))
    })
    .await?
}

/// What is asked for.
struct Volume {
    matchers: Vec<Matcher>,
    bounds: (u64, u64),
    limit: usize,
    /// Labels that are told apart; those of the selector if it does not say.
    targets: Vec<String>,
    /// Each label by itself, whatever its value.
    by_label: bool,
}

type Sums = BTreeMap<Labels, BTreeMap<i64, u64>>;

impl Volume {
    fn read(state: &Shared, params: &Params) -> Result<Self, Failure> {
        let matchers = selector(Some(required(params, "query")?))?;
        let by_label = match params.get("aggregateBy") {
            None | Some("series") => false,
            Some("labels") => true,
            Some(other) => {
                return Err(Failure::bad_request(format!(
                    "invalid aggregateBy {other:?}, must be series or labels"
                )));
            }
        };
        let mut targets: Vec<String> = params
            .get("targetLabels")
            .map(|text| text.split(',').map(|name| name.trim().to_owned()).collect())
            .unwrap_or_default();
        if targets.is_empty() && !by_label {
            targets = matchers.iter().map(|m| m.name.clone()).collect();
        }
        let limit = match params.get("limit").map(str::parse::<usize>) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if limit > 0 => limit,
            Some(_) => {
                return Err(Failure::bad_request(
                    "could not parse 'limit' parameter: not a positive number",
                ));
            }
        };
        Ok(Self {
            matchers,
            bounds: window(state, params)?,
            limit,
            targets,
            by_label,
        })
    }

    /// Bytes by label set and step.
    fn sums(
        &self,
        server: &Server,
        cancel: &dyn Cancel,
        step_of: impl Fn(u64) -> i64,
    ) -> Result<Sums, Failure> {
        // A stream has many lines: its sets of labels are made once.
        let mut sets: BTreeMap<Labels, Vec<Labels>> = BTreeMap::new();
        let mut sums = Sums::new();
        scan(
            server,
            &self.matchers,
            self.bounds,
            cancel,
            |stream, time_ns, bytes| {
                if !sets.contains_key(stream) {
                    sets.insert(stream.clone(), self.sets(stream));
                }
                for labels in sets.get(stream).into_iter().flatten() {
                    let steps = match sums.get_mut(labels) {
                        Some(steps) => steps,
                        None => sums.entry(labels.clone()).or_default(),
                    };
                    *steps.entry(step_of(time_ns)).or_insert(0) += bytes;
                }
            },
        )?;
        Ok(sums)
    }

    /// The label sets that a stream counts for.
    fn sets(&self, stream: &Labels) -> Vec<Labels> {
        let wanted = |name: &str| self.targets.is_empty() || self.targets.iter().any(|target| target == name);
        let pairs = stream.iter().filter(|(name, _)| wanted(name));
        match self.by_label {
            // A label without a value cannot be told from one that is absent, so the name stands in its place.
            true => pairs
                .map(|(name, _)| Labels::from_pairs([(name, name)]))
                .collect(),
            false => vec![Labels::from_pairs(pairs)],
        }
    }

    fn largest(&self, sums: Sums) -> Vec<(Labels, BTreeMap<i64, u64>)> {
        let mut all: Vec<_> = sums.into_iter().collect();
        all.sort_by_key(|(_, steps)| std::cmp::Reverse(steps.values().sum::<u64>()));
        all.truncate(self.limit);
        all
    }
}

/// Shows stream, time and bytes of every line.
fn scan(
    server: &Server,
    matchers: &[Matcher],
    (start_ns, end_ns): (u64, u64),
    cancel: &dyn Cancel,
    mut each: impl FnMut(&Labels, u64, u64),
) -> Result<(), LogError> {
    const CHECK_EVERY: u64 = 4_096;
    let window = LogWindow {
        matchers,
        start_ns,
        end_ns,
        direction: Direction::Forward,
        text: None,
    };
    let (mut visited, mut stopped) = (0_u64, None);
    StoreSource(&server.store).visit(&window, &mut |line| {
        visited += 1;
        if visited.is_multiple_of(CHECK_EVERY) {
            stopped = cancel.stop();
            if stopped.is_some() {
                return ControlFlow::Break(());
            }
        }
        each(&line.stream, line.time_ns, line.body.len() as u64);
        ControlFlow::Continue(())
    })?;
    match stopped {
        None => Ok(()),
        Some(Stop::Cancelled) => Err(LogError::Cancelled),
        Some(Stop::TimedOut) => Err(LogError::TimedOut),
    }
}

fn answer(value: &Value) -> Response {
    let mut body = String::from(r#"{"status":"success","data":{"#);
    json::result(&mut body, value);
    body.push_str("}}");
    net::json(StatusCode::OK, body)
}
