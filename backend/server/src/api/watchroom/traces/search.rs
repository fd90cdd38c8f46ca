//! Traces that an expression selects, and its spans by time and duration.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use watchroom_query::traces::{self, FoundSpan, TraceSummary};

use super::params::Asked;
use super::{Failure, coverage, ms, success};
use crate::api::StoreSource;
use crate::api::work::run_default;
use crate::state::Shared;

/// Traces of a search that does not say how many.
const DEFAULT_LIMIT: usize = 100;
/// Most traces of a search.
const MAX_LIMIT: usize = 1_500;

/// `/api/watchroom/traces/search?q&start&end&limit`
pub(super) async fn search(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let asked = Asked::read(&request)?;
    let expr = asked.expr("q")?;
    let limit = asked.number("limit", DEFAULT_LIMIT, MAX_LIMIT)?;
    run_default(&state, move |server, deadline| {
        let source = StoreSource(&server.store);
        let found = traces::search(&source, &expr, limit, &asked.window(&deadline))?;
        Ok(success(&json!({
            "query": expr.to_string(),
            "traces": found.traces.iter().map(summary).collect::<Vec<_>>(),
            "coverage": coverage(&found.coverage),
        })))
    })
    .await?
}

fn summary(trace: &TraceSummary) -> Value {
    let services: Vec<_> = trace
        .services
        .iter()
        .map(|(name, spans, errors)| json!({ "name": name, "spans": spans, "errors": errors }))
        .collect();
    json!({
        "trace_id": trace.trace_id.to_string(),
        "service": trace.root_service,
        "name": trace.root_name,
        "start_ms": ms(trace.start_ns),
        "duration_ns": trace.duration_ns,
        "spans": trace.n_spans,
        "errors": trace.n_errors,
        "services": services,
        "matched": trace.n_selected,
        "matched_spans": trace.selected.iter().map(found_span).collect::<Vec<_>>(),
    })
}

fn found_span(span: &FoundSpan) -> Value {
    json!({
        "span_id": span.span_id.to_string(),
        "service": span.service,
        "name": span.name,
        "start_ms": ms(span.start_ns),
        "duration_ns": span.duration_ns,
        "error": span.error,
    })
}

/// `/api/watchroom/traces/histogram?q&start&end&step`
pub(super) async fn histogram(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let asked = Asked::read(&request)?;
    let (expr, step_ns) = (asked.expr("q")?, asked.step_ns()?);
    run_default(&state, move |server, deadline| {
        let source = StoreSource(&server.store);
        let found = traces::duration_histogram(&source, &expr, step_ns, &asked.window(&deadline))?;
        // The last bucket has no bound.
        let bounds: Vec<_> = found
            .bounds_ns
            .iter()
            .map(|ns| (*ns != u64::MAX).then_some(*ns))
            .collect();
        Ok(success(&json!({
            "start_ms": ms(asked.start_ns),
            "step_ms": ms(found.step_ns),
            "bounds_ns": bounds,
            "counts": found.counts,
            "errors": found.errors,
            "coverage": coverage(&found.coverage),
        })))
    })
    .await?
}
