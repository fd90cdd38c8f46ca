//! What reads no line: queries in one shape, what is running, and what is not there.

use axum::extract::{Request, State};
use axum::response::Response;
use http::StatusCode;
use watchroom_query::logql;

use super::{Failure, params, required};
use crate::api::json;
use crate::net;
use crate::state::Shared;

/// `/loki/api/v1/format_query`
pub(super) async fn format_query(State(state): State<Shared>, request: Request) -> Result<Response, Failure> {
    let params = params(&state, request).await?;
    let mut body = String::new();
    let status = match logql::format_query(required(&params, "query")?) {
        Ok(shown) => {
            body.push_str(r#"{"status":"success","data":"#);
            json::text(&mut body, &shown);
            StatusCode::OK
        }
        Err(error) => {
            body.push_str(r#"{"status":"invalid-query","error":"#);
            json::text(&mut body, &error.to_string());
            StatusCode::BAD_REQUEST
        }
    };
    body.push('}');
    Ok(net::json(status, body))
}

/// `/loki/api/v1/status/buildinfo`
pub(super) async fn build_info() -> Response {
    let mut body = String::new();
    let facts = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("revision", ""),
        ("branch", ""),
        ("buildUser", ""),
        ("buildDate", ""),
        ("goVersion", ""),
    ];
    json::map(&mut body, facts);
    net::json(StatusCode::OK, body)
}

/// `/loki/api/v1/patterns`
pub(super) async fn patterns() -> Failure {
    Failure {
        status: StatusCode::NOT_FOUND,
        reason: "patterns of lines are not kept by this server".into(),
    }
}
