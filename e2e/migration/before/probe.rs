//! Asks a target whether it answers, before a link to it is made.

use std::time::Duration;

use opentelemetry::global;
use reqwest::Client;
use tracing::{Instrument as _, info_span, warn};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use crate::metrics::METRICS;
use crate::telemetry::Outgoing;

#[derive(Clone)]
pub(crate) struct Probe(Client);

impl Probe {
    pub(crate) fn new() -> Result<Self, reqwest::Error> {
        let client = Client::builder().timeout(Duration::from_secs(2)).build()?;
        Ok(Self(client))
    }

    pub(crate) async fn answers(&self, target: &str) -> bool {
        let span = info_span!("probe", otel.kind = "client", target);
        let timer = METRICS.probe_duration.start_timer();
        let context = span.context();
        let answer = async {
            let mut request = self.0.head(target).build()?;
            global::get_text_map_propagator(|propagator| {
                propagator.inject_context(&context, &mut Outgoing(request.headers_mut()));
            });
            self.0.execute(request).await
        }
        .instrument(span)
        .await;
        timer.observe_duration();
        match answer {
            Ok(answer) => answer.status().is_success(),
            Err(error) => {
                warn!(%error, "a target does not answer");
                false
            }
        }
    }
}
