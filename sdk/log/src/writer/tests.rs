//! Outputs that block, fail and recover.

use std::io::{self, Read as _, Write};
use std::sync::{Mutex, mpsc};

use super::*;

mod outputs;
mod security;

const LONG: Duration = Duration::from_secs(30);

fn builder() -> (WriterBuilder, Arc<Ledger>) {
    let ledger = Arc::new(Ledger::default());
    (Writer::builder().ledger(Arc::clone(&ledger)), ledger)
}

#[track_caller]
fn check_balance(ledger: &Ledger) {
    let done =
        ledger.delivered(Signal::Lines) + ledger.dropped_total(Signal::Lines) + ledger.queued(Signal::Lines);
    assert_eq!(ledger.accepted(Signal::Lines), done);
}

/// What has been written, for all to see.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What the writer has told of its output.
#[derive(Clone, Default)]
struct Problems(Arc<Mutex<Vec<String>>>);

impl Problems {
    fn listener(&self) -> impl Fn(&WriterProblem) + Send + Sync + use<> {
        let told = Arc::clone(&self.0);
        move |problem| told.lock().unwrap().push(problem.to_string())
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

/// Does with each write what it is told.
struct Told<W> {
    inner: W,
    orders: mpsc::Receiver<Option<io::ErrorKind>>,
}

impl<W: Write> Write for Told<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.orders.recv() {
            Ok(Some(kind)) => Err(kind.into()),
            _ => self.inner.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn lines_of_many_threads_arrive_whole_and_in_each_threads_order() {
    let (builder, ledger) = builder();
    let seen = Seen::default();
    let writer = builder
        .max_bytes(4_096)
        .block_for(LONG)
        .spawn(seen.clone())
        .unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let writer = writer.clone();
            scope.spawn(move || {
                for n in 0..500 {
                    assert!(writer.append(format!("{thread} {n}\n").as_bytes(), 1));
                }
            });
        }
    });
    assert!(writer.flush(LONG));
    let text = seen.text();
    for thread in 0..4 {
        let prefix = format!("{thread} ");
        let numbers = text
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix)?.parse::<u32>().ok());
        assert!(numbers.eq(0..500), "{thread}");
    }
    assert_eq!(ledger.delivered(Signal::Lines), 2_000);
    check_balance(&ledger);
}

#[test]
fn a_pipe_that_nobody_reads_holds_nobody_up_and_what_is_dropped_is_counted() {
    let (builder, ledger) = builder();
    let (mut reader, pipe) = io::pipe().unwrap();
    let writer = builder
        .max_bytes(4_096)
        .block_for(Duration::from_millis(1))
        .spawn(pipe)
        .unwrap();
    let line = [b"x".repeat(1_023), b"\n".to_vec()].concat();
    let mut n_taken = 0_u64;
    // Were each line to wait for its millisecond, this would take minutes.
    while ledger.dropped(Signal::Lines, Reason::SinkBlocked) < 100_000 {
        n_taken += u64::from(writer.append(&line, 1));
    }
    let report = writer.shutdown(Duration::from_millis(1));
    assert_eq!(
        ledger.dropped(Signal::Lines, Reason::ShutdownTimeout),
        report.dropped
    );
    assert_eq!(n_taken, ledger.delivered(Signal::Lines) + report.dropped);
    assert!(!writer.append(b"late\n", 1));
    assert_eq!(ledger.dropped(Signal::Lines, Reason::AfterShutdown), 1);
    check_balance(&ledger);
    // The thread ends as soon as somebody reads.
    let mut rest = Vec::new();
    drop(writer);
    reader.read_to_end(&mut rest).unwrap();
    assert!(rest.starts_with(&line));
    check_balance(&ledger);
}

/// Says when it is written to, and goes on when it is let.
struct Gate {
    entered: mpsc::Sender<()>,
    open: mpsc::Receiver<()>,
    seen: Seen,
}

impl Write for Gate {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Once the test lets go of its ends, the gate stays open.
        let _ = self.entered.send(());
        let _ = self.open.recv();
        self.seen.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn once_a_line_has_waited_in_vain_no_other_waits_until_the_output_moves() {
    let (builder, ledger) = builder();
    let (entered, has_entered) = mpsc::channel();
    let (let_go, open) = mpsc::channel();
    let writer = builder
        .max_bytes(10)
        .block_for(Duration::from_millis(1))
        .spawn(Gate {
            entered,
            open,
            seen: Seen::default(),
        })
        .unwrap();
    assert!(writer.append(b"12345678\n", 1));
    has_entered.recv().unwrap();
    // The thread is inside of the output with the first line; the second fills the buffer.
    assert!(writer.append(b"12345678\n", 1));
    for _ in 0..1_000_000 {
        assert!(!writer.append(b"12345678\n", 1));
    }
    assert_eq!(ledger.dropped(Signal::Lines, Reason::SinkBlocked), 1_000_000);
    assert!(!writer.flush(Duration::from_millis(1)));
    drop(let_go);
    assert!(writer.flush(LONG));
    assert!(writer.append(b"12345678\n", 1));
    assert!(writer.flush(LONG));
    assert_eq!(ledger.delivered(Signal::Lines), 3);
    check_balance(&ledger);
}

#[test]
fn without_a_bound_a_full_buffer_drops_at_once() {
    let (builder, ledger) = builder();
    let (_orders, receiver) = mpsc::channel();
    let output = Told {
        inner: io::sink(),
        orders: receiver,
    };
    let writer = builder
        .max_bytes(10)
        .block_for(Duration::ZERO)
        .spawn(output)
        .unwrap();
    while writer.append(b"12345\n", 1) {
        std::thread::yield_now();
    }
    assert_eq!(ledger.dropped(Signal::Lines, Reason::QueueFull), 1);
    assert!(!writer.append(b"a line that never fits\n", 1));
    assert_eq!(ledger.dropped(Signal::Lines, Reason::TooLarge), 1);
}

#[test]
fn a_full_disk_is_tried_again_and_nothing_is_lost_if_it_recovers() {
    let (builder, ledger) = builder();
    let (orders, receiver) = mpsc::channel();
    let seen = Seen::default();
    let output = Told {
        inner: seen.clone(),
        orders: receiver,
    };
    let writer = builder
        .retries(3, Duration::from_millis(1))
        .spawn(output)
        .unwrap();
    for order in [
        Some(io::ErrorKind::StorageFull),
        Some(io::ErrorKind::Interrupted),
        Some(io::ErrorKind::StorageFull),
    ] {
        orders.send(order).unwrap();
    }
    drop(orders);
    assert!(writer.append(b"kept\n", 1));
    assert!(writer.flush(LONG));
    assert_eq!(seen.text(), "kept\n");
    assert_eq!(ledger.dropped_total(Signal::Lines), 0);
    check_balance(&ledger);
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_stays_full_costs_its_lines_and_they_are_counted() {
    let (builder, ledger) = builder();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let writer = builder.retries(1, Duration::from_millis(1)).spawn(full).unwrap();
    assert!(writer.append(b"a\nb\n", 2));
    assert!(writer.flush(LONG));
    assert!(writer.append(b"c\n", 1));
    assert!(writer.flush(LONG));
    assert_eq!(ledger.dropped(Signal::Lines, Reason::SinkFailed), 3);
    check_balance(&ledger);
}

#[test]
fn a_line_that_a_failure_cut_off_is_ended_before_the_next() {
    /// Takes two bytes, fails, then recovers.
    struct Cut(Seen, u32);

    impl Write for Cut {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1 += 1;
            match self.1 {
                1 => self.0.write(&bytes[..2]),
                2 => Err(io::ErrorKind::BrokenPipe.into()),
                _ => self.0.write(bytes),
            }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let (builder, ledger) = builder();
    let seen = Seen::default();
    let writer = builder.spawn(Cut(seen.clone(), 0)).unwrap();
    assert!(writer.append(b"first\n", 1));
    assert!(writer.flush(LONG));
    assert!(writer.append(b"second\n", 1));
    assert!(writer.flush(LONG));
    assert_eq!(seen.text(), "fi\nsecond\n");
    assert_eq!(ledger.dropped(Signal::Lines, Reason::SinkFailed), 1);
    assert_eq!(ledger.delivered(Signal::Lines), 1);
    check_balance(&ledger);
}

#[test]
fn a_shutdown_writes_what_is_left_and_says_so() {
    let (builder, ledger) = builder();
    let (orders, receiver) = mpsc::channel();
    let seen = Seen::default();
    let writer = builder
        .spawn(Told {
            inner: seen.clone(),
            orders: receiver,
        })
        .unwrap();
    for line in ["a\n", "b\n", "c\n"] {
        assert!(writer.append(line.as_bytes(), 1));
    }
    drop(orders);
    let report = writer.shutdown(LONG);
    assert_eq!(report.dropped, 0);
    assert!(report.flushed <= 3);
    assert_eq!(seen.text(), "a\nb\nc\n");
    assert_eq!(writer.shutdown(LONG), Report::default());
    check_balance(&ledger);
}

#[test]
fn dropping_the_last_handle_still_writes_what_was_taken() {
    let (builder, _ledger) = builder();
    let (mut reader, pipe) = io::pipe().unwrap();
    let writer = builder.spawn(pipe).unwrap();
    assert!(writer.append(b"last words\n", 1));
    drop(writer);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text, "last words\n");
}
