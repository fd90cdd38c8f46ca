//! The thread that writes.
//!
//! Invariant: a line is entered as delivered once its last byte has been taken by the output. A line that was cut off by a failure is
//! ended before the next one begins. Not here: the buffer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use watchroom_core::{Ledger, Reason, Signal};

use super::Buffer;

pub(super) struct Task<W> {
    pub(super) buffer: Arc<Buffer>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) output: W,
    pub(super) n_retries: u32,
    pub(super) retry_delay: Duration,
    /// The last batch failed for good: the next one is tried once only.
    pub(super) is_failing: bool,
    /// The output ends in a line without its end.
    pub(super) is_mid_line: bool,
}

impl<W: io::Write> Task<W> {
    pub(super) fn run(mut self) {
        let mut batch = Vec::new();
        while let Some(n_lines) = self.buffer.take(&mut batch) {
            self.ledger.set_queued(Signal::Lines, n_lines);
            self.write(&batch, n_lines);
            self.buffer.rest();
        }
        // Nobody is left whom a failure could be told.
        let _ = self.output.flush();
    }

    fn write(&mut self, batch: &[u8], n_lines: u64) {
        let mut left = batch;
        let mut n_left = n_lines;
        let mut n_tries = 0;
        if self.is_mid_line && self.output.write_all(b"\n").is_ok() {
            self.is_mid_line = false;
        }
        while !left.is_empty() {
            match self.output.write(left) {
                Ok(n) if n > 0 => {
                    let (written, rest) = left.split_at(n.min(left.len()));
                    self.is_mid_line = written.last() != Some(&b'\n');
                    left = rest;
                    let n_ends = written.iter().filter(|byte| **byte == b'\n').count() as u64;
                    let n_written = if left.is_empty() {
                        n_left
                    } else {
                        n_ends.min(n_left)
                    };
                    n_left -= n_written;
                    n_tries = 0;
                    self.is_failing = false;
                    self.enter(n_written, None);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => {
                    let error = result.map_or_else(|error| error, |_| io::ErrorKind::WriteZero.into());
                    if !self.try_again(&error, n_tries) {
                        self.is_failing = true;
                        self.enter(n_left, Some(Reason::SinkFailed));
                        return;
                    }
                    n_tries += 1;
                }
            }
        }
    }

    /// Waits before the next try, if there is to be one.
    fn try_again(&self, error: &io::Error, n_tries: u32) -> bool {
        let is_final = error.kind() == io::ErrorKind::BrokenPipe;
        if is_final || self.is_failing || n_tries >= self.n_retries || self.buffer.is_abandoned() {
            return false;
        }
        let delay = self.retry_delay.saturating_mul(1 << n_tries.min(16));
        let closed = self.buffer.pause(delay);
        !closed
    }

    fn enter(&self, n_lines: u64, dropped: Option<Reason>) {
        if n_lines == 0 {
            return;
        }
        // What a shutdown has given up is in the ledger as dropped, even if the output takes it in the end.
        self.buffer.finish(n_lines, dropped.is_some(), |n_left| {
            match dropped {
                None => self.ledger.deliver(Signal::Lines, n_lines),
                Some(reason) => self.ledger.enter_dropped(Signal::Lines, reason, n_lines),
            }
            self.ledger.set_queued(Signal::Lines, n_left);
        });
    }
}
