//! Passes queries on to the remote store of their signal.
//!
//! Only the paths of query APIs are passed on, with the headers that matter to them; what the store answers comes back as it is, its errors
//! among it. The client's own credentials stay here.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, UPGRADE,
};
use http::{HeaderMap, HeaderName, Method, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use hyper_util::rt::TokioIo;
use tokio::sync::OwnedSemaphorePermit;

use super::stores::Remote;
use crate::ingest::otlp::Signal;
use crate::net::{from_own_page, json, plain, receive};
use crate::state::Shared;

/// Headers that go there.
const GOES: [HeaderName; 4] = [ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, CONTENT_ENCODING];
/// Headers that come back.
const COMES: [HeaderName; 3] = [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LENGTH];
/// Headers of a WebSocket, either way.
const SOCKET: [HeaderName; 5] = [
    http::header::SEC_WEBSOCKET_KEY,
    http::header::SEC_WEBSOCKET_VERSION,
    http::header::SEC_WEBSOCKET_ACCEPT,
    http::header::SEC_WEBSOCKET_PROTOCOL,
    http::header::SEC_WEBSOCKET_EXTENSIONS,
];
/// Most bytes of an answer.
const MAX_ANSWER: u64 = 256 << 20;
/// Longest pause within an answer.
const STALL: Duration = Duration::from_secs(60);

/// Answers from the remote store if the path is one of a signal that has one.
pub(crate) async fn proxy(State(state): State<Shared>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let remotes = &state.store.remotes;
    if matches!(path, "/-/ready" | "/ready")
        && let Some(reason) = remotes.all().find_map(|remote| unready(remote))
    {
        return plain(StatusCode::SERVICE_UNAVAILABLE, reason);
    }
    let remote = match signal_of(path) {
        Some(Signal::Metrics) => &remotes.metrics,
        Some(Signal::Traces) => &remotes.traces,
        Some(Signal::Logs) => &remotes.logs,
        None => &None,
    };
    match remote {
        None => next.run(request).await,
        // What the remote store does not know is often known here.
        Some(remote) if path == "/api/v1/metadata" => {
            let answer = next.run(request).await;
            let is_empty = answer.body().size_hint().exact() == Some(EMPTY.len() as u64);
            match is_empty {
                true => {
                    let uri = http::Uri::from_static("/api/v1/metadata");
                    let mut request = Request::new(Body::empty());
                    *request.uri_mut() = uri;
                    pass(&state, remote, request).await
                }
                false => answer,
            }
        }
        Some(remote) => pass(&state, remote, request).await,
    }
}

/// The answer of a server that knows of no metric.
const EMPTY: &str = r#"{"status":"success","data":{}}"#;

/// Whose query API a path belongs to.
fn signal_of(path: &str) -> Option<Signal> {
    const METRICS: [&str; 9] = [
        "query",
        "query_range",
        "query_exemplars",
        "series",
        "labels",
        "metadata",
        "read",
        "format_query",
        "parse_query",
    ];
    if path == "/federate" {
        return Some(Signal::Metrics);
    }
    if let Some(rest) = path.strip_prefix("/api/v1/") {
        let is_label = rest.starts_with("label/") && rest.ends_with("/values");
        return (METRICS.contains(&rest) || is_label).then_some(Signal::Metrics);
    }
    if let Some(rest) = path.strip_prefix("/loki/api/v1/") {
        return (rest != "push").then_some(Signal::Logs);
    }
    let rest = path.strip_prefix("/api/")?;
    let first = rest.split('/').next()?;
    let jaeger = ["services", "operations", "traces", "dependencies", "v3"];
    jaeger.contains(&first).then_some(Signal::Traces)
}

/// Why a store is not ready, if it is known not to be.
fn unready(remote: &Remote) -> Option<String> {
    let answer = remote.health.queries();
    (answer.is_good == Some(false)).then(|| {
        format!(
            "the store of {} at {} does not answer: {}\n",
            remote.name(),
            remote.queries.url,
            answer.last_error
        )
    })
}

async fn pass(state: &Shared, remote: &Arc<Remote>, request: Request) -> Response {
    remote.counters.queries.add(1);
    match exchange(state, remote, request).await {
        Ok(response) => response,
        Err((status, reason)) => {
            remote.counters.queries_failed.add(1);
            failure(remote.signal, status, reason)
        }
    }
}

async fn exchange(
    state: &Shared,
    remote: &Arc<Remote>,
    request: Request,
) -> Result<Response, (StatusCode, String)> {
    let slot = Arc::clone(&remote.slots).try_acquire_owned().map_err(|_| {
        let reason = format!(
            "too many queries of {} are under way; try again",
            remote.queries.url
        );
        (StatusCode::SERVICE_UNAVAILABLE, reason)
    })?;
    let bad = |reason: String| (StatusCode::BAD_REQUEST, reason);
    let is_socket = request.headers().contains_key(UPGRADE);
    if is_socket && (request.uri().path() != "/loki/api/v1/tail" || !from_own_page(request.headers())) {
        let reason = "only the page of this server may follow the logs, by /loki/api/v1/tail".to_owned();
        return Err((StatusCode::FORBIDDEN, reason));
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST) {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "use GET or POST".to_owned()));
    }
    let (mut head, body) = request.into_parts();
    let ours = head.extensions.remove::<hyper::upgrade::OnUpgrade>();
    let body = receive(body, "", &state.budget, &state.limits)
        .await
        .map_err(|error| bad(error.to_string()))?;
    let target = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let uri = remote
        .queries
        .uri(target)
        .map_err(|error| bad(error.to_string()))?;
    let mut onward = http::Request::new(Body::from(body.bytes));
    *onward.method_mut() = head.method;
    *onward.uri_mut() = uri;
    copy(&head.headers, onward.headers_mut(), &GOES);
    if is_socket {
        copy(&head.headers, onward.headers_mut(), &SOCKET);
        copy(&head.headers, onward.headers_mut(), &[UPGRADE, CONNECTION]);
    }
    let answer = remote.queries.send(onward, state.limits.query_timeout).await;
    let mut answer = answer.map_err(|error| {
        let reason = format!(
            "the store of {} at {}: {error}",
            remote.name(),
            remote.queries.url
        );
        // Once it is known that it does not answer, so is the readiness.
        remote.health.queried(remote, Err(error.to_string()));
        (StatusCode::BAD_GATEWAY, reason)
    })?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = answer.status();
    copy(answer.headers(), response.headers_mut(), &COMES);
    if answer.status() == StatusCode::SWITCHING_PROTOCOLS {
        copy(answer.headers(), response.headers_mut(), &SOCKET);
        copy(answer.headers(), response.headers_mut(), &[UPGRADE, CONNECTION]);
        let theirs = hyper::upgrade::on(&mut answer);
        let mut stop = state.stop.clone();
        tokio::spawn(async move {
            let _slot = slot;
            let Some(ours) = ours else { return };
            if let (Ok(ours), Ok(theirs)) = tokio::join!(ours, theirs) {
                let (mut ours, mut theirs) = (TokioIo::new(ours), TokioIo::new(theirs));
                tokio::select! {
                    _ = tokio::io::copy_bidirectional(&mut ours, &mut theirs) => {}
                    () = crate::state::stopped(&mut stop) => {}
                }
            }
        });
        return Ok(response);
    }
    *response.body_mut() = Body::new(Passed {
        body: answer.into_body(),
        left: MAX_ANSWER,
        stalled: Box::pin(tokio::time::sleep(STALL)),
        _slot: slot,
    });
    Ok(response)
}

fn copy(from: &HeaderMap, to: &mut HeaderMap, names: &[HeaderName]) {
    for name in names {
        if let Some(value) = from.get(name) {
            to.insert(name.clone(), value.clone());
        }
    }
}

/// A failure in the words of the API that was asked.
fn failure(signal: Signal, status: StatusCode, reason: String) -> Response {
    match signal {
        Signal::Metrics => {
            let kind = match status {
                StatusCode::BAD_REQUEST => "bad_data",
                _ => "unavailable",
            };
            let body = serde_json::json!({ "status": "error", "errorType": kind, "error": reason });
            json(status, body.to_string())
        }
        Signal::Traces => {
            let body = serde_json::json!({
                "data": null, "total": 0, "limit": 0, "offset": 0,
                "errors": [{ "code": status.as_u16(), "msg": reason }],
            });
            json(status, body.to_string())
        }
        Signal::Logs => plain(status, reason + "\n"),
    }
}

/// The body of an answer, within a size and without long pauses.
struct Passed {
    body: hyper::body::Incoming,
    left: u64,
    stalled: Pin<Box<tokio::time::Sleep>>,
    _slot: OwnedSemaphorePermit,
}

impl http_body::Body for Passed {
    type Data = Bytes;
    type Error = axum::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::BoxError>>> {
        let frame = match Pin::new(&mut self.body).poll_frame(cx) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                return match self.stalled.as_mut().poll(cx) {
                    Poll::Ready(()) => {
                        Poll::Ready(Some(Err("the remote store stopped in its answer".into())))
                    }
                    Poll::Pending => Poll::Pending,
                };
            }
        };
        let at = tokio::time::Instant::now() + STALL;
        self.stalled.as_mut().reset(at);
        if let Some(Ok(frame)) = &frame {
            let n = frame.data_ref().map_or(0, |data| data.len() as u64);
            match self.left.checked_sub(n) {
                Some(left) => self.left = left,
                None => return Poll::Ready(Some(Err("the answer of the remote store is too large".into()))),
            }
        }
        Poll::Ready(frame.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_query_apis_belong_to_a_signal() {
        for (path, expect) in [
            ("/api/v1/query", Some(Signal::Metrics)),
            ("/api/v1/label/job/values", Some(Signal::Metrics)),
            ("/federate", Some(Signal::Metrics)),
            ("/api/v1/rules", None),
            ("/api/v1/targets", None),
            ("/api/v1/write", None),
            ("/api/v1/status/buildinfo", None),
            ("/api/v1/admin/tsdb/delete_series", None),
            ("/api/services/a/operations", Some(Signal::Traces)),
            ("/api/traces/1f", Some(Signal::Traces)),
            ("/api/watchroom/status", None),
            ("/loki/api/v1/query_range", Some(Signal::Logs)),
            ("/loki/api/v1/push", None),
            ("/", None),
            ("/-/reload", None),
        ] {
            assert_eq!(signal_of(path), expect, "{path}");
        }
    }
}
