//! What the board says of checks that pass, fail, hang, panic and recover.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;

use super::*;
use crate::report::Status;

/// Changes of a board, waited for as long as it takes.
struct Told(mpsc::Receiver<Change>);

impl Told {
    fn by(board: &HealthBoard) -> Self {
        let (told, tell) = mpsc::channel();
        assert!(board.on_change(move |change| told.send(change.clone()).unwrap()));
        Self(tell)
    }

    #[track_caller]
    fn next(&self) -> (String, State) {
        let change = self.0.recv_timeout(Duration::from_secs(60)).unwrap();
        (change.component, change.to)
    }
}

fn told(component: &str, state: State) -> (String, State) {
    (component.to_owned(), state)
}

/// A check that waits for its answers to be sent.
fn scripted() -> (
    mpsc::Sender<Result<(), &'static str>>,
    impl Fn() -> Result<(), &'static str> + Send + Sync + 'static,
) {
    let (answer, answers) = mpsc::channel();
    let answers = std::sync::Mutex::new(answers);
    (answer, move || {
        answers.lock().unwrap().recv().unwrap_or(Err("no more answers"))
    })
}

const SOON: Duration = Duration::from_millis(1);

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

#[test]
fn critical_components_decide_about_readiness_others_degrade() {
    let board = HealthBoard::new();
    let changes = Told::by(&board);
    check(&board, Probe::Ready, Status::Healthy, 200);
    let (answer, store) = scripted();
    board
        .register_blocking("store", store)
        .critical()
        .timeout(Duration::from_secs(60));
    check(&board, Probe::Ready, Status::Starting, 503);
    check(&board, Probe::Live, Status::Healthy, 200);
    answer.send(Ok(())).unwrap();
    assert_eq!(changes.next(), told("store", State::Healthy));
    board.register("cache", || async { Err::<(), _>("cold") });
    assert_eq!(changes.next(), told("cache", State::Unhealthy));
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

#[test]
fn a_check_that_hangs_or_panics_is_unhealthy_and_is_tried_again() {
    let board = HealthBoard::new();
    let changes = Told::by(&board);
    let well = Arc::new(AtomicBool::new(false));
    let now_well = Arc::clone(&well);
    let hangs = move || {
        let well = now_well.load(SeqCst);
        async move {
            if well {
                Ok::<(), &str>(())
            } else {
                std::future::pending().await
            }
        }
    };
    board
        .register("hangs", hangs)
        .critical()
        .timeout(SOON)
        .interval(SOON);
    assert_eq!(changes.next(), told("hangs", State::Unhealthy));
    board.register("panics", || async { panic!("on purpose") as Result<(), &str> });
    assert_eq!(changes.next(), told("panics", State::Unhealthy));
    let errors: Vec<_> = board
        .report(Probe::Health)
        .components
        .into_iter()
        .filter_map(|c| c.last_error)
        .collect();
    assert_eq!(
        errors,
        [
            "the check has not answered within 1 ms",
            "the check panicked: on purpose"
        ]
    );
    well.store(true, SeqCst);
    loop {
        // A round of the recovered check may still be slower than the tight timeout.
        if changes.next() == told("hangs", State::Healthy) {
            break;
        }
    }
}

#[test]
fn a_check_reaches_the_network_though_the_service_has_no_runtime() {
    let board = HealthBoard::new();
    let changes = Told::by(&board);
    let peer = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let at = peer.local_addr().unwrap();
    board.register("peer", move || async move {
        let connected = tokio::net::TcpStream::connect(at).await;
        connected.map(drop).map_err(|error| error.to_string())
    });
    assert_eq!(changes.next(), told("peer", State::Healthy));
}

#[test]
fn a_blocking_check_that_hangs_holds_up_nothing_and_is_not_run_twice() {
    let board = HealthBoard::new();
    let changes = Told::by(&board);
    let n_runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&n_runs);
    let (answer, script) = scripted();
    let hangs = move || {
        counted.fetch_add(1, SeqCst);
        script()
    };
    board
        .register_blocking("hangs", hangs)
        .timeout(SOON)
        .interval(SOON);
    assert_eq!(changes.next(), told("hangs", State::Unhealthy));
    let (well, script) = scripted();
    board
        .register_blocking("works", script)
        .timeout(Duration::from_secs(60));
    well.send(Ok(())).unwrap();
    assert_eq!(changes.next(), told("works", State::Healthy));
    // None if its thread has not come to run on a busy machine.
    assert!(n_runs.load(SeqCst) <= 1);
    for _ in 0..1_000 {
        let _ = answer.send(Ok(()));
    }
    assert_eq!(changes.next(), told("hangs", State::Healthy));
}

#[test]
fn a_runtime_that_is_blocked_or_has_ended_cannot_hide_it() {
    let board = HealthBoard::new();
    let changes = Told::by(&board);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    {
        // It has no timer, and nobody drives it.
        let _entered = runtime.enter();
        board
            .register("blocked", || async { Ok::<(), &str>(()) })
            .timeout(SOON)
            .interval(SOON);
    }
    assert_eq!(changes.next(), told("blocked", State::Unhealthy));
    drop(runtime);
    {
        let ended = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let handle = ended.handle().clone();
        drop(ended);
        let _entered = handle.enter();
        board.register("ended", || async { Ok::<(), &str>(()) });
    }
    assert_eq!(changes.next(), told("ended", State::Unhealthy));
    let last = board
        .report(Probe::Health)
        .components
        .pop()
        .and_then(|c| c.last_error);
    assert_eq!(
        last.as_deref(),
        Some("the runtime that the check ran on has ended")
    );
}

#[test]
fn hooks_that_panic_break_nothing() {
    let board = HealthBoard::new();
    board.on_change(|_| panic!("on purpose"));
    board.redact_errors(|_| panic!("on purpose"));
    board.extra(|| panic!("on purpose"));
    board.component("queue").unhealthy("hunter2");
    let json = board.report(Probe::Health).to_json();
    assert!(
        json.contains("\"degraded\"") && json.contains("could not be redacted"),
        "{json}"
    );
}

#[tokio::test]
async fn changes_can_be_waited_for_until_the_board_is_gone() {
    let board = HealthBoard::new();
    let mut changes = board.subscribe();
    let queue = board.component("queue").critical();
    queue.unhealthy("full");
    queue.unhealthy("still full");
    assert!(changes.changed().await);
    assert!(!board.is_ready());
    drop((queue, board));
    assert!(!changes.changed().await);
}

#[test]
fn a_component_taken_off_or_replaced_is_checked_no_more() {
    let board = HealthBoard::new();
    let changes = Told::by(&board);
    let held = Arc::new(());
    let captured = Arc::clone(&held);
    board
        .register("store", move || {
            let _captured = &captured;
            async { Ok::<(), &str>(()) }
        })
        .interval(Duration::from_secs(3_600));
    assert_eq!(changes.next(), told("store", State::Healthy));
    board
        .register("store", || async { Err::<(), _>("new") })
        .interval(Duration::from_secs(3_600));
    assert_eq!(changes.next(), told("store", State::Unhealthy));
    assert_eq!(board.report(Probe::Health).components.len(), 1);
    // What the first check held is let go at once, not at the end of its hour.
    while Arc::strong_count(&held) > 1 {
        std::thread::yield_now();
    }
}

#[test]
fn errors_are_told_with_their_causes_and_components_with_what_they_are() {
    let board = HealthBoard::new();
    let changes = Told::by(&board);
    struct Chained;
    impl fmt::Display for Chained {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(if f.alternate() {
                "no store: disk is gone"
            } else {
                "no store"
            })
        }
    }
    board
        .register("store", || async { Err::<(), _>(Chained) })
        .details("fjall, /data");
    changes.next();
    let report = board.report(Probe::Health);
    assert_eq!(
        report.components[0].last_error.as_deref(),
        Some("no store: disk is gone")
    );
    assert!(report.to_json().contains(r#""details":"fjall, /data""#));
    assert!(
        report
            .to_text()
            .contains(", fjall, /data, last error: no store: disk is gone")
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

#[test]
fn a_change_is_told_once_and_errors_are_redacted_before_they_are_kept() {
    let board = HealthBoard::new();
    board.redact_errors(|error| error.replace("hunter2", "[REDACTED]"));
    let changes = Told::by(&board);
    let (answer, script) = scripted();
    board
        .register_blocking("db", script)
        .interval(SOON)
        .timeout(Duration::from_secs(60));
    for _ in 0..3 {
        answer.send(Err("password hunter2 is wrong")).unwrap();
    }
    answer.send(Ok(())).unwrap();
    let first = changes.0.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(first.error.as_deref(), Some("password [REDACTED] is wrong"));
    assert_eq!(changes.next(), told("db", State::Healthy));
    let json = board.report(Probe::Health).to_json();
    assert!(json.contains("[REDACTED]") && !json.contains("hunter2"));
}

#[test]
fn details_and_the_services_own_fields_are_redacted_too() {
    let board = HealthBoard::new();
    board.redact_errors(|text| text.replace("hunter2", "[REDACTED]"));
    board
        .component("store")
        .details("postgres://shop:hunter2@db/orders")
        .healthy();
    board
        .register_blocking("cache", || Ok::<_, String>(()))
        .details("redis://:hunter2@cache");
    board.extra(|| vec![("queue", "amqp://shop:hunter2@queue".into())]);
    let json = board.report(Probe::Health).to_json();
    assert_eq!(json.matches("[REDACTED]").count(), 3, "{json}");
    assert!(!json.contains("hunter2"), "{json}");
}

#[test]
fn the_answer_is_json_with_the_services_own_fields() {
    let board = HealthBoard::new();
    board.extra(|| {
        vec![
            ("cache_entries", 3_u64.into()),
            ("mode", "\"a\"\n".into()),
            ("ratio", f64::NAN.into()),
        ]
    });
    board.component("store").unhealthy("a \"quoted\"\tthing");
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
