//! `/api/watchroom/status`: what the server holds, has taken in, and where it listens.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use serde_json::json;

use crate::api::work::quick;
use crate::ingest::otlp::Signal;
use crate::state::{Shared, State as Server};
use crate::{clock, net};

pub(super) async fn status(State(state): State<Shared>) -> Response {
    match quick(&state, text).await {
        Ok(body) => net::json(StatusCode::OK, body),
        Err(error) => net::plain(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

fn text(state: &Server) -> String {
    let stats = state.store.stats();
    let counters = &state.counters;
    let signal = |signal| {
        let counters = counters.of(signal);
        (
            counters.received.get(),
            counters.rejected.get(),
            counters.refused.get(),
        )
    };
    let (spans, spans_rejected, spans_refused) = signal(Signal::Traces);
    let (points, points_rejected, points_refused) = signal(Signal::Metrics);
    let (logs, logs_rejected, logs_refused) = signal(Signal::Logs);
    let listeners = state.addresses.get().map(|addresses| {
        json!({
            "http": addresses.http.to_string(),
            "otlp_grpc": addresses.otlp_grpc.to_string(),
            "otlp_http": addresses.otlp_http.to_string(),
        })
    });
    let problems: Vec<_> = state
        .store
        .problems()
        .iter()
        .rev()
        .take(100)
        .map(|problem| json!({ "found_ms": problem.found_ms, "place": problem.place, "what": problem.what }))
        .collect();
    let refused_samples = stats.out_of_order + stats.duplicate + stats.too_far_ahead + stats.over_limit;
    let body = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_seconds": clock::instant().saturating_duration_since(state.started).as_secs_f64(),
        "store": {
            "series": stats.series,
            "samples": stats.samples,
            "spans": stats.spans,
            "log_lines": stats.log_lines,
            "disk_bytes": stats.disk_bytes,
            "memory_bytes": stats.memory_bytes,
            "dropped": stats.dropped_partitions,
            "refused_samples": refused_samples,
            "refused_batches": stats.refused_batches,
            "oldest_sample_ms": stats.oldest_sample_ms,
            "oldest_span_ns": stats.oldest_span_ns.map(|ns| ns.to_string()),
            "oldest_log_ns": stats.oldest_log_ns.map(|ns| ns.to_string()),
            "problems": problems,
        },
        "retention": {
            "metrics_seconds": state.retention.metrics.as_secs(),
            "traces_seconds": state.retention.traces.as_secs(),
            "logs_seconds": state.retention.logs.as_secs(),
        },
        "ingest": {
            "spans_received": spans,
            "spans_rejected": spans_rejected,
            "trace_requests_refused": spans_refused,
            "data_points_received": points,
            "data_points_rejected": points_rejected,
            "metric_requests_refused": points_refused,
            "log_records_received": logs,
            "log_records_rejected": logs_rejected,
            "log_requests_refused": logs_refused,
            "scrapes": counters.scrapes.get(),
            "scrapes_failed": counters.scrapes_failed.get(),
            "scraped_samples": counters.scraped_samples.get(),
        },
        "stores": crate::remote::status(&state.store.remotes),
        "listeners": listeners,
    });
    body.to_string()
}
