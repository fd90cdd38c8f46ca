//! `accepted = delivered + dropped + queued`, to the unit, whatever happens.

use std::sync::Arc;
use std::time::Duration;

use tracing_core::Metadata;
use watchroom_capture::{EventRecord, Fields, Scope};
use watchroom_core::{Count, Moment, Reason, Signal, Value};
use watchroom_metrics::Snapshot;
use watchroom_otlp::{MetricsReader, OtlpConfig, ProblemKind, Protocol};

use crate::support::collector::{Collector, Reply};
use crate::support::{
    LONG, Rig, config, metrics_of_every_kind, records, signal, spans_to, start, start_with,
};

/// Writes `n` log records.
pub(crate) fn log(rig: &Rig, n: u64) {
    log_text(rig, n, "text");
}

fn log_text(rig: &Rig, n: u64, text: &str) {
    log_of(rig, &records::ADDED, n, text);
}

fn log_of(rig: &Rig, metadata: &'static Metadata<'static>, n: u64, text: &str) {
    let sink = rig.exporter.log_sink(|_| true).unwrap();
    let mut fields = Fields::new();
    fields.push("message", Value::Str(text));
    for i in 0..n {
        let event = EventRecord {
            metadata,
            time_unix_ns: i + 1,
            time: Moment::default(),
            fields: &fields,
        };
        sink.on_event(&event, Scope::new(&[]));
    }
}

#[test]
fn an_overflowing_queue_is_counted_to_the_unit() {
    let collector = Collector::grpc([Reply::AfterGate]);
    let rig = start(OtlpConfig {
        trace_batch: 4,
        trace_queue: 16,
        ..spans_to(&collector.url(), Protocol::Grpc)
    });
    rig.export_spans(4);
    // The first batch is at the collector and stays there, so of what follows 16 wait and the rest has no room.
    collector.wait(|received| received.n_spans() == 4);
    rig.export_spans(100);
    assert_eq!(rig.ledger.accepted(Signal::Spans), 104);
    assert_eq!(rig.ledger.queued(Signal::Spans), 20);
    assert_eq!(rig.ledger.dropped(Signal::Spans, Reason::QueueFull), 84);
    rig.check_ledger(Signal::Spans);
    collector.open_gate();
    assert!(!rig.exporter.flush(LONG).timed_out);
    assert_eq!(rig.ledger.delivered(Signal::Spans), 20);
    assert_eq!(collector.received().n_spans(), 20);
    assert_eq!(rig.ledger.queued(Signal::Spans), 0);
    rig.check_ledger(Signal::Spans);
    rig.exporter.shutdown(LONG);
    let problems = rig.problems.lock().unwrap();
    let full = problems
        .iter()
        .find(|problem| problem.kind == ProblemKind::QueueFull)
        .unwrap();
    assert_eq!(full.n_units, 84);
}

#[test]
fn security_events_have_room_that_no_other_record_uses_and_a_count_of_their_own() {
    let collector = Collector::http([Reply::AfterGate]);
    let rig = start(OtlpConfig {
        logs: Some(signal(&collector.url(), Protocol::HttpProtobuf)),
        log_batch: 4,
        log_queue: 16,
        ..config()
    });
    log(&rig, 4);
    collector.wait(|received| received.n_logs() == 4);
    log(&rig, 20);
    assert_eq!(rig.ledger.dropped(Signal::Logs, Reason::QueueFull), 4);
    log_of(&rig, &records::GRANTED, 256, "granted");
    assert_eq!(rig.ledger.dropped(Signal::Logs, Reason::QueueFull), 4);
    assert_eq!(rig.ledger.get(Count::SecurityLost), 0);
    log_of(&rig, &records::GRANTED, 3, "granted");
    log(&rig, 1);
    assert_eq!(rig.ledger.dropped(Signal::Logs, Reason::QueueFull), 8);
    assert_eq!(rig.ledger.get(Count::SecurityLost), 3);
    rig.check_ledger(Signal::Logs);
    collector.open_gate();
    assert!(!rig.exporter.flush(LONG).timed_out);
    assert_eq!(rig.ledger.delivered(Signal::Logs), 4 + 16 + 256);
    rig.check_ledger(Signal::Logs);
}

#[test]
fn spans_are_the_same_whether_they_wait_as_records_or_encoded() {
    let collector = Collector::grpc([Reply::AfterGate]);
    let rig = start(OtlpConfig {
        trace_batch: 8,
        trace_queue: 64,
        ..spans_to(&collector.url(), Protocol::Grpc)
    });
    rig.export_numbers(0..8);
    collector.wait(|received| received.n_spans() == 8);
    rig.export_numbers(8..72);
    collector.open_gate();
    assert!(rig.exporter.flush(LONG).is_complete());
    let received = collector.received();
    assert!(received.span_numbers().concat().into_iter().eq(0..72));
    let spans = received
        .traces
        .iter()
        .flat_map(|request| &request.resource_spans)
        .flat_map(|resource| &resource.scope_spans)
        .flat_map(|scope| &scope.spans);
    for span in spans {
        let number = span.start_time_unix_nano - 1_700_000_000_000_000_000;
        let expected = crate::support::expected::span(&records::span(number), Default::default());
        assert_eq!(*span, expected);
    }
}

#[test]
fn many_threads_lose_nothing_uncounted() {
    let collector = Collector::http([]);
    let rig = start(OtlpConfig {
        logs: Some(signal(&collector.url(), Protocol::HttpProtobuf)),
        log_queue: 256,
        log_batch: 64,
        ..spans_to(&collector.url(), Protocol::HttpProtobuf)
    });
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    rig.export_spans(20);
                    log(&rig, 20);
                    rig.exporter.flush(Duration::from_millis(1));
                }
            });
        }
    });
    let report = rig.exporter.shutdown(LONG);
    assert!(!report.timed_out, "{report:?}");
    for signal in [Signal::Spans, Signal::Logs] {
        assert_eq!(rig.ledger.accepted(signal), 4_000);
        assert_eq!(rig.ledger.queued(signal), 0);
        rig.check_ledger(signal);
    }
    assert_eq!(
        rig.ledger.delivered(Signal::Spans),
        collector.received().n_spans() as u64
    );
    assert_eq!(
        rig.ledger.delivered(Signal::Logs),
        collector.received().n_logs() as u64
    );
}

#[test]
fn waiting_log_records_are_bounded_in_bytes() {
    let collector = Collector::grpc([Reply::AfterGate]);
    let rig = start(OtlpConfig {
        logs: Some(signal(&collector.url(), Protocol::Grpc)),
        log_queue_bytes: 10_000,
        log_batch: 1,
        ..config()
    });
    log(&rig, 1);
    collector.wait(|received| received.n_logs() == 1);
    log_text(&rig, 20, &"x".repeat(1_000));
    let n_waiting = rig.ledger.queued(Signal::Logs);
    assert!((6..=10).contains(&n_waiting), "{n_waiting}");
    assert_eq!(
        rig.ledger.dropped(Signal::Logs, Reason::QueueFull),
        21 - n_waiting
    );
    collector.open_gate();
    assert!(!rig.exporter.flush(LONG).timed_out);
    log_text(&rig, 5, &"x".repeat(1_000));
    assert!(rig.exporter.flush(LONG).is_complete(), "there is room again");
    rig.check_ledger(Signal::Logs);
}

#[test]
fn a_record_that_is_larger_than_a_request_may_be_is_dropped_alone() {
    let collector = Collector::grpc([]);
    let rig = start(OtlpConfig {
        logs: Some(signal(&collector.url(), Protocol::Grpc)),
        max_request_bytes: 4_096,
        ..spans_to(&collector.url(), Protocol::Grpc)
    });
    log(&rig, 1);
    log_text(&rig, 1, &"x".repeat(5_000));
    rig.exporter
        .span_exporter()
        .unwrap()
        .export(Box::new(records::rich_span()));
    rig.export_spans(2);
    assert!(!rig.exporter.flush(LONG).timed_out);
    for (signal, delivered) in [(Signal::Spans, 2), (Signal::Logs, 1)] {
        assert_eq!(rig.ledger.dropped(signal, Reason::TooLarge), 1);
        assert_eq!(rig.ledger.delivered(signal), delivered);
        rig.check_ledger(signal);
    }
}

#[test]
fn what_comes_after_the_shutdown_is_counted_as_such() {
    let collector = Collector::grpc([]);
    let rig = start(OtlpConfig {
        logs: Some(signal(&collector.url(), Protocol::Grpc)),
        ..spans_to(&collector.url(), Protocol::Grpc)
    });
    rig.export_spans(3);
    let report = rig.exporter.shutdown(LONG);
    assert!(report.is_complete() && report.spans.delivered == 3, "{report:?}");
    rig.export_spans(2);
    log(&rig, 4);
    assert_eq!(rig.ledger.dropped(Signal::Spans, Reason::AfterShutdown), 2);
    assert_eq!(rig.ledger.dropped(Signal::Logs, Reason::AfterShutdown), 4);
    rig.check_ledger(Signal::Spans);
    let again = rig.exporter.shutdown(LONG);
    assert!(!again.timed_out && again.spans.delivered == 0, "{again:?}");
    assert!(!rig.exporter.flush(LONG).timed_out, "there is nobody to wait for");
}

#[test]
fn the_last_values_of_all_instruments_go_out_at_the_shutdown() {
    let collector = Collector::http([]);
    let config = OtlpConfig {
        metrics: Some(signal(&collector.url(), Protocol::HttpProtobuf)),
        ..config()
    };
    let rig = start_with(config, Arc::new(metrics_of_every_kind()));
    let report = rig.exporter.shutdown(LONG);
    assert!(
        report.is_complete() && report.metrics.delivered == 6,
        "{report:?}"
    );
    assert_eq!(collector.received().metrics.len(), 1);
    rig.check_ledger(Signal::Metrics);
}

#[test]
fn a_reader_that_panics_costs_its_export_and_nothing_else() {
    struct Panics;

    impl MetricsReader for Panics {
        fn collect(&self) -> Snapshot {
            panic!("a callback of the service");
        }
    }

    let collector = Collector::http([]);
    let config = OtlpConfig {
        metrics: Some(signal(&collector.url(), Protocol::HttpProtobuf)),
        ..spans_to(&collector.url(), Protocol::HttpProtobuf)
    };
    let rig = start_with(config, Arc::new(Panics));
    for _ in 0..2 {
        rig.export_spans(1);
        assert!(rig.exporter.flush(LONG).is_complete());
    }
    rig.exporter.shutdown(LONG);
    let problems = rig.problems.lock().unwrap();
    assert!(
        problems
            .iter()
            .any(|problem| problem.kind == ProblemKind::ReaderFailed),
        "{problems:?}"
    );
}

#[test]
fn a_dropped_exporter_delivers_what_it_has() {
    let collector = Collector::grpc([]);
    let rig = start(spans_to(&collector.url(), Protocol::Grpc));
    let spans = rig.exporter.span_exporter().unwrap();
    rig.export_spans(3);
    drop(rig.exporter);
    collector.wait(|received| received.n_spans() == 3);
    spans.export(Box::new(records::span(1)));
    assert_eq!(rig.ledger.dropped(Signal::Spans, Reason::AfterShutdown), 1);
}
