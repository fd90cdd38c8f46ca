//! `/graph`: where notifications lead, in Prometheus' form, answered with the page's own address of the same expression.

use axum::extract::Request;
use axum::response::Response;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use super::notify::encode;
use crate::net::{Params, plain};

/// The page's view of an expression.
const VIEW: &str = "/metrics-explorer";

pub(super) async fn graph(request: Request) -> Response {
    let params = Params::parse(request.uri().query().unwrap_or(""));
    let to = match params.get("g0.expr") {
        Some(expr) => format!("{VIEW}?q={}", encode(expr)),
        None => VIEW.to_owned(),
    };
    let mut response = plain(StatusCode::FOUND, "");
    // What is encoded is plain text.
    if let Ok(to) = HeaderValue::try_from(to) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}
