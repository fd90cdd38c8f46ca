//! What is the server's own: its status and its metrics.

mod exposition;
mod status;
mod traces;

pub(crate) use exposition::exposition;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};

use super::work::quick;
use crate::net::plain;
use crate::state::Shared;

/// Every route.
pub(super) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/api/watchroom/status", get(status::status))
        .route("/metrics", get(metrics))
        .with_state(Shared::clone(state))
        .merge(traces::router(state))
}

async fn metrics(State(state): State<Shared>) -> Response {
    let text = match quick(&state, exposition).await {
        Ok(text) => text,
        Err(error) => return plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    };
    let mut response = Response::new(text.into());
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}
