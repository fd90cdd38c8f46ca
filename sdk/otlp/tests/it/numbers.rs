//! What is pushed are the numbers that `/metrics` shows, for every kind of instrument.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::metrics::v1::{Metric, NumberDataPoint};
use watchroom_core::{SpanId, TraceId};
use watchroom_metrics as metrics;
use watchroom_metrics::{
    Counter, Declaration, DynamicCounter, Gauge, Histogram, Info, Label, Metrics, NativeHistogram, Registry,
    Reservoir, Resolution, SampledHistogram, StateSet, UpDownCounter, expose,
};
use watchroom_otlp::{OtlpConfig, Protocol};

use crate::support::collector::Collector;
use crate::support::{LONG, config, signal, start_with};

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Method {
    PutLeaf,
    Get,
}

#[derive(Label)]
#[label(crate = metrics, limit = 3)]
struct Route(Cow<'static, str>);

#[derive(Label, Clone, Copy)]
#[label(crate = metrics)]
enum Phase {
    Starting,
    Running,
}

#[derive(Metrics)]
#[metrics(crate = metrics, prefix = "shop")]
struct ShopMetrics {
    /// Calls by route and method.
    calls_total: Counter<(Route, Method)>,
    /// Energy.
    #[metric(unit = "joules")]
    energy_total: Counter<Method, f64>,
    /// Heat.
    heat: Gauge,
    /// Jobs waiting.
    waiting: UpDownCounter,
    /// Time to answer.
    #[metric(unit = "seconds", buckets = [0.001, 0.01, 1])]
    duration: Histogram<Method>,
    /// Fine latency.
    #[metric(unit = "seconds", resolution = Resolution::new(1, -1, 3))]
    fine: NativeHistogram,
    /// Build facts.
    build_info: Info,
    /// Phase of the shop.
    phase: StateSet<Phase>,
    /// Look-ups.
    #[metric(unit = "seconds", quantiles = [0.5, 0.99])]
    look_up: Reservoir<Method>,
    /// One in so many.
    #[metric(buckets = [1, 10], one_in = 8)]
    hits: SampledHistogram<Method>,
}

fn ids() -> Option<(TraceId, SpanId)> {
    Some((TraceId::new(0xabc)?, SpanId::new(0xdef)?))
}

fn registry() -> Registry {
    let registry = Registry::default();
    assert!(registry.set_exemplar_source(ids));
    let shop = ShopMetrics::register(&registry).unwrap();
    for i in 0..5 {
        shop.calls_total.inc((format!("/r{i}").as_str(), Method::Get));
    }
    shop.energy_total.inc_by(Method::PutLeaf, 2.5);
    shop.heat.set(-3.25);
    shop.waiting.inc();
    for value in [0.0005, 0.005, 0.5, 5.0, 5.0] {
        shop.duration.observe(Method::Get, value);
        shop.fine.observe(value);
    }
    shop.build_info.set([("version", "1.2"), ("revision", "ab\"c")]);
    shop.phase.set(Phase::Running);
    for i in 1..=1_000 {
        shop.look_up.observe(Method::Get, i);
        shop.hits.observe(Method::PutLeaf, i % 20);
    }
    let jobs: DynamicCounter =
        DynamicCounter::register(&registry, Declaration::new("jobs_total", "Jobs.").with_limit(2)).unwrap();
    for i in 0..5_i64 {
        jobs.inc([("shard", i)]);
    }
    let _ = (Method::PutLeaf, Phase::Starting);
    registry
}

/// The metrics that arrive when the registry is pushed.
fn pushed(registry: &Registry) -> Vec<Metric> {
    let collector = Collector::grpc([]);
    let config = OtlpConfig {
        metrics: Some(signal(&collector.url(), Protocol::Grpc)),
        ..config()
    };
    let rig = start_with(config, Arc::new(registry.clone()));
    assert!(rig.exporter.shutdown(LONG).is_complete());
    let mut received = collector.received();
    let mut request = received.metrics.remove(0);
    request.resource_metrics.remove(0).scope_metrics.remove(0).metrics
}

/// Labels as the text format writes them.
fn labels(attributes: &[KeyValue], le: Option<&str>) -> String {
    let text = |pair: &KeyValue| match pair.value.as_ref().and_then(|value| value.value.as_ref()) {
        Some(Any::StringValue(text)) => {
            format!(
                "{}=\"{}\"",
                pair.key,
                text.replace('\\', "\\\\").replace('"', "\\\"")
            )
        }
        other => panic!("a label is text, not {other:?}"),
    };
    let pairs: Vec<String> = attributes
        .iter()
        .map(text)
        .chain(le.map(|le| format!("le=\"{le}\"")))
        .collect();
    if pairs.is_empty() {
        String::new()
    } else {
        format!("{{{}}}", pairs.join(","))
    }
}

fn number(point: &NumberDataPoint) -> f64 {
    match point.value.unwrap() {
        Number::AsInt(value) => value as f64,
        Number::AsDouble(value) => value,
    }
}

/// Every sample of a metric, as the text format names them. Exponential histograms have no like there.
fn samples(metric: &Metric) -> BTreeMap<String, f64> {
    let name = &metric.name;
    let mut samples = BTreeMap::new();
    let mut numbers = |points: &[NumberDataPoint]| {
        for point in points {
            samples.insert(
                format!("{name}{}", labels(&point.attributes, None)),
                number(point),
            );
        }
    };
    match metric.data.as_ref().unwrap() {
        Data::Gauge(gauge) => numbers(&gauge.data_points),
        Data::Sum(sum) => numbers(&sum.data_points),
        Data::Summary(summary) => {
            for point in &summary.data_points {
                assert!(point.start_time_unix_nano > 0);
                let mut own = labels(&point.attributes, None);
                samples.insert(format!("{name}_count{own}"), point.count as f64);
                samples.insert(format!("{name}_sum{own}"), point.sum);
                own.pop();
                for quantile in &point.quantile_values {
                    let labels = format!("{own},quantile=\"{:?}\"}}", quantile.quantile);
                    samples.insert(format!("{name}{labels}"), quantile.value);
                }
            }
        }
        Data::Histogram(histogram) => {
            for point in &histogram.data_points {
                let bounds = point
                    .explicit_bounds
                    .iter()
                    .map(f64::to_string)
                    .chain(["+Inf".to_owned()]);
                let mut cumulative = 0;
                for (bound, count) in bounds.zip(&point.bucket_counts) {
                    cumulative += count;
                    let labels = labels(&point.attributes, Some(&bound));
                    samples.insert(format!("{name}_bucket{labels}"), cumulative as f64);
                }
                let labels = labels(&point.attributes, None);
                samples.insert(format!("{name}_count{labels}"), point.count as f64);
                samples.insert(format!("{name}_sum{labels}"), point.sum.unwrap());
            }
        }
        _ => {}
    }
    samples
}

#[test]
fn every_sample_of_the_text_format_is_pushed_with_the_same_value() {
    let registry = registry();
    let mut text = String::new();
    expose::text(&registry.collect(), &mut text);
    let shown: BTreeMap<String, f64> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.starts_with("shop_fine"))
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect();
    let pushed: BTreeMap<String, f64> = pushed(&registry).iter().flat_map(samples).collect();
    assert!(
        pushed.contains_key("shop_calls_total{route=\"__overflow__\",method=\"__overflow__\"}"),
        "{pushed:?}"
    );
    assert!(
        pushed.contains_key("shop_look_up_seconds{method=\"get\",quantile=\"0.99\"}"),
        "{pushed:?}"
    );
    assert_eq!(pushed["jobs_total{overflow=\"__overflow__\"}"], 3.0);
    assert_eq!(pushed, shown);
}

#[test]
fn an_exponential_histogram_keeps_its_buckets() {
    let pushed = pushed(&registry());
    let fine = pushed
        .iter()
        .find(|metric| metric.name == "shop_fine_seconds")
        .unwrap();
    let Some(Data::ExponentialHistogram(histogram)) = &fine.data else {
        panic!("{fine:?}")
    };
    assert_eq!((histogram.aggregation_temporality, fine.unit.as_str()), (2, "s"));
    let point = &histogram.data_points[0];
    // Two buckets for each doubling from 1/2 to 8: of 0.0005, 0.005 and 0.5 none is above the threshold, 5 is in (4, 5.66].
    assert_eq!((point.scale, point.zero_count, point.zero_threshold), (1, 3, 0.5));
    assert_eq!(
        point.positive,
        Some(Buckets {
            offset: 4,
            bucket_counts: vec![2]
        })
    );
    assert_eq!((point.count, point.sum), (5, Some(10.5055)));
    assert!(point.start_time_unix_nano > 0 && point.time_unix_nano >= point.start_time_unix_nano);
}

#[test]
fn exemplars_carry_the_trace() {
    let pushed = pushed(&registry());
    let find = |name: &str| {
        pushed
            .iter()
            .find(|metric| metric.name == name)
            .unwrap()
            .data
            .as_ref()
            .unwrap()
    };
    let Data::Histogram(histogram) = find("shop_duration_seconds") else {
        panic!("no histogram")
    };
    let exemplars = &histogram.data_points[0].exemplars;
    assert_eq!(exemplars.len(), 4, "one for each bucket");
    for exemplar in exemplars {
        assert_eq!(exemplar.trace_id, 0xabc_u128.to_be_bytes());
        assert_eq!(exemplar.span_id, 0xdef_u64.to_be_bytes());
        assert!(exemplar.time_unix_nano > 0);
    }
    let Data::Sum(sum) = find("shop_calls_total") else {
        panic!("no sum")
    };
    assert!(sum.data_points.iter().any(|point| !point.exemplars.is_empty()));
}
