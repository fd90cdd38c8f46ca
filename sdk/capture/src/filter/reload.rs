//! A filter that can be changed while the service runs, and put back by itself.
//!
//! Invariant: no lock is held while `tracing` asks its callsites again. At most one thread waits for a filter to be put back, and it
//! ends with the waiting. Not here: who may change it (the admin endpoint).

use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use tracing_core::{LevelFilter, Metadata};
use watchroom_core::{Clock, Moment};

use super::Filter;

static GENERATION: AtomicU64 = AtomicU64::new(1);

/// Generation of all filters of the process; what was decided per callsite in an earlier one is decided anew.
#[must_use]
pub fn generation() -> u64 {
    GENERATION.load(Relaxed)
}

/// Starts a new generation and has `tracing` ask every callsite again.
pub(crate) fn renew() {
    GENERATION.fetch_add(1, Relaxed);
    tracing_core::callsite::rebuild_interest_cache();
}

/// A [`Filter`] that can be exchanged. Clones share it.
#[derive(Debug, Clone)]
pub struct ReloadableFilter(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    current: RwLock<Arc<Filter>>,
    timer: Arc<Timer>,
}

#[derive(Debug, Default)]
struct Timer {
    state: Mutex<TimerState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct TimerState {
    /// When which filter comes back.
    revert: Option<(Moment, Arc<Filter>)>,
    thread_runs: bool,
    gone: bool,
}

impl Timer {
    fn lock(&self) -> MutexGuard<'_, TimerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.timer.lock().gone = true;
        self.timer.changed.notify_all();
    }
}

impl From<Filter> for ReloadableFilter {
    fn from(filter: Filter) -> Self {
        Self::new(filter, Clock::system())
    }
}

impl ReloadableFilter {
    /// Begins with `filter`.
    #[must_use]
    pub fn new(filter: Filter, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            clock,
            current: RwLock::new(Arc::new(filter)),
            timer: Arc::default(),
        }))
    }

    /// The filter of this moment.
    #[must_use]
    pub fn get(&self) -> Arc<Filter> {
        Arc::clone(&self.0.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether a callsite passes.
    #[must_use]
    pub fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .enabled(metadata)
    }

    /// The most verbose level that passes for any target.
    #[must_use]
    pub fn max_level(&self) -> LevelFilter {
        self.0
            .current
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .max_level()
    }

    /// Exchanges the filter for good; one that was to be put back is forgotten.
    pub fn set(&self, filter: Filter) {
        {
            let mut timer = self.0.timer.lock();
            timer.revert = None;
            self.0.store(Arc::new(filter));
        }
        self.0.timer.changed.notify_all();
        renew();
    }

    /// Exchanges the filter for `duration`; then the one that [`set`](Self::set) or [`new`](Self::new) gave comes back. A second
    /// call replaces the first and keeps what comes back.
    ///
    /// # Errors
    /// The thread that waits could not be started; the filter is not changed then.
    pub fn set_for(&self, filter: Filter, duration: Duration) -> io::Result<()> {
        {
            let mut timer = self.0.timer.lock();
            if !timer.thread_runs {
                let shared = Arc::downgrade(&self.0);
                let waiting = Arc::clone(&self.0.timer);
                let clock = self.0.clock.clone();
                std::thread::Builder::new()
                    .name("watchroom-filter".to_owned())
                    .spawn(move || {
                        while waiting.wait_due(&clock) {
                            if let Some(shared) = shared.upgrade() {
                                shared.revert_if_due();
                            }
                        }
                    })?;
                timer.thread_runs = true;
            }
            let back = timer.revert.take().map_or_else(|| self.get(), |(_, back)| back);
            timer.revert = Some((self.0.clock.now().after(duration), back));
            self.0.store(Arc::new(filter));
        }
        self.0.timer.changed.notify_all();
        renew();
        Ok(())
    }

    /// Time till the filter is put back, if it is to be.
    #[must_use]
    pub fn reverts_in(&self) -> Option<Duration> {
        let at = self.0.timer.lock().revert.as_ref().map(|(at, _)| *at)?;
        Some(at.since(self.0.clock.now()))
    }

    /// Puts the filter back if its time has come. The thread does it by itself; with a clock that a test moves, the test calls it.
    pub fn revert_if_due(&self) -> bool {
        self.0.revert_if_due()
    }
}

impl Shared {
    fn store(&self, filter: Arc<Filter>) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = filter;
    }

    fn revert_if_due(&self) -> bool {
        {
            let mut timer = self.timer.lock();
            let now = self.clock.now();
            let Some((_, back)) = timer.revert.take_if(|(at, _)| *at <= now) else {
                return false;
            };
            self.store(back);
        }
        renew();
        true
    }
}

impl Timer {
    /// Waits for the next moment to act. False when there is nothing left to wait for; the thread ends then.
    fn wait_due(&self, clock: &Clock) -> bool {
        let mut state = self.lock();
        loop {
            let due = match &state.revert {
                Some((at, _)) if !state.gone => at.since(clock.now()),
                _ => {
                    state.thread_runs = false;
                    return false;
                }
            };
            if due.is_zero() {
                return true;
            }
            state = self
                .changed
                .wait_timeout(state, due)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(text: &str) -> Filter {
        Filter::parse(text).unwrap()
    }

    #[test]
    fn comes_back_when_its_time_is_up_and_not_before() {
        let (clock, hand) = Clock::manual(0);
        let reloadable = ReloadableFilter::new(filter("info"), clock);
        reloadable
            .set_for(filter("debug"), Duration::from_secs(60))
            .unwrap();
        reloadable
            .set_for(filter("trace"), Duration::from_secs(30))
            .unwrap();
        assert_eq!(reloadable.get().to_string(), "trace");
        assert_eq!(reloadable.reverts_in(), Some(Duration::from_secs(30)));
        hand.advance(Duration::from_secs(29));
        assert!(!reloadable.revert_if_due());
        hand.advance(Duration::from_secs(1));
        assert!(reloadable.revert_if_due());
        assert_eq!(reloadable.get().to_string(), "info");
        assert_eq!(reloadable.reverts_in(), None);
    }

    #[test]
    fn a_change_for_good_forgets_the_return() {
        let (clock, hand) = Clock::manual(0);
        let reloadable = ReloadableFilter::new(filter("info"), clock);
        reloadable
            .set_for(filter("debug"), Duration::from_secs(60))
            .unwrap();
        reloadable.set(filter("warn"));
        hand.advance(Duration::from_secs(61));
        assert!(!reloadable.revert_if_due());
        assert_eq!(reloadable.get().to_string(), "warn");
    }

    #[test]
    fn comes_back_by_itself_and_the_thread_ends() {
        let reloadable = ReloadableFilter::from(filter("info"));
        let before = generation();
        reloadable
            .set_for(filter("debug"), Duration::from_millis(1))
            .unwrap();
        while reloadable.0.timer.lock().thread_runs {
            std::thread::yield_now();
        }
        assert_eq!(reloadable.get().to_string(), "info");
        assert!(generation() >= before + 2);
    }
}
