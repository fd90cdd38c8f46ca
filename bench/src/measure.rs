//! Timing work.
//!
//! A run takes many short samples and keeps the median, so that a sample during which somebody else had the processor does not count.
//!
//! Invariant: what `settle` and the set-up do is not in any sample.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::Stopwatch;

/// How long to measure.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Runs of each piece of work; the figure is their median.
    pub n_runs: usize,
    /// Samples in a run.
    pub n_samples: usize,
    /// Length of a sample.
    pub sample: Duration,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            n_runs: 7,
            n_samples: 50,
            sample: Duration::from_micros(500),
        }
    }
}

/// Times one run, or does the work under a tool that counts instructions.
#[derive(Debug)]
pub struct Bencher {
    plan: Plan,
    /// Nanoseconds for one operation.
    samples: Vec<f64>,
    /// Operations that were counted, where nothing is timed.
    n_counted: Option<u64>,
}

/// Operations before the count, and in it; of bursts as many. The counts of a run are alike to the last instruction, but for what
/// happens once in many operations: a buffer that is changed, a line of a hash table.
const N_WARM: u64 = 200;
const N_COUNTED: u64 = 400;
const BURSTS_WARM: u64 = 3;
const BURSTS_COUNTED: u64 = 2;

impl Bencher {
    /// For one run.
    #[must_use]
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            samples: Vec::with_capacity(plan.n_samples),
            n_counted: None,
        }
    }

    /// For a run whose instructions are counted, in the function whose name [`COUNTED_FUNCTION`] is.
    #[must_use]
    pub fn counting() -> Self {
        Self {
            n_counted: Some(0),
            ..Self::new(Plan::default())
        }
    }

    /// Operations that were done in the function that is counted.
    #[must_use]
    pub fn n_counted(&self) -> u64 {
        self.n_counted.unwrap_or(0)
    }

    /// Times an operation that can be repeated at will.
    pub fn iter<R>(&mut self, mut op: impl FnMut() -> R) {
        self.each(move |_| op());
    }

    /// As [`iter`](Self::iter), for an operation that is told its number: the loop has it anyway, and one in memory costs as much as
    /// the quickest operations.
    pub fn each<R>(&mut self, mut op: impl FnMut(usize) -> R) {
        if let Some(n) = &mut self.n_counted {
            repeat(N_WARM, &mut op);
            counted(N_COUNTED, &mut op);
            *n += N_COUNTED;
            return;
        }
        let n = calibrate(self.plan.sample, |n| repeat(n, &mut op));
        for _ in 0..self.plan.n_samples {
            self.samples.push(per_op(repeat(n, &mut op), n));
        }
    }

    /// Times an operation `n` times on end; then `settle` lets queues run empty, untimed.
    pub fn bursts<R>(&mut self, n: u64, mut op: impl FnMut() -> R, settle: impl FnMut()) {
        self.untimed_between(
            n,
            |count| {
                if count {
                    counted(n, &mut |_| op())
                } else {
                    repeat(n, &mut |_| op())
                }
            },
            settle,
        );
    }

    /// As [`bursts`](Self::bursts), for work that does all `n` operations of a burst in one call.
    pub fn batches<R>(&mut self, n: u64, mut batch: impl FnMut() -> R, settle: impl FnMut()) {
        self.untimed_between(
            n,
            |count| {
                if count {
                    counted(1, &mut |_| batch())
                } else {
                    repeat(1, &mut |_| batch())
                }
            },
            settle,
        );
    }

    fn untimed_between(&mut self, n: u64, mut work: impl FnMut(bool) -> Duration, mut settle: impl FnMut()) {
        if let Some(n_counted) = &mut self.n_counted {
            for burst in 0..BURSTS_WARM + BURSTS_COUNTED {
                work(burst >= BURSTS_WARM);
                settle();
            }
            *n_counted += n * BURSTS_COUNTED;
            return;
        }
        let mut burst = || {
            let took = work(false);
            settle();
            took
        };
        // The first bursts fill pools and caches.
        for _ in 0..5 {
            burst();
        }
        for _ in 0..self.plan.n_samples {
            self.samples.push(per_op(burst(), n));
        }
    }

    /// Times an operation on `n_threads` threads at once, which start each sample together; it is told the numbers of the thread and
    /// of the operation. The figure is the time of one operation on its thread. Samples during which a thread was not running with
    /// the others do not count; where hardly any is left, there is no figure.
    ///
    /// Nothing is counted: what several threads wait for each other is no cost of theirs in instructions.
    pub fn threads<R>(&mut self, n_threads: usize, op: impl Fn(usize, usize) -> R + Copy + Sync) {
        if self.n_counted.is_some() {
            return;
        }
        let watch = Stopwatch::start();
        let own = |thread: usize, n: u64| {
            let begin = ns(watch.elapsed());
            // By value, so that no look at where it stands is timed.
            let took = ns(repeat(n, &mut move |i| op(thread, i)));
            Span {
                begin,
                end: begin + took,
            }
        };
        let n = calibrate(self.plan.sample / 2, |n| own(0, n).length());
        let (gate, done) = (Gate::new(n_threads), AtomicBool::new(false));
        let others: Vec<Mutex<Span>> = (1..n_threads).map(|_| Mutex::default()).collect();
        std::thread::scope(|scope| {
            for (i, place) in others.iter().enumerate() {
                let (gate, done, own) = (&gate, &done, &own);
                scope.spawn(move || {
                    loop {
                        gate.pass();
                        if done.load(SeqCst) {
                            break;
                        }
                        let span = own(i + 1, n);
                        *place.lock().unwrap_or_else(PoisonError::into_inner) = span;
                        gate.pass();
                    }
                });
            }
            // The first rounds fill caches. A machine with other work gets more rounds, but not without end.
            for round in 0..self.plan.n_samples * MAX_ROUNDS_PER_SAMPLE {
                gate.pass();
                let mut spans = vec![own(0, n)];
                gate.pass();
                let others = others
                    .iter()
                    .map(|place| *place.lock().unwrap_or_else(PoisonError::into_inner));
                spans.extend(others);
                if round >= 5 && ran_together(&spans) {
                    let all: Duration = spans.iter().map(|span| span.length()).sum();
                    self.samples.push(per_op(all, n * n_threads as u64));
                }
                if self.samples.len() >= self.plan.n_samples {
                    break;
                }
            }
            done.store(true, SeqCst);
            gate.pass();
        });
        if self.samples.len() < self.plan.n_samples.min(MIN_SAMPLES) {
            self.samples.clear();
        }
    }

    /// The median sample, in nanoseconds for one operation.
    #[must_use]
    pub fn median(self) -> f64 {
        crate::row::median(self.samples)
    }
}

/// Rounds that threads get for each sample that is wanted.
const MAX_ROUNDS_PER_SAMPLE: usize = 20;

/// Samples below which there is no figure.
const MIN_SAMPLES: usize = 5;

/// When a thread was at work, in nanoseconds since a common start.
#[derive(Debug, Clone, Copy, Default)]
struct Span {
    begin: u64,
    end: u64,
}

impl Span {
    const fn length(self) -> Duration {
        Duration::from_nanos(self.end - self.begin)
    }
}

/// Whether the threads worked at the same time for at least four fifths of the longest one's time.
fn ran_together(spans: &[Span]) -> bool {
    let begin = spans.iter().map(|span| span.begin).max().unwrap_or(0);
    let end = spans.iter().map(|span| span.end).min().unwrap_or(0);
    let longest = spans.iter().map(|span| span.end - span.begin).max().unwrap_or(0);
    end.saturating_sub(begin) * 5 >= longest * 4
}

/// Where threads wait for each other without sleeping, so that they leave it at the same moment.
struct Gate {
    n_threads: usize,
    n_arrived: AtomicUsize,
}

impl Gate {
    const fn new(n_threads: usize) -> Self {
        Self {
            n_threads,
            n_arrived: AtomicUsize::new(0),
        }
    }

    fn pass(&self) {
        let place = self.n_arrived.fetch_add(1, SeqCst);
        let all = (place / self.n_threads + 1) * self.n_threads;
        let mut n_looks = 0_u32;
        while self.n_arrived.load(SeqCst) < all {
            n_looks += 1;
            if n_looks.is_multiple_of(1_024) {
                std::thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }
}

/// Out of line, so that every piece of work is compiled into the same loop.
#[inline(never)]
fn repeat<R>(n: u64, op: &mut impl FnMut(usize) -> R) -> Duration {
    let watch = Stopwatch::start();
    for i in 0..n as usize {
        black_box(op(i));
    }
    watch.elapsed()
}

/// The name of the function in which instructions are counted, as a pattern.
pub const COUNTED_FUNCTION: &str = "*watchroom_bench*measure*counted*";

/// As [`repeat`], under the name at which a count begins and ends: only what the calling thread does in here is in it.
#[inline(never)]
fn counted<R>(n: u64, op: &mut impl FnMut(usize) -> R) -> Duration {
    for i in 0..n as usize {
        black_box(op(i));
    }
    // Keeps this from being the same code as another function, which would take its name away.
    black_box(COUNTED_FUNCTION);
    Duration::ZERO
}

/// How many operations fill a sample.
fn calibrate(sample: Duration, mut repeat: impl FnMut(u64) -> Duration) -> u64 {
    let mut n = 1;
    loop {
        let took = repeat(n);
        if took >= sample / 4 {
            let wanted = n as f64 * sample.as_secs_f64() / took.as_secs_f64();
            return (wanted as u64).max(1);
        }
        n *= 2;
    }
}

fn ns(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn per_op(took: Duration, n: u64) -> f64 {
    ns(took) as f64 / n as f64
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    const SHORT: Plan = Plan {
        n_runs: 1,
        n_samples: 3,
        sample: Duration::from_micros(20),
    };

    #[test]
    fn settles_after_every_burst() {
        let (n_ops, n_settled) = (Cell::new(0), Cell::new(0));
        let mut bencher = Bencher::new(SHORT);
        bencher.bursts(
            10,
            || n_ops.set(n_ops.get() + 1),
            || {
                n_settled.set(n_settled.get() + 1);
                assert_eq!(n_ops.get(), 10 * n_settled.get());
            },
        );
        assert_eq!((n_ops.get(), bencher.samples.len()), (80, 3));
    }

    #[test]
    fn every_thread_does_the_same_number_of_operations() {
        let counts = [AtomicUsize::new(0), AtomicUsize::new(0)];
        let mut bencher = Bencher::new(SHORT);
        bencher.threads(2, |thread, i| counts[thread].fetch_max(i, SeqCst));
        let [first, second] = counts.map(AtomicUsize::into_inner);
        // The first has also found out how many fill a sample.
        assert!(second > 0 && first >= second, "{first} {second}");
    }

    #[test]
    fn a_count_knows_its_operations_and_leaves_the_first_ones_out() {
        let n_ops = Cell::new(0);
        let op = || n_ops.set(n_ops.get() + 1);
        let mut bencher = Bencher::counting();
        bencher.iter(op);
        assert_eq!(
            (bencher.n_counted(), n_ops.get()),
            (N_COUNTED, N_WARM + N_COUNTED)
        );
        let mut bencher = Bencher::counting();
        bencher.bursts(10, op, || ());
        assert_eq!(bencher.n_counted(), 10 * BURSTS_COUNTED);
        let mut bencher = Bencher::counting();
        bencher.threads(2, |_, _| unreachable!("nothing of threads is counted"));
        assert_eq!(bencher.n_counted(), 0);
    }

    #[test]
    fn a_sample_counts_only_if_the_threads_ran_together() {
        let span = |begin, end| Span { begin, end };
        assert!(ran_together(&[span(0, 100), span(10, 110)]));
        assert!(!ran_together(&[span(0, 100), span(100, 200)]));
        assert!(
            !ran_together(&[span(0, 100), span(0, 300)]),
            "one was kept from running"
        );
    }
}
