//! Rate, errors and durations over time by any fields.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::{Value, json};
use watchroom_query::traces::{self, RedGroup, RedQuery};

use super::params::Asked;
use super::{Failure, coverage, ms, stats, success};
use crate::api::StoreSource;
use crate::api::work::run_default;
use crate::state::Shared;

/// Groups of an answer that does not say how many.
const DEFAULT_GROUPS: usize = 20;
/// Most groups of an answer.
const MAX_GROUPS: usize = 500;

/// `/api/watchroom/traces/red?q&by&by&start&end&step&groups`
pub(super) async fn red(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let asked = Asked::read(&request)?;
    let expr = asked.expr("q")?;
    let query = RedQuery {
        by: asked.fields()?,
        step_ns: asked.step_ns()?,
        max_groups: asked.number("groups", DEFAULT_GROUPS, MAX_GROUPS)?,
    };
    run_default(&state, move |server, deadline| {
        let source = StoreSource(&server.store);
        let found = traces::red(&source, &expr, &query, &asked.window(&deadline))?;
        Ok(success(&json!({
            "by": query.by.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "start_ms": ms(asked.start_ns),
            "step_ms": ms(found.step_ns),
            "steps": found.n_steps,
            "total": stats(&found.total),
            "groups": found.groups.iter().map(group).collect::<Vec<_>>(),
            "other": found.other.as_ref().map(group),
            "other_groups": found.n_other,
            "coverage": coverage(&found.coverage),
        })))
    })
    .await?
}

/// Columns by step: a list of each figure is a third as long as an object for each step.
fn group(group: &RedGroup) -> Value {
    let steps = || group.steps.iter().map(Option::as_deref);
    let quantile = |q: f64| -> Vec<Option<u64>> {
        steps()
            .map(|step| step.and_then(|step| step.latency.quantile(q)))
            .collect()
    };
    json!({
        "values": group.values,
        "total": stats(&group.total),
        "count": steps().map(|step| step.map_or(0, |step| step.count)).collect::<Vec<_>>(),
        "errors": steps().map(|step| step.map_or(0, |step| step.errors)).collect::<Vec<_>>(),
        "p50_ns": quantile(0.5),
        "p95_ns": quantile(0.95),
        "p99_ns": quantile(0.99),
    })
}
