//! How remote write and Loki push tell their senders what became of a request.
//!
//! Senders of both retry 5xx and 429 and drop what any other refusal answers; both read the reason as plain text.

use axum::response::Response;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::otlp::{Refusal, Rejected};
use crate::net::plain;

/// 204 if all was kept, 400 with the reasons if a part was, else what the refusal says.
pub(crate) fn respond(result: &Result<Rejected, Refusal>) -> Response {
    let refusal = match result {
        Ok(rejected) if rejected.total() == 0 => {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            return response;
        }
        Ok(rejected) => {
            let reason = format!("{} (the rest was kept)\n", rejected.message());
            return plain(StatusCode::BAD_REQUEST, reason);
        }
        Err(refusal) => refusal,
    };
    // A body that did not arrive in time is worth another try, which a sender gives 5xx alone.
    let status = match refusal {
        Refusal::TooSlow(_) => StatusCode::SERVICE_UNAVAILABLE,
        other => other.http_status(),
    };
    let mut response = plain(status, format!("{refusal}\n"));
    if let Some(seconds) = refusal.retry_after() {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
