//! Faults that take a process of their own: killed, out of disk, started and stopped time and again.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use watchroom_core::{Reason, Signal};
use watchroom_otlp::{OtlpConfig, ProblemKind, Protocol};

use crate::spool::{files, spooling};
use crate::support::collector::{Collector, Reply, dead_address};
use crate::support::{LONG, child, is_child, spans_to, start};

/// Tells the child its folder.
const DIR: &str = "WATCHROOM_OTLP_TEST_DIR";

fn given_dir() -> PathBuf {
    std::env::var_os(DIR).unwrap().into()
}

#[test]
fn what_was_spooled_survives_a_killed_process() {
    if is_child() {
        let address = format!("http://{}", dead_address());
        let rig = start(spooling(&address, Protocol::Grpc, &given_dir()));
        for first in [0, 10, 20] {
            rig.export_numbers(first..first + 10);
            rig.exporter.flush(LONG);
        }
        println!("\nspooled {}", rig.ledger.spooled(Signal::Spans));
        loop {
            std::thread::park();
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let mut child = child("unlucky::what_was_spooled_survives_a_killed_process")
        .env(DIR, dir.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let told = lines.find_map(|line| line.unwrap().strip_prefix("spooled ").map(ToOwned::to_owned));
    assert_eq!(told.as_deref(), Some("30"));
    // What the dead leave when they are hit while they write.
    let spooled = files(dir.path());
    std::fs::write(spooled[0].with_file_name(".writing"), b"half").unwrap();

    let collector = Collector::grpc([]);
    let rig = start(spooling(&collector.url(), Protocol::Grpc, dir.path()));
    assert!(rig.exporter.flush(LONG).is_complete());
    assert_eq!(collector.received().n_spans(), 0, "its owner lives");
    child.kill().unwrap();
    child.wait().unwrap();
    rig.take_over(30);
    let numbers: Vec<u64> = collector.received().span_numbers().concat();
    assert_eq!(numbers, (0..30).collect::<Vec<_>>());
    assert!(files(dir.path()).is_empty(), "{:?}", files(dir.path()));
    rig.check_ledger(Signal::Spans);
}

#[test]
fn a_full_disk_costs_what_does_not_fit_and_nothing_else() {
    if is_child() {
        let address = dead_address();
        let mut config = spooling(&format!("http://{address}"), Protocol::HttpProtobuf, &given_dir());
        config.retry.max_elapsed = Duration::from_millis(20);
        let rig = start(config);
        // Nothing is on disk yet: it is tried from memory, until that is given up.
        rig.export_spans(400);
        assert!(!rig.exporter.flush(LONG).timed_out);
        assert_eq!(rig.ledger.dropped(Signal::Spans, Reason::RetriesExhausted), 400);
        // A small one fits, and stays the first; what comes behind it and does not fit is dropped.
        rig.export_numbers(0..3);
        assert!(!rig.exporter.flush(LONG).timed_out);
        assert_eq!(rig.ledger.spooled(Signal::Spans), 3);
        rig.export_spans(400);
        assert!(!rig.exporter.flush(LONG).timed_out);
        assert_eq!(rig.ledger.dropped(Signal::Spans, Reason::SpoolFailed), 400);
        rig.check_ledger(Signal::Spans);
        let collector = Collector::at(address, false, []);
        assert!(!rig.exporter.flush(LONG).timed_out);
        assert_eq!(collector.received().span_numbers(), [[0, 1, 2]]);
        rig.export_spans(400);
        assert!(
            rig.exporter.flush(LONG).is_complete(),
            "the disk is not needed any more"
        );
        rig.check_ledger(Signal::Spans);
        rig.exporter.shutdown(LONG);
        let problems = rig.problems.lock().unwrap();
        let failed = problems
            .iter()
            .find(|problem| problem.kind == ProblemKind::SpoolFailed)
            .unwrap();
        assert!(failed.message.contains("cannot write"), "{failed}");
        assert!(files(&given_dir()).is_empty());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let me = child("unlucky::a_full_disk_costs_what_does_not_fit_and_nothing_else");
    // A limit on the size of files fails at the same place as a full disk, and needs no rights.
    // Its output goes into a pipe: the limit holds for a file that the tests' own output goes to as well.
    let ended = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 8; exec "$0" "$@""#])
        .arg(me.get_program())
        .args(me.get_args())
        .envs(me.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env(DIR, dir.path())
        .output()
        .unwrap();
    assert!(
        ended.status.success(),
        "{}",
        String::from_utf8_lossy(&ended.stdout)
    );
}

#[test]
fn a_hundred_starts_and_stops_leave_no_thread_and_no_file_open() {
    fn counts() -> (usize, usize) {
        let count = |folder: &str| std::fs::read_dir(folder).unwrap().count();
        (count("/proc/self/task"), count("/proc/self/fd"))
    }

    if is_child() {
        let dir = given_dir();
        let busy = Collector::grpc(vec![Reply::Grpc(tonic::Code::Unavailable, "", None); 1_000_000]);
        let well = Collector::http([]);
        let dead = format!("http://{}", dead_address());
        let cycle = |config: OtlpConfig, shuts_down: bool| {
            let rig = start(config);
            rig.export_spans(3);
            if shuts_down {
                rig.exporter.shutdown(LONG);
            } else {
                rig.exporter.flush(LONG);
                drop(rig);
            }
        };
        let all = |shuts_down| {
            cycle(spans_to(&well.url(), Protocol::HttpProtobuf), shuts_down);
            cycle(spooling(&busy.url(), Protocol::Grpc, &dir), shuts_down);
            cycle(spooling(&dead, Protocol::Grpc, &dir), shuts_down);
        };
        all(true);
        let settled = |(threads, files): (usize, usize)| {
            // A receiver closes its end when it sees that ours is closed, and a dropped exporter ends by itself.
            (0..10_000).any(|_| {
                let now = counts();
                std::thread::sleep(Duration::from_millis(if now.0 > threads || now.1 > files {
                    5
                } else {
                    0
                }));
                now.0 <= threads && now.1 <= files
            })
        };
        let before = counts();
        (0..34).for_each(|i| all(i % 2 == 0));
        assert!(settled(before), "{before:?} became {:?}", counts());
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let status = child("unlucky::a_hundred_starts_and_stops_leave_no_thread_and_no_file_open")
        .env(DIR, dir.path())
        .status()
        .unwrap();
    assert!(status.success());
}
