//! What the server runs on and with: `/api/v1/status/…`.

use std::collections::BTreeMap;

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;
use watchroom_model::Labels;

use super::answer::{Failure, success};
use super::params;
use crate::api::json;
use crate::api::time::rfc3339;
use crate::api::work::run_default;
use crate::clock;
use crate::state::{Shared, lock};

/// Entries of each list of `tsdb` unless the client says.
const TSDB_ENTRIES: usize = 10;

/// `/api/v1/status/buildinfo`
///
/// There is no `features` in it, by which Grafana tells Mimir.
pub(super) async fn build_info() -> Response {
    success(|out| {
        json::map(
            out,
            [
                ("application", "watchroom"),
                ("version", env!("CARGO_PKG_VERSION")),
                ("revision", ""),
                ("branch", ""),
                ("buildUser", ""),
                ("buildDate", ""),
                ("goVersion", ""),
            ],
        );
    })
}

/// `/api/v1/status/config`: the file as it was read, without secrets, and what of it is not used.
pub(super) async fn config(State(state): State<Shared>) -> Response {
    let loaded = lock(&state.loaded).clone();
    success(|out| {
        out.push_str(r#"{"yaml":"#);
        json::text(out, &loaded.shown);
        out.push_str(r#","unsupported":"#);
        json::list(out, &loaded.unused, |out, unused| {
            out.push_str(r#"{"key":"#);
            json::text(out, &unused.key);
            if let Some(line) = unused.line {
                out.push_str(&format!(r#","line":{line}"#));
            }
            out.push('}');
        });
        out.push('}');
    })
}

/// `/api/v1/status/flags`
pub(super) async fn flags(State(state): State<Shared>) -> Response {
    success(|out| json::map(out, &state.flags))
}

/// `/api/v1/status/runtimeinfo`
pub(super) async fn runtime_info(State(state): State<Shared>) -> Response {
    let up = clock::instant().saturating_duration_since(state.started);
    let started_ms = clock::now_ms() - i64::try_from(up.as_millis()).unwrap_or(0);
    let loaded = lock(&state.loaded).clone();
    let folder = std::env::current_dir().unwrap_or_default();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let info = json!({
        "startTime": rfc3339(Some(started_ms)),
        "CWD": folder.display().to_string(),
        "reloadConfigSuccess": !loaded.failed,
        "lastConfigTime": rfc3339(Some(loaded.at_ms)),
        "corruptionCount": state.store.problems().len(),
        "goroutineCount": tokio::runtime::Handle::current().metrics().num_alive_tasks(),
        "GOMAXPROCS": threads,
        "GOGC": "",
        "GODEBUG": "",
        "storageRetention": watchroom_query::promql::format_duration(state.retention.metrics),
    });
    success(|out| out.push_str(&info.to_string()))
}

/// `/api/v1/status/walreplay`: done before the first request is answered.
pub(super) async fn wal_replay() -> Response {
    success(|out| out.push_str(r#"{"min":0,"max":0,"current":0,"state":"done"}"#))
}

/// `/api/v1/status/tsdb`: which names and labels have the most series.
pub(super) async fn tsdb(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let limit = match params.get("limit").map(str::parse::<usize>) {
        None => TSDB_ENTRIES,
        Some(Ok(limit)) if limit > 0 => limit,
        Some(_) => return Err(Failure::bad_data("limit must be a positive number")),
    };
    run_default(&state, move |server, _| {
        let series = server.store.series(&[], i64::MIN, i64::MAX)?;
        let stats = server.store.stats();
        let counts = Counts::of(&series);
        let newest = clock::now_ms();
        Ok(success(|out| {
            out.push_str(&format!(
                r#"{{"headStats":{{"numSeries":{},"numLabelPairs":{},"chunkCount":{},"minTime":{},"maxTime":{newest}}}"#,
                series.len(),
                counts.pairs.len(),
                stats.samples.div_ceil(120),
                stats.oldest_sample_ms.unwrap_or(0),
            ));
            list(out, "seriesCountByMetricName", limit, counts.names);
            list(out, "labelValueCountByLabelName", limit, counts.values);
            list(out, "memoryInBytesByLabelName", limit, counts.bytes);
            list(out, "seriesCountByLabelValuePair", limit, counts.pairs);
            out.push('}');
        }))
    })
    .await?
}

#[derive(Default)]
struct Counts {
    names: BTreeMap<String, usize>,
    values: BTreeMap<String, usize>,
    bytes: BTreeMap<String, usize>,
    pairs: BTreeMap<String, usize>,
}

impl Counts {
    fn of(series: &[Labels]) -> Self {
        let mut counts = Self::default();
        let mut pairs: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for labels in series {
            *counts.names.entry(labels.metric_name().to_owned()).or_default() += 1;
            for pair in labels.iter() {
                *pairs.entry(pair).or_default() += 1;
            }
        }
        for ((name, value), n) in pairs {
            *counts.values.entry(name.to_owned()).or_default() += 1;
            *counts.bytes.entry(name.to_owned()).or_default() += value.len();
            counts.pairs.insert(format!("{name}={value}"), n);
        }
        counts
    }
}

/// Appends the largest entries.
fn list(out: &mut String, key: &str, limit: usize, counts: BTreeMap<String, usize>) {
    let mut entries: Vec<(String, usize)> = counts.into_iter().collect();
    entries.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    out.push_str(&format!(r#","{key}":"#));
    json::list(out, entries.iter().take(limit), |out, (name, value)| {
        out.push_str(r#"{"name":"#);
        json::text(out, name);
        out.push_str(&format!(r#","value":{value}}}"#));
    });
}
