//! What all metrics of a registry share: budget, keys, clock, slots and hooks.
//!
//! Invariant: `n_series` never exceeds the limit over all; no hook runs under a lock.

use std::borrow::Cow;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use watchroom_core::{Clock, SpanId, TraceId};

use crate::MAX_LABEL_VALUE_BYTES;
use crate::cells::Allocator;
use crate::exemplar::Exemplar;
use crate::hash::Keys;
use crate::registry::Limits;

/// Gives the value of an open label as it may be shown, from the label's name and the raw value. Runs once for each new series, never
/// when a series is found again.
pub type LabelRedactor = dyn for<'a> Fn(&str, &'a str) -> Cow<'a, str> + Send + Sync;

pub(crate) type ExemplarSource = fn() -> Option<(TraceId, SpanId)>;

pub(crate) struct Shared {
    pub(crate) limits: Limits,
    pub(crate) keys: Keys,
    pub(crate) clock: Clock,
    pub(crate) start_unix_ns: u64,
    pub(crate) n_series: AtomicUsize,
    pub(crate) n_values_cut: AtomicU64,
    /// Families of collectors that could not be shown.
    pub(crate) n_left_out: AtomicU64,
    pub(crate) exemplar_source: OnceLock<ExemplarSource>,
    pub(crate) redactor: Mutex<Option<Arc<LabelRedactor>>>,
    allocator: Mutex<Allocator>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("limits", &self.limits)
            .field("n_series", &self.n_series)
            .finish()
    }
}

/// Every lock of this crate guards data that is whole between any two statements, so a poisoned one is taken as it is.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shared {
    pub(crate) fn new(limits: Limits, clock: Clock) -> Self {
        Self {
            limits,
            keys: Keys::random(),
            start_unix_ns: clock.now_unix_ns(),
            clock,
            n_series: AtomicUsize::new(0),
            n_values_cut: AtomicU64::new(0),
            n_left_out: AtomicU64::new(0),
            exemplar_source: OnceLock::new(),
            redactor: Mutex::new(None),
            allocator: Mutex::new(Allocator::default()),
        }
    }

    pub(crate) fn allocator(&self) -> MutexGuard<'_, Allocator> {
        lock(&self.allocator)
    }

    /// Takes one series out of the budget over all.
    pub(crate) fn reserve(&self) -> bool {
        let more = |n: usize| (n < self.limits.total).then_some(n + 1);
        self.n_series.fetch_update(Relaxed, Relaxed, more).is_ok()
    }

    /// Gives one back.
    pub(crate) fn release(&self) {
        self.n_series.fetch_sub(1, Relaxed);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.n_series.load(Relaxed) >= self.limits.total
    }

    /// A sample as an exemplar, if it is recorded inside a sampled trace.
    pub(crate) fn exemplar(&self, value: f64) -> Option<Exemplar> {
        let (trace_id, span_id) = self.exemplar_source.get()?()?;
        Some(Exemplar {
            trace_id,
            span_id,
            value,
            time_unix_ns: self.clock.now_unix_ns(),
        })
    }

    /// The value of an open label as it is shown: redacted, then cut.
    pub(crate) fn shown(&self, label: &str, raw: &str) -> String {
        let redactor = lock(&self.redactor).clone();
        let mut shown = match &redactor {
            None => raw.to_owned(),
            // Fails closed: the value of a redactor that panics is not shown.
            Some(redactor) => {
                let redact = || redactor(label, raw).into_owned();
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(redact))
                    .unwrap_or_else(|_| "[REDACTED]".to_owned())
            }
        };
        if shown.len() > MAX_LABEL_VALUE_BYTES {
            self.n_values_cut.fetch_add(1, Relaxed);
            shown.truncate(shown.floor_char_boundary(MAX_LABEL_VALUE_BYTES));
        }
        shown
    }
}
