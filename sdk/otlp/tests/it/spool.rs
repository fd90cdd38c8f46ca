//! What cannot be delivered waits on disk, in its order, and goes out once: from this process or from the next.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use watchroom_core::{Clock, Reason, Signal};
use watchroom_otlp::{OtlpConfig, ProblemKind, Protocol, SpoolConfig, StartError};

use crate::support::collector::{ANYWHERE, Collector, RawReceiver, Reply, dead_address};
use crate::support::{
    LONG, NoMetrics, Rig, config, metrics_of_every_kind, signal, spans_to, start, start_at, start_with,
};

/// Short enough to run out, in a test that wants it to.
const SHORT: Duration = Duration::from_millis(400);

/// Spans go to an address, or wait in a folder.
pub(crate) fn spooling(address: &str, protocol: Protocol, dir: &Path) -> OtlpConfig {
    OtlpConfig {
        spool: Some(SpoolConfig::new(dir)),
        ..spans_to(address, protocol)
    }
}

impl Rig {
    /// Takes over what dead processes have left: so many spans. A process that a test running beside this one is just starting may
    /// hold their lock for a moment, as it holds all open files until it becomes another program.
    #[track_caller]
    pub(crate) fn take_over(&self, n: u64) {
        for _ in 0..6_000 {
            assert!(!self.exporter.flush(LONG).timed_out);
            if self.ledger.accepted(Signal::Spans) >= n {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("took over {}, not {n}", self.ledger.accepted(Signal::Spans));
    }
}

fn dead() -> String {
    format!("http://{}", dead_address())
}

/// All files below a folder but locks.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![dir.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.file_name().unwrap() != "lock" {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

impl Rig {
    #[track_caller]
    fn check_spooled(&self, n: u64) {
        assert_eq!(
            self.ledger.spooled(Signal::Spans),
            n,
            "{:?}",
            self.problems.lock().unwrap()
        );
        self.check_ledger(Signal::Spans);
    }

    #[track_caller]
    fn check_lost(&self, reason: Reason, n: u64) {
        assert_eq!(self.ledger.dropped(Signal::Spans, reason), n);
        assert_eq!(self.ledger.dropped_total(Signal::Spans), n);
        self.check_ledger(Signal::Spans);
    }

    fn has_problem(&self, kind: ProblemKind) -> bool {
        self.exporter.shutdown(LONG);
        self.problems
            .lock()
            .unwrap()
            .iter()
            .any(|problem| problem.kind == kind)
    }
}

#[test]
fn what_a_dead_collector_does_not_take_goes_out_later_oldest_first() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let dir = tempfile::tempdir().unwrap();
        let address = dead_address();
        let rig = start(spooling(&format!("http://{address}"), protocol, dir.path()));
        for first in [0, 10, 20] {
            rig.export_numbers(first..first + 5);
            let report = rig.exporter.flush(LONG);
            assert!(
                !report.timed_out && report.spans.remaining == 0 && !report.is_complete(),
                "{report:?}"
            );
        }
        rig.check_spooled(15);
        assert_eq!(files(dir.path()).len(), 3);
        let collector = Collector::at(address, protocol == Protocol::Grpc, []);
        rig.export_numbers(30..35);
        let report = rig.exporter.flush(LONG);
        assert!(report.is_complete(), "{report:?}");
        assert_eq!(rig.ledger.delivered(Signal::Spans), 20);
        let expected: Vec<Vec<u64>> = [0, 10, 20, 30].map(|first| (first..first + 5).collect()).into();
        assert_eq!(collector.received().span_numbers(), expected);
        rig.check_spooled(0);
        assert!(files(dir.path()).is_empty());
        rig.export_numbers(40..41);
        assert!(rig.exporter.flush(LONG).is_complete(), "back to the short way");
    }
}

#[test]
fn it_is_tried_again_without_being_asked() {
    let dir = tempfile::tempdir().unwrap();
    let address = dead_address();
    let mut config = spooling(&format!("http://{address}"), Protocol::HttpProtobuf, dir.path());
    // How long a batch is kept in memory does not matter.
    config.retry.max_elapsed = Duration::ZERO;
    let rig = start(config);
    rig.export_spans(3);
    rig.exporter.flush(LONG);
    rig.check_spooled(3);
    let collector = Collector::at(address, false, []);
    collector.wait(|received| received.n_spans() == 3);
}

#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let rig = start(spooling(&dead(), Protocol::Grpc, dir.path()));
    rig.export_spans(3);
    rig.exporter.flush(LONG);
    let [file] = files(dir.path()).try_into().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    assert_eq!(mode(&dir.path().join("shop")), 0o700);
}

#[test]
fn a_shutdown_leaves_in_the_spool_what_a_dead_collector_did_not_take() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let dir = tempfile::tempdir().unwrap();
        let rig = start(spooling(&dead(), protocol, dir.path()));
        rig.export_spans(1_500);
        let report = rig.exporter.shutdown(LONG);
        assert!(!report.timed_out && report.spans.spooled == 1_500, "{report:?}");
        rig.check_lost(Reason::ShutdownTimeout, 0);
        drop(rig);
        let collector = Collector::at(ANYWHERE, protocol == Protocol::Grpc, []);
        let rig = start(spooling(&collector.url(), protocol, dir.path()));
        rig.take_over(1_500);
        assert_eq!(rig.ledger.delivered(Signal::Spans), 1_500);
        assert_eq!(
            rig.ledger.accepted(Signal::Spans),
            1_500,
            "taken over is taken in"
        );
        rig.check_spooled(0);
        let numbers: Vec<u64> = collector.received().span_numbers().concat();
        assert!(numbers.into_iter().eq(0..1_500));
    }
}

#[test]
fn a_shutdown_whose_collector_never_answers_is_bounded_and_leaves_all_in_the_spool() {
    for protocol in [Protocol::Grpc, Protocol::HttpProtobuf] {
        let dir = tempfile::tempdir().unwrap();
        let receiver = RawReceiver::new(Vec::new());
        let rig = start(spooling(&receiver.url(), protocol, dir.path()));
        rig.export_spans(1_500);
        rig.exporter.shutdown(SHORT);
        // On a busy machine the thread's last step may come a little later; it comes without an answer.
        assert!(!rig.exporter.shutdown(LONG).timed_out);
        rig.check_lost(Reason::ShutdownTimeout, 0);
        rig.check_spooled(1_500);
        drop(rig);
        let collector = Collector::at(ANYWHERE, protocol == Protocol::Grpc, []);
        let rig = start(spooling(&collector.url(), protocol, dir.path()));
        rig.take_over(1_500);
        assert_eq!(collector.received().n_spans(), 1_500);
    }
}

#[test]
fn a_busy_collector_costs_nothing_as_long_as_the_disk_has_room() {
    let dir = tempfile::tempdir().unwrap();
    let collector = Collector::grpc([Reply::AfterGate]);
    let rig = start(OtlpConfig {
        trace_batch: 4,
        trace_queue: 16,
        ..spooling(&collector.url(), Protocol::Grpc, dir.path())
    });
    rig.export_numbers(0..4);
    collector.wait(|received| received.n_spans() == 4);
    for first in (4..104).step_by(4) {
        rig.export_numbers(first..first + 4);
        while rig.ledger.queued(Signal::Spans) > 4 + 8 {
            std::thread::yield_now();
        }
    }
    assert_eq!(rig.ledger.dropped_total(Signal::Spans), 0);
    assert!(rig.ledger.spooled(Signal::Spans) >= 80);
    collector.open_gate();
    assert!(rig.exporter.flush(LONG).is_complete());
    let numbers: Vec<u64> = collector.received().span_numbers().concat();
    assert!(numbers.iter().copied().eq(0..104), "{numbers:?}");
    rig.check_spooled(0);
}

#[test]
fn a_pause_that_the_receiver_asks_for_holds_for_the_spool() {
    let dir = tempfile::tempdir().unwrap();
    let later = vec![("retry-after", "3600".into())];
    let collector = Collector::http([Reply::Http(503, later, Vec::new())]);
    let rig = start(spooling(&collector.url(), Protocol::HttpProtobuf, dir.path()));
    rig.export_spans(2);
    rig.exporter.flush(LONG);
    rig.export_spans(1);
    let report = rig.exporter.flush(LONG);
    assert!(!report.timed_out && report.spans.spooled == 3, "{report:?}");
    assert_eq!(collector.received().n_requests, 1);
}

#[test]
fn what_is_refused_or_taken_in_part_from_the_spool_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let later = Reply::Http(503, Vec::new(), Vec::new());
    let no = Reply::Http(400, Vec::new(), Vec::new());
    let collector = Collector::http([later, no, Reply::Partial(2, "two were bad")]);
    let rig = start(spooling(&collector.url(), Protocol::HttpProtobuf, dir.path()));
    rig.export_spans(3);
    rig.exporter.flush(LONG);
    rig.export_spans(5);
    let report = rig.exporter.flush(LONG);
    assert!(!report.timed_out && report.spans.spooled == 0, "{report:?}");
    rig.check_lost(Reason::Rejected, 3 + 2);
    assert_eq!(rig.ledger.delivered(Signal::Spans), 3);
    assert!(files(dir.path()).is_empty());
}

#[test]
fn all_three_signals_have_their_own_spool() {
    let dir = tempfile::tempdir().unwrap();
    let address = dead_address();
    let collector = || signal(&format!("http://{address}"), Protocol::HttpProtobuf);
    let rig = start_with(
        OtlpConfig {
            traces: Some(collector()),
            logs: Some(collector()),
            metrics: Some(collector()),
            spool: Some(SpoolConfig::new(dir.path())),
            ..config()
        },
        Arc::new(metrics_of_every_kind()),
    );
    rig.export_spans(2);
    crate::accounting::log(&rig, 3);
    for _ in 0..2 {
        assert!(!rig.exporter.flush(LONG).timed_out);
    }
    assert_eq!(rig.ledger.spooled(Signal::Spans), 2);
    assert_eq!(rig.ledger.spooled(Signal::Logs), 3);
    assert_eq!(
        rig.ledger.spooled(Signal::Metrics),
        12,
        "two snapshots of six points"
    );
    let collector = Collector::at(address, false, []);
    // It may be trying already, and metrics are read once more.
    assert!(!rig.exporter.flush(LONG).timed_out);
    assert!(rig.exporter.shutdown(LONG).is_complete());
    let received = collector.received();
    assert_eq!((received.n_spans(), received.n_logs()), (2, 3));
    assert!(received.metrics.len() >= 3);
    for signal in [Signal::Spans, Signal::Logs, Signal::Metrics] {
        assert_eq!(rig.ledger.dropped_total(signal), 0);
        rig.check_ledger(signal);
    }
}

#[test]
fn beyond_its_size_the_oldest_are_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let address = dead_address();
    let mut config = spooling(&format!("http://{address}"), Protocol::HttpProtobuf, dir.path());
    config.max_request_bytes = 4_096;
    // Each batch takes a block of 4 KiB.
    config.spool.as_mut().unwrap().max_bytes = 3 * 4_096;
    let rig = start(config);
    for first in (0..50).step_by(10) {
        rig.export_numbers(first..first + 10);
        rig.exporter.flush(LONG);
    }
    rig.check_lost(Reason::SpoolFull, 20);
    rig.check_spooled(30);
    assert_eq!(files(dir.path()).len(), 3);
    let collector = Collector::at(address, false, []);
    assert!(!rig.exporter.flush(LONG).timed_out);
    let numbers: Vec<u64> = collector.received().span_numbers().concat();
    assert_eq!(numbers, (20..50).collect::<Vec<_>>());
    assert!(rig.has_problem(ProblemKind::SpoolFull));
}

#[test]
fn what_has_waited_too_long_is_dropped_and_a_clock_that_is_set_makes_nothing_older() {
    let dir = tempfile::tempdir().unwrap();
    let day = Duration::from_secs(24 * 3_600);
    let (clock, hand) = Clock::manual(1_700_000_000_000_000_000);
    let config = spooling(&dead(), Protocol::Grpc, dir.path());
    let rig = start_at(config.clone(), Arc::new(NoMetrics), clock.clone());
    rig.export_spans(3);
    rig.exporter.flush(LONG);
    hand.advance(day / 2);
    rig.export_spans(4);
    rig.exporter.flush(LONG);
    for wall in [0, 4_000_000_000_000_000_000, 1_699_000_000_000_000_000] {
        hand.set_wall(wall);
        rig.exporter.flush(LONG);
        rig.check_spooled(7);
    }
    hand.advance(day / 2);
    rig.exporter.flush(LONG);
    rig.check_spooled(4);
    rig.check_lost(Reason::SpoolExpired, 3);
    rig.exporter.shutdown(LONG);
    drop(rig);
    // The next process can only go by the wall clock, which says that it has all been written in the future.
    let (clock, hand) = Clock::manual(1_000_000_000_000_000_000);
    let rig = start_at(config, Arc::new(NoMetrics), clock);
    rig.take_over(4);
    rig.check_spooled(4);
    hand.advance(day);
    rig.exporter.flush(LONG);
    rig.check_lost(Reason::SpoolExpired, 4);
    assert!(rig.has_problem(ProblemKind::SpoolExpired));
    assert!(files(dir.path()).is_empty());
}

#[test]
fn a_damaged_file_is_set_aside_and_the_others_go_out() {
    let dir = tempfile::tempdir().unwrap();
    let rig = start(spooling(&dead(), Protocol::Grpc, dir.path()));
    for first in [0, 10, 20, 30] {
        rig.export_numbers(first..first + 3);
        rig.exporter.flush(LONG);
    }
    rig.exporter.shutdown(LONG);
    drop(rig);
    let spooled = files(dir.path());
    let mut content = fs::read(&spooled[1]).unwrap();
    *content.last_mut().unwrap() ^= 1;
    fs::write(&spooled[1], &content).unwrap();
    // What a crash of the machine may leave of a file that was renamed, but not yet written.
    fs::write(&spooled[2], b"").unwrap();

    let collector = Collector::grpc([]);
    let rig = start(spooling(&collector.url(), Protocol::Grpc, dir.path()));
    rig.take_over(12);
    assert_eq!(collector.received().span_numbers(), [[0, 1, 2], [30, 31, 32]]);
    rig.check_lost(Reason::SpoolDamaged, 6);
    rig.check_spooled(0);
    assert!(rig.has_problem(ProblemKind::SpoolDamaged));
    let left = files(dir.path());
    assert!(
        left.len() == 2
            && left
                .iter()
                .all(|path| path.starts_with(dir.path().join("shop/damaged"))),
        "{left:?}"
    );
}

#[test]
fn a_file_that_somebody_has_removed_is_counted() {
    let dir = tempfile::tempdir().unwrap();
    let rig = start(spooling(&dead(), Protocol::Grpc, dir.path()));
    for _ in 0..2 {
        rig.export_spans(3);
        rig.exporter.flush(LONG);
    }
    fs::remove_file(&files(dir.path())[0]).unwrap();
    rig.exporter.flush(LONG);
    rig.check_lost(Reason::SpoolFailed, 3);
    rig.check_spooled(3);
}

#[test]
fn what_a_living_process_has_spooled_is_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let first = start(spooling(&dead(), Protocol::Grpc, dir.path()));
    first.export_numbers(0..5);
    first.exporter.flush(LONG);
    let collector = Collector::grpc([]);
    let second = start(spooling(&collector.url(), Protocol::Grpc, dir.path()));
    second.export_numbers(10..15);
    assert!(second.exporter.flush(LONG).is_complete());
    assert_eq!(collector.received().n_spans(), 5);
    first.check_spooled(5);
    first.exporter.shutdown(LONG);
    drop(first);
    // Once it has ended, who runs takes it over.
    second.take_over(10);
    assert_eq!(second.ledger.delivered(Signal::Spans), 10);
    assert_eq!(
        collector.received().span_numbers(),
        [[10, 11, 12, 13, 14], [0, 1, 2, 3, 4]]
    );
    second.check_spooled(0);
}

#[test]
fn many_heirs_send_what_was_left_once() {
    let dir = tempfile::tempdir().unwrap();
    for first in (0..100).step_by(10) {
        let rig = start(spooling(&dead(), Protocol::Grpc, dir.path()));
        rig.export_numbers(first..first + 10);
        rig.exporter.shutdown(LONG);
    }
    let collector = Collector::grpc([]);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let rig = start(spooling(&collector.url(), Protocol::Grpc, dir.path()));
                assert!(rig.exporter.shutdown(LONG).is_complete());
            });
        }
    });
    let n_left = 100_u64.saturating_sub(collector.received().n_spans() as u64);
    start(spooling(&collector.url(), Protocol::Grpc, dir.path())).take_over(n_left);
    let mut numbers: Vec<u64> = collector.received().span_numbers().concat();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    assert!(files(dir.path()).is_empty());
}

#[test]
fn another_service_in_the_same_folder_keeps_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let rig = start(spooling(&dead(), Protocol::Grpc, dir.path()));
    rig.export_spans(5);
    rig.exporter.shutdown(LONG);
    drop(rig);
    fs::rename(dir.path().join("shop"), dir.path().join("other")).unwrap();
    let collector = Collector::grpc([]);
    let rig = start(spooling(&collector.url(), Protocol::Grpc, dir.path()));
    assert!(rig.exporter.flush(LONG).is_complete());
    assert_eq!(rig.ledger.accepted(Signal::Spans), 0);
    assert_eq!(files(dir.path()).len(), 1);
}

#[test]
fn a_spool_that_cannot_work_is_an_error_of_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let start = |config: OtlpConfig| {
        let exporter = watchroom_otlp::OtlpExporter::start(
            config,
            &crate::support::resource(),
            Arc::default(),
            Clock::system(),
            None,
        );
        exporter.unwrap_err()
    };
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    let error = start(spooling(&dead(), Protocol::Grpc, &file));
    assert!(
        matches!(&error, StartError::Spool { path, .. } if path.starts_with(&file)),
        "{error}"
    );
    let mut config = spooling(&dead(), Protocol::Grpc, dir.path());
    config.spool.as_mut().unwrap().max_bytes = 1_000;
    let error = start(config).to_string();
    assert!(
        error.contains("spool.max_bytes") && error.contains("1000"),
        "{error}"
    );
}
