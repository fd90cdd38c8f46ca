//! `/api/watchroom/silences`: silences in the form of Alertmanager's API.

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::{delete, get};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::{Kept, MatcherText, Silence};
use crate::api::{parse_ms, quick, rfc3339};
use crate::clock;
use crate::net::{from_own_page, json, plain, receive};
use crate::state::Shared;

/// Every route.
pub(crate) fn router(state: &Shared) -> Router {
    Router::new()
        .route("/api/watchroom/silences", get(list).post(put))
        .route("/api/watchroom/silences/{id}", delete(expire))
        .route("/graph", get(crate::rules::link::graph))
        .with_state(Shared::clone(state))
}

/// What is posted.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Posted {
    #[serde(default)]
    id: Option<String>,
    matchers: Vec<MatcherText>,
    #[serde(default)]
    starts_at: Option<String>,
    ends_at: String,
    #[serde(default)]
    created_by: String,
    #[serde(default)]
    comment: String,
}

async fn list(State(state): State<Shared>) -> Response {
    let now_ms = clock::now_ms();
    let all = state.rules.silences.all();
    let shown: Vec<_> = all
        .iter()
        .map(|silence| {
            let kept = &silence.kept;
            json!({
                "id": kept.id,
                "status": {"state": silence.state(now_ms)},
                "matchers": kept.matchers,
                "startsAt": rfc3339(Some(kept.starts_at_ms)),
                "endsAt": rfc3339(Some(kept.ends_at_ms)),
                "updatedAt": rfc3339(Some(kept.updated_at_ms)),
                "createdBy": kept.created_by,
                "comment": kept.comment,
            })
        })
        .collect();
    json(StatusCode::OK, serde_json::Value::from(shown).to_string())
}

async fn put(State(state): State<Shared>, request: Request) -> Response {
    if !from_own_page(request.headers()) {
        return plain(StatusCode::FORBIDDEN, "pages of other sites may not do this\n");
    }
    let body = match receive(request.into_body(), "", &state.budget, &state.limits).await {
        Ok(body) => body,
        Err(error) => return plain(StatusCode::BAD_REQUEST, format!("{error}\n")),
    };
    let silence = match read(&body.bytes, clock::now_ms()) {
        Ok(silence) => silence,
        Err(reason) => return plain(StatusCode::BAD_REQUEST, format!("{reason}\n")),
    };
    let id = silence.kept.id.clone();
    let kept = quick(&state, move |server| {
        server.rules.silences.put(silence, clock::now_ms())
    })
    .await;
    match kept {
        Ok(Ok(())) => json(StatusCode::OK, json!({ "silenceID": id }).to_string()),
        Ok(Err(reason)) => plain(StatusCode::INSUFFICIENT_STORAGE, format!("{reason}\n")),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn read(body: &[u8], now_ms: i64) -> Result<Silence, String> {
    let posted: Posted = serde_json::from_slice(body).map_err(|error| format!("not a silence: {error}"))?;
    let moment = |name: &str, text: &str| {
        parse_ms(text)
            .ok_or_else(|| format!("{name}: expected RFC 3339 or seconds since the epoch, got {text:?}"))
    };
    let starts_at_ms = posted
        .starts_at
        .as_deref()
        .map(|text| moment("startsAt", text))
        .transpose()?;
    let ends_at_ms = moment("endsAt", &posted.ends_at)?;
    if ends_at_ms <= now_ms {
        return Err("endsAt: it is over already".into());
    }
    let id = match posted.id.filter(|id| !id.is_empty()) {
        Some(id) if id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') => id,
        Some(_) => return Err("id: expected letters, digits and hyphens, 64 at most".into()),
        None => new_id(body),
    };
    Silence::compile(Kept {
        id,
        matchers: posted.matchers,
        starts_at_ms: starts_at_ms.unwrap_or(now_ms),
        ends_at_ms,
        updated_at_ms: now_ms,
        created_by: posted.created_by,
        comment: posted.comment,
    })
}

/// An id that no other silence has: moments differ by nanoseconds, and if they did not, texts would.
fn new_id(body: &[u8]) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&clock::now_ns().to_le_bytes());
    hasher.update(body);
    hasher.finalize().to_hex()[..32].to_owned()
}

async fn expire(State(state): State<Shared>, Path(id): Path<String>, request: Request) -> Response {
    if !from_own_page(request.headers()) {
        return plain(StatusCode::FORBIDDEN, "pages of other sites may not do this\n");
    }
    let ended = quick(&state, move |server| {
        server.rules.silences.expire(&id, clock::now_ms())
    })
    .await;
    match ended {
        Ok(Ok(true)) => json(StatusCode::OK, "{}".into()),
        Ok(Ok(false)) => plain(StatusCode::NOT_FOUND, "there is no silence of that id\n"),
        Ok(Err(reason)) => plain(StatusCode::INSUFFICIENT_STORAGE, format!("{reason}\n")),
        Err(error) => plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}
