//! What data points come down to.

use super::*;

fn translate(json: &str) -> (MetricBatch, Rejected) {
    let mut rejected = Rejected::default();
    let batch = metrics(serde_json::from_str(json).unwrap(), 77, &mut rejected);
    (batch, rejected)
}

fn with(metric: &str) -> String {
    format!(
        r#"{{"resourceMetrics":[{{"resource":{{"attributes":[
            {{"key":"service.name","value":{{"stringValue":"shop"}}}},
            {{"key":"service.namespace","value":{{"stringValue":"eu"}}}},
            {{"key":"service.instance.id","value":{{"stringValue":"i-1"}}}},
            {{"key":"host.name","value":{{"stringValue":"h"}}}}]}},
          "scopeMetrics":[{{"scope":{{"name":"lib"}},"metrics":[{metric}]}}]}}]}}"#
    )
}

#[test]
fn names_labels_and_describes_a_counter() {
    let (batch, rejected) = translate(&with(
        r#"{"name":"orders.placed","description":"Orders.","unit":"{order}","sum":{"aggregationTemporality":2,
            "isMonotonic":true,"dataPoints":[{"timeUnixNano":"5000000","asInt":"12",
            "attributes":[{"key":"pay.by","value":{"stringValue":"card"}},{"key":"pay-by","value":{"stringValue":"x"}}]}]}}"#,
    ));
    assert_eq!(rejected.total(), 0);
    assert_eq!(
        batch.points[0].labels.to_string(),
        r#"orders_placed_total{instance="i-1", job="eu/shop", pay_by="x;card"}"#
    );
    assert_eq!(
        (batch.points[0].t_ms, &batch.points[0].value),
        (5, &PointValue::Number(12.0))
    );
    assert_eq!(
        batch.points[1].labels.to_string(),
        r#"target_info{host_name="h", instance="i-1", job="eu/shop"}"#
    );
    assert_eq!(
        batch.metadata,
        [MetricMetadata {
            name: "orders_placed_total".into(),
            kind: MetricKind::Counter,
            help: "Orders.".into(),
            unit: String::new(),
        }]
    );
}

#[test]
fn takes_a_missing_time_for_now_and_a_sum_that_falls_for_a_gauge() {
    let (batch, _) = translate(&with(
        r#"{"name":"queue","sum":{"aggregationTemporality":2,"dataPoints":[{"asDouble":1.5}]}}"#,
    ));
    assert_eq!(
        (batch.points[0].t_ms, batch.metadata[0].kind),
        (77, MetricKind::Gauge)
    );
}

#[test]
fn rejects_points_that_cannot_be_kept_and_says_why() {
    let (batch, rejected) = translate(&with(
        r#"{"name":"h","histogram":{"aggregationTemporality":2,"dataPoints":[
              {"count":"1","bucketCounts":["1"],"explicitBounds":[1,2]},
              {"count":"1","bucketCounts":["1","0","0"],"explicitBounds":[2,1]}]}},
           {"name":"g","gauge":{"dataPoints":[{"timeUnixNano":"1"}]}},
           {"name":"...","gauge":{"dataPoints":[{"asInt":1},{"asInt":2}]}}"#,
    ));
    assert!(batch.points.is_empty() && batch.metadata.is_empty());
    assert_eq!(
        rejected.message(),
        "histogram does not have one bucket more than bounds (1); histogram bounds do not ascend (1); \
         data point has no value (1); metric has no name (2)"
    );
}

#[test]
fn a_label_value_that_is_too_long_is_rejected() {
    let long = "x".repeat(MAX_LABEL_VALUE_BYTES + 1);
    let (batch, rejected) = translate(&with(&format!(
        r#"{{"name":"g","gauge":{{"dataPoints":[{{"asInt":1,
            "attributes":[{{"key":"k","value":{{"stringValue":"{long}"}}}}]}}]}}}}"#
    )));
    assert_eq!((batch.points.len(), rejected.total()), (0, 1));
}
