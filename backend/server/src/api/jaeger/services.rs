//! Services and their operations.

use axum::extract::{Path, Request, State};
use axum::response::Response;
use serde_json::json;

use super::{Failure, success};
use crate::api::work::run_default;
use crate::net::Params;
use crate::state::Shared;

/// `/api/services`
pub(super) async fn services(State(state): State<Shared>) -> Result<Response, Failure> {
    let services = run_default(&state, |server, _| server.store.services()).await?;
    Ok(success(services.len(), services))
}

/// `/api/services/{service}/operations`
pub(super) async fn operations(
    State(state): State<Shared>,
    Path(service): Path<String>,
) -> Result<Response, Failure> {
    let found = run_default(&state, move |server, _| server.store.operations(&service)).await?;
    let mut names: Vec<String> = found.into_iter().map(|(name, _)| name).collect();
    names.dedup();
    Ok(success(names.len(), names))
}

/// `/api/operations?service=…&spanKind=…`
pub(super) async fn operations_by_query(
    State(state): State<Shared>,
    request: Request,
) -> Result<Response, Failure> {
    let params = Params::parse(request.uri().query().unwrap_or(""));
    let Some(service) = params.get("service").map(str::to_owned) else {
        return Err(Failure::bad_request("parameter 'service' is required"));
    };
    let found = run_default(&state, move |server, _| server.store.operations(&service)).await?;
    let kind = params.get("spanKind");
    let shown: Vec<_> = found
        .iter()
        .filter(|(_, of)| kind.is_none_or(|kind| kind == of.as_str()))
        .map(|(name, kind)| json!({ "name": name, "spanKind": kind.as_str() }))
        .collect();
    Ok(success(shown.len(), shown))
}
