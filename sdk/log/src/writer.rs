//! The writer: lines of all threads to one output, by one thread.
//!
//! Whoever logs copies its line into a bounded buffer and goes on; the thread takes the buffer as a whole. While lines keep coming the
//! thread looks for them every few milliseconds, so that logging needs no call to the kernel; when it has slept long enough in vain,
//! the next line wakes it.
//!
//! Invariant: nobody who logs waits longer than the bound, and once one has waited in vain nobody waits until the output moves again.
//! Every line is delivered or dropped, and entered in the ledger. Not here: what a line says, files.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use watchroom_core::{Ledger, Reason, Signal};

mod buffer;
mod thread;

use buffer::Buffer;

/// Settings of a writer.
#[derive(Debug, Clone)]
pub struct WriterBuilder {
    max_bytes: usize,
    block_for: Duration,
    n_retries: u32,
    retry_delay: Duration,
    ledger: Arc<Ledger>,
}

/// A handle of a writer; clones share it. When the last one goes, the thread writes what is left and ends.
#[derive(Debug, Clone)]
pub struct Writer(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    buffer: Arc<Buffer>,
    ledger: Arc<Ledger>,
    block_for: Duration,
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
            block_for: Duration::from_millis(5),
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
        let buffer = Arc::new(Buffer::new(self.max_bytes));
        let task = thread::Task {
            buffer: Arc::clone(&buffer),
            ledger: Arc::clone(&self.ledger),
            output,
            n_retries: self.n_retries,
            retry_delay: self.retry_delay,
            is_failing: false,
            is_mid_line: false,
        };
        std::thread::Builder::new()
            .name("watchroom-log".to_owned())
            .spawn(move || task.run())?;
        Ok(Writer(Arc::new(Shared {
            buffer,
            ledger: self.ledger,
            block_for: self.block_for,
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
        let ledger = &*self.0.ledger;
        ledger.accept(Signal::Lines, n_lines);
        match self.0.buffer.append(lines, n_lines, self.0.block_for) {
            Ok(()) => true,
            Err(reason) => {
                ledger.enter_dropped(Signal::Lines, reason, n_lines);
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
        let report = self.0.buffer.shutdown(timeout);
        if report.dropped > 0 {
            let ledger = &self.0.ledger;
            ledger.enter_dropped(Signal::Lines, Reason::ShutdownTimeout, report.dropped);
            ledger.set_queued(Signal::Lines, 0);
        }
        report
    }
}

/// The process' standard output, written to without the lock that `println!` takes: if it is blocked, only the writer is.
///
/// # Errors
/// Standard output is closed.
pub fn stdout() -> io::Result<impl io::Write + Send + 'static> {
    #[cfg(unix)]
    {
        use std::os::fd::AsFd as _;
        io::stdout().as_fd().try_clone_to_owned().map(std::fs::File::from)
    }
    #[cfg(not(unix))]
    Ok(io::stdout())
}

#[cfg(test)]
mod tests;
