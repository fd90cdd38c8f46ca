//! Asks a target whether it answers, before a link to it is made.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Client;
use tracing::{Instrument as _, info_span, warn};

use crate::metrics::ShortenerMetrics;

#[derive(Clone)]
pub(crate) struct Probe(Client, Arc<ShortenerMetrics>);

impl Probe {
    pub(crate) fn new(metrics: Arc<ShortenerMetrics>) -> Result<Self, reqwest::Error> {
        let client = Client::builder().timeout(Duration::from_secs(2)).build()?;
        Ok(Self(client, metrics))
    }

    pub(crate) async fn answers(&self, target: &str) -> bool {
        let timer = self.1.probe_duration.start();
        let answer = async {
            let mut request = self.0.head(target).build()?;
            watchroom_http::inject_headers(request.headers_mut());
            self.0.execute(request).await
        }
        .instrument(info_span!("probe", otel.kind = "client", target))
        .await;
        timer.observe();
        match answer {
            Ok(answer) => answer.status().is_success(),
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "a target does not answer"
                );
                false
            }
        }
    }
}
