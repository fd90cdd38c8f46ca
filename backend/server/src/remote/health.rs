//! Whether a remote store answers, asked from time to time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt as _;
use tokio::sync::watch;

use super::stores::Remote;
use crate::clock;
use crate::ingest::otlp::Signal;
use crate::state::{lock, stopped};

/// Time between two questions.
const INTERVAL: Duration = Duration::from_secs(5);
/// Time for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// What the last questions came to.
#[derive(Debug, Default)]
pub(super) struct Health {
    queries: Mutex<Answer>,
    writes: Mutex<Answer>,
}

/// What the last request came to.
#[derive(Debug, Clone, Default)]
pub(super) struct Answer {
    /// `None` as long as nothing was asked.
    pub(super) is_good: Option<bool>,
    pub(super) last_error: String,
    /// When it was last good.
    pub(super) last_good_ms: Option<i64>,
}

impl Health {
    /// Notes how a query fared; tells of a change.
    pub(super) fn queried(&self, remote: &Remote, result: Result<(), String>) {
        note(&self.queries, remote, "does not answer queries", result);
    }

    /// Notes how a write fared.
    pub(super) fn wrote(&self, remote: &Remote, result: Result<(), String>) {
        note(&self.writes, remote, "does not take data", result);
    }

    pub(super) fn queries(&self) -> Answer {
        lock(&self.queries).clone()
    }

    pub(super) fn writes(&self) -> Answer {
        lock(&self.writes).clone()
    }
}

fn note(answer: &Mutex<Answer>, remote: &Remote, trouble: &str, result: Result<(), String>) {
    let mut answer = lock(answer);
    let was_good = answer.is_good;
    answer.is_good = Some(result.is_ok());
    match result {
        Ok(()) => {
            answer.last_good_ms = Some(clock::now_ms());
            answer.last_error.clear();
            if was_good == Some(false) {
                tracing::info!(store = remote.name(), url = %remote.queries.url, "remote store is back");
            }
        }
        Err(error) => {
            if was_good != Some(false) {
                tracing::warn!(store = remote.name(), url = %remote.queries.url, %error, "remote store {trouble}");
            }
            answer.last_error = error;
        }
    }
}

/// Asks until the server stops.
pub(super) async fn watch(remote: Arc<Remote>, mut stop: watch::Receiver<bool>) {
    loop {
        let result = ask(&remote).await;
        remote.health.queried(&remote, result);
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// A small query of the signal's own API: what answers that, answers the page.
async fn ask(remote: &Remote) -> Result<(), String> {
    let path = match remote.signal {
        Signal::Metrics => "/api/v1/query?query=1",
        Signal::Traces => "/api/services",
        Signal::Logs => "/loki/api/v1/labels",
    };
    let client = &remote.queries;
    let uri = client.uri(path).map_err(|error| error.to_string())?;
    let request = Request::get(uri)
        .body(Body::empty())
        .map_err(|error| error.to_string())?;
    let response = client
        .send(request, TIMEOUT)
        .await
        .map_err(|error| error.to_string())?;
    let status = response.status();
    // Read to its end, so that the connection can be used again.
    let body = http_body_util::Limited::new(response.into_body(), 1 << 20);
    let _ = tokio::time::timeout(TIMEOUT, body.collect()).await;
    match status.is_success() {
        true => Ok(()),
        false => Err(format!("it answers {path} with {status}")),
    }
}
