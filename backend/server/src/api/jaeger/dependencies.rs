//! Which service calls which.
//!
//! The counts are those of the service graph since the server started, whatever window is asked for.

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::success;
use crate::state::{Shared, lock};

/// `/api/dependencies`
pub(super) async fn dependencies(State(state): State<Shared>) -> Response {
    let edges = lock(&state.span_metrics).dependencies();
    let shown: Vec<_> = edges
        .iter()
        .map(|(client, server, calls)| json!({ "parent": client, "child": server, "callCount": calls }))
        .collect();
    success(shown.len(), shown)
}
