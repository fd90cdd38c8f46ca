//! Lines of security events: room and patience of their own, and never lost without a count.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use super::*;

struct Disk {
    is_full: Arc<AtomicBool>,
    seen: Seen,
}

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.is_full.load(SeqCst) {
            true => Err(io::ErrorKind::StorageFull.into()),
            false => self.seen.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn they_have_room_that_no_other_line_uses() {
    let (builder, ledger) = builder();
    let (entered, has_entered) = mpsc::channel();
    let (let_go, open) = mpsc::channel();
    let seen = Seen::default();
    let writer = builder
        .max_bytes(10)
        .security_bytes(20)
        .block_for(Duration::ZERO)
        .block_security_for(Duration::from_millis(1))
        .spawn(Gate {
            entered,
            open,
            seen: seen.clone(),
        })
        .unwrap();
    assert!(writer.append(b"first\n", 1));
    has_entered.recv().unwrap();
    assert!(writer.append(b"ordinary\n", 1));
    assert!(!writer.append(b"no room\n", 1));
    assert!(writer.append_security(b"security1\n", 1));
    assert!(!writer.append(b"still\n", 1), "their room is not for others");
    assert!(writer.append_security(b"security2\n", 1));
    // Once one has waited in vain none waits.
    for _ in 0..1_000 {
        assert!(!writer.append_security(b"security3\n", 1));
    }
    assert_eq!(ledger.get(Count::SecurityLost), 1_000);
    assert_eq!(ledger.dropped(Signal::Lines, Reason::SinkBlocked), 1_000);
    drop(let_go);
    assert!(writer.flush(LONG));
    assert_eq!(seen.text(), "first\nordinary\nsecurity1\nsecurity2\n");
    check_balance(&ledger);
}

#[test]
fn they_outlive_a_full_disk_and_come_first_when_there_is_room_again() {
    let (builder, ledger) = builder();
    let (seen, problems) = (Seen::default(), Problems::default());
    let is_full = Arc::new(AtomicBool::new(true));
    let writer = builder
        .name("file")
        .retries(0, Duration::ZERO)
        .on_problem(problems.listener())
        .spawn(Disk {
            is_full: Arc::clone(&is_full),
            seen: seen.clone(),
        })
        .unwrap();
    let lines = |text: &str| {
        for line in text.split_inclusive('\n') {
            match line.starts_with("sec") {
                true => assert!(writer.append_security(line.as_bytes(), 1)),
                false => assert!(writer.append(line.as_bytes(), 1)),
            }
        }
    };
    lines("a\nsec 1\nb\n");
    let dropped = |n| {
        while ledger.dropped(Signal::Lines, Reason::SinkFailed) < n {
            std::thread::yield_now();
        }
    };
    dropped(2);
    lines("c\nsec 2\n");
    dropped(3);
    assert_eq!(ledger.queued(Signal::Lines), 2);
    // Nothing new is needed for another try.
    is_full.store(false, SeqCst);
    assert!(writer.flush(LONG));
    assert_eq!(seen.text(), "sec 1\nsec 2\n");
    lines("d\n");
    assert!(writer.flush(LONG));
    assert_eq!(seen.text(), "sec 1\nsec 2\nd\n");
    assert_eq!(ledger.get(Count::SecurityLost), 0);
    assert_eq!(ledger.delivered(Signal::Lines), 3);
    check_balance(&ledger);
    assert_eq!(
        problems.take(),
        [
            "log output file fails; lines are dropped and counted until it recovers: no storage space",
            "log output file has recovered; 3 lines were dropped",
        ]
    );
}

#[test]
fn what_is_held_is_bounded_and_what_does_not_fit_is_told() {
    let (builder, ledger) = builder();
    let problems = Problems::default();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let writer = builder
        .security_bytes(20)
        .retries(0, Duration::ZERO)
        .on_problem(problems.listener())
        .spawn(full)
        .unwrap();
    for n in 0..5 {
        assert!(writer.append_security(format!("event {n}\n").as_bytes(), 1));
    }
    assert!(writer.append_security(b"event\nof two lines\n", 2));
    drop(writer);
    // The thread lets go of the listener when all is said.
    while Arc::strong_count(&problems.0) > 1 {
        std::thread::yield_now();
    }
    assert_eq!(ledger.get(Count::SecurityLost), 7);
    assert_eq!(ledger.dropped(Signal::Lines, Reason::SinkFailed), 7);
    check_balance(&ledger);
    let told = problems.take();
    let n: u64 = told
        .iter()
        .filter_map(|line| {
            line.split_once(" of security events")?
                .0
                .rsplit(' ')
                .next()?
                .parse::<u64>()
                .ok()
        })
        .sum();
    assert_eq!(n, 7, "{told:?}");
}

#[test]
fn a_shutdown_that_loses_them_says_so() {
    let (builder, ledger) = builder();
    let (entered, has_entered) = mpsc::channel();
    let (_let_go, open) = mpsc::channel();
    let writer = builder
        .spawn(Gate {
            entered,
            open,
            seen: Seen::default(),
        })
        .unwrap();
    assert!(writer.append(b"ordinary\n", 1));
    has_entered.recv().unwrap();
    assert!(writer.append_security(b"security\n", 1));
    assert_eq!(writer.shutdown(Duration::from_millis(1)).dropped, 2);
    assert_eq!(ledger.get(Count::SecurityLost), 1);
    assert!(!writer.append_security(b"late\n", 1));
    assert_eq!(ledger.get(Count::SecurityLost), 2);
    assert_eq!(ledger.dropped(Signal::Lines, Reason::AfterShutdown), 1);
    check_balance(&ledger);
}
