//! A reservoir: quantiles of what comes too fast, and spreads too widely, for declared buckets.
//!
//! Each thread keeps, for each combination of labels, a fixed number of samples that are drawn at random from all that it observed in
//! the present window (Vitter's algorithm R); collecting merges the threads', each sample weighing as much as what it stands for, over the
//! present window and the one before it. Count and sum are exact.
//! Invariant: recording takes no lock and, once a thread has its samples, allocates nothing; memory is bounded by threads × closed
//! combinations. Not here: quantiles over several processes, for which a [`NativeHistogram`](crate::NativeHistogram) is the instrument.
//!
//! Source: Vitter, "Random sampling with a reservoir", 1985.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use watchroom_core::Moment;
use watchroom_core::ids::next_random;

use super::{Instrument, declared};
use crate::OVERFLOW;
use crate::declaration::{Declaration, Kind};
use crate::error::RegisterError;
use crate::label::{self, LabelDeclaration, LabelSet, Labels};
use crate::number::{Number as _, Repr, ToValue};
use crate::registry::Registry;
use crate::shared::{Shared, lock};
use crate::snapshot::{self, SummaryValue, Value};
use crate::thread::{self, SHARED};

/// Samples that a thread keeps of one series.
const SAMPLES: usize = 256;
/// Time after which the samples of a window are set aside, and after as long again forgotten.
const WINDOW: Duration = Duration::from_secs(60);

const UNKNOWN: u8 = 0;
const ADMITTED: u8 = 1;
const DENIED: u8 = 2;

/// Timings at a high rate, shown as a summary with quantiles: `Reservoir` without labels, `Reservoir<Method>` with closed ones.
///
/// ```
/// use watchroom_metrics as metrics;
/// use metrics::{Metrics, Registry, Reservoir};
///
/// #[derive(Metrics)]
/// #[metrics(crate = metrics, prefix = "cache")]
/// struct CacheMetrics {
///     /// Time of a look-up.
///     #[metric(unit = "seconds", quantiles = [0.5, 0.99])]
///     lookup: Reservoir,
/// }
///
/// let registry = Registry::default();
/// let cache = CacheMetrics::register(&registry)?;
/// for i in 1..=100 {
///     cache.lookup.observe(f64::from(i) / 1e6);
/// }
/// let mut text = String::new();
/// metrics::expose::text(&registry.collect(), &mut text);
/// assert!(text.contains("cache_lookup_seconds{quantile=\"0.5\"} 0.00005\n"));
/// # Ok::<(), metrics::RegisterError>(())
/// ```
///
/// What is not a number is left out. Quantiles are those of the last one to two minutes, provided that somebody collects; they cannot be
/// added up over instances. A window in which a thread observed up to 256 values is shown exactly.
pub struct Reservoir<L = ()> {
    core: Option<Arc<Core>>,
    types: PhantomData<fn() -> L>,
}

/// A reservoir of a registry.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) declaration: Declaration,
    pub(crate) shared: Arc<Shared>,
    n_series: usize,
    /// By thread, then by series. The last one serves the threads that have no number.
    pages: [OnceLock<Page>; SHARED as usize + 1],
    /// Whoever has no number of its own keeps a sample only under this lock, and none if it is taken.
    without_number: Mutex<()>,
    window: AtomicU64,
    states: Box<[AtomicU8]>,
    past: Mutex<Past>,
}

type Page = Box<[OnceLock<Box<Shard>>]>;

/// Values, each with its weight.
type Samples = Vec<(f64, f64)>;

/// What one thread has of one series. Only that thread writes it.
#[derive(Debug)]
struct Shard {
    window: AtomicU64,
    /// Observations in that window.
    n_seen: AtomicU64,
    count: AtomicU64,
    sum: AtomicU64,
    samples: [AtomicU64; SAMPLES],
}

#[derive(Debug)]
struct Past {
    opened: Moment,
    /// The samples of the last window, by series, each with its weight.
    samples: Vec<Samples>,
}

impl Shard {
    fn new() -> Box<Self> {
        Box::new(Self {
            window: AtomicU64::new(0),
            n_seen: AtomicU64::new(0),
            count: AtomicU64::new(0),
            sum: AtomicU64::new(0),
            samples: [const { AtomicU64::new(0) }; SAMPLES],
        })
    }

    /// Keeps a sample, or not. The caller is the only one to write.
    #[inline]
    fn keep(&self, value: f64, window: u64) {
        if self.window.load(Relaxed) != window {
            // In this order, so that whoever sees the window finds none of the samples before it.
            self.n_seen.store(0, Release);
            self.window.store(window, Release);
        }
        let n_before = self.n_seen.load(Relaxed);
        let place = if n_before < SAMPLES as u64 {
            n_before as usize
        } else {
            ((u128::from(next_random()) * u128::from(n_before + 1)) >> 64) as usize
        };
        if let Some(sample) = self.samples.get(place) {
            sample.store(value.to_bits(), Relaxed);
        }
        self.n_seen.store(n_before + 1, Release);
    }

    /// Samples of a window, each with its weight.
    fn read(&self, window: u64, out: &mut Samples) {
        if self.window.load(Acquire) != window {
            return;
        }
        let n_seen = self.n_seen.load(Acquire);
        let n = usize::try_from(n_seen).unwrap_or(SAMPLES).min(SAMPLES);
        let weight = n_seen as f64 / n as f64;
        let values = self
            .samples
            .iter()
            .take(n)
            .map(|sample| f64::from_bits(sample.load(Relaxed)));
        out.extend(values.map(|value| (value, weight)));
    }
}

impl Core {
    pub(crate) fn new(declaration: Declaration, shared: Arc<Shared>) -> Self {
        let values = |label: &LabelDeclaration| match label.domain {
            label::Domain::Closed(values) => values.len(),
            label::Domain::Open { .. } => 1,
        };
        let n_series = declaration.labels.iter().map(values).product();
        let past = Past {
            opened: shared.clock.now(),
            samples: vec![Vec::new(); n_series],
        };
        Self {
            declaration,
            n_series,
            pages: std::array::from_fn(|_| OnceLock::new()),
            without_number: Mutex::new(()),
            window: AtomicU64::new(0),
            states: (0..n_series).map(|_| AtomicU8::new(UNKNOWN)).collect(),
            past: Mutex::new(past),
            shared,
        }
    }

    #[inline]
    fn shard(&self, number: u8, series: usize) -> Option<&Shard> {
        let page = match self.pages[usize::from(number)].get() {
            Some(page) => page,
            None => self.page(number),
        };
        let shard = page.get(series)?;
        Some(match shard.get() {
            Some(shard) => shard,
            None => shard.get_or_init(Shard::new),
        })
    }

    #[cold]
    fn page(&self, number: u8) -> &Page {
        self.pages[usize::from(number)].get_or_init(|| (0..self.n_series).map(|_| OnceLock::new()).collect())
    }

    #[inline]
    fn observe(&self, series: usize, value: f64) {
        if value.is_nan() {
            return;
        }
        let number = match thread::number() {
            SHARED => thread::lease(),
            number => number,
        };
        let Some(shard) = self.shard(number, series) else {
            return;
        };
        let window = self.window.load(Relaxed);
        if number == SHARED {
            u64::add_shared(&shard.count, 1);
            f64::add_shared(&shard.sum, value);
            if let Ok(_alone) = self.without_number.try_lock() {
                shard.keep(value, window);
            }
        } else {
            u64::add_owned(&shard.count, 1);
            f64::add_owned(&shard.sum, value);
            shard.keep(value, window);
        }
    }

    fn shards(&self, series: usize) -> impl Iterator<Item = &Shard> {
        self.pages
            .iter()
            .filter_map(move |page| page.get()?.get(series)?.get().map(|shard| &**shard))
    }

    fn totals(&self, series: usize) -> (u64, f64) {
        self.shards(series).fold((0, 0.0), |(count, sum), shard| {
            (
                count + shard.count.load(Relaxed),
                sum + f64::from_bits(shard.sum.load(Relaxed)),
            )
        })
    }

    fn present(&self, series: usize) -> Samples {
        let window = self.window.load(Relaxed);
        let mut samples = Vec::new();
        self.shards(series)
            .for_each(|shard| shard.read(window, &mut samples));
        samples
    }

    /// Whether the series is within the budget over all. One without labels is, since code is bounded.
    fn is_admitted(&self, series: usize) -> bool {
        let Some(state) = self.states.get(series) else {
            return false;
        };
        if state.load(Relaxed) == UNKNOWN {
            let admitted = self.shared.reserve() || self.declaration.labels.is_empty();
            state.store(if admitted { ADMITTED } else { DENIED }, Relaxed);
        }
        state.load(Relaxed) == ADMITTED
    }

    /// Series that are shown.
    pub(crate) fn n_series(&self) -> usize {
        let admitted = |state: &&AtomicU8| state.load(Relaxed) == ADMITTED;
        self.states.iter().filter(admitted).count()
    }

    /// Observations that went to the overflow series.
    pub(crate) fn overflowed(&self) -> u64 {
        let denied = |series: &usize| self.states[*series].load(Relaxed) == DENIED;
        (0..self.n_series)
            .filter(denied)
            .map(|series| self.totals(series).0)
            .sum()
    }

    /// What it holds now.
    pub(crate) fn collect(&self) -> snapshot::Family {
        // The lock makes collections take turns, so that a window ends once.
        let mut past = lock(&self.past);
        let now = self.shared.clock.now();
        let declaration = &self.declaration;
        let mut family =
            snapshot::Family::new(declaration.name.clone(), Kind::Summary, declaration.help.clone());
        family.unit.clone_from(&declaration.unit);
        let names: Vec<&str> = declaration.labels.iter().map(|label| label.name).collect();
        let mut overflow: Option<(u64, f64, Samples)> = None;
        for series in 0..self.n_series {
            let (count, sum) = self.totals(series);
            let shows_zero = declaration.zero || names.is_empty();
            if count == 0 && !shows_zero {
                continue;
            }
            let mut samples = self.present(series);
            samples.extend(past.samples.get(series).into_iter().flatten());
            if self.is_admitted(series) {
                let values = label::values_at(&declaration.labels, series);
                let labels: Vec<_> = names.iter().copied().zip(values).collect();
                let value = self.summary(count, sum, samples);
                family.push(&labels, value, self.shared.start_unix_ns);
            } else {
                let (all, total, kept) = overflow.get_or_insert_default();
                *all += count;
                *total += sum;
                kept.append(&mut samples);
            }
        }
        if let Some((count, sum, samples)) = overflow {
            let labels: Vec<_> = names.iter().map(|name| (*name, OVERFLOW)).collect();
            family.push(
                &labels,
                self.summary(count, sum, samples),
                self.shared.start_unix_ns,
            );
        }
        if now.since(past.opened) >= WINDOW {
            past.samples = (0..self.n_series).map(|series| self.present(series)).collect();
            past.opened = now;
            self.window.fetch_add(1, Relaxed);
        }
        family
    }

    fn summary(&self, count: u64, sum: f64, mut samples: Samples) -> Value {
        samples.sort_unstable_by(|(a, _), (b, _)| a.total_cmp(b));
        let quantiles = self
            .declaration
            .quantiles
            .iter()
            .filter_map(|q| Some((*q, quantile(&samples, *q)?)));
        Value::Summary(Box::new(SummaryValue {
            quantiles: quantiles.collect(),
            sum,
            count,
        }))
    }
}

/// The least value that so large a part of the weight is at or below; `samples` are sorted. Nothing if there are none.
fn quantile(samples: &[(f64, f64)], q: f64) -> Option<f64> {
    let total: f64 = samples.iter().map(|(_, weight)| weight).sum();
    let mut below = 0.0;
    for (value, weight) in samples {
        below += weight;
        // A sum of weights is not exact; without the allowance the median of an even number would slip to the next value.
        if below >= q * total - total * 1e-12 {
            return Some(*value);
        }
    }
    samples.last().map(|(value, _)| *value)
}

impl<L> Clone for Reservoir<L> {
    fn clone(&self) -> Self {
        Self {
            core: self.core.clone(),
            types: PhantomData,
        }
    }
}

impl<L> fmt::Debug for Reservoir<L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.core.as_ref().map(|core| core.declaration.name());
        f.debug_tuple("Reservoir")
            .field(&name.unwrap_or("no-op"))
            .finish()
    }
}

impl<L> Default for Reservoir<L> {
    /// An instrument that records nothing.
    fn default() -> Self {
        Self {
            core: None,
            types: PhantomData,
        }
    }
}

impl<L: LabelSet> Instrument for Reservoir<L> {
    const KIND: Kind = Kind::Summary;
    const LABELS: &'static [LabelDeclaration] = L::DECLARATIONS;

    fn declare(declaration: Declaration) -> Declaration {
        const {
            assert!(!L::OPEN, "the labels of a reservoir are closed sets: enums");
        }
        declared::<L>(declaration, Kind::Summary, Repr::F64)
    }

    fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
        Ok(Self {
            core: Some(registry.reservoir(Self::declare(declaration))?),
            types: PhantomData,
        })
    }

    fn noop() -> Self {
        Self::default()
    }
}

impl<L: LabelSet> Reservoir<L> {
    #[inline]
    fn record(&self, labels: &L::In<'_>, value: f64) {
        if let Some(core) = &self.core {
            core.observe(L::place(labels), value);
        }
    }

    fn timer(&self, labels: &L::In<'_>) -> ReservoirTimer<'_> {
        ReservoirTimer(
            self.core
                .as_deref()
                .map(|core| (core, L::place(labels), core.shared.clock.now())),
        )
    }
}

impl Reservoir<()> {
    /// Observes a value.
    #[inline]
    pub fn observe(&self, value: impl ToValue<f64>) {
        self.record(&(), value.to_value());
    }

    /// Observes a duration, in seconds.
    #[inline]
    pub fn observe_duration(&self, duration: Duration) {
        self.record(&(), duration.as_secs_f64());
    }

    /// Starts to time something.
    pub fn start(&self) -> ReservoirTimer<'_> {
        self.timer(&())
    }
}

impl<L: Labels> Reservoir<L> {
    /// Observes a value.
    #[inline]
    pub fn observe(&self, labels: L::In<'_>, value: impl ToValue<f64>) {
        self.record(&labels, value.to_value());
    }

    /// Observes a duration, in seconds.
    #[inline]
    pub fn observe_duration(&self, labels: L::In<'_>, duration: Duration) {
        self.record(&labels, duration.as_secs_f64());
    }

    /// Starts to time something.
    pub fn start(&self, labels: L::In<'_>) -> ReservoirTimer<'_> {
        self.timer(&labels)
    }
}

/// Times something for a [`Reservoir`] of seconds. Dropping it observes; [`ReservoirTimer::discard`] does not.
#[must_use = "the time ends when the timer is observed or dropped"]
pub struct ReservoirTimer<'a>(Option<(&'a Core, usize, Moment)>);

impl ReservoirTimer<'_> {
    /// Observes the time since the start, and gives it; zero if the reservoir records nothing.
    pub fn observe(mut self) -> Duration {
        self.finish()
    }

    /// Observes nothing.
    pub fn discard(mut self) {
        self.0 = None;
    }

    fn finish(&mut self) -> Duration {
        let Some((core, series, start)) = self.0.take() else {
            return Duration::ZERO;
        };
        let elapsed = core.shared.clock.now().since(start);
        core.observe(series, elapsed.as_secs_f64());
        elapsed
    }
}

impl Drop for ReservoirTimer<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

impl fmt::Debug for ReservoirTimer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_ref().map(|(core, ..)| core.declaration.name());
        f.debug_tuple("ReservoirTimer")
            .field(&name.unwrap_or("no-op"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_least_value_with_so_much_at_or_below_it() {
        let samples: Vec<_> = (1..=10).map(|i| (f64::from(i), 1.0)).collect();
        let quantiles = [0.0, 0.1, 0.5, 0.91, 1.0].map(|q| quantile(&samples, q).unwrap());
        assert_eq!(quantiles, [1.0, 1.0, 5.0, 10.0, 10.0]);
        let heavy = [(1.0, 9.0), (2.0, 1.0)];
        assert_eq!(quantile(&heavy, 0.9), Some(1.0));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn every_observation_of_a_window_is_kept_with_the_same_chance() {
        let shard = Shard::new();
        // Samples of the second half and of the first are alike in number: 128 and a deviation of 8 each.
        let mut n_late = 0;
        for window in 0..40 {
            for i in 0..10_000 {
                shard.keep(f64::from(i), window);
            }
            let mut samples = Vec::new();
            shard.read(window, &mut samples);
            assert_eq!(samples.len(), SAMPLES);
            assert!((samples[0].1 - 10_000.0 / 256.0).abs() < 1e-9);
            n_late += samples.iter().filter(|(value, _)| *value >= 5_000.0).count();
            shard.read(window + 1, &mut samples);
            assert_eq!(samples.len(), SAMPLES, "another window has nothing");
        }
        assert!((4_600..5_640).contains(&n_late), "{n_late} of 10240");
    }
}
