//! Every metric, in the default registry of `prometheus`.

use std::sync::LazyLock;

use prometheus::{
    Encoder as _, Histogram, HistogramVec, IntCounterVec, IntGauge, TextEncoder, register_histogram,
    register_histogram_vec, register_int_counter_vec, register_int_gauge,
};

pub(crate) static METRICS: LazyLock<Metrics> =
    LazyLock::new(|| Metrics::register().expect("names are unique"));

pub(crate) struct Metrics {
    pub(crate) requests: IntCounterVec,
    pub(crate) request_duration: HistogramVec,
    pub(crate) links_created: IntCounterVec,
    pub(crate) redirects: IntCounterVec,
    pub(crate) links: IntGauge,
    pub(crate) probe_duration: Histogram,
}

impl Metrics {
    fn register() -> prometheus::Result<Self> {
        Ok(Self {
            requests: register_int_counter_vec!(
                "http_requests_total",
                "HTTP requests served.",
                &["method", "endpoint", "status"]
            )?,
            request_duration: register_histogram_vec!(
                "http_request_duration_seconds",
                "Time to answer.",
                &["method", "endpoint"],
                vec![0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]
            )?,
            links_created: register_int_counter_vec!(
                "shortener_links_created_total",
                "Wishes for a link, by outcome.",
                &["outcome"]
            )?,
            redirects: register_int_counter_vec!(
                "shortener_redirects_total",
                "Visits, by whether the link is known.",
                &["result"]
            )?,
            links: register_int_gauge!("shortener_links", "Links in the store.")?,
            probe_duration: register_histogram!(
                "shortener_probe_duration_seconds",
                "Time until a target answers.",
                vec![0.001, 0.01, 0.1, 1.0, 5.0]
            )?,
        })
    }
}

/// The page that Prometheus scrapes.
pub(crate) async fn page() -> Vec<u8> {
    let mut page = Vec::new();
    if let Err(error) = TextEncoder::new().encode(&prometheus::gather(), &mut page) {
        tracing::error!(%error, "metrics cannot be shown");
    }
    page
}
