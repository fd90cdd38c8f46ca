//! The bounded buffer between those who log and the thread that writes.
//!
//! Invariant: nothing happens under the lock but copies of bytes and entries in the ledger; `n_done` never exceeds `n_taken`.
//! Not here: writing.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use watchroom_core::Reason;

use super::Report;

/// How long the thread waits before it looks for lines again, and how often it does so in vain before it sleeps.
const NAP: Duration = Duration::from_millis(5);
const N_NAPS: u32 = 20;

#[derive(Debug)]
pub(super) struct Buffer {
    max_bytes: usize,
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
    bytes: Vec<u8>,
    n_lines: u64,
    /// Lines that have ever been taken, and those of them that have been written or dropped.
    n_taken: u64,
    n_done: u64,
    /// Lines that were dropped by the thread.
    n_failed: u64,
    closed: bool,
    /// A shutdown's time ran out: what the thread still holds has been given up and is entered already.
    abandoned: bool,
    /// The thread waits without a time limit.
    asleep: bool,
    /// Somebody flushes: the thread does not nap.
    hurry: bool,
    /// A line has waited for room in vain since the thread last took the buffer.
    stuck: bool,
    n_waiting: usize,
}

impl Buffer {
    pub(super) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
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

    pub(super) fn append(&self, lines: &[u8], n_lines: u64, block_for: Duration) -> Result<(), Reason> {
        let mut state = self.lock();
        let has_room = |state: &State| state.bytes.len() + lines.len() <= self.max_bytes;
        if !state.closed && !has_room(&state) {
            if lines.len() > self.max_bytes {
                return Err(Reason::TooLarge);
            }
            if block_for.is_zero() {
                return Err(Reason::QueueFull);
            }
            if !state.stuck {
                state.n_waiting += 1;
                state = self
                    .room
                    .wait_timeout_while(state, block_for, |s| !s.closed && !s.stuck && !has_room(s))
                    .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
                state.n_waiting -= 1;
            }
            if !state.closed && !has_room(&state) {
                state.stuck = true;
                return Err(Reason::SinkBlocked);
            }
        }
        if state.closed {
            return Err(Reason::AfterShutdown);
        }
        state.bytes.extend_from_slice(lines);
        state.n_lines += n_lines;
        state.n_taken += n_lines;
        let wake = state.asleep || state.bytes.len() > self.max_bytes / 2;
        state.asleep = false;
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Takes all lines there are, waiting for some; returns their number. None once the buffer is closed and empty.
    pub(super) fn take(&self, batch: &mut Vec<u8>) -> Option<u64> {
        batch.clear();
        let mut state = self.lock();
        let mut n_naps = 0;
        while state.bytes.is_empty() {
            if state.closed {
                return None;
            }
            if n_naps < N_NAPS {
                n_naps += 1;
                state = self
                    .work
                    .wait_timeout(state, NAP)
                    .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
            } else {
                state.asleep = true;
                state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.asleep = false;
                n_naps = 0;
            }
        }
        std::mem::swap(&mut state.bytes, batch);
        state.hurry = false;
        state.stuck = false;
        let n_lines = std::mem::take(&mut state.n_lines);
        let wake = state.n_waiting > 0;
        drop(state);
        if wake {
            self.room.notify_all();
        }
        Some(n_lines)
    }

    /// Lets the thread rest between two batches, so that lines gather; not if it is to hurry.
    pub(super) fn rest(&self) {
        let state = self.lock();
        let busy = |s: &mut State| !s.closed && !s.hurry && s.bytes.len() <= self.max_bytes / 2;
        // Waking early is as good.
        let _ = self.work.wait_timeout_while(state, NAP, busy);
    }

    /// Takes note that lines are written or dropped. `enter` gets the number of those that are not done yet, and is done before anybody
    /// who flushes goes on; for lines that a shutdown has given up, which are entered already, it is not called.
    pub(super) fn finish(&self, n_lines: u64, failed: bool, enter: impl FnOnce(u64)) {
        let mut state = self.lock();
        if state.abandoned {
            return;
        }
        state.n_done += n_lines;
        if failed {
            state.n_failed += n_lines;
        }
        enter(state.n_taken - state.n_done);
        drop(state);
        self.done.notify_all();
    }

    /// Waits as long as a retry is to wait, but not while the buffer is closed. Whether it is.
    pub(super) fn pause(&self, delay: Duration) -> bool {
        self.work
            .wait_timeout_while(self.lock(), delay, |s| !s.closed)
            .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state)
            .closed
    }

    pub(super) fn is_abandoned(&self) -> bool {
        self.lock().abandoned
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

    pub(super) fn shutdown(&self, timeout: Duration) -> Report {
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
        let n_left = state.n_taken - state.n_done;
        if n_left > 0 {
            state.abandoned = true;
            state.bytes = Vec::new();
            state.n_lines = 0;
        }
        let n_failed = state.n_failed - n_failed;
        Report {
            flushed: state.n_done - n_done - n_failed,
            dropped: n_left,
        }
    }
}
