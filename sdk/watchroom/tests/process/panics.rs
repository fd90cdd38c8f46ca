//! Panics: of a thread and of a task, which the program outlives, and those that nothing can catch, after which there is no later.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::routing::get;
use tower::ServiceExt as _;
use tracing::Instrument as _;
use watchroom_core::Signal;
use watchroom_http::ServerLayer;

use crate::collector::Collector;
use crate::scene::{self, Ended, Scene};
use crate::scenes::{account, init, spans, square, tell};

fn played(name: &str) -> (Collector, Ended) {
    let collector = Collector::start();
    let env = [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()),
        ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "60000"),
    ];
    let ended = Scene::start(name, &env).drained().end();
    assert!(
        !ended.out.contains("4111 1111") && !ended.err.contains("4111 1111"),
        "{ended:?}"
    );
    (collector, ended)
}

const LINE: &str = "panicked: card ****-****-****-1111 was refused";

#[test]
fn a_thread_that_panics_leaves_a_line_and_its_span_and_the_program_goes_on() {
    let (collector, ended) = played("thread_panics");
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.out.matches(LINE).count(), 1, "{ended:?}");
    assert_eq!(square(&ended.told()), (11, 11));
    assert_eq!(collector.n_spans(), 11);
}

#[test]
fn a_task_that_panics_leaves_a_line_and_its_span_and_its_runtime_goes_on() {
    let (collector, ended) = played("task_panics");
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.out.matches(LINE).count(), 1, "{ended:?}");
    assert_eq!(square(&ended.told()), (11, 11));
    assert_eq!(collector.n_spans(), 11);
}

#[test]
fn a_handler_that_panics_leaves_a_line_a_span_and_a_count_and_its_server_goes_on() {
    let (collector, ended) = played("handler_panics");
    assert!(ended.status.success(), "{ended:?}");
    assert_eq!(ended.out.matches(LINE).count(), 1, "{ended:?}");
    let told = ended.told();
    assert_eq!(square(&told["spans"]), (2, 2));
    assert_eq!(collector.n_spans(), 2);
    let page = told["page"].as_str().unwrap();
    for line in [
        r#"http_requests_total{method="GET",endpoint="/fine",status_group="2xx"} 1"#,
        r#"http_requests_total{method="GET",endpoint="/refuse",status_group="none"} 1"#,
        r#"http_requests_in_flight{method="GET"} 0"#,
    ] {
        assert!(page.contains(line), "{line} in {page}");
    }
}

/// As where unwinding is turned off: no guard is dropped, no `main` ends.
#[test]
fn a_panic_that_cannot_unwind_is_logged_and_everything_flushed_before_the_process_aborts() {
    let (collector, ended) = played("panic_without_unwinding");
    assert_eq!(ended.signal(), Some(6), "{ended:?}");
    assert_eq!(ended.out.matches(LINE).count(), 1, "{ended:?}");
    assert_eq!(collector.n_spans(), 100);
    assert!(
        String::from_utf8_lossy(&collector.bodies()).contains(LINE),
        "the log record of the panic is sent too"
    );
}

#[test]
fn a_panic_while_panicking_is_logged_and_everything_flushed_before_the_process_aborts() {
    let (collector, ended) = played("panic_twice");
    assert_eq!(ended.signal(), Some(6), "{ended:?}");
    assert_eq!(ended.out.matches(LINE).count(), 1, "{ended:?}");
    assert!(ended.out.contains("panicked: and again"), "{ended:?}");
    assert!(collector.n_spans() >= 100, "{}", collector.n_spans());
}

pub(crate) fn play(scene: &str) -> bool {
    match scene {
        "thread_panics" => thread_panics(),
        "task_panics" => task_panics(),
        "handler_panics" => handler_panics(),
        "panic_without_unwinding" => panic_without_unwinding(),
        "panic_twice" => panic_twice(),
        _ => return false,
    }
    true
}

fn refuse() {
    panic!("card {} was refused", "4111111111111111");
}

fn thread_panics() {
    let telemetry = init();
    let thread = std::thread::spawn(|| tracing::info_span!("doomed").in_scope(refuse));
    assert!(thread.join().is_err());
    spans(10);
    let report = telemetry.shutdown(Duration::from_secs(20));
    assert!(report.complete, "{report}");
    tell(&account(Signal::Spans));
}

fn task_panics() {
    let telemetry = init();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let doomed = async { refuse() }.instrument(tracing::info_span!("doomed"));
        assert!(tokio::spawn(doomed).await.unwrap_err().is_panic());
        spans(10);
    });
    let report = telemetry.shutdown(Duration::from_secs(20));
    assert!(report.complete, "{report}");
    tell(&account(Signal::Spans));
}

fn handler_panics() {
    let telemetry = init();
    let server = Router::new()
        .route("/fine", get(|| async { "fine" }))
        .route("/refuse", get(|| async { refuse() }))
        .layer(ServerLayer::http(telemetry.metrics()).unwrap());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        // Each connection is a task, as with hyper.
        let ask = async |path: &str| {
            let request = Request::get(path).body(Body::empty()).unwrap();
            let answer = server.clone().oneshot(request);
            tokio::spawn(async move { to_bytes(answer.await.unwrap().into_body(), 100).await.unwrap() }).await
        };
        assert!(ask("/refuse").await.unwrap_err().is_panic());
        assert_eq!(ask("/fine").await.unwrap(), "fine");
    });
    let admin = telemetry.admin_addr().unwrap().to_string().into();
    let page = scene::get(&admin, "/metrics");
    let report = telemetry.shutdown(Duration::from_secs(20));
    assert!(report.complete, "{report}");
    tell(&serde_json::json!({ "spans": account(Signal::Spans), "page": page }));
}

extern "C" fn without_unwinding() {
    refuse();
}

fn panic_without_unwinding() {
    let _telemetry = init();
    spans(100);
    tracing::info_span!("open").in_scope(|| without_unwinding());
}

struct Again;

impl Drop for Again {
    fn drop(&mut self) {
        panic!("and again");
    }
}

fn panic_twice() {
    let _telemetry = init();
    spans(100);
    let _again = Again;
    refuse();
}
