//! The exporter is started, used, flushed and shut down from wherever a service may do so.

use tokio::runtime::Builder;
use watchroom_core::Signal;
use watchroom_otlp::{OtlpConfig, OtlpExporter, Protocol, StartError};

use crate::support::collector::Collector;
use crate::support::{LONG, Rig, config, resource, signal, spans_to, start};

#[track_caller]
fn use_it(collector: &Collector, protocol: Protocol) {
    let rig = start(spans_to(&collector.url(), protocol));
    rig.export_spans(5);
    assert!(rig.exporter.flush(LONG).is_complete());
    rig.export_spans(5);
    let report = rig.exporter.shutdown(LONG);
    assert!(report.is_complete() && report.spans.delivered == 5, "{report:?}");
}

fn both(run: impl Fn(&Collector, Protocol)) {
    run(&Collector::grpc([]), Protocol::Grpc);
    run(&Collector::http([]), Protocol::HttpProtobuf);
}

#[test]
fn without_a_runtime() {
    both(use_it);
}

#[test]
fn within_a_current_thread_runtime() {
    both(|collector, protocol| {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { use_it(collector, protocol) });
    });
}

#[test]
fn within_a_multi_thread_runtime() {
    both(|collector, protocol| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            use_it(collector, protocol);
            std::thread::scope(|scope| {
                let handle = runtime.handle().clone();
                scope.spawn(move || handle.block_on(async { use_it(collector, protocol) }));
            });
        });
    });
}

#[test]
fn on_a_blocking_thread_and_in_a_task() {
    both(|collector, protocol| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let rig: Rig = start(spans_to(&collector.url(), protocol));
        let spans = rig.exporter.span_exporter().unwrap();
        let task = runtime.spawn(async move {
            for i in 0..10 {
                spans.export(Box::new(crate::support::records::span(i)));
                tokio::task::yield_now().await;
            }
        });
        runtime.block_on(task).unwrap();
        let report = runtime
            .block_on(runtime.spawn_blocking(move || rig.exporter.shutdown(LONG)))
            .unwrap();
        assert!(report.is_complete() && report.spans.delivered == 10, "{report:?}");
    });
}

#[test]
fn it_outlives_the_runtime_in_which_it_was_started() {
    both(|collector, protocol| {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let rig = runtime.block_on(async {
            let rig = start(spans_to(&collector.url(), protocol));
            rig.export_spans(2);
            rig
        });
        drop(runtime);
        rig.export_spans(2);
        assert!(rig.exporter.flush(LONG).is_complete());
        assert_eq!(rig.ledger.delivered(Signal::Spans), 4);
    });
}

#[test]
fn a_shutdown_from_its_own_hook_ends_at_its_bound() {
    use std::sync::{Arc, Mutex, OnceLock};
    use std::time::Duration;

    let exporter: Arc<OnceLock<OtlpExporter>> = Arc::default();
    let seen: Arc<Mutex<Vec<bool>>> = Arc::default();
    let (hooked, saw) = (Arc::clone(&exporter), Arc::clone(&seen));
    let mut config = spans_to(
        &format!("http://{}", crate::support::collector::dead_address()),
        Protocol::Grpc,
    );
    config.on_problem = Some(Arc::new(move |_| {
        if let Some(exporter) = hooked.get() {
            saw.lock()
                .unwrap()
                .push(exporter.shutdown(Duration::from_millis(10)).timed_out);
        }
    }));
    let ledger = Arc::default();
    let started =
        OtlpExporter::start(config, &resource(), ledger, watchroom_core::Clock::system(), None).unwrap();
    let spans = started.span_exporter().unwrap();
    let exporter = exporter.get_or_init(|| started);
    spans.export(Box::new(crate::support::records::span(1)));
    exporter.flush(LONG);
    exporter.shutdown(LONG);
    assert!(seen.lock().unwrap().first().is_some_and(|timed_out| *timed_out));
}

#[test]
fn settings_that_cannot_work_are_errors_of_the_start() {
    let start = |config: OtlpConfig| {
        let ledger = std::sync::Arc::default();
        OtlpExporter::start(config, &resource(), ledger, watchroom_core::Clock::system(), None)
    };
    let collector = signal("http://127.0.0.1:4317", Protocol::Grpc);
    let error = start(OtlpConfig {
        metrics: Some(collector.clone()),
        ..config()
    })
    .unwrap_err();
    assert!(matches!(error, StartError::NoMetricsReader), "{error}");
    for config in [
        OtlpConfig {
            trace_batch: 0,
            ..config()
        },
        OtlpConfig {
            log_queue: 0,
            ..config()
        },
        OtlpConfig {
            max_request_bytes: 10,
            ..config()
        },
        OtlpConfig {
            metric_interval: std::time::Duration::ZERO,
            ..config()
        },
    ] {
        assert!(matches!(start(config), Err(StartError::Setting { .. })));
    }
    let nothing = start(config()).unwrap();
    assert!(nothing.shutdown(LONG).is_complete());
}
