//! What spans are counted as.

use super::*;

fn span(service: &str, name: &str, kind: SpanKind, id: u64, parent: Option<u64>) -> Measured {
    Measured {
        service: service.into(),
        name: name.into(),
        kind,
        status: Status::Unset,
        seconds: 0.02,
        trace_id: TraceId(1),
        span_id: SpanId(id),
        parent_id: parent.map(SpanId),
    }
}

fn value(samples: &[(Labels, Sample)], series: &str) -> Vec<(i64, f64)> {
    samples
        .iter()
        .filter(|(labels, _)| labels.to_string() == series)
        .map(|(_, sample)| (sample.t_ms, sample.value))
        .collect()
}

const CALLS: &str = r#"traces_spanmetrics_calls_total{service="a", span_kind="SPAN_KIND_SERVER", span_name="op", status_code="STATUS_CODE_ERROR"}"#;

#[test]
fn counts_calls_from_a_zero_and_writes_them_only_when_due() {
    let mut metrics = SpanMetrics::default();
    assert!(metrics.flush(5_000).is_empty());
    let mut failed = span("a", "op", SpanKind::Server, 1, None);
    failed.status = Status::Error;
    metrics.record(&[failed.clone(), failed], 6_000);
    let samples = metrics.flush(10_000);
    assert_eq!(value(&samples, CALLS), [(5_000, 0.0), (10_000, 2.0)]);
    let bucket = |le: &str| {
        let series = format!(
            r#"traces_spanmetrics_latency_bucket{{le="{le}", service="a", span_kind="SPAN_KIND_SERVER", span_name="op", status_code="STATUS_CODE_ERROR"}}"#
        );
        value(&samples, &series)[1].1
    };
    assert_eq!((bucket("0.01"), bucket("0.025"), bucket("+Inf")), (0.0, 2.0, 2.0));
    assert!(metrics.flush(15_000).is_empty());
    assert_eq!(value(&metrics.flush(10_000 + REWRITE_MS), CALLS), [(70_000, 2.0)]);
}

#[test]
fn pairs_client_and_server_in_either_order_and_counts_failures() {
    let mut metrics = SpanMetrics::default();
    let client = |id| span("web", "call", SpanKind::Client, id, None);
    let server = |id, parent| span("shop", "serve", SpanKind::Server, id, Some(parent));
    let mut failed = server(5, 4);
    failed.status = Status::Error;
    metrics.record(&[client(2), server(3, 2), failed, client(4)], 1);
    let inner = [
        span("shop", "call", SpanKind::Client, 6, None),
        server(7, 6),
        span("shop", "x", SpanKind::Internal, 8, Some(2)),
    ];
    metrics.record(&inner, 1);
    let samples = metrics.flush(10);
    let of = |name: &str| value(&samples, &format!(r#"{name}{{client="web", server="shop"}}"#))[1].1;
    assert_eq!(of("traces_service_graph_request_total"), 2.0);
    assert_eq!(of("traces_service_graph_request_failed_total"), 1.0);
    assert_eq!(of("traces_service_graph_request_server_seconds_count"), 2.0);
}

#[test]
fn a_million_names_and_lonely_spans_stay_bounded() {
    let mut metrics = SpanMetrics::default();
    for i in 0..1_000_000u64 {
        let name = format!("op {i}");
        metrics.record(&[span("a", &name, SpanKind::Client, i + 1, None)], 0);
    }
    let samples = metrics.flush(10);
    assert!(samples.len() < 2_300 * 40, "{}", samples.len());
    assert!(metrics.edges.n_waiting() <= 50_001);
    let overflow = r#"traces_spanmetrics_calls_total{service="a", span_kind="SPAN_KIND_CLIENT", span_name="__overflow__", status_code="STATUS_CODE_UNSET"}"#;
    assert_eq!(value(&samples, overflow)[1].1, 998_000.0);
}
