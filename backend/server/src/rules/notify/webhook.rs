//! One receiver of webhooks, told in the form of Alertmanager's, version 4.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::Notify;
use watchroom_model::Labels;

use super::alertmanager::{Refusal, post};
use super::grouping::{Flush, Grouping};
use super::{Outgoing, Totals};
use crate::api::rfc3339;
use crate::clock;
use crate::ingest::scrape::Client;
use crate::rules::{Alerting, ReceiverUrl};
use crate::state::{Shared, lock, stopped};

/// Alerts of one notification; more are counted in `truncatedAlerts`.
const MAX_ALERTS: usize = 1000;

/// Time for a receiver to answer.
const TIMEOUT: Duration = Duration::from_secs(10);

/// One receiver.
#[derive(Debug)]
pub(super) struct Webhook {
    pub(super) url: ReceiverUrl,
    grouping: Mutex<Grouping>,
    wake: Notify,
    client: Arc<Client>,
    pub(super) totals: Totals,
}

impl Webhook {
    pub(super) fn new(url: ReceiverUrl, settings: &Alerting, client: Arc<Client>) -> Self {
        Self {
            url,
            grouping: Mutex::new(Grouping::new(
                &settings.group_by,
                settings.group_wait,
                settings.group_interval,
                settings.repeat_interval,
            )),
            wake: Notify::new(),
            client,
            totals: Totals::default(),
        }
    }

    pub(super) fn waiting(&self) -> usize {
        lock(&self.grouping).n_alerts()
    }

    pub(super) fn tell(&self, alert: Outgoing, now_ms: i64) {
        if !lock(&self.grouping).insert(alert, now_ms) {
            self.totals.dropped.add(1);
        }
        self.wake.notify_one();
    }
}

/// Tells it of groups until the server stops.
pub(super) async fn run(to: Arc<Webhook>, state: Shared) {
    let mut stop = state.stop.clone();
    let mut failing = false;
    loop {
        let now_ms = clock::now_ms();
        let due = {
            let silences = state.rules.silences.active(now_ms);
            lock(&to.grouping).due(now_ms, &|labels| {
                silences.iter().any(|silence| silence.covers(labels))
            })
        };
        for flush in due {
            let outcome = tokio::select! {
                outcome = post(&to.client, &to.url.0, TIMEOUT, payload(&state, &flush)) => outcome,
                () = stopped(&mut stop) => return,
            };
            let taken = match outcome {
                Ok(()) => {
                    to.totals.sent.add(flush.alerts.len() as u64);
                    true
                }
                Err(Refusal::Later(reason)) => {
                    to.totals.errors.add(1);
                    if !failing {
                        tracing::warn!(webhook = ?to.url, %reason, "webhook cannot be told; it is tried again");
                    }
                    false
                }
                Err(Refusal::Final(reason)) => {
                    to.totals.errors.add(1);
                    to.totals.dropped.add(flush.alerts.len() as u64);
                    tracing::error!(webhook = ?to.url, %reason, "webhook refuses a notification; it is dropped");
                    true
                }
            };
            failing = !taken;
            lock(&to.grouping).told(&flush, taken, clock::now_ms());
        }
        let next_ms = lock(&to.grouping).next_ms();
        let wait = next_ms.map_or(Duration::from_secs(60), |next_ms| {
            Duration::from_millis(u64::try_from(next_ms - clock::now_ms()).unwrap_or(0))
        });
        tokio::select! {
            () = tokio::time::sleep(wait.min(Duration::from_secs(60))) => {}
            () = to.wake.notified() => {}
            () = stopped(&mut stop) => return,
        }
    }
}

fn payload(state: &crate::state::State, flush: &Flush) -> String {
    let told = &flush.alerts[..flush.alerts.len().min(MAX_ALERTS)];
    let firing = flush.alerts.iter().any(|alert| !flush.is_resolved(alert));
    let status = |resolved: bool| if resolved { "resolved" } else { "firing" };
    let map = |labels: &Labels| -> BTreeMap<String, String> {
        labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect()
    };
    let alerts: Vec<Value> = told
        .iter()
        .map(|alert| {
            let resolved = flush.is_resolved(alert);
            json!({
                "status": status(resolved),
                "labels": map(&alert.labels),
                "annotations": alert.annotations,
                "startsAt": rfc3339(Some(alert.starts_at_ms)),
                "endsAt": rfc3339(resolved.then_some(alert.ends_at_ms)),
                "generatorURL": alert.generator_url,
                "fingerprint": format!("{:016x}", fingerprint(&alert.labels)),
            })
        })
        .collect();
    let group: Vec<String> = flush.group.iter().map(|(n, v)| format!("{n}={v:?}")).collect();
    let body = json!({
        "version": "4",
        "groupKey": format!("{{}}:{{{}}}", group.join(", ")),
        "truncatedAlerts": flush.alerts.len() - told.len(),
        "status": status(!firing),
        "receiver": "webhook",
        "groupLabels": map(&flush.group),
        "commonLabels": common(told.iter().map(|alert| map(&alert.labels))),
        "commonAnnotations": common(told.iter().map(|alert| alert.annotations.clone())),
        "externalURL": state.rules.notifier.external_url,
        "alerts": alerts,
    });
    body.to_string()
}

/// What all have in common.
fn common(mut all: impl Iterator<Item = BTreeMap<String, String>>) -> BTreeMap<String, String> {
    let mut common = all.next().unwrap_or_default();
    for one in all {
        common.retain(|name, value| one.get(name) == Some(value));
    }
    common
}

/// The number by which Alertmanager knows an alert.
///
/// Source: Prometheus `model.LabelSet.Fingerprint`.
fn fingerprint(labels: &Labels) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for (name, value) in labels.iter() {
        add(name.as_bytes());
        add(&[255]);
        add(value.as_bytes());
        add(&[255]);
    }
    hash
}
