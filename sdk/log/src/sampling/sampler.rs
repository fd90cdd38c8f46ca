//! The sampler: decides, counts what it suppresses, and says so now and then.
//!
//! Invariant: every line that is suppressed is in the ledger, in the total of its target and level, and in one report. Not here: when
//! reports are due beyond their interval (the façade's keeper asks, and asks for the last one at shutdown).

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tracing_core::{Level, Metadata};
use watchroom_capture::EventSampler;
use watchroom_core::{Clock, Count, Ledger, Moment};

use super::limit::{Bucket, chance};
use super::{Limits, LogSampling};

/// Target of what the log says of itself; it is not sampled.
pub const LOG_TARGET: &str = "watchroom::log";

/// Targets and levels that are counted apart; those that come later share one key for each rule and level.
const MAX_KEYS: usize = 1_024;
const LEVELS: usize = 5;
const OTHERS: &str = "__overflow__";

/// Lines of one report; the rest is summed up in a further one.
const MAX_REPORTED: usize = 20;

/// Lines of one target and level that were suppressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suppressed {
    /// Target, or `__overflow__` beyond 1 024 targets and levels.
    pub target: &'static str,
    /// Level.
    pub level: Level,
    /// Number of lines.
    pub n: u64,
}

/// Decides by the rules of a [`LogSampling`]. One serves all log sinks: give it to
/// [`Capture::event_sampler`](watchroom_capture::Capture::event_sampler).
#[derive(Debug)]
pub struct LogSampler {
    sampling: LogSampling,
    slots: Box<[OnceLock<Box<Slot>>]>,
    keys: Mutex<HashMap<(&'static str, Level, usize), u32>>,
    ledger: Arc<Ledger>,
    clock: Clock,
    report_every: Duration,
    reported: Mutex<Moment>,
}

#[derive(Debug)]
struct Slot {
    target: &'static str,
    level: Level,
    threshold: Option<u64>,
    bucket: Option<Bucket>,
    n: AtomicU64,
    n_reported: AtomicU64,
}

impl Slot {
    fn new(target: &'static str, level: Level, limits: Limits) -> Self {
        Self {
            target,
            level,
            threshold: limits.ratio.and_then(|ratio| ratio.threshold()),
            bucket: limits.rate.map(|rate| rate.bucket()),
            n: AtomicU64::new(0),
            n_reported: AtomicU64::new(0),
        }
    }

    /// Chance first, so that a rate is not used up by what chance throws away.
    fn keep(&self, now: Moment) -> bool {
        self.threshold.is_none_or(chance)
            && self
                .bucket
                .as_ref()
                .is_none_or(|bucket| bucket.take(now.ns_since(Moment::default())))
    }
}

impl LogSampler {
    /// A sampler that enters what it suppresses in `ledger`.
    #[must_use]
    pub fn new(sampling: LogSampling, ledger: Arc<Ledger>, clock: Clock) -> Self {
        let n_slots = MAX_KEYS + sampling.rules.len() * LEVELS;
        Self {
            slots: (0..n_slots).map(|_| OnceLock::new()).collect(),
            sampling,
            keys: Mutex::default(),
            ledger,
            report_every: Duration::from_secs(30),
            reported: Mutex::new(clock.now()),
            clock,
        }
    }

    /// Time between two reports; 30 s by default.
    #[must_use]
    pub const fn report_every(mut self, interval: Duration) -> Self {
        self.report_every = interval;
        self
    }

    /// The rules.
    #[must_use]
    pub const fn sampling(&self) -> &LogSampling {
        &self.sampling
    }

    /// What has been suppressed since the start, by target and level: at most 1 024 of them and five for each rule.
    #[must_use]
    pub fn suppressed(&self) -> Vec<Suppressed> {
        self.collect(|slot| slot.n.load(Relaxed))
    }

    /// Logs what has been suppressed since the last report, if that is long enough ago. Whether it was.
    pub fn report_if_due(&self) -> bool {
        let due = self.clock.now().since(*self.last()) >= self.report_every;
        if due {
            self.report();
        }
        due
    }

    /// Logs what has been suppressed since the last report, a line for each target and level; nothing if nothing was.
    pub fn report(&self) {
        let now = self.clock.now();
        let since = now.since(std::mem::replace(&mut *self.last(), now));
        let mut lines = self.collect(|slot| {
            let n = slot.n.load(Relaxed);
            n.saturating_sub(slot.n_reported.swap(n, Relaxed))
        });
        lines.sort_by_key(|line| std::cmp::Reverse(line.n));
        let seconds = since.as_secs();
        let rest = lines.split_off(lines.len().min(MAX_REPORTED));
        for Suppressed { target, level, n } in lines {
            tracing::warn!(
                target: LOG_TARGET,
                sampled_target = target,
                sampled_level = level.as_str(),
                lines = n,
                seconds,
                "suppressed {n} lines of target {target} level {level} in the last {seconds} s"
            );
        }
        if !rest.is_empty() {
            let n: u64 = rest.iter().map(|line| line.n).sum();
            tracing::warn!(
                target: LOG_TARGET,
                lines = n,
                seconds,
                "suppressed {n} lines of {} further targets and levels in the last {seconds} s", rest.len()
            );
        }
    }

    fn last(&self) -> MutexGuard<'_, Moment> {
        self.reported.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(&self, n: impl Fn(&Slot) -> u64) -> Vec<Suppressed> {
        let slots = self.slots.iter().map_while(OnceLock::get);
        slots
            .map(|slot| Suppressed {
                target: slot.target,
                level: slot.level,
                n: n(slot),
            })
            .filter(|line| line.n > 0)
            .collect()
    }
}

impl EventSampler for LogSampler {
    fn key(&self, metadata: &'static Metadata<'static>) -> Option<NonZeroU32> {
        let (target, level) = (metadata.target(), *metadata.level());
        let (rule, limits) = self.sampling.rule(target, level)?;
        if limits.keeps_all() || target == LOG_TARGET {
            return None;
        }
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let target = if keys.contains_key(&(target, level, rule)) || keys.len() < MAX_KEYS {
            target
        } else {
            OTHERS
        };
        let next = u32::try_from(keys.len()).ok()?;
        let idx = *keys.entry((target, level, rule)).or_insert(next);
        self.slots
            .get(idx as usize)?
            .get_or_init(|| Box::new(Slot::new(target, level, limits)));
        NonZeroU32::new(idx + 1)
    }

    fn keep(&self, key: NonZeroU32, now: Moment) -> bool {
        let slot = self.slots.get(key.get() as usize - 1).and_then(OnceLock::get);
        let Some(slot) = slot else { return true };
        let kept = slot.keep(now);
        if !kept {
            slot.n.fetch_add(1, Relaxed);
            self.ledger.count(Count::LinesSuppressed, 1);
        }
        kept
    }
}
