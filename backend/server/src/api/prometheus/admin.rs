//! `/api/v1/admin/tsdb/snapshot`: a copy of all data, made while the server goes on.
//!
//! Invariant: answered only where the operator has allowed it, and never to a page of another site.
//! Not here: deleting series, which the store does by age and size only.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::StatusCode;

use super::answer::{Failure, success};
use super::params;
use crate::api::json;
use crate::error::chain;
use crate::net::from_own_page;
use crate::rules;
use crate::state::Shared;

/// Makes a snapshot; with `skip_head`, of what is in chunks and blocks alone.
pub(super) async fn snapshot(State(state): State<Shared>, request: Request) -> Response {
    match make(state, request).await {
        Ok(name) => success(|out| {
            out.push_str(r#"{"name":"#);
            json::text(out, &name);
            out.push('}');
        }),
        Err(failure) => failure.into_response(),
    }
}

async fn make(state: Shared, request: Request) -> Result<String, Failure> {
    if !state.admin_api {
        return Err(Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "admin APIs disabled; start with --enable-admin-api to allow them".to_owned(),
        ));
    }
    if !from_own_page(request.headers()) {
        return Err(Failure::new(
            StatusCode::FORBIDDEN,
            "bad_data",
            "pages of other sites may not do this".to_owned(),
        ));
    }
    let params = params(&state, request).await?;
    let skip_head = match params.get("skip_head") {
        None | Some("" | "false" | "0" | "f") => false,
        Some("true" | "1" | "t") => true,
        Some(other) => {
            let reason = format!("{other:?} is neither true nor false");
            return Err(Failure::parameter("skip_head", reason));
        }
    };
    let internal = |reason| Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", reason);
    let made = tokio::task::spawn_blocking(move || {
        let place = state.store.snapshot(skip_head)?;
        rules::save(&state, &place);
        Ok::<_, watchroom_store::SnapshotError>(place)
    });
    let place = made
        .await
        .map_err(|error| internal(error.to_string()))?
        .map_err(|error| internal(chain(&error)))?;
    let name = place.file_name().unwrap_or(place.as_os_str());
    tracing::info!(place = %place.display(), "a snapshot was made");
    Ok(name.to_string_lossy().into_owned())
}
