//! The HTTP API of Prometheus.
//!
//! Source: Prometheus, "HTTP API".

mod admin;
mod answer;
mod exemplars;
mod federate;
mod find;
mod format;
mod meta;
mod query;
mod reload;
mod remote_read;
mod rules;
mod stats;
mod status;
mod targets;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use http::{Method, StatusCode};

use crate::net::{Params, cors, gzip, plain, receive};
use crate::state::Shared;
use answer::Failure;
pub use remote_read::RemoteRead;

/// Every route.
pub(super) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/api/v1/query", get(query::instant).post(query::instant))
        .route("/api/v1/query_range", get(query::range).post(query::range))
        .route("/api/v1/format_query", get(format::format).post(format::format))
        .route("/api/v1/parse_query", get(format::parse).post(format::parse))
        .route("/api/v1/series", get(find::series).post(find::series))
        .route("/api/v1/labels", get(find::labels).post(find::labels))
        .route("/api/v1/label/{name}/values", get(find::values))
        .route(
            "/api/v1/query_exemplars",
            get(exemplars::query).post(exemplars::query),
        )
        .route("/api/v1/read", axum::routing::post(remote_read::read))
        .route("/federate", get(federate::federate))
        .route("/api/v1/metadata", get(meta::metadata))
        .route("/api/v1/targets", get(targets::targets))
        .route("/api/v1/rules", get(rules::rules))
        .route("/api/v1/alerts", get(rules::alerts))
        .route("/api/v1/alertmanagers", get(rules::alertmanagers))
        .route("/api/v1/targets/metadata", get(targets::metadata))
        .route("/api/v1/scrape_pools", get(targets::scrape_pools))
        .route("/api/v1/status/buildinfo", get(status::build_info))
        .route("/api/v1/status/config", get(status::config))
        .route("/api/v1/status/flags", get(status::flags))
        .route("/api/v1/status/runtimeinfo", get(status::runtime_info))
        .route("/api/v1/status/tsdb", get(status::tsdb))
        .route("/api/v1/status/walreplay", get(status::wal_replay))
        .route(
            "/api/v1/admin/tsdb/snapshot",
            axum::routing::post(admin::snapshot).put(admin::snapshot),
        )
        .route(
            "/-/reload",
            axum::routing::post(reload::reload).put(reload::reload),
        )
        .route("/api/v1/{*rest}", axum::routing::any(answer::unknown))
        .route(
            "/-/healthy",
            get(|| async { plain(StatusCode::OK, "watchroom is healthy.\n") }),
        )
        .route(
            "/-/ready",
            get(|| async { plain(StatusCode::OK, "watchroom is ready.\n") }),
        )
        .layer(from_fn_with_state(Arc::clone(&state.cors_origins), cors))
        .layer(from_fn(gzip))
        .with_state(Shared::clone(state))
}

/// Parameters of the URL and, for a POST, of the form in the body.
async fn params(state: &Shared, request: Request) -> Result<Params, Failure> {
    let url = Params::parse(request.uri().query().unwrap_or(""));
    if request.method() != Method::POST {
        return Ok(url);
    }
    let body: Body = request.into_body();
    let form = receive(body, "", &state.budget, &state.limits)
        .await
        .map_err(|error| Failure::bad_data(error.to_string()))?;
    let form = String::from_utf8_lossy(&form.bytes);
    Ok(Params::parse(&form).and(url))
}
