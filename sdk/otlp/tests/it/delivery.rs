//! What is sent arrives, field by field, over both transports, plain and compressed.

use std::sync::Arc;

use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource as ProtoResource;
use watchroom_capture::{EventRecord, Scope, SpanAttributes, SpanRecord};
use watchroom_core::{Moment, Signal, Value};
use watchroom_otlp::{Compression, Endpoint, MetricsReader as _, OtlpConfig, Protocol, SignalConfig};

use crate::support::collector::Collector;
use crate::support::expected::{self, any, pair};
use crate::support::records::{self, rich_span};
use crate::support::{LONG, Rig, config, metrics_of_every_kind, signal, start, start_with};

/// Every transport with and without compression.
fn each_way(test: impl Fn(&Collector, SignalConfig)) {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        for compression in [None, Some(Compression::Gzip), Some(Compression::Zstd)] {
            let collector = match protocol {
                Protocol::Grpc => Collector::grpc([]),
                Protocol::HttpProtobuf => Collector::http([]),
            };
            let mut signal = signal(&collector.url(), protocol);
            signal.compression = compression;
            test(&collector, signal);
        }
    }
}

#[track_caller]
fn check_resource(resource: Option<&ProtoResource>) {
    let attributes = &resource.unwrap().attributes;
    assert!(
        attributes.contains(&pair("service.name", Value::Str("shop"))),
        "{attributes:?}"
    );
    assert!(
        attributes.contains(&pair("process.pid", Value::I64(4711))),
        "{attributes:?}"
    );
    assert!(
        attributes.contains(&pair("team", Value::Str("näh"))),
        "{attributes:?}"
    );
    assert_eq!(attributes.len(), crate::support::resource().iter().len());
}

#[test]
fn spans_arrive_field_by_field() {
    let all = SpanAttributes {
        location: true,
        threads: true,
        inactivity: true,
        level: true,
        target: true,
    };
    for wanted in [SpanAttributes::default(), all] {
        each_way(|collector, signal| {
            let Rig { exporter, ledger, .. } = start(OtlpConfig {
                traces: Some(signal),
                span_attributes: wanted,
                ..config()
            });
            let spans = exporter.span_exporter().unwrap();
            let made: Vec<SpanRecord> = [rich_span(), records::span(1), records::span(2)].into();
            let mut expected: Vec<_> = made.iter().map(|span| expected::span(span, wanted)).collect();
            made.into_iter().for_each(|span| spans.export(Box::new(span)));
            let report = exporter.flush(LONG);
            assert!(report.is_complete() && report.spans.delivered == 3, "{report:?}");
            assert_eq!(ledger.delivered(Signal::Spans), 3);

            let received = collector.received();
            let [request] = received.traces.as_slice() else {
                panic!("{received:?}")
            };
            let [resource] = request.resource_spans.as_slice() else {
                panic!("{request:?}")
            };
            check_resource(resource.resource.as_ref());
            let mut scopes: Vec<_> = resource
                .scope_spans
                .iter()
                .map(|scope| scope.scope.as_ref().unwrap().name.as_str())
                .collect();
            scopes.sort_unstable();
            assert_eq!(scopes, ["shop::cart", "shop::pay"]);
            let mut spans: Vec<_> = resource
                .scope_spans
                .iter()
                .flat_map(|scope| scope.spans.clone())
                .collect();
            spans.sort_by_key(|span| span.trace_id.clone());
            expected.sort_by_key(|span| span.trace_id.clone());
            assert_eq!(spans, expected);
        });
    }
}

#[test]
fn log_records_arrive_field_by_field() {
    each_way(|collector, signal| {
        let Rig { exporter, ledger, .. } = start(OtlpConfig {
            logs: Some(signal),
            ..config()
        });
        let sink = exporter
            .log_sink(|metadata| metadata.target() != "shop::secret")
            .unwrap();
        assert!(sink.enabled(&records::ADDED));
        let mut root = records::span(6);
        root.fields.push("request_id", Value::Str("r-1"));
        root.fields.push("user_id", Value::I64(7));
        let mut inner = records::span(8);
        inner.fields.push("user_id", Value::Str("inner"));
        let fields = records::event_fields();
        let event = EventRecord {
            metadata: &records::ADDED,
            time_unix_ns: 1_700_000_000_000_000_017,
            time: Moment::default(),
            fields: &fields,
        };
        sink.on_event(&event, Scope::new(&[&root, &inner]));
        let empty = watchroom_capture::Fields::new();
        for metadata in [&records::NOTED, &records::TRACED] {
            sink.on_event(
                &EventRecord {
                    metadata,
                    fields: &empty,
                    ..event
                },
                Scope::new(&[]),
            );
        }
        let report = exporter.flush(LONG);
        assert!(report.is_complete() && report.logs.delivered == 3, "{report:?}");
        assert_eq!(ledger.delivered(Signal::Logs), 3);

        let received = collector.received();
        let [request] = received.logs.as_slice() else {
            panic!("{received:?}")
        };
        let [resource] = request.resource_logs.as_slice() else {
            panic!("{request:?}")
        };
        check_resource(resource.resource.as_ref());
        let mut logs: Vec<LogRecord> = resource
            .scope_logs
            .iter()
            .flat_map(|scope| scope.log_records.clone())
            .collect();
        logs.sort_by_key(|log| (log.severity_number, log.body.is_none()));
        let time = 1_700_000_000_000_000_017;
        let plain = |severity_number, severity_text: &str| LogRecord {
            time_unix_nano: time,
            observed_time_unix_nano: time,
            severity_number,
            severity_text: severity_text.to_owned(),
            attributes: vec![pair("target", Value::Str("shop::note"))],
            ..LogRecord::default()
        };
        let added = LogRecord {
            body: Some(any(Value::Str("item added"))),
            attributes: vec![
                pair("sku", Value::I64(-5)),
                pair("price", Value::F64(9.75)),
                pair("gift", Value::Bool(true)),
                pair("request_id", Value::Str("r-1")),
                pair("user_id", Value::Str("inner")),
                pair("target", Value::Str("shop::cart")),
            ],
            flags: 1,
            trace_id: inner.context.trace_id.to_bytes().to_vec(),
            span_id: inner.context.span_id.to_bytes().to_vec(),
            ..plain(13, "WARN")
        };
        assert_eq!(logs, [plain(1, "TRACE"), added, plain(17, "ERROR")]);
    });
}

#[test]
fn the_log_sink_refuses_what_its_filter_refuses_and_its_own_problems() {
    let collector = Collector::grpc([]);
    let Rig { exporter, .. } = start(OtlpConfig {
        logs: Some(signal(&collector.url(), Protocol::Grpc)),
        ..config()
    });
    assert!(
        !exporter
            .log_sink(|metadata| metadata.target() != "shop::cart")
            .unwrap()
            .enabled(&records::ADDED)
    );
    assert!(!exporter.log_sink(|_| true).unwrap().enabled(&records::PROBLEM));
    assert!(exporter.span_exporter().is_none());
}

#[test]
fn metrics_arrive_with_the_numbers_that_the_text_format_shows() {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;
    use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;

    each_way(|collector, signal| {
        let shop = metrics_of_every_kind();
        let snapshot = shop.collect();
        let Rig { exporter, ledger, .. } = start_with(
            OtlpConfig {
                metrics: Some(signal),
                ..config()
            },
            Arc::new(shop),
        );
        let report = exporter.flush(LONG);
        assert!(report.is_complete(), "{report:?}");
        let n_points: usize = snapshot.families.iter().map(|family| family.iter().count()).sum();
        assert_eq!(ledger.delivered(Signal::Metrics), n_points as u64);

        let received = collector.received();
        let resource = &received.metrics[0].resource_metrics[0];
        check_resource(resource.resource.as_ref());
        let [scope] = resource.scope_metrics.as_slice() else {
            panic!("{resource:?}")
        };
        assert_eq!(scope.scope.as_ref().unwrap().name, "watchroom");
        let find = |name: &str| scope.metrics.iter().find(|metric| metric.name == name).unwrap();

        let requests = find("shop_requests_total");
        assert_eq!(requests.description, "Requests served");
        let Some(Data::Sum(sum)) = &requests.data else {
            panic!("{requests:?}")
        };
        assert!(sum.is_monotonic && sum.aggregation_temporality == 2);
        let mut seen: Vec<_> = sum
            .data_points
            .iter()
            .map(|point| {
                (
                    point.attributes.clone(),
                    point.value.unwrap(),
                    point.start_time_unix_nano,
                )
            })
            .collect();
        seen.sort_by_key(|(attributes, ..)| format!("{attributes:?}"));
        assert_eq!(
            seen,
            [
                (vec![pair("method", Value::Str("get"))], Number::AsInt(3), 11),
                (
                    vec![pair("method", Value::Str("put"))],
                    Number::AsDouble(18_446_744_073_709_551_615.0),
                    12
                ),
            ]
        );

        let Some(Data::Sum(sum)) = &find("shop_active").data else {
            panic!("no sum")
        };
        assert!(!sum.is_monotonic && sum.aggregation_temporality == 2);
        assert_eq!(sum.data_points[0].value, Some(Number::AsInt(-2)));

        let heat = find("shop_heat_celsius");
        assert_eq!(heat.unit, "Cel");
        let Some(Data::Gauge(gauge)) = &heat.data else {
            panic!("{heat:?}")
        };
        assert_eq!(gauge.data_points[0].value, Some(Number::AsDouble(-0.5)));

        let Some(Data::Gauge(info)) = &find("shop_build_info").data else {
            panic!("no gauge")
        };
        assert_eq!(info.data_points[0].value, Some(Number::AsInt(1)));
        assert_eq!(
            info.data_points[0].attributes,
            [pair("version", Value::Str("1.2"))]
        );

        let duration = find("shop_duration_seconds");
        assert_eq!(duration.unit, "s");
        let Some(Data::Histogram(histogram)) = &duration.data else {
            panic!("{duration:?}")
        };
        assert_eq!(histogram.aggregation_temporality, 2);
        let point = &histogram.data_points[0];
        assert_eq!((point.count, point.sum), (6, Some(12.5)));
        assert_eq!(point.bucket_counts, [1, 2, 3]);
        assert_eq!(point.explicit_bounds, [0.5, 2.0]);
        assert_eq!(point.time_unix_nano, snapshot.time_unix_ns);
        assert!(
            !scope.metrics.iter().any(|metric| metric.name == "shop_empty"),
            "no series, no metric"
        );
    });
}

#[test]
fn headers_of_the_settings_go_with_each_request() {
    each_way(|collector, mut signal| {
        signal.headers = vec![
            ("Authorization".into(), "Bearer abc".into()),
            ("x-tenant".into(), "t1".into()),
        ];
        let is_compressed = signal.compression.is_some();
        let protocol = signal.protocol;
        let rig = start(OtlpConfig {
            traces: Some(signal),
            ..config()
        });
        rig.export_spans(1);
        assert!(rig.exporter.flush(LONG).is_complete());
        let received = collector.received();
        let headers = &received.headers[0];
        assert_eq!(headers["authorization"], "Bearer abc");
        assert_eq!(headers["x-tenant"], "t1");
        assert!(
            headers["user-agent"]
                .to_str()
                .unwrap()
                .starts_with("watchroom-otlp/")
        );
        match protocol {
            Protocol::Grpc => {
                assert_eq!(headers["grpc-timeout"], "10000m");
                assert_eq!(headers.contains_key("grpc-encoding"), is_compressed);
            }
            Protocol::HttpProtobuf => {
                assert_eq!(received.paths[0], "/v1/traces");
                assert_eq!(headers.contains_key("content-encoding"), is_compressed);
                assert_eq!(headers["host"], collector.address().to_string().as_str());
            }
        }
    });
}

#[test]
fn each_signal_goes_its_own_way() {
    let traces = Collector::grpc([]);
    let logs = Collector::http([]);
    let metrics = Collector::http([]);
    let to = |collector: &Collector, protocol, compression, seconds| SignalConfig {
        compression,
        headers: vec![("x-port".into(), collector.address().port().to_string())],
        timeout: std::time::Duration::from_secs(seconds),
        ..signal(&collector.url(), protocol)
    };
    let mut logs_alone = to(&logs, Protocol::HttpProtobuf, None, 10);
    logs_alone.endpoint = Endpoint::signal(format!("{}/v1/logs?tenant=a", logs.url()));
    let rig = start_with(
        OtlpConfig {
            traces: Some(to(&traces, Protocol::Grpc, Some(Compression::Gzip), 7)),
            logs: Some(logs_alone),
            metrics: Some(to(&metrics, Protocol::HttpProtobuf, Some(Compression::Zstd), 10)),
            ..config()
        },
        Arc::new(metrics_of_every_kind()),
    );
    rig.export_spans(1);
    crate::accounting::log(&rig, 1);
    assert!(rig.exporter.flush(LONG).is_complete());
    for (collector, path, encoding) in [
        (&traces, "grpc", ("grpc-encoding", Some("gzip"))),
        (&logs, "/v1/logs", ("content-encoding", None)),
        (&metrics, "/v1/metrics", ("content-encoding", Some("zstd"))),
    ] {
        let received = collector.received();
        assert_eq!(received.paths, [path]);
        let header = |name: &str| received.headers[0].get(name).map(|value| value.to_str().unwrap());
        assert_eq!(
            header("x-port"),
            Some(collector.address().port().to_string().as_str())
        );
        assert_eq!(header(encoding.0), encoding.1);
    }
    assert_eq!(traces.received().headers[0]["grpc-timeout"], "7000m");
}

#[test]
fn one_connection_serves_many_requests() {
    each_way(|collector, signal| {
        let rig = start(OtlpConfig {
            traces: Some(signal),
            ..config()
        });
        for _ in 0..4 {
            rig.export_spans(1);
            assert!(rig.exporter.flush(LONG).is_complete());
        }
        let received = collector.received();
        assert_eq!((received.n_requests, received.peers.len()), (4, 1));
    });
}

#[test]
fn a_full_batch_goes_out_without_being_asked_for_and_the_rest_waits() {
    let collector = Collector::grpc([]);
    let rig = start(OtlpConfig {
        traces: Some(signal(&collector.url(), Protocol::Grpc)),
        trace_batch: 8,
        trace_queue: 64,
        ..config()
    });
    rig.export_spans(8);
    collector.wait(|received| received.n_spans() == 8);
    rig.export_spans(7);
    assert!(rig.exporter.flush(LONG).is_complete());
    assert_eq!(collector.received().n_spans(), 15);
}

#[test]
fn a_batch_that_has_waited_long_enough_goes_out() {
    let collector = Collector::http([]);
    let rig = start(OtlpConfig {
        traces: Some(signal(&collector.url(), Protocol::HttpProtobuf)),
        trace_delay: std::time::Duration::from_millis(20),
        ..config()
    });
    rig.export_spans(3);
    collector.wait(|received| received.n_spans() == 3);
}

#[test]
fn metrics_go_out_at_their_interval() {
    let collector = Collector::http([]);
    let _rig = start_with(
        OtlpConfig {
            metrics: Some(signal(&collector.url(), Protocol::HttpProtobuf)),
            metric_interval: std::time::Duration::from_millis(10),
            ..config()
        },
        Arc::new(metrics_of_every_kind()),
    );
    collector.wait(|received| received.metrics.len() >= 3);
}

#[test]
fn large_batches_are_cut_into_requests_below_the_limit() {
    let collector = Collector::grpc([]);
    let rig = start(OtlpConfig {
        traces: Some(signal(&collector.url(), Protocol::Grpc)),
        max_request_bytes: 4_096,
        ..config()
    });
    rig.export_spans(100);
    assert!(rig.exporter.flush(LONG).is_complete());
    let received = collector.received();
    assert_eq!(received.n_spans(), 100);
    assert!(received.traces.len() > 1);
    assert!(
        received
            .traces
            .iter()
            .all(|request| prost::Message::encoded_len(request) <= 4_096)
    );
}
