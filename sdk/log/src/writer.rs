//! The writer: lines of all threads to one output, by one thread.
//!
//! Whoever logs copies its line into a bounded buffer and goes on; the thread takes the buffer as a whole. While lines keep coming the
//! thread looks for them fifty times a second, so that logging needs no call to the kernel; when it has slept long enough in vain,
//! the next line wakes it.
//!
//! Invariant: nobody who logs waits longer than the bound, and once one has waited in vain nobody waits until the output moves again.
//! Every line is delivered or dropped, and entered in the ledger. Lines of security events have room, and a bound, of their own; none
//! is dropped while another line would be taken, and none without a count and a report. Not here: what a line says, files.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use watchroom_core::{Clock, Count, Ledger, Reason, Signal};

mod buffer;
#[cfg(unix)]
mod output;
mod problem;
mod thread;

use buffer::{Buffer, Class, Lines};
#[cfg(unix)]
pub use output::{Stdout, stdout};
pub use problem::{ProblemKind, WriterProblem, report_problem};
use thread::OnProblem;

/// Settings of a writer.
#[derive(Clone)]
pub struct WriterBuilder {
    max_bytes: usize,
    security_bytes: usize,
    block_for: Duration,
    block_security_for: Duration,
    name: String,
    clock: Clock,
    on_problem: Option<OnProblem>,
    n_retries: u32,
    retry_delay: Duration,
    ledger: Arc<Ledger>,
}

impl fmt::Debug for WriterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WriterBuilder")
            .field("name", &self.name)
            .field("max_bytes", &self.max_bytes)
            .field("block_for", &self.block_for)
            .finish_non_exhaustive()
    }
}

/// A handle of a writer; clones share it. When the last one goes, the thread writes what is left and ends.
#[derive(Debug, Clone)]
pub struct Writer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    buffer: Arc<Buffer>,
    ledger: Arc<Ledger>,
    block_for: Duration,
    block_security_for: Duration,
}

/// What a shutdown came to, in lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Report {
    /// Written between the call and its end.
    pub flushed: u64,
    /// Not written when the time was up, and dropped.
    pub dropped: u64,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.buffer.close();
    }
}

impl Default for WriterBuilder {
    fn default() -> Self {
        Self {
            max_bytes: 1024 * 1024,
            security_bytes: 256 * 1024,
            block_for: Duration::from_millis(5),
            block_security_for: Duration::from_secs(1),
            name: "log".to_owned(),
            clock: Clock::system(),
            on_problem: None,
            n_retries: 5,
            retry_delay: Duration::from_millis(100),
            ledger: Arc::default(),
        }
    }
}

impl WriterBuilder {
    /// Bytes of lines that wait to be written, 1 MiB by default; the thread holds as much again while it writes.
    #[must_use]
    pub const fn max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// How long a line waits for room before it is dropped; 5 ms by default, zero for not at all.
    #[must_use]
    pub const fn block_for(mut self, block_for: Duration) -> Self {
        self.block_for = block_for;
        self
    }

    /// Bytes of room beyond [`max_bytes`](Self::max_bytes) that only lines of security events use, 256 KiB by default. As many are held
    /// back for an output that fails.
    #[must_use]
    pub const fn security_bytes(mut self, max_bytes: usize) -> Self {
        self.security_bytes = max_bytes;
        self
    }

    /// As [`block_for`](Self::block_for), for lines of security events; 1 s by default.
    #[must_use]
    pub const fn block_security_for(mut self, block_for: Duration) -> Self {
        self.block_security_for = block_for;
        self
    }

    /// What the output is called in problems; `log` by default.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Where time is read; the writer has it follow the wall clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Who is told when the output fails, recovers, or does not keep up. Called on the writer's thread, with no lock held; it may log.
    /// Usually [`report_problem`].
    #[must_use]
    pub fn on_problem(mut self, tell: impl Fn(&WriterProblem) + Send + Sync + 'static) -> Self {
        self.on_problem = Some(Arc::new(tell));
        self
    }

    /// How often a failed write is tried again before its lines are dropped, and how long before the first time; each further wait is
    /// twice as long. 5 times and 100 ms by default: 3 s in all.
    #[must_use]
    pub const fn retries(mut self, n_retries: u32, first_delay: Duration) -> Self {
        self.n_retries = n_retries;
        self.retry_delay = first_delay;
        self
    }

    /// Where lines are entered.
    #[must_use]
    pub fn ledger(mut self, ledger: Arc<Ledger>) -> Self {
        self.ledger = ledger;
        self
    }

    /// Starts the thread that writes to `output`.
    ///
    /// # Errors
    /// The thread could not be started.
    pub fn spawn(self, output: impl io::Write + Send + 'static) -> io::Result<Writer> {
        let buffer = Arc::new(Buffer::new(self.max_bytes, self.security_bytes));
        let task = thread::Task {
            buffer: Arc::clone(&buffer),
            ledger: Arc::clone(&self.ledger),
            output,
            name: self.name,
            clock: self.clock,
            on_problem: self.on_problem,
            n_retries: self.n_retries,
            retry_delay: self.retry_delay,
            state: thread::State::default(),
        };
        std::thread::Builder::new()
            .name("watchroom-log".to_owned())
            .spawn(move || task.run())?;
        Ok(Writer(Arc::new(Shared {
            buffer,
            ledger: self.ledger,
            block_for: self.block_for,
            block_security_for: self.block_security_for,
        })))
    }
}

impl Writer {
    /// Settings at their defaults.
    #[must_use]
    pub fn builder() -> WriterBuilder {
        WriterBuilder::default()
    }

    /// Where lines are entered.
    #[must_use]
    pub fn ledger(&self) -> &Arc<Ledger> {
        &self.0.ledger
    }

    /// Takes `n_lines` whole lines, or drops them and enters that in the ledger. Whether they were taken.
    pub fn append(&self, lines: &[u8], n_lines: u64) -> bool {
        self.enter(lines, n_lines, Class::Ordinary, self.0.block_for)
    }

    /// As [`append`](Self::append), for lines of a security event: with room of their own and a longer bound.
    pub fn append_security(&self, lines: &[u8], n_lines: u64) -> bool {
        self.enter(lines, n_lines, Class::Security, self.0.block_security_for)
    }

    fn enter(&self, lines: &[u8], n_lines: u64, class: Class, block_for: Duration) -> bool {
        let ledger = &*self.0.ledger;
        ledger.accept(Signal::Lines, n_lines);
        match self.0.buffer.append(lines, n_lines, class, block_for) {
            Ok(()) => true,
            Err(reason) => {
                let security = if class == Class::Security { n_lines } else { 0 };
                enter_dropped(
                    ledger,
                    reason,
                    Lines {
                        all: n_lines,
                        security,
                    },
                );
                false
            }
        }
    }

    /// Waits until every line that has been taken so far is written or dropped, but not longer than `timeout`. Whether it is done.
    #[must_use]
    pub fn flush(&self, timeout: Duration) -> bool {
        self.0.buffer.flush(timeout)
    }

    /// Takes no more lines and waits until the rest is written, but not longer than `timeout`; what is left then is dropped and
    /// entered. The thread of an output that is blocked is left to itself. A second call does nothing.
    pub fn shutdown(&self, timeout: Duration) -> Report {
        self.0.buffer.shutdown(timeout, &self.0.ledger)
    }
}

/// The process' standard output.
///
/// # Errors
/// None here; on Unix it may be closed.
#[cfg(not(unix))]
pub fn stdout() -> io::Result<io::Stdout> {
    Ok(io::stdout())
}

fn enter_dropped(ledger: &Ledger, reason: Reason, lines: Lines) {
    ledger.enter_dropped(Signal::Lines, reason, lines.all);
    if lines.security > 0 {
        ledger.count(Count::SecurityLost, lines.security);
    }
}

#[cfg(test)]
mod tests;
