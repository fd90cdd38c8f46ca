//! Flags of `watchroom up` that are about alerting.

use std::time::Duration;

use clap::Args;
use watchroom_server::{Alerting, ReceiverUrl};

use crate::units;

/// Flags of `watchroom up` that are about alerting.
#[derive(Debug, Args)]
#[command(next_help_heading = "Alerting")]
pub(crate) struct AlertingArgs {
    /// Alertmanagers to tell, besides those of --config: http://host:9093
    #[arg(long, value_name = "URL", env = "WATCHROOM_ALERTMANAGER", num_args = 1.., value_delimiter = ',')]
    pub(crate) alertmanager: Vec<ReceiverUrl>,
    /// Receivers of webhooks in Alertmanager's form, version 4
    #[arg(long, value_name = "URL", env = "WATCHROOM_WEBHOOK", num_args = 1.., value_delimiter = ',')]
    pub(crate) webhook: Vec<ReceiverUrl>,
    /// Labels by which alerts are grouped for webhooks; `...` for all of them
    #[arg(long, value_name = "LABEL", env = "WATCHROOM_WEBHOOK_GROUP_BY", num_args = 1.., value_delimiter = ',', default_value = "alertname")]
    pub(crate) webhook_group_by: Vec<String>,
    /// Time that a new group waits for more alerts before a webhook is told
    #[arg(long, value_name = "TIME", env = "WATCHROOM_WEBHOOK_GROUP_WAIT", default_value = "30s", value_parser = units::pause)]
    pub(crate) webhook_group_wait: Duration,
    /// Time between two notifications of one group to a webhook
    #[arg(long, value_name = "TIME", env = "WATCHROOM_WEBHOOK_GROUP_INTERVAL", default_value = "5m", value_parser = units::age)]
    pub(crate) webhook_group_interval: Duration,
    /// Time after which a webhook is told again although nothing changed
    #[arg(long, value_name = "TIME", env = "WATCHROOM_WEBHOOK_REPEAT_INTERVAL", default_value = "4h", value_parser = units::age)]
    pub(crate) webhook_repeat_interval: Duration,
    /// Time after which receivers are told again of an alert that goes on
    #[arg(long, value_name = "TIME", env = "WATCHROOM_ALERT_RESEND_DELAY", default_value = "1m", value_parser = units::age)]
    pub(crate) alert_resend_delay: Duration,
    /// Address under which people reach this server, for links in notifications
    #[arg(long, value_name = "URL", env = "WATCHROOM_EXTERNAL_URL")]
    pub(crate) external_url: Option<ReceiverUrl>,
}

impl AlertingArgs {
    /// Settings of the server.
    pub(crate) fn settings(self) -> Alerting {
        Alerting {
            alertmanagers: self.alertmanager,
            webhooks: self.webhook,
            external_url: self.external_url.map(|url| url.to_string()),
            resend_delay: self.alert_resend_delay,
            group_by: self.webhook_group_by,
            group_wait: self.webhook_group_wait,
            group_interval: self.webhook_group_interval,
            repeat_interval: self.webhook_repeat_interval,
        }
    }
}
