//! What is the server's own: its status and its metrics.

mod exposition;
mod status;

pub(crate) use exposition::exposition;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use crate::state::Shared;

/// Every route.
pub(super) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/api/watchroom/status", get(status::status))
        .route("/metrics", get(metrics))
        .with_state(Shared::clone(state))
}

async fn metrics(State(state): State<Shared>) -> axum::response::Response {
    let mut response = axum::response::Response::new(exposition(&state).into());
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"),
    );
    response
}
