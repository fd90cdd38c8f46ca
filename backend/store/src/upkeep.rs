//! The store's own threads: one makes data durable, one writes heads out and drops what is too old or too much.
//!
//! Invariant: the first never waits for the second, so that durability is not late when there is much to write.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::engine::Signal;
use crate::retention::{Going, data_bytes, excess, too_old_ms};
use crate::store::Shared;
use crate::sync::lock;

/// Time between two looks at heads that nobody called about.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks between two checks of age and size.
const LOOKS_PER_CHECK: u32 = 5;

/// The threads; they end when this is dropped.
#[derive(Debug)]
pub(crate) struct Upkeep {
    bell: Arc<Bell>,
    threads: Vec<JoinHandle<()>>,
}

/// Wakes the threads.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    stop: AtomicBool,
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    /// Calls for the upkeep of heads.
    pub(crate) fn ring(&self) {
        *lock(&self.rung) = true;
        self.heard.notify_all();
    }

    fn stops(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// Waits until the time has passed, or the bell is rung if `listen`, or all ends.
    fn wait(&self, time: Duration, listen: bool) {
        let (mut rung, _) = self
            .heard
            .wait_timeout_while(lock(&self.rung), time, |rung| !(self.stops() || listen && *rung))
            .unwrap_or_else(PoisonError::into_inner);
        if listen {
            *rung = false;
        }
    }
}

impl Upkeep {
    pub(crate) fn start(shared: &Arc<Shared>) -> std::io::Result<Self> {
        let mut upkeep = Self {
            bell: shared.bell.clone(),
            threads: Vec::new(),
        };
        for (name, run) in [
            ("store-sync", keep_durable as fn(&Shared)),
            ("store-upkeep", keep_bounded),
        ] {
            let shared = shared.clone();
            // Should the second not start, the first ends as `upkeep` is dropped.
            let thread = std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || run(&shared))?;
            upkeep.threads.push(thread);
        }
        Ok(upkeep)
    }
}

impl Drop for Upkeep {
    fn drop(&mut self) {
        self.bell.stop.store(true, Ordering::Release);
        self.bell.ring();
        for thread in self.threads.drain(..) {
            // The last owner may be an event sink on one of the threads themselves.
            if thread.thread().id() != std::thread::current().id() {
                let _ = thread.join();
            }
        }
    }
}

fn keep_durable(shared: &Shared) {
    while !shared.bell.stops() {
        shared.bell.wait(shared.config.sync_interval, false);
        if let Err(error) = shared.engine.sync() {
            shared.report.write_failed(&error);
        }
    }
}

fn keep_bounded(shared: &Shared) {
    let mut n_looks = 0_u32;
    while !shared.bell.stops() {
        shared.bell.wait(LOOK_EVERY, true);
        if shared.bell.stops() {
            return;
        }
        let checks = n_looks.is_multiple_of(LOOKS_PER_CHECK);
        n_looks = n_looks.wrapping_add(1);
        let kept = shared
            .metrics
            .maintain()
            .and_then(|()| shared.traces.maintain())
            .and_then(|()| shared.logs.maintain());
        let kept = match kept {
            Ok(()) if checks => drop_old(shared),
            other => other,
        };
        match kept {
            Ok(()) => shared.report.write_done(),
            Err(error) => shared.report.write_failed(&error),
        }
    }
}

/// Drops partitions that are too old, then the oldest while all data is too much.
pub(crate) fn drop_old(shared: &Shared) -> fjall::Result<()> {
    let going = &mut *lock(&shared.going);
    let now_ms = shared.config.clock.now_ms();
    let age = shared.config.retention;
    let too_old = [
        (Signal::Metrics, too_old_ms(now_ms, age.metrics)),
        (Signal::Traces, too_old_ms(now_ms, age.traces)),
        (Signal::Logs, too_old_ms(now_ms, age.logs)),
    ];
    for (signal, before_ms) in too_old {
        let candidates = match signal {
            Signal::Metrics => {
                shared.metrics.close_before(before_ms)?;
                shared.metrics.candidates()
            }
            Signal::Traces => {
                shared.traces.close_before(before_ms)?;
                shared.traces.candidates()
            }
            Signal::Logs => {
                shared.logs.close_before(before_ms)?;
                shared.logs.candidates()
            }
        };
        for candidate in candidates {
            if candidate.last_write_ms < before_ms {
                drop_partition(shared, &candidate, "age", going)?;
            }
        }
    }

    let taken = shared.engine.data_bytes().saturating_sub(going.bytes());
    let allowed = data_bytes(shared.config.max_disk_bytes);
    let mut candidates = shared.metrics.candidates();
    candidates.extend(shared.traces.candidates());
    candidates.extend(shared.logs.candidates());
    for candidate in excess(candidates, taken, allowed) {
        drop_partition(shared, &candidate, "size", going)?;
    }
    Ok(())
}

fn drop_partition(
    shared: &Shared,
    candidate: &crate::retention::Candidate,
    reason: &'static str,
    going: &mut Going,
) -> fjall::Result<()> {
    match candidate.signal {
        Signal::Metrics => shared.metrics.drop_partition(candidate.id)?,
        Signal::Traces => shared.traces.drop_partition(candidate.id)?,
        Signal::Logs => shared.logs.drop_partition(candidate.id)?,
    }
    going.add(candidate.dirs.iter().cloned());
    shared
        .report
        .dropped(candidate.signal.as_str(), candidate.bytes, reason);
    Ok(())
}
