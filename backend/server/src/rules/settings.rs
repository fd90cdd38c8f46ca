//! What a server is told about alerting when it starts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::Uri;

/// Settings of alerting.
#[derive(Debug, Clone)]
pub struct Alerting {
    /// Alertmanagers, besides those of `config`.
    pub alertmanagers: Vec<ReceiverUrl>,
    /// Receivers of webhooks.
    pub webhooks: Vec<ReceiverUrl>,
    /// Address under which people reach this server, for links in notifications; that of the listener if not given.
    pub external_url: Option<String>,
    /// Time after which a receiver is told again of an alert that goes on.
    pub resend_delay: Duration,
    /// Labels by which webhooks group alerts; `...` alone stands for all of them.
    pub group_by: Vec<String>,
    /// Time that a webhook's new group waits for more alerts.
    pub group_wait: Duration,
    /// Time between two notifications of one group.
    pub group_interval: Duration,
    /// Time after which a group is told again although nothing changed.
    pub repeat_interval: Duration,
}

impl Default for Alerting {
    fn default() -> Self {
        Self {
            alertmanagers: Vec::new(),
            webhooks: Vec::new(),
            external_url: None,
            resend_delay: Duration::from_secs(60),
            group_by: vec!["alertname".into()],
            group_wait: Duration::from_secs(30),
            group_interval: Duration::from_secs(300),
            repeat_interval: Duration::from_secs(4 * 3600),
        }
    }
}

/// Address of a receiver: `http://host:port/path` or `https://…`.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiverUrl(pub(crate) Uri);

/// The whole address.
impl fmt::Display for ReceiverUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Without what follows the host: tokens stand in paths and queries of webhooks.
impl fmt::Debug for ReceiverUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0.authority().map_or("", |authority| authority.as_str());
        write!(f, "{}://{authority}/…", self.0.scheme_str().unwrap_or("http"))
    }
}

/// An address that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid address of a receiver {text:?}: {reason}; expected http://host:port/path")]
pub struct ParseReceiverError {
    text: String,
    reason: &'static str,
}

impl FromStr for ReceiverUrl {
    type Err = ParseReceiverError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let fail = |reason| ParseReceiverError {
            text: text.into(),
            reason,
        };
        let url: Uri = text.parse().map_err(|_| fail("it is not a URL"))?;
        if !matches!(url.scheme_str(), Some("http" | "https")) {
            return Err(fail("the scheme is neither http nor https"));
        }
        match url.authority() {
            Some(authority) if authority.as_str().contains('@') => Err(fail(
                "user and password do not belong in the URL; use alerting in --config",
            )),
            Some(authority) if !authority.host().is_empty() => Ok(Self(url)),
            _ => Err(fail("the host is missing")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_url_of_http() {
        let url: ReceiverUrl = "https://h:1/hook?token=secret".parse().unwrap();
        assert_eq!(format!("{url:?}"), "https://h:1/…");
        for (text, expect) in [
            ("h:9093", "the scheme is neither http nor https"),
            ("ftp://h", "the scheme is neither http nor https"),
            (
                "http://u:p@h/",
                "user and password do not belong in the URL; use alerting in --config",
            ),
            ("http:///x", "it is not a URL"),
        ] {
            assert_eq!(text.parse::<ReceiverUrl>().unwrap_err().reason, expect, "{text}");
        }
    }
}
