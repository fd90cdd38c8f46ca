//! Live tail over a WebSocket.

use std::collections::VecDeque;
use std::time::Duration;

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use watchroom_query::logql::{self, Direction, Entry, LogQuery};
use watchroom_store::LogSubscription;

use super::query::{limit, options};
use super::streams::{self, Shape};
use super::{Failure, log_query};
use crate::api::StoreSource;
use crate::api::work::run_default;
use crate::clock;
use crate::net::{Params, from_own_page};
use crate::state::{Shared, State as Server, stopped};

/// Lines of one message at most.
const BATCH: usize = 500;
/// Time during which lines are gathered into one message.
const GATHER: Duration = Duration::from_millis(100);
/// Time after which a client that takes nothing is given up.
const SEND_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest time without a message, so that a client that is gone is noticed.
const PING: Duration = Duration::from_secs(20);

/// `/loki/api/v1/tail`
pub(super) async fn tail(
    State(state): State<Shared>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Failure> {
    if !from_own_page(&headers) {
        return Err(Failure {
            status: StatusCode::FORBIDDEN,
            reason: "a page of another site may not follow the logs".into(),
        });
    }
    let params = Params::parse(query.as_deref().unwrap_or(""));
    let query = log_query(&params)?;
    let limit = limit(&params)?;
    let start = match params.get("start") {
        None => None,
        Some(text) => Some(crate::api::time::parse_ns(text).ok_or_else(|| {
            Failure::bad_request(format!(
                "could not parse 'start' parameter: {text:?} is not a timestamp"
            ))
        })?),
    };
    let slot = std::sync::Arc::clone(&state.tail_slots)
        .try_acquire_owned()
        .map_err(|_| Failure {
            status: StatusCode::TOO_MANY_REQUESTS,
            reason: "too many live tails are open; close one and try again".into(),
        })?;
    // Listening before looking back: a line may then come twice, but none is missed.
    let subscription = state.store.subscribe_logs();
    let past = match start {
        None => Vec::new(),
        Some(start) => before_now(&state, query.clone(), start, limit).await?,
    };
    Ok(upgrade.max_message_size(4 << 10).on_upgrade(async move |socket| {
        follow(&state, socket, subscription, &query, past).await;
        drop(slot);
    }))
}

async fn before_now(
    state: &Shared,
    query: LogQuery,
    start: u64,
    limit: usize,
) -> Result<Vec<Entry>, Failure> {
    run_default(state, move |server: &Server, deadline| {
        let source = StoreSource(&server.store);
        let end = clock::now_ns();
        let mut options = options(server, deadline);
        (options.direction, options.limit) = (Direction::Backward, limit);
        let output = logql::evaluate(&query, &source, start, end, &options)?;
        Ok(output.entries)
    })
    .await?
}

async fn follow(
    state: &Shared,
    mut socket: WebSocket,
    subscription: LogSubscription,
    query: &LogQuery,
    past: Vec<Entry>,
) {
    let mut stop = state.stop.clone();
    let mut waiting: VecDeque<Entry> = past.into_iter().rev().collect();
    let mut missed = 0;
    loop {
        if waiting.is_empty() {
            let next = std::future::poll_fn(|cx| subscription.poll_recv(cx));
            tokio::select! {
                line = next => match line {
                    Some(line) => waiting.extend(query.find(&line)),
                    None => break,
                },
                message = socket.recv() => match message {
                    Some(Ok(Message::Close(_)) | Err(_)) | None => break,
                    Some(Ok(_)) => {}
                },
                () = tokio::time::sleep(PING) => {
                    let ping = socket.send(Message::Ping(bytes::Bytes::new()));
                    if !matches!(tokio::time::timeout(SEND_TIMEOUT, ping).await, Ok(Ok(()))) {
                        break;
                    }
                }
                () = stopped(&mut stop) => break,
            }
            continue;
        }
        tokio::time::sleep(GATHER).await;
        waiting.extend(
            subscription
                .take(BATCH)
                .iter()
                .filter_map(|line| query.find(line)),
        );
        let n = waiting.len().min(BATCH);
        let lines: Vec<Entry> = waiting.drain(..n).collect();
        let dropped = subscription.missed() - missed;
        missed += dropped;
        let sent = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::text(message(&lines, dropped))));
        if !matches!(sent.await, Ok(Ok(()))) {
            return;
        }
    }
    let _ = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Close(None))).await;
}

/// Lines newest last, and how many were lost because the client was too slow, if any.
fn message(lines: &[Entry], dropped: u64) -> String {
    let mut body = String::from(r#"{"streams":"#);
    streams::write(&mut body, lines, Shape::Plain);
    if dropped > 0 {
        body.push_str(&format!(r#","watchroom_missed":{dropped}"#));
    }
    body.push('}');
    body
}
