//! The thread that writes.
//!
//! Invariant: a line is entered as delivered once its last byte has been taken by the output. A line that was cut off by a failure is
//! ended before the next one begins. Security lines that a failing output has not taken are held, as far as their reserve goes, and
//! written before all others once it takes lines again. Not here: the buffer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use watchroom_core::{Clock, Ledger, Moment, Reason};

use super::buffer::{Batch, Buffer, Class, Lines, Taken};
use super::problem::{ProblemKind, WriterProblem};

/// How long the thread sleeps at most: then the output is flushed, which files take as the time to look after old ones.
const IDLE: Duration = Duration::from_secs(60);
/// How often held lines are tried while there are no new ones.
const HELD: Duration = Duration::from_secs(1);
/// How often an output that would block is asked again.
const WOULD_BLOCK: Duration = Duration::from_millis(10);
/// Time between two reports of lines that found no room.
const REPORT_EVERY: Duration = Duration::from_secs(30);

pub(super) type OnProblem = Arc<dyn Fn(&WriterProblem) + Send + Sync>;

pub(super) struct Task<W> {
    pub(super) buffer: Arc<Buffer>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) output: W,
    pub(super) name: String,
    pub(super) clock: Clock,
    pub(super) on_problem: Option<OnProblem>,
    pub(super) n_retries: u32,
    pub(super) retry_delay: Duration,
    pub(super) state: State,
}

#[derive(Debug, Default)]
pub(super) struct State {
    /// The last batch failed for good: the next one is tried once only.
    is_failing: bool,
    /// The output ends in a line without its end.
    is_mid_line: bool,
    /// Security lines that a failing output has not taken.
    held: Batch,
    /// Lines dropped since the output began to fail.
    failed: Lines,
    /// Security lines of those that have not been told of, and when such were last.
    untold: u64,
    told: Option<Moment>,
    /// Lines that found no room and have not been reported.
    refused: Lines,
    reported: Option<Moment>,
}

impl<W: io::Write> Task<W> {
    pub(super) fn run(mut self) {
        let mut batch = Batch::default();
        let mut was_idle = false;
        loop {
            let patience = if self.state.held.bytes.is_empty() {
                IDLE
            } else {
                HELD
            };
            let taken = self.buffer.take(&mut batch, &self.ledger, was_idle, patience);
            was_idle = taken == Taken::Idle;
            // Where nobody exports nobody else follows a wall clock that is set or steered.
            self.clock.resync();
            if !self.state.held.bytes.is_empty() {
                let mut held = std::mem::take(&mut self.state.held);
                held.append(&batch);
                batch = held;
            }
            if !batch.bytes.is_empty() {
                self.write(&batch);
            }
            match taken {
                Taken::Batch => self.buffer.rest(),
                Taken::Idle => {
                    // What cannot be flushed shows when it is written to next.
                    let _ = self.output.flush();
                }
                Taken::Closed => break,
            }
            self.report_refused(false);
        }
        // What cannot be flushed now was written all the same.
        let _ = self.output.flush();
        self.report_lost(true);
        self.report_refused(true);
    }

    fn write(&mut self, batch: &Batch) {
        let mut left = &batch.bytes[..];
        let mut security = &batch.security[..];
        let mut n_left = batch.n_lines;
        let mut n_tries = 0;
        // Within a batch a line goes on where it was cut off; from batch to batch it is ended first.
        let mut ends_line = self.state.is_mid_line;
        while !left.is_empty() {
            match self.output.write(if ends_line { b"\n" } else { left }) {
                Ok(n) if n > 0 && ends_line => {
                    ends_line = false;
                    self.state.is_mid_line = false;
                }
                Ok(n) if n > 0 => {
                    let (written, rest) = left.split_at(n.min(left.len()));
                    self.state.is_mid_line = written.last() != Some(&b'\n');
                    left = rest;
                    n_tries = 0;
                    let n_ends = written.iter().filter(|byte| **byte == b'\n').count() as u64;
                    let n_written = if left.is_empty() {
                        n_left
                    } else {
                        n_ends.min(n_left)
                    };
                    n_left -= n_written;
                    let at = batch.bytes.len() - left.len();
                    let n_runs = security.iter().take_while(|run| run.end <= at).count();
                    let (done, rest) = security.split_at(n_runs);
                    security = rest;
                    let lines = Lines {
                        all: n_written,
                        security: done.iter().map(|run| run.n_lines).sum(),
                    };
                    let goes_on = lines.all == 0 && !self.buffer.is_abandoned()
                        || lines.all > 0 && self.buffer.finish(lines, None, &self.ledger);
                    self.recover();
                    if !goes_on {
                        return;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.buffer.pause_unless_abandoned(WOULD_BLOCK) {
                        return;
                    }
                }
                result => {
                    let error = result.map_or_else(|error| error, |_| io::ErrorKind::WriteZero.into());
                    if !self.try_again(&error, n_tries) {
                        self.give_up(batch, batch.bytes.len() - left.len(), n_left, &error);
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
        if is_final || self.state.is_failing || n_tries >= self.n_retries || self.buffer.is_abandoned() {
            return false;
        }
        let delay = self.retry_delay.saturating_mul(1 << n_tries.min(16));
        let closed = self.buffer.pause(delay);
        !closed
    }

    /// Drops what is left of a batch from `at` on, but holds its security lines.
    fn give_up(&mut self, batch: &Batch, at: usize, n_left: u64, error: &io::Error) {
        let is_final = error.kind() == io::ErrorKind::BrokenPipe || self.buffer.is_closed();
        let mut lost = Lines {
            all: n_left,
            security: 0,
        };
        // Of runs that are cut off: what has been written whole, which is not written again.
        let mut n_written = 0;
        for run in batch.security.iter().filter(|run| run.end > at) {
            let begun = batch.bytes[..at.max(run.start)]
                .iter()
                .rposition(|byte| *byte == b'\n')
                .map_or(0, |idx| idx + 1);
            let lines = &batch.bytes[begun.max(run.start)..run.end];
            let n_lines = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
            n_written += run.n_lines.saturating_sub(n_lines);
            let fits = self.state.held.bytes.len() + lines.len() <= self.buffer.reserve();
            if is_final || !fits {
                lost.security += n_lines;
            } else {
                lost.all -= n_lines.min(lost.all);
                self.state.held.push(lines, n_lines, Class::Security);
            }
        }
        let written = Lines {
            all: 0,
            security: n_written,
        };
        self.buffer.finish(written, None, &self.ledger);
        self.buffer.finish(lost, Some(Reason::SinkFailed), &self.ledger);
        self.state.failed.all += lost.all;
        self.state.failed.security += lost.security;
        if std::mem::replace(&mut self.state.is_failing, true) {
            self.state.untold += lost.security;
            self.report_lost(false);
        } else {
            self.state.told = (lost.security > 0).then(|| self.clock.now());
            self.raise(ProblemKind::Failing, lost, Some(error));
        }
    }

    /// Says how many security lines a failing output has lost, not too often unless this is the end.
    fn report_lost(&mut self, at_end: bool) {
        if self.state.untold == 0 {
            return;
        }
        let now = self.clock.now();
        let is_due = self.state.told.is_none_or(|last| now.since(last) >= REPORT_EVERY);
        if is_due || at_end {
            self.state.told = Some(now);
            let n = std::mem::take(&mut self.state.untold);
            let lost = Lines { all: n, security: n };
            self.raise(ProblemKind::SecurityLost, lost, None);
        }
    }

    fn recover(&mut self) {
        if std::mem::take(&mut self.state.is_failing) {
            let failed = std::mem::take(&mut self.state.failed);
            self.state.untold = 0;
            self.raise(ProblemKind::Recovered, failed, None);
        }
    }

    /// Says how many lines found no room, not too often, unless security lines are among them or this is the end.
    fn report_refused(&mut self, at_end: bool) {
        let refused = self.buffer.take_refused();
        self.state.refused.all += refused.all;
        self.state.refused.security += refused.security;
        if self.state.refused.all == 0 {
            return;
        }
        let now = self.clock.now();
        let is_due = self
            .state
            .reported
            .is_none_or(|last| now.since(last) >= REPORT_EVERY);
        if is_due || at_end || self.state.refused.security > 0 {
            self.state.reported = Some(now);
            let refused = std::mem::take(&mut self.state.refused);
            self.raise(ProblemKind::Overrun, refused, None);
        }
    }

    fn raise(&self, kind: ProblemKind, lines: Lines, error: Option<&io::Error>) {
        if let Some(on_problem) = &self.on_problem {
            on_problem(&WriterProblem {
                kind,
                sink: self.name.clone(),
                n_lines: lines.all,
                n_security: lines.security,
                error: error.map(ToString::to_string),
            });
        }
    }
}
