//! `/-/reload`: the configuration file is read again.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;

use crate::api::work::quick;
use crate::net::{from_own_page, plain};
use crate::running;
use crate::state::Shared;

/// `/-/reload`
pub(super) async fn reload(State(state): State<Shared>, request: Request) -> Response {
    if !from_own_page(request.headers()) {
        return plain(StatusCode::FORBIDDEN, "pages of other sites may not do this\n");
    }
    match quick(&state, running::reload).await {
        Ok(Ok(())) => plain(StatusCode::OK, ""),
        Ok(Err(reason)) => plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("failed to reload config: {reason}\n"),
        ),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}
