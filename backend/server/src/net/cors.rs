//! Which pages of other origins may read answers: none, unless the operator names them.
//!
//! Source: Prometheus, `--web.cors.origin` and `util/httputil`, whose default is every page.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ORIGIN, VARY,
};
use http::{HeaderValue, Method, StatusCode};
use regex::Regex;

/// Origins that may read answers; a regular expression for the whole origin.
pub(crate) type Origins = Arc<Option<Regex>>;

/// Answers the question of a browser whether a page may ask, and tells it that the page may read the answer.
pub(crate) async fn cors(State(origins): State<Origins>, request: Request, next: Next) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let allowed = origin.filter(|origin| {
        let text = origin.to_str().unwrap_or("");
        origins
            .as_ref()
            .as_ref()
            .is_some_and(|origins| origins.is_match(text))
    });
    let mut response = match *request.method() {
        Method::OPTIONS => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        _ => next.run(request).await,
    };
    if let Some(origin) = allowed {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, value) in [
            (
                ACCESS_CONTROL_ALLOW_HEADERS,
                "Accept, Authorization, Content-Type, Origin",
            ),
            (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, OPTIONS"),
            (ACCESS_CONTROL_EXPOSE_HEADERS, "Date"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    response
}
