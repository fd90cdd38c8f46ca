//! One Alertmanager, told over its API v2.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Uri;
use serde_json::json;
use tokio::sync::{Notify, watch};

use super::discover::AlertmanagerConfig;
use super::queue::Queue;
use super::{Outgoing, Totals, backoff};
use crate::api::rfc3339;
use crate::ingest::scrape::relabel;
use crate::state::{lock, stopped};

/// Alerts that wait at most.
const CAPACITY: usize = 10_000;

/// Alerts of one request.
const BATCH: usize = 64;

/// One Alertmanager.
#[derive(Debug)]
pub(crate) struct Alertmanager {
    /// Where alerts are posted to.
    pub(crate) url: Uri,
    config: Arc<AlertmanagerConfig>,
    queue: Mutex<Queue>,
    wake: Notify,
    ended: watch::Sender<bool>,
    pub(super) totals: Totals,
}

impl Alertmanager {
    pub(super) fn new(config: Arc<AlertmanagerConfig>, url: Uri) -> Self {
        Self {
            url,
            config,
            queue: Mutex::new(Queue::new(CAPACITY)),
            wake: Notify::new(),
            ended: watch::Sender::new(false),
            totals: Totals::default(),
        }
    }

    pub(super) fn is(&self, config: &Arc<AlertmanagerConfig>, url: &Uri) -> bool {
        self.url == *url && Arc::ptr_eq(&self.config, config)
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.queue).len()
    }

    pub(super) fn tell(&self, alert: &Outgoing) {
        let Some(labels) = relabel(&alert.labels, &self.config.alert_relabel) else {
            return;
        };
        let alert = Outgoing {
            labels,
            ..alert.clone()
        };
        self.totals.dropped.add(lock(&self.queue).push(alert));
    }

    pub(super) fn wake(&self) {
        self.wake.notify_one();
    }

    pub(super) fn end(&self) {
        self.ended.send_replace(true);
    }
}

/// Tells it of what waits until it ends or the server stops.
pub(super) async fn run(to: Arc<Alertmanager>, mut stop: watch::Receiver<bool>) {
    let mut ended = to.ended.subscribe();
    let mut failures = 0;
    loop {
        let batch = lock(&to.queue).take(BATCH);
        let wait = if batch.is_empty() {
            None
        } else {
            let n = batch.len() as u64;
            let outcome = tokio::select! {
                outcome = send(&to, &batch) => outcome,
                () = stopped(&mut stop) => return,
                () = stopped(&mut ended) => return,
            };
            match outcome {
                Ok(()) => {
                    if failures > 0 {
                        tracing::info!(alertmanager = %to.url, "alertmanager takes alerts again");
                    }
                    failures = 0;
                    to.totals.sent.add(n);
                    continue;
                }
                Err(Refusal::Final(reason)) => {
                    to.totals.errors.add(1);
                    to.totals.dropped.add(n);
                    tracing::error!(alertmanager = %to.url, n, %reason, "alertmanager refuses alerts; they are dropped");
                    continue;
                }
                Err(Refusal::Later(reason)) => {
                    to.totals.errors.add(1);
                    if failures == 0 {
                        tracing::warn!(alertmanager = %to.url, %reason, "alertmanager cannot be told; it is tried again");
                    }
                    to.totals.dropped.add(lock(&to.queue).put_back(batch));
                    failures += 1;
                    Some(backoff(failures))
                }
            }
        };
        tokio::select! {
            () = to.wake.notified(), if wait.is_none() => {}
            () = tokio::time::sleep(wait.unwrap_or(Duration::from_secs(60))) => {}
            () = stopped(&mut stop) => return,
            () = stopped(&mut ended) => return,
        }
    }
}

/// Why a receiver did not take something.
pub(super) enum Refusal {
    /// It never will.
    Final(String),
    /// It may another time.
    Later(String),
}

async fn send(to: &Alertmanager, batch: &[Outgoing]) -> Result<(), Refusal> {
    let alerts: Vec<_> = batch
        .iter()
        .map(|alert| {
            json!({
                "labels": alert.labels.iter().collect::<std::collections::BTreeMap<_, _>>(),
                "annotations": alert.annotations,
                "startsAt": rfc3339(Some(alert.starts_at_ms)),
                "endsAt": rfc3339(Some(alert.ends_at_ms)),
                "generatorURL": alert.generator_url,
            })
        })
        .collect();
    let body = serde_json::Value::from(alerts).to_string();
    post(&to.config.client, &to.url, to.config.timeout, body).await
}

/// Posts JSON, and tells what the answer means for another attempt.
pub(super) async fn post(
    client: &crate::ingest::scrape::Client,
    url: &Uri,
    timeout: Duration,
    body: String,
) -> Result<(), Refusal> {
    let posted = tokio::time::timeout(timeout, client.post(url, "application/json", body.into())).await;
    match posted {
        Err(_) => Err(Refusal::Later(format!(
            "no answer within {} s",
            timeout.as_secs_f64()
        ))),
        Ok(Err(error)) => Err(Refusal::Later(crate::error::chain(&error))),
        Ok(Ok((status, _))) if status.is_success() => Ok(()),
        Ok(Ok((status, answer))) => {
            let reason = format!("HTTP status {status}: {}", answer.trim());
            let again = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
            Err(if again {
                Refusal::Later(reason)
            } else {
                Refusal::Final(reason)
            })
        }
    }
}
