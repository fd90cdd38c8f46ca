//! Exemplars of data points.
//!
//! Source: OpenTelemetry specification, "Prometheus and OpenMetrics compatibility", exemplars.

use watchroom_model::{Labels, METRIC_NAME};
use watchroom_query::promql::format_value;

use super::super::wire;
use super::attributes::attr_value;
use super::naming::label_name;
use super::spans::{span_id, trace_id};
use crate::clock::ns_to_ms;
use crate::exemplars::{Exemplar, MAX_LABEL_CHARS};

/// Most exemplars that are taken of one data point.
const MAX_PER_POINT: usize = 128;

/// Takes the exemplars of a data point of series `of` over. With bounds they belong to the buckets that their values fall into.
pub(super) fn exemplars(
    list: Vec<wire::Exemplar>,
    of: &Labels,
    bounds: Option<&[f64]>,
    now_ms: i64,
    taken: &mut Vec<(Labels, Exemplar)>,
) {
    for exemplar in list.into_iter().take(MAX_PER_POINT) {
        let Some(value) = exemplar.as_double.or(exemplar.as_int.map(|n| n as f64)) else {
            continue;
        };
        let series = match bounds {
            None => of.clone(),
            Some(bounds) => {
                let bound = bounds.iter().copied().find(|bound| value <= *bound);
                let mut labels = of.to_builder();
                labels.set(METRIC_NAME, &format!("{}_bucket", of.metric_name()));
                labels.set("le", &format_value(bound.unwrap_or(f64::INFINITY)));
                labels.build()
            }
        };
        let t_ms = match exemplar.time_unix_nano {
            0 => now_ms,
            ns => ns_to_ms(ns),
        };
        let labels = labels(exemplar);
        taken.push((series, Exemplar { labels, value, t_ms }));
    }
}

/// The ids of trace and span, and of the attributes those that there is room for.
fn labels(exemplar: wire::Exemplar) -> Labels {
    let mut pairs: Vec<(String, String)> = Vec::new();
    pairs.extend(trace_id(&exemplar.trace_id).map(|id| ("trace_id".into(), id.to_string())));
    pairs.extend(span_id(&exemplar.span_id).map(|id| ("span_id".into(), id.to_string())));
    let mut chars: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    for wire::KeyValue { key, value } in exemplar.filtered_attributes {
        let name = label_name(&key);
        let text = value.map_or_else(String::new, |value| attr_value(value, &mut 0).to_string());
        chars += name.chars().count() + text.chars().count();
        if chars > MAX_LABEL_CHARS {
            break;
        }
        if !name.is_empty() && !matches!(name.as_str(), "trace_id" | "span_id") {
            pairs.push((name, text));
        }
    }
    Labels::from_pairs(pairs)
}
