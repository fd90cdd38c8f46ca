//! What the processes do.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_capture::Capture;
use watchroom_capture::security::{self, Action, Outcome};
use watchroom_core::{Count, Ledger, Reason, Signal};
use watchroom_log::{FileConfig, Format, LogSink, RollingFile, SpanLines, Writer, report_problem};

pub(crate) const VARIABLE: &str = "WATCHROOM_TEST_SCENE";

/// Plays the scene that the variable names; as a test of its own it has nothing to play.
#[test]
fn play() {
    let Ok(scene) = std::env::var(VARIABLE) else {
        return;
    };
    match scene.as_str() {
        "burst" => burst(),
        "file" => file(),
        other => panic!("no scene {other}"),
    }
    // Without what the harness would still say on a standard output that may be full.
    std::process::exit(0);
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

fn number(name: &str) -> u64 {
    variable(name).parse().unwrap()
}

fn start(name: &str, output: impl io::Write + Send + 'static) -> (Writer, Arc<Ledger>) {
    let ledger = Arc::new(Ledger::default());
    let writer = Writer::builder()
        .name(name)
        .ledger(Arc::clone(&ledger))
        .retries(1, Duration::from_millis(1))
        .on_problem(report_problem)
        .spawn(output)
        .unwrap();
    let sink = LogSink::builder(writer.clone())
        .format(Format::Json)
        .spans(SpanLines::NONE)
        .build();
    let (layer, _handle) = Capture::builder()
        .ledger(Arc::clone(&ledger))
        .sink(Arc::new(sink))
        .build();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer)).unwrap();
    (writer, ledger)
}

fn tell(ledger: &Ledger, in_files: u64) {
    let dropped: serde_json::Map<String, Value> = Reason::ALL
        .into_iter()
        .map(|reason| {
            (
                reason.as_str().to_owned(),
                ledger.dropped(Signal::Lines, reason).into(),
            )
        })
        .collect();
    let counts = json!({
        "accepted": ledger.accepted(Signal::Lines),
        "delivered": ledger.delivered(Signal::Lines),
        "queued": ledger.queued(Signal::Lines),
        "dropped": dropped,
        "security_lost": ledger.get(Count::SecurityLost),
        "in_files": in_files,
    });
    let mut stderr = io::stderr().lock();
    writeln!(stderr, "{counts}").unwrap();
}

fn security_event() {
    security::event(Action::Read, Outcome::Success)
        .actor("u-17")
        .object("ledger")
        .emit();
}

/// Whether the counts add up and have not moved for a while.
fn is_settled(ledger: &Ledger) -> bool {
    let before = ledger.accepted(Signal::Lines);
    std::thread::sleep(Duration::from_millis(200));
    let done = ledger.delivered(Signal::Lines) + ledger.dropped_total(Signal::Lines);
    ledger.accepted(Signal::Lines) == before && done == before
}

/// So many lines from so many threads, ten of them security events.
fn burst() {
    let (writer, ledger) = start("stdout", watchroom_log::stdout().unwrap());
    let n_threads = number("THREADS");
    let n_each = number("N") / n_threads;
    std::thread::scope(|scope| {
        for thread in 0..n_threads {
            scope.spawn(move || (0..n_each).for_each(|n| tracing::info!(thread, n, "burst")));
        }
    });
    (0..10).for_each(|_| security_event());
    writer.shutdown(Duration::from_millis(number("TIMEOUT_MS")));
    // The writer's thread may have a last word to say, which is not to come between two readings of the counts.
    while !is_settled(&ledger) {
        std::thread::yield_now();
    }
    tell(&ledger, 0);
}

/// Does what standard input says and tells the counts after each command.
fn file() {
    let dir = variable("DIR");
    let file = RollingFile::open(FileConfig::new(&dir, "app")).unwrap();
    let (writer, ledger) = start("file", file);
    tell(&ledger, in_files(&dir));
    let mut n_security = 0;
    for command in io::stdin().lines() {
        let command = command.unwrap();
        if let Some(n) = command.strip_prefix("log ") {
            (0..n.parse().unwrap()).for_each(|n: u32| tracing::info!(n, "a line"));
            security_event();
            n_security += 1;
        } else {
            assert_eq!(command, "free");
            std::fs::remove_file(format!("{dir}/filler")).unwrap();
        }
        // Security events may be held; everything else is settled.
        let settled = || {
            let done = ledger.delivered(Signal::Lines) + ledger.dropped_total(Signal::Lines);
            let waits = ledger.accepted(Signal::Lines) - done;
            waits == ledger.queued(Signal::Lines) && waits <= n_security
        };
        while !settled() {
            std::thread::yield_now();
        }
        // What is held and can be written is written; where it cannot, this ends soon.
        let _ = writer.flush(Duration::from_millis(300));
        tell(&ledger, in_files(&dir));
    }
}

/// Lines that are whole.
fn in_files(dir: &str) -> u64 {
    let mut n = 0;
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "log") {
            let text = std::fs::read_to_string(path).unwrap();
            n += text
                .lines()
                .filter(|line| serde_json::from_str::<Value>(line).is_ok())
                .count() as u64;
        }
    }
    n
}
