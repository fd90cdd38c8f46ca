//! Tells receivers of alerts: Alertmanagers, which group and silence by themselves, and webhooks, for which that is done here.
//!
//! Invariant: what waits for a receiver is bounded, of each alert the latest word only; a receiver that is slow or gone holds up no other
//! and no rule.

mod alertmanager;
mod discover;
mod grouping;
mod queue;
mod webhook;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use watchroom_model::Labels;
use watchroom_rules::{External, Notice};

use super::Alerting;
use super::metrics::escaped;
use crate::ingest::scrape::{Client, ClientSettings, Relabel, relabel};
use crate::state::{Shared, stopped};
use alertmanager::Alertmanager;
pub(crate) use discover::{AlertmanagerConfig, Discovery};
use webhook::Webhook;

/// An alert on its way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Outgoing {
    pub(super) labels: Labels,
    pub(super) annotations: BTreeMap<String, String>,
    pub(super) starts_at_ms: i64,
    pub(super) ends_at_ms: i64,
    pub(super) generator_url: String,
}

/// What the configuration file says of alerting.
#[derive(Debug, Default)]
pub(crate) struct Configured {
    pub(crate) alertmanagers: Vec<Arc<AlertmanagerConfig>>,
    pub(crate) alert_relabel: Vec<Relabel>,
}

/// Tells receivers.
#[derive(Debug)]
pub(crate) struct Notifier {
    settings: Alerting,
    /// Address under which people reach this server.
    pub(crate) external_url: String,
    configured: watch::Sender<Arc<Configured>>,
    alertmanagers: RwLock<Arc<[Arc<Alertmanager>]>>,
    webhooks: Vec<Arc<Webhook>>,
    client: Arc<Client>,
}

impl Notifier {
    /// # Errors
    /// What is wrong with the authorities that the system trusts.
    pub(crate) fn new(
        config: &crate::Config,
        address: std::net::SocketAddr,
        configured: Configured,
    ) -> Result<Self, String> {
        let settings = config.alerting.clone();
        let external_url = settings
            .external_url
            .clone()
            .unwrap_or_else(|| format!("http://{address}"));
        let client = Arc::new(Client::new(ClientSettings::default())?);
        let webhooks = settings
            .webhooks
            .iter()
            .map(|url| Arc::new(Webhook::new(url.clone(), &settings, Arc::clone(&client))));
        Ok(Self {
            webhooks: webhooks.collect(),
            configured: watch::Sender::new(Arc::new(configured)),
            alertmanagers: RwLock::default(),
            settings,
            external_url,
            client,
        })
    }

    /// Takes what the configuration file says now.
    pub(crate) fn configure(&self, configured: Configured) {
        self.configured.send_replace(Arc::new(configured));
    }

    pub(crate) fn resend_delay(&self) -> Duration {
        self.settings.resend_delay
    }

    /// Alertmanagers that are told.
    pub(crate) fn alertmanagers(&self) -> Arc<[Arc<Alertmanager>]> {
        Arc::clone(&self.alertmanagers.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts alerts on their way.
    pub(crate) fn tell(&self, due: Vec<Notice>, external: &External) {
        if due.is_empty() {
            return;
        }
        let configured = self.configured.borrow().clone();
        let (alertmanagers, now_ms) = (self.alertmanagers(), crate::clock::now_ms());
        for notice in due {
            let alert = outgoing(notice, external);
            for webhook in &self.webhooks {
                webhook.tell(alert.clone(), now_ms);
            }
            let Some(labels) = relabel(&alert.labels, &configured.alert_relabel) else {
                continue;
            };
            let alert = Outgoing { labels, ..alert };
            for alertmanager in alertmanagers.iter() {
                alertmanager.tell(&alert);
            }
        }
        for alertmanager in alertmanagers.iter() {
            alertmanager.wake();
        }
    }

    /// The part of the server's own metrics that is about receivers.
    pub(super) fn exposition(&self, out: &mut String) {
        let alertmanagers = self.alertmanagers();
        let of_alertmanagers = alertmanagers
            .iter()
            .map(|a| (a.url.to_string(), &a.totals, a.waiting()));
        let of_webhooks = self
            .webhooks
            .iter()
            .map(|w| (format!("{:?}", w.url), &w.totals, w.waiting()));
        let all: Vec<_> = of_alertmanagers.chain(of_webhooks).collect();
        let mut family = |name: &str, kind: &str, help: &str, value: &dyn Fn(usize) -> u64| {
            let _ = writeln!(
                out,
                "# HELP watchroom_notifications_{name} {help}\n# TYPE watchroom_notifications_{name} {kind}"
            );
            for (i, (receiver, ..)) in all.iter().enumerate() {
                let receiver = escaped(receiver);
                let _ = writeln!(
                    out,
                    "watchroom_notifications_{name}{{receiver=\"{receiver}\"}} {}",
                    value(i)
                );
            }
        };
        family(
            "sent_total",
            "counter",
            "Alerts that a receiver has taken.",
            &|i| all[i].1.sent.get(),
        );
        family(
            "errors_total",
            "counter",
            "Attempts to tell a receiver that failed.",
            &|i| all[i].1.errors.get(),
        );
        family(
            "dropped_total",
            "counter",
            "Alerts that a receiver was not told of.",
            &|i| all[i].1.dropped.get(),
        );
        family(
            "waiting",
            "gauge",
            "Alerts that wait for a receiver, or that a webhook groups.",
            &|i| all[i].2 as u64,
        );
    }
}

/// What happened to a receiver since the start.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    sent: crate::state::Counter,
    errors: crate::state::Counter,
    dropped: crate::state::Counter,
}

/// Keeps a worker for each receiver, as they change, until the server stops.
pub(crate) async fn supervise(state: Shared) {
    let notifier = &state.rules.notifier;
    let mut configured = notifier.configured.subscribe();
    let mut stop = state.stop.clone();
    let mut tasks = JoinSet::new();
    for webhook in &notifier.webhooks {
        tasks.spawn(webhook::run(Arc::clone(webhook), Arc::clone(&state)));
    }
    let own = AlertmanagerConfig::of_urls(&notifier.settings.alertmanagers, Arc::clone(&notifier.client));
    let own = Arc::new(own);
    loop {
        let now = Arc::clone(&configured.borrow_and_update());
        let configs: Vec<_> = std::iter::once(&own).chain(&now.alertmanagers).cloned().collect();
        let looked = configs.clone();
        let found = tokio::task::spawn_blocking(move || discover::endpoints(&looked)).await;
        let refresh = configs.iter().filter_map(|config| config.refresh()).min();
        if let Ok(found) = found {
            let former = notifier.alertmanagers();
            let current: Vec<Arc<Alertmanager>> = found
                .into_iter()
                .map(|(config, url)| {
                    let known = former.iter().find(|known| known.is(&config, &url));
                    known.cloned().unwrap_or_else(|| {
                        let new = Arc::new(Alertmanager::new(config, url));
                        tasks.spawn(alertmanager::run(Arc::clone(&new), state.stop.clone()));
                        new
                    })
                })
                .collect();
            for gone in former
                .iter()
                .filter(|known| !current.iter().any(|new| Arc::ptr_eq(known, new)))
            {
                gone.end();
            }
            *notifier
                .alertmanagers
                .write()
                .unwrap_or_else(PoisonError::into_inner) = current.into();
        }
        let wait = refresh.unwrap_or(Duration::from_secs(3600));
        tokio::select! {
            _ = configured.changed() => {}
            () = tokio::time::sleep(wait) => {}
            () = stopped(&mut stop) => break,
        }
        while tasks.try_join_next().is_some() {}
    }
    while tasks.join_next().await.is_some() {}
}

/// An alert with the labels of the installation, where it has none of that name, and a link to its expression.
fn outgoing(notice: Notice, external: &External) -> Outgoing {
    let mut labels = notice.labels.to_builder();
    for (name, value) in external.labels.iter() {
        if notice.labels.get(name).is_none() {
            labels.set(name, value);
        }
    }
    let expr = encode(&notice.expr);
    Outgoing {
        labels: labels.build(),
        annotations: notice
            .annotations
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .collect(),
        starts_at_ms: notice.starts_at_ms,
        ends_at_ms: notice.ends_at_ms,
        generator_url: format!(
            "{}/graph?g0.expr={expr}&g0.tab=1",
            external.url.trim_end_matches('/')
        ),
    }
}

/// A text as part of a query.
pub(super) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            b' ' => "+".into(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

/// Time before the next attempt after so many that failed.
fn backoff(failures: u32) -> Duration {
    Duration::from_millis(500) * 2u32.pow(failures.min(6))
}
