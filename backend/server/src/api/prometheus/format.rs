//! Queries in one style, and as trees.

use axum::extract::{Request, State};
use axum::response::Response;
use watchroom_query::promql::{self, Query};

use super::answer::{Failure, success};
use super::params;
use crate::api::json;
use crate::state::Shared;

/// `/api/v1/format_query`
pub(super) async fn format(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let query = query(&state, request).await?;
    Ok(success(|out| json::text(out, &query.pretty())))
}

/// `/api/v1/parse_query`
pub(super) async fn parse(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let query = query(&state, request).await?;
    Ok(success(|out| out.push_str(&query.tree())))
}

async fn query(state: &Shared, request: Request) -> Result<Query, Failure> {
    let params = params(state, request).await?;
    promql::parse(params.get("query").unwrap_or("")).map_err(|error| Failure::parameter("query", error))
}
