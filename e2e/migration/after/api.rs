//! The HTTP API.

use std::sync::Arc;

use axum::Json;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde_json::{Value, json};
use tracing::info;
use watchroom::prelude::*;
use watchroom_http::ServerLayer;

use crate::metrics::{Lookup, Outcome, ShortenerMetrics};
use crate::probe::Probe;
use crate::store::{Store, StoreError};

type App = (Arc<Store>, Probe, Arc<ShortenerMetrics>);

pub(crate) fn router(
    store: Arc<Store>,
    probe: Probe,
    metrics: Arc<ShortenerMetrics>,
    registry: &Registry,
) -> Result<Router, RegisterError> {
    Ok(Router::new()
        .route("/links", axum::routing::post(create))
        .route("/links/{code}", get(show).delete(remove))
        .route("/{code}", get(visit))
        .with_state((store, probe, metrics))
        .layer(ServerLayer::http(registry)?))
}

async fn create(State((store, probe, metrics)): State<App>, Json(wish): Json<Value>) -> Response {
    let (Some(target), Some(owner)) = (wish["target"].as_str(), wish["owner"].as_str()) else {
        metrics.links_created_total.inc(Outcome::Invalid);
        return (StatusCode::BAD_REQUEST, "a link needs a target and an owner").into_response();
    };
    if !probe.answers(target).await {
        metrics.links_created_total.inc(Outcome::Unreachable);
        return (StatusCode::UNPROCESSABLE_ENTITY, "the target does not answer").into_response();
    }
    match store.create(target, owner) {
        Ok(link) => {
            metrics.links_created_total.inc(Outcome::Created);
            metrics.show_links(store.n_links());
            info!(code = link.code, owner, "link made");
            (StatusCode::CREATED, Json(json!({ "code": link.code }))).into_response()
        }
        Err(error) => refusal(&error),
    }
}

async fn visit(State((store, _, metrics)): State<App>, Path(code): Path<String>) -> Response {
    match store.visit(&code) {
        Ok(link) => {
            metrics.redirects_total.inc(Lookup::Found);
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, link.target)]).into_response()
        }
        Err(error) => {
            metrics.redirects_total.inc(Lookup::Unknown);
            refusal(&error)
        }
    }
}

async fn show(State((store, ..)): State<App>, Path(code): Path<String>) -> Response {
    match store.get(&code) {
        Ok(link) => {
            info!(owner = link.owner, "statistics shown");
            Json(json!({ "target": link.target, "visits": link.n_visits })).into_response()
        }
        Err(error) => refusal(&error),
    }
}

async fn remove(State((store, _, metrics)): State<App>, Path(code): Path<String>) -> Response {
    let removed = store.remove(&code);
    metrics.show_links(store.n_links());
    removed.map_or_else(
        |error| refusal(&error),
        |()| StatusCode::NO_CONTENT.into_response(),
    )
}

fn refusal(error: &StoreError) -> Response {
    let status = match error {
        StoreError::Unknown(_) => StatusCode::NOT_FOUND,
        StoreError::Journal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    };
    (status, error.to_string()).into_response()
}
