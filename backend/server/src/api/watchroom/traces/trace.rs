//! Of one trace: its critical path, and the metrics whose exemplars lead to it.

use std::collections::{BTreeMap, HashMap};

use axum::extract::{Path, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use watchroom_query::traces::critical_path;

use super::params::trace_id;
use super::{Failure, ms, success};
use crate::api::work::{quick, run_default};
use crate::state::{Shared, lock};

/// `/api/watchroom/traces/{id}/path`
pub(super) async fn path(State(state): State<Shared>, Path(id): Path<String>) -> Result<Response, Failure> {
    let id = trace_id(&id)?;
    run_default(&state, move |server, _| {
        let trace = server.store.trace(id)?;
        if trace.is_empty() {
            return Err(Failure {
                status: StatusCode::NOT_FOUND,
                reason: "trace not found".into(),
                position: None,
            });
        }
        let path = critical_path(&trace);
        let mut own: HashMap<usize, u64> = HashMap::new();
        let mut total = 0;
        for part in &path {
            let ns = part.end_ns - part.start_ns;
            *own.entry(part.span).or_default() += ns;
            total += ns;
        }
        let parts: Vec<_> = path
            .iter()
            .map(|part| {
                json!({
                    "span_id": trace[part.span].span_id.to_string(),
                    "start_ms": ms(part.start_ns),
                    "duration_ns": part.end_ns - part.start_ns,
                })
            })
            .collect();
        let mut own: Vec<(usize, u64)> = own.into_iter().collect();
        own.sort_by_key(|(span, ns)| (std::cmp::Reverse(*ns), *span));
        let spans: Vec<_> = own
            .into_iter()
            .map(|(i, ns)| {
                json!({
                    "span_id": trace[i].span_id.to_string(),
                    "service": &*trace[i].resource.service,
                    "name": &*trace[i].name,
                    "self_ns": ns,
                })
            })
            .collect();
        Ok(success(&json!({
            "trace_id": id.to_string(),
            "total_ns": total,
            "parts": parts,
            "spans": spans,
        })))
    })
    .await?
}

/// `/api/watchroom/traces/{id}/exemplars`
pub(super) async fn exemplars(
    State(state): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Failure> {
    let id = trace_id(&id)?;
    let found = quick(&state, move |server| {
        lock(&server.exemplars).of_trace(&id.to_string())
    })
    .await?;
    let shown: Vec<_> = found
        .iter()
        .map(|(series, exemplar)| {
            json!({
                "series": series.iter().collect::<BTreeMap<_, _>>(),
                "labels": exemplar.labels.iter().collect::<BTreeMap<_, _>>(),
                "value": exemplar.value,
                "time_ms": exemplar.t_ms,
            })
        })
        .collect();
    Ok(success(&json!({ "exemplars": shown })))
}
