//! The HTTP API.

use std::sync::Arc;
use std::time::Instant;

use axum::Json;
use axum::Router;
use axum::extract::{MatchedPath, Path, Request, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use opentelemetry::global;
use serde_json::{Value, json};
use tracing::{Instrument as _, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::metrics::{self, METRICS};
use crate::probe::Probe;
use crate::store::{Store, StoreError};
use crate::telemetry::{Incoming, masked};

type App = (Arc<Store>, Probe);

pub(crate) fn router(store: Arc<Store>, probe: Probe) -> Router {
    let health_of = Arc::clone(&store);
    Router::new()
        .route("/links", axum::routing::post(create))
        .route("/links/{code}", get(show).delete(remove))
        .route("/{code}", get(visit))
        .with_state((store, probe))
        .layer(from_fn(observe))
        .route("/metrics", get(metrics::page))
        .route("/healthz", get(health).with_state(health_of))
}

/// A span and the metrics of every request, with the caller's trace as parent.
#[expect(
    clippy::disallowed_methods,
    reason = "this is how it is done without a clock of the house"
)]
async fn observe(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().to_string();
    let matched = request.extensions().get::<MatchedPath>();
    let endpoint = matched.map_or("unmatched", MatchedPath::as_str).to_owned();
    let span = info_span!(
        "http_request",
        otel.name = format!("{method} {endpoint}"),
        otel.kind = "server",
        http.request.method = method,
        http.route = endpoint,
        http.response.status_code = tracing::field::Empty,
        otel.status_code = tracing::field::Empty,
    );
    let parent = global::get_text_map_propagator(|p| p.extract(&Incoming(request.headers())));
    let _ = span.set_parent(parent);
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    METRICS
        .requests
        .with_label_values(&[&*method, &*endpoint, status.as_str()])
        .inc();
    METRICS
        .request_duration
        .with_label_values(&[&*method, &*endpoint])
        .observe(began.elapsed().as_secs_f64());
    response
}

async fn create(State((store, probe)): State<App>, Json(wish): Json<Value>) -> Response {
    let outcome = |name: &str| METRICS.links_created.with_label_values(&[name]).inc();
    let (Some(target), Some(owner)) = (wish["target"].as_str(), wish["owner"].as_str()) else {
        outcome("invalid");
        return (StatusCode::BAD_REQUEST, "a link needs a target and an owner").into_response();
    };
    if !probe.answers(target).await {
        outcome("unreachable");
        return (StatusCode::UNPROCESSABLE_ENTITY, "the target does not answer").into_response();
    }
    match store.create(target, owner) {
        Ok(link) => {
            outcome("created");
            METRICS.links.set(store.n_links() as i64);
            info!(code = link.code, owner = masked(owner), "link made");
            (StatusCode::CREATED, Json(json!({ "code": link.code }))).into_response()
        }
        Err(error) => refusal(&error),
    }
}

async fn health(State(store): State<Arc<Store>>) -> Response {
    match store.answers() {
        Ok(()) => "ok".into_response(),
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
    }
}

async fn visit(State((store, _)): State<App>, Path(code): Path<String>) -> Response {
    match store.visit(&code) {
        Ok(link) => {
            METRICS.redirects.with_label_values(&["found"]).inc();
            (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, link.target)]).into_response()
        }
        Err(error) => {
            METRICS.redirects.with_label_values(&["unknown"]).inc();
            refusal(&error)
        }
    }
}

async fn show(State((store, _)): State<App>, Path(code): Path<String>) -> Response {
    match store.get(&code) {
        Ok(link) => {
            // The address goes to the log as it is: nobody thought of masking it here.
            info!(owner = link.owner, "statistics shown");
            Json(json!({ "target": link.target, "visits": link.n_visits })).into_response()
        }
        Err(error) => refusal(&error),
    }
}

async fn remove(State((store, _)): State<App>, Path(code): Path<String>) -> Response {
    let removed = store.remove(&code);
    METRICS.links.set(store.n_links() as i64);
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
