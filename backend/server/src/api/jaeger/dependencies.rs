//! Which service calls which, counted from the spans of a stretch of time.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use serde_json::json;
use watchroom_query::traces::{TraceError, TraceExpr, Window, service_graph};

use super::{Failure, success};
use crate::api::StoreSource;
use crate::api::work::run_default;
use crate::clock;
use crate::error::chain;
use crate::net::Params;
use crate::state::Shared;

/// Stretch of a request that does not say how long, as Jaeger has it.
const DEFAULT_LOOKBACK_MS: u64 = 86_400_000;

/// `/api/dependencies?endTs&lookback`, both in milliseconds.
pub(super) async fn dependencies(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = Params::parse(request.uri().query().unwrap_or(""));
    let millis = |name: &str, default: u64| match params.get(name) {
        None => Ok(default),
        Some(text) => text.parse::<u64>().map_err(|_| {
            Failure::bad_request(format!(
                "unable to parse parameter '{name}': expected milliseconds"
            ))
        }),
    };
    let end_ns = match params.get("endTs") {
        None => clock::now_ns(),
        Some(_) => millis("endTs", 0)?
            .saturating_mul(1_000_000)
            .saturating_add(999_999),
    };
    let start_ns = end_ns.saturating_sub(millis("lookback", DEFAULT_LOOKBACK_MS)?.saturating_mul(1_000_000));
    run_default(&state, move |server, deadline| {
        let window = Window::new(start_ns, end_ns, &*deadline);
        let graph = service_graph(&StoreSource(&server.store), &TraceExpr::any(), &window)?;
        // What sends no spans is not a service to Jaeger.
        let sends = |name: &str| graph.nodes.iter().any(|node| node.name == name && node.sends);
        let shown: Vec<_> = graph
            .edges
            .iter()
            .filter(|edge| sends(&edge.server))
            .map(|edge| json!({ "parent": edge.client, "child": edge.server, "callCount": edge.stats.count }))
            .collect();
        Ok(success(shown.len(), shown))
    })
    .await?
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Self {
        Self {
            status: match error {
                TraceError::Cancelled | TraceError::TimedOut => StatusCode::SERVICE_UNAVAILABLE,
                TraceError::Source(_) => StatusCode::INTERNAL_SERVER_ERROR,
            },
            reason: chain(&error),
        }
    }
}
