//! What the board says of checks that pass, fail, hang, panic and recover.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;

use super::*;
use crate::report::Status;

/// Lets every task run as far as it can, and time pass.
async fn pass(duration: Duration) {
    tokio::time::sleep(duration).await;
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
}

#[track_caller]
fn check(board: &HealthBoard, probe: Probe, status: Status, http: u16) {
    let report = board.report(probe);
    assert_eq!(
        (report.status, report.http_status()),
        (status, http),
        "{probe:?}: {}",
        report.to_text()
    );
}

#[tokio::test(start_paused = true)]
async fn critical_components_decide_about_readiness_others_degrade() {
    let board = HealthBoard::new();
    check(&board, Probe::Ready, Status::Healthy, 200);
    board
        .register("store", || async { Ok::<(), &str>(()) })
        .critical();
    check(&board, Probe::Ready, Status::Starting, 503);
    check(&board, Probe::Live, Status::Healthy, 200);
    board.register("cache", || async { Err::<(), _>("cold") });
    pass(Duration::from_millis(1)).await;
    check(&board, Probe::Ready, Status::Degraded, 200);
    check(&board, Probe::Startup, Status::Degraded, 200);
    let queue = board.component("queue").critical();
    check(&board, Probe::Startup, Status::Starting, 503);
    queue.unhealthy("full");
    check(&board, Probe::Health, Status::Unhealthy, 503);
    check(&board, Probe::Live, Status::Healthy, 200);
    queue.healthy();
    check(&board, Probe::Health, Status::Degraded, 200);
    board.unregister("cache");
    check(&board, Probe::Health, Status::Healthy, 200);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_or_panics_is_unhealthy_and_is_tried_again() {
    let board = HealthBoard::new();
    let well = Arc::new(AtomicBool::new(false));
    let now_well = Arc::clone(&well);
    board
        .register("hangs", move || {
            let well = now_well.load(SeqCst);
            async move {
                if well {
                    Ok::<(), &str>(())
                } else {
                    std::future::pending().await
                }
            }
        })
        .critical()
        .timeout(Duration::from_millis(50));
    board.register("panics", || async { panic!("on purpose") as Result<(), &str> });
    pass(Duration::from_millis(60)).await;
    let errors: Vec<_> = board
        .report(Probe::Health)
        .components
        .into_iter()
        .filter_map(|c| c.last_error)
        .collect();
    assert_eq!(
        errors,
        ["the check has not answered within 50 ms", "the check panicked"]
    );
    well.store(true, SeqCst);
    pass(Duration::from_secs(6)).await;
    let report = board.report(Probe::Ready);
    assert!(report.is_good(), "{}", report.to_text());
    assert_eq!(
        report.components[0].last_error.as_deref(),
        Some("the check has not answered within 50 ms")
    );
}

#[test]
fn without_a_runtime_checks_run_on_a_thread_of_their_own() {
    let board = HealthBoard::new();
    let (told, tell) = mpsc::channel();
    board.on_change(move |change| told.send(change.clone()).unwrap());
    board.register("store", || async { Err::<(), _>("disk is gone") });
    let change = tell.recv_timeout(Duration::from_secs(30)).unwrap();
    let error = Some("disk is gone".to_owned());
    assert_eq!(
        change,
        Change {
            component: "store".into(),
            from: State::Starting,
            to: State::Unhealthy,
            error
        }
    );
}

#[test]
fn a_result_that_grows_old_is_not_believed() {
    let (clock, hand) = Clock::manual(0);
    let board = HealthBoard::with_clock(clock);
    let (told, tell) = mpsc::channel();
    board.on_change(move |_| told.send(()).unwrap());
    board
        .register("store", || async { Ok::<(), &str>(()) })
        .critical()
        .interval(Duration::from_secs(3_600));
    tell.recv_timeout(Duration::from_secs(30)).unwrap();
    assert!(board.is_ready());
    hand.advance(Duration::from_secs(3 * 3_600));
    assert!(!board.is_ready());
    assert_eq!(board.snapshot(), [("store".to_owned(), false)]);
}

#[tokio::test(start_paused = true)]
async fn a_change_is_told_once_and_errors_are_redacted_before_they_are_kept() {
    let board = HealthBoard::new();
    board.redact_errors(|error| error.replace("hunter2", "[REDACTED]"));
    let n = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&n);
    board.on_change(move |change| {
        counted.fetch_add(1, SeqCst);
        assert_eq!(change.error.as_deref(), Some("password [REDACTED] is wrong"));
    });
    board
        .register("db", || async { Err::<(), _>("password hunter2 is wrong") })
        .interval(Duration::from_millis(10));
    pass(Duration::from_secs(1)).await;
    assert_eq!(n.load(SeqCst), 1);
    assert!(!board.report(Probe::Health).to_json().contains("hunter2"));
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_json_with_the_services_own_fields() {
    let board = HealthBoard::new();
    board.extra(|| {
        vec![
            ("cache_entries", 3_u64.into()),
            ("mode", "\"a\"\n".into()),
            ("ratio", f64::NAN.into()),
        ]
    });
    board.register("store", || async { Err::<(), _>("a \"quoted\"\tthing") });
    pass(Duration::from_millis(1)).await;
    let json: serde_json::Value = serde_json::from_str(&board.report(Probe::Health).to_json()).unwrap();
    assert_eq!(
        (&json["status"], &json["cache_entries"], &json["mode"]),
        (&"degraded".into(), &3.into(), &"\"a\"\n".into())
    );
    assert!(json["ratio"].is_null() && json["uptime_seconds"].is_u64());
    assert_eq!(json["components"][0]["last_error"], "a \"quoted\"\tthing");
    assert!(board.report(Probe::Health).to_text().starts_with("degraded (up "));
    let ready: serde_json::Value = serde_json::from_str(&board.report(Probe::Ready).to_json()).unwrap();
    assert!(ready["cache_entries"].is_null());
}
