//! The bounded buffer between those who log and the thread that writes.
//!
//! Invariant: nothing happens under the lock but copies of bytes and entries in the ledger; `n_done` never exceeds `n_taken`. Security
//! lines have room that no other line can use, and a wait of their own. Not here: writing.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use watchroom_core::{Ledger, Reason, Signal};

use super::Report;

/// How long the thread waits before it looks for lines again, and how often it does so in vain before it sleeps.
const NAP: Duration = Duration::from_millis(20);
const N_NAPS: u32 = 5;

/// What kind of line it is, which decides on its room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Ordinary,
    Security,
}

/// Lines that are to be written, in their order.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) n_lines: u64,
    /// Where security lines stand.
    pub(super) security: Vec<Run>,
}

/// A run of lines in the bytes of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) n_lines: u64,
}

/// Bytes for which the thread is woken, however many may wait: a burst is to be written while it goes on, not gathered.
const ENOUGH: usize = 256 * 1024;

/// Bytes for which an empty batch keeps memory; there are two of them.
const KEPT: usize = 512 * 1024;

impl Batch {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        if self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
        self.n_lines = 0;
        self.security.clear();
    }

    pub(super) fn push(&mut self, lines: &[u8], n_lines: u64, class: Class) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(lines);
        self.n_lines += n_lines;
        if class == Class::Security {
            self.security.push(Run {
                start,
                end: self.bytes.len(),
                n_lines,
            });
        }
    }

    pub(super) fn append(&mut self, other: &Self) {
        let offset = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.n_lines += other.n_lines;
        self.security.extend(other.security.iter().map(|run| Run {
            start: run.start + offset,
            end: run.end + offset,
            ..*run
        }));
    }
}

/// A number of lines, and how many of them are security lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lines {
    pub(super) all: u64,
    pub(super) security: u64,
}

/// What the thread is woken for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// There are lines.
    Batch,
    /// There were none for as long as it was willing to wait, or somebody flushes.
    Idle,
    /// There are none and there will be none.
    Closed,
}

#[derive(Debug)]
pub(super) struct Buffer {
    max_bytes: usize,
    /// Bytes for which the thread is woken.
    enough: usize,
    /// Beyond `max_bytes`, for security lines.
    reserve: usize,
    state: Mutex<State>,
    /// For the thread: there is something to do.
    work: Condvar,
    /// For those who log: there is room.
    room: Condvar,
    /// For those who flush: lines are done.
    done: Condvar,
}

#[derive(Debug, Default)]
struct State {
    lines: Batch,
    /// Lines that have ever been taken, and those of them that have been written or dropped.
    n_taken: u64,
    n_done: u64,
    /// Security lines that have been taken and are not done.
    n_security: u64,
    /// Lines that were dropped by the thread.
    n_failed: u64,
    /// Lines that found no room since the thread last asked.
    refused: Lines,
    /// Lines that the ledger holds as waiting.
    n_told: u64,
    closed: bool,
    /// A shutdown's time ran out: what the thread still holds has been given up and is entered already.
    abandoned: bool,
    /// The thread waits for long.
    asleep: bool,
    /// Somebody flushes: the thread does not nap.
    hurry: bool,
    /// A line has waited for room in vain since the thread last took the buffer; the same of security lines.
    stuck: bool,
    security_stuck: bool,
    n_waiting: usize,
}

impl State {
    /// The ledger's count of what waits is shared by all writers, so each adds and takes away its own.
    fn tell(&mut self, ledger: &Ledger) {
        let n = if self.abandoned {
            0
        } else {
            self.n_taken - self.n_done
        };
        if n > self.n_told {
            ledger.enter_queue(Signal::Lines, n - self.n_told);
        } else {
            ledger.leave_queue(Signal::Lines, self.n_told - n);
        }
        self.n_told = n;
    }
}

impl Buffer {
    pub(super) fn new(max_bytes: usize, reserve: usize) -> Self {
        Self {
            max_bytes,
            enough: (max_bytes / 2).min(ENOUGH),
            reserve,
            state: Mutex::default(),
            work: Condvar::new(),
            room: Condvar::new(),
            done: Condvar::new(),
        }
    }

    /// Copies of bytes cannot leave the state half done, so a poisoned lock is taken as it is.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) const fn reserve(&self) -> usize {
        self.reserve
    }

    pub(super) fn append(
        &self,
        lines: &[u8],
        n_lines: u64,
        class: Class,
        block_for: Duration,
    ) -> Result<(), Reason> {
        let mut state = self.lock();
        let is_security = class == Class::Security;
        let max_bytes = self.max_bytes + if is_security { self.reserve } else { 0 };
        let has_room = |state: &State| state.lines.bytes.len() + lines.len() <= max_bytes;
        if !state.closed && !has_room(&state) {
            if lines.len() > max_bytes {
                return Err(Self::refuse(&mut state, n_lines, is_security, Reason::TooLarge));
            }
            if block_for.is_zero() {
                return Err(Self::refuse(&mut state, n_lines, is_security, Reason::QueueFull));
            }
            let is_stuck = |state: &State| {
                if is_security {
                    state.security_stuck
                } else {
                    state.stuck
                }
            };
            if !is_stuck(&state) {
                state.n_waiting += 1;
                state = self
                    .room
                    .wait_timeout_while(state, block_for, |s| !s.closed && !is_stuck(s) && !has_room(s))
                    .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
                state.n_waiting -= 1;
            }
            if !state.closed && !has_room(&state) {
                if is_security {
                    state.security_stuck = true;
                } else {
                    state.stuck = true;
                }
                return Err(Self::refuse(
                    &mut state,
                    n_lines,
                    is_security,
                    Reason::SinkBlocked,
                ));
            }
        }
        if state.closed {
            return Err(Reason::AfterShutdown);
        }
        state.lines.push(lines, n_lines, class);
        state.n_taken += n_lines;
        if is_security {
            state.n_security += n_lines;
        }
        let wake = state.asleep || state.lines.bytes.len() > self.enough;
        state.asleep = false;
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Ok(())
    }

    const fn refuse(state: &mut State, n_lines: u64, is_security: bool, reason: Reason) -> Reason {
        state.refused.all += n_lines;
        if is_security {
            state.refused.security += n_lines;
        }
        reason
    }

    /// Lines that found no room since this was last called.
    pub(super) fn take_refused(&self) -> Lines {
        std::mem::take(&mut self.lock().refused)
    }

    /// Takes all lines there are, waiting for some, but not for much longer than `patience`. A thread that was `idle` just now sleeps
    /// at once.
    pub(super) fn take(
        &self,
        batch: &mut Batch,
        ledger: &Ledger,
        was_idle: bool,
        patience: Duration,
    ) -> Taken {
        batch.clear();
        let mut state = self.lock();
        let mut n_naps = if was_idle { N_NAPS } else { 0 };
        while state.lines.bytes.is_empty() {
            if state.closed {
                return Taken::Closed;
            }
            if std::mem::take(&mut state.hurry) {
                return Taken::Idle;
            }
            if n_naps < N_NAPS {
                n_naps += 1;
                state = self
                    .work
                    .wait_timeout(state, NAP)
                    .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
            } else {
                state.asleep = true;
                let (woken, timeout) = self
                    .work
                    .wait_timeout_while(state, patience, |s| {
                        s.lines.bytes.is_empty() && !s.closed && !s.hurry
                    })
                    .unwrap_or_else(PoisonError::into_inner);
                state = woken;
                state.asleep = false;
                if timeout.timed_out() {
                    return Taken::Idle;
                }
                n_naps = 0;
            }
        }
        std::mem::swap(&mut state.lines, batch);
        state.hurry = false;
        state.stuck = false;
        state.security_stuck = false;
        state.tell(ledger);
        let wake = state.n_waiting > 0;
        drop(state);
        if wake {
            self.room.notify_all();
        }
        Taken::Batch
    }

    /// Lets the thread rest between two batches, so that lines gather; not if it is to hurry.
    pub(super) fn rest(&self) {
        let state = self.lock();
        let busy = |s: &mut State| !s.closed && !s.hurry && s.lines.bytes.len() <= self.enough;
        // Waking early is as good.
        let _ = self.work.wait_timeout_while(state, NAP, busy);
    }

    /// Takes note that lines are written or, with a reason, dropped; what a shutdown has given up is entered already and is left as it
    /// is. Whether the thread is to go on.
    pub(super) fn finish(&self, lines: Lines, dropped: Option<Reason>, ledger: &Ledger) -> bool {
        let mut state = self.lock();
        if state.abandoned {
            return false;
        }
        state.n_done += lines.all;
        state.n_security -= lines.security;
        // Entered before anybody who flushes goes on.
        match dropped {
            None => ledger.deliver(Signal::Lines, lines.all),
            Some(reason) => {
                state.n_failed += lines.all;
                super::enter_dropped(ledger, reason, lines);
            }
        }
        state.tell(ledger);
        drop(state);
        self.done.notify_all();
        true
    }

    /// Waits as long as a retry is to wait, but not while the buffer is closed. Whether it is.
    pub(super) fn pause(&self, delay: Duration) -> bool {
        self.wait_while(delay, |s| !s.closed).closed
    }

    /// Waits for an output that takes nothing just now, but not once it has been given up. Whether it has.
    pub(super) fn pause_unless_abandoned(&self, delay: Duration) -> bool {
        self.wait_while(delay, |s| !s.abandoned).abandoned
    }

    fn wait_while(&self, delay: Duration, condition: impl Fn(&State) -> bool) -> MutexGuard<'_, State> {
        self.work
            .wait_timeout_while(self.lock(), delay, |s| condition(s))
            .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state)
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.lock().abandoned
    }

    pub(super) fn is_closed(&self) -> bool {
        self.lock().closed
    }

    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let mut state = self.lock();
        let target = state.n_taken;
        state.hurry = true;
        self.work.notify_all();
        let (state, _) = self
            .done
            .wait_timeout_while(state, timeout, |s| s.n_done < target && !s.abandoned)
            .unwrap_or_else(PoisonError::into_inner);
        state.n_done >= target
    }

    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    pub(super) fn shutdown(&self, timeout: Duration, ledger: &Ledger) -> Report {
        let (n_done, n_failed) = {
            let mut state = self.lock();
            state.closed = true;
            (state.n_done, state.n_failed)
        };
        self.work.notify_all();
        self.room.notify_all();
        let (mut state, _) = self
            .done
            .wait_timeout_while(self.lock(), timeout, |s| s.n_done < s.n_taken && !s.abandoned)
            .unwrap_or_else(PoisonError::into_inner);
        if state.abandoned {
            return Report::default();
        }
        let left = Lines {
            all: state.n_taken - state.n_done,
            security: state.n_security,
        };
        if left.all > 0 {
            state.abandoned = true;
            state.lines = Batch::default();
            super::enter_dropped(ledger, Reason::ShutdownTimeout, left);
            state.tell(ledger);
            self.work.notify_all();
        }
        let n_failed = state.n_failed - n_failed;
        Report {
            flushed: state.n_done - n_done - n_failed,
            dropped: left.all,
        }
    }
}
