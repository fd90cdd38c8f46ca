//! Services and the calls between them over any stretch of time.

use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::json;
use watchroom_query::traces::service_graph;

use super::params::Asked;
use super::{Failure, coverage, ms, stats, success};
use crate::api::StoreSource;
use crate::api::work::run_default;
use crate::state::Shared;

/// `/api/watchroom/traces/graph?q&start&end`
pub(super) async fn graph(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let asked = Asked::read(&request)?;
    let expr = asked.expr("q")?;
    if !expr.is_simple() {
        return Err(Failure::parameter(
            "q",
            "expected conditions on one span, { … }: calls are judged by their two spans",
        ));
    }
    run_default(&state, move |server, deadline| {
        let window = asked.window(&deadline);
        let found = service_graph(&StoreSource(&server.store), &expr, &window)?;
        let nodes: Vec<_> = found
            .nodes
            .iter()
            .map(|node| {
                json!({ "name": node.name, "kind": node.kind, "sends_spans": node.sends, "stats": stats(&node.stats) })
            })
            .collect();
        let edges: Vec<_> = found
            .edges
            .iter()
            .map(|edge| json!({ "client": edge.client, "server": edge.server, "stats": stats(&edge.stats) }))
            .collect();
        Ok(success(&json!({
            "start_ms": ms(asked.start_ns),
            "end_ms": ms(asked.end_ns),
            "nodes": nodes,
            "edges": edges,
            "given_up": found.given_up,
            "coverage": coverage(&found.coverage),
        })))
    })
    .await?
}
