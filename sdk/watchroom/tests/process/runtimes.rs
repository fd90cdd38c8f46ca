//! Whatever runs the program, or ceases to: a runtime of one thread, none at all, one that is dropped with spans still open, two
//! threads that both start telemetry.

use std::sync::{Arc, Barrier};
use std::time::Duration;

use tracing::Instrument as _;
use watchroom_core::Signal;

use crate::collector::Collector;
use crate::scene::{Ended, Scene};
use crate::scenes::{account, init, spans, square, tell};

const TIMEOUT: Duration = Duration::from_secs(20);

/// Plays a scene against a collector; nothing is sent before the end.
fn played(name: &str) -> (Collector, Ended) {
    let collector = Collector::start();
    let env = [
        ("OTEL_TRACES_EXPORTER", "otlp"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", &*collector.url()),
        ("OTEL_BSP_SCHEDULE_DELAY", "60000"),
    ];
    let ended = Scene::start(name, &env).drained().end();
    assert!(ended.status.success(), "{ended:?}");
    (collector, ended)
}

#[track_caller]
fn delivers(name: &str, n: usize) {
    let (collector, ended) = played(name);
    assert_eq!(square(&ended.told()), (n, n), "{ended:?}");
    assert_eq!(collector.n_spans(), n);
}

#[test]
fn started_and_ended_inside_a_task_of_a_current_thread_runtime() {
    delivers("current_thread", 100);
}

#[test]
fn without_a_runtime_spans_of_threads_that_live_and_that_have_ended_are_delivered() {
    delivers("no_runtime", 101);
}

#[test]
fn spans_that_a_dropped_runtime_closes_are_delivered_by_the_guard_outside_of_it() {
    delivers("runtime_dropped", 60);
}

#[test]
fn a_guard_inside_of_a_task_flushes_while_its_runtime_is_dropped() {
    delivers("guard_dropped_by_runtime", 50);
}

#[test]
fn spans_that_outlive_the_guard_are_counted_as_dropped() {
    let (collector, ended) = played("guard_dropped_first");
    let told = ended.told();
    assert_eq!(square(&told), (60, 50));
    assert_eq!(told["dropped"]["after_shutdown"], 10);
    assert_eq!(collector.n_spans(), 50);
}

#[test]
fn of_two_threads_that_start_at_once_one_does_and_the_other_is_told() {
    delivers("two_starts", 20);
}

pub(crate) fn play(scene: &str) -> bool {
    match scene {
        "current_thread" => current_thread(),
        "no_runtime" => no_runtime(),
        "runtime_dropped" => runtime_dropped(),
        "guard_dropped_by_runtime" => guard_dropped_by_runtime(),
        "guard_dropped_first" => guard_dropped_first(),
        "two_starts" => two_starts(),
        _ => return false,
    }
    true
}

fn current_thread() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let telemetry = init();
        let steps = (0..100)
            .map(|i| tokio::spawn(tokio::task::yield_now().instrument(tracing::info_span!("step", i))));
        for step in steps.collect::<Vec<_>>() {
            step.await.unwrap();
        }
        // Blocks the only thread there is; what delivers has threads of its own.
        let report = telemetry.shutdown(TIMEOUT);
        assert!(report.complete, "{report}");
    });
    tell(&account(Signal::Spans));
}

fn no_runtime() {
    let telemetry = init();
    let ended: Vec<_> = (0..4).map(|_| std::thread::spawn(|| spans(25))).collect();
    ended.into_iter().for_each(|thread| thread.join().unwrap());
    let done = Arc::new(Barrier::new(2));
    let its_done = Arc::clone(&done);
    std::thread::spawn(move || {
        spans(1);
        its_done.wait();
        std::thread::park();
    });
    done.wait();
    drop(telemetry);
    tell(&account(Signal::Spans));
}

/// Tasks that stay within their spans for ever, once they have all begun.
fn endless(runtime: &tokio::runtime::Runtime, n: usize) {
    let begun = Arc::new(Barrier::new(2));
    for i in 0..n {
        let its_begun = Arc::clone(&begun);
        let task = async move {
            its_begun.wait();
            std::future::pending::<()>().await;
        };
        runtime.spawn(task.instrument(tracing::info_span!("endless", i)));
        begun.wait();
    }
}

fn workers() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap()
}

fn runtime_dropped() {
    let telemetry = init();
    spans(50);
    let runtime = workers();
    endless(&runtime, 10);
    drop(runtime);
    drop(telemetry);
    tell(&account(Signal::Spans));
}

fn guard_dropped_by_runtime() {
    let telemetry = init();
    spans(50);
    let runtime = workers();
    runtime.spawn(async move {
        let _telemetry = telemetry;
        std::future::pending::<()>().await;
    });
    drop(runtime);
    tell(&account(Signal::Spans));
}

fn guard_dropped_first() {
    let telemetry = init();
    spans(50);
    let runtime = workers();
    endless(&runtime, 10);
    drop(telemetry);
    drop(runtime);
    tell(&account(Signal::Spans));
}

fn two_starts() {
    let together = Arc::new(Barrier::new(2));
    let starts = [(); 2].map(|()| {
        let together = Arc::clone(&together);
        std::thread::spawn(move || {
            let config = watchroom::Config::for_service("scene").from_env().unwrap();
            together.wait();
            watchroom::init(config)
        })
    });
    let (started, failed): (Vec<_>, Vec<_>) = starts
        .into_iter()
        .map(|start| start.join().unwrap())
        .partition(Result::is_ok);
    assert_eq!((started.len(), failed.len()), (1, 1));
    assert!(
        failed
            .iter()
            .all(|failed| matches!(failed, Err(watchroom::InitError::AlreadyStarted)))
    );
    spans(20);
    drop(started);
    tell(&account(Signal::Spans));
}
