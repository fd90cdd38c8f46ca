//! Outputs that would block, that are given up, that do not keep up; and several of them with one ledger.

use super::*;

#[test]
fn an_output_that_would_block_is_waited_for_as_one_that_blocks() {
    let (builder, ledger) = builder();
    let (orders, receiver) = mpsc::channel();
    let seen = Seen::default();
    let writer = builder
        .retries(0, Duration::ZERO)
        .spawn(Told {
            inner: seen.clone(),
            orders: receiver,
        })
        .unwrap();
    for _ in 0..3 {
        orders.send(Some(io::ErrorKind::WouldBlock)).unwrap();
    }
    assert!(writer.append(b"kept\n", 1));
    drop(orders);
    assert!(writer.flush(LONG));
    assert_eq!(seen.text(), "kept\n");
    check_balance(&ledger);
}

/// Takes a line at a time.
struct ByLine(Gate);

impl Write for ByLine {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
        self.0.write(&bytes[..=end])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_shutdown_has_given_up_is_not_written_later() {
    let (builder, ledger) = builder();
    let (entered, has_entered) = mpsc::channel();
    let (let_go, open) = mpsc::channel();
    let seen = Seen::default();
    let gate = Gate {
        entered,
        open,
        seen: seen.clone(),
    };
    let writer = builder.spawn(ByLine(gate)).unwrap();
    assert!(writer.append(b"a\n", 1));
    has_entered.recv().unwrap();
    assert!(writer.append(b"b\nc\n", 2));
    let_go.send(()).unwrap();
    has_entered.recv().unwrap();
    assert_eq!(writer.shutdown(Duration::from_millis(1)).dropped, 2);
    drop(let_go);
    // The thread ends, and its end of the channel with it.
    assert!(has_entered.recv().is_err());
    // The one line that was on its way cannot be called back.
    assert_eq!(seen.text(), "a\nb\n");
    assert_eq!(ledger.delivered(Signal::Lines), 1);
    check_balance(&ledger);
}

#[test]
fn lines_that_found_no_room_are_told_when_the_output_moves_again() {
    let (builder, ledger) = builder();
    let (entered, has_entered) = mpsc::channel();
    let (let_go, open) = mpsc::channel();
    let problems = Problems::default();
    let (clock, hand) = Clock::manual(0);
    let writer = builder
        .name("stdout")
        .clock(clock)
        .max_bytes(10)
        .block_for(Duration::ZERO)
        .on_problem(problems.listener())
        .spawn(Gate {
            entered,
            open,
            seen: Seen::default(),
        })
        .unwrap();
    let overrun = |n: u64| {
        assert!(writer.append(b"123456789\n", 1));
        has_entered.recv().unwrap();
        assert!(writer.append(b"123456789\n", 1));
        (0..n).for_each(|_| assert!(!writer.append(b"123456789\n", 1)));
        let_go.send(()).unwrap();
        has_entered.recv().unwrap();
        let_go.send(()).unwrap();
        assert!(writer.flush(LONG));
    };
    overrun(7);
    overrun(2);
    hand.advance(Duration::from_secs(31));
    overrun(3);
    writer.shutdown(LONG);
    // At its end the thread says what is left to say.
    drop(writer);
    drop(let_go);
    while has_entered.recv().is_ok() {}
    let told = problems.take();
    assert_eq!(told[0], "log output stdout did not keep up; 7 lines were dropped");
    let n: u64 = told
        .iter()
        .filter_map(|line| line.split(' ').nth(7)?.parse::<u64>().ok())
        .sum();
    assert_eq!((n, told.len() <= 3), (12, true), "{told:?}");
    check_balance(&ledger);
}

#[test]
fn what_waits_before_several_outputs_adds_up() {
    let (builder, ledger) = builder();
    let (entered, has_entered) = mpsc::channel();
    let gates: Vec<_> = (0..2)
        .map(|_| {
            let (let_go, open) = mpsc::channel();
            let gate = Gate {
                entered: entered.clone(),
                open,
                seen: Seen::default(),
            };
            let writer = builder.clone().spawn(gate).unwrap();
            assert!(writer.append(b"line\n", 1));
            has_entered.recv().unwrap();
            (writer, let_go)
        })
        .collect();
    assert_eq!(ledger.queued(Signal::Lines), 2);
    for (writer, let_go) in gates {
        drop(let_go);
        assert!(writer.flush(LONG));
    }
    assert_eq!(ledger.queued(Signal::Lines), 0);
    check_balance(&ledger);
}
