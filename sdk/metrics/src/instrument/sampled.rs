//! Recording one of so many, scaled, where a path is too hot to record each.
//!
//! What is chosen follows a sequence whose steps are the golden ratio, from a start that is random for each thread: every part of the
//! calls is met alike, and no rhythm of the caller's can hide from it. What is recorded counts for all that was not, so sums and counts
//! are right on average. Invariant: what is not chosen costs an addition and a comparison and nothing else, not even the clock.
//! Not here: sampling of traces and of log lines.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use watchroom_core::Moment;
use watchroom_core::ids::next_random;

use super::{Instrument, declared, handle};
use crate::declaration::{Declaration, Kind};
use crate::error::RegisterError;
use crate::family::{Family, Ticket};
use crate::label::{LabelDeclaration, LabelSet, Labels};
use crate::number::{Repr, ToValue};
use crate::registry::Registry;

/// The golden ratio's fraction, of 2⁶⁴: the number whose multiples are spread most evenly.
///
/// Source: Knuth, "The art of computer programming", volume 3, section 6.4.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

thread_local! {
    /// Where the thread stands in the sequence; zero if it has not begun. It has no destructor, so it is there until the very end.
    static PLACE: Cell<u64> = const { Cell::new(0) };
}

/// Chooses one of `n`.
#[derive(Debug, Clone, Copy)]
struct OneIn {
    n: u64,
    up_to: u64,
}

impl OneIn {
    const fn new(n: u32) -> Self {
        let n = if n == 0 { 1 } else { n as u64 };
        Self {
            n,
            up_to: u64::MAX / n,
        }
    }

    #[inline(always)]
    fn is_chosen(self) -> bool {
        PLACE.with(|place| {
            let now = match place.get() {
                0 => next_random(),
                now => now.wrapping_add(STEP),
            };
            place.set(now);
            now <= self.up_to
        })
    }

    const fn weight(self) -> u64 {
        self.n
    }
}

/// A counter that records one of `n` increments and adds `n` for it; for open labels on a hot path, whose values need not be hashed each
/// time then. With closed labels a [`Counter`](crate::Counter) costs as little and is exact.
///
/// The declaration says of how many: `#[metric(one_in = 64)]`. The error of a count `c` is at most about `√(n·c)`: of a million events that
/// are recorded one in 64, 0.8 %.
pub struct SampledCounter<L = ()> {
    one_in: OneIn,
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> L>,
}

/// A histogram that records one of `n` observations, which then counts for `n`.
///
/// The declaration says of how many: `#[metric(buckets = [0.001, 0.01], one_in = 64)]`. Its timer reads the clock only for what is
/// recorded, which is most of what timing costs. Quantiles and means are right on average; rare outliers are seen one time in `n`.
pub struct SampledHistogram<L = ()> {
    one_in: OneIn,
    family: Option<Arc<Family>>,
    types: PhantomData<fn() -> L>,
}

macro_rules! sampled {
    ($handle:ident, $kind:expr, $repr:expr) => {
        handle!($handle<L>);

        impl<L> Clone for $handle<L> {
            fn clone(&self) -> Self {
                Self {
                    one_in: self.one_in,
                    family: self.family.clone(),
                    types: PhantomData,
                }
            }
        }

        impl<L: LabelSet> Instrument for $handle<L> {
            const KIND: Kind = $kind;
            const LABELS: &'static [LabelDeclaration] = L::DECLARATIONS;

            fn declare(declaration: Declaration) -> Declaration {
                declared::<L>(declaration, $kind, $repr)
            }

            fn register(registry: &Registry, declaration: Declaration) -> Result<Self, RegisterError> {
                let family = registry.family(Self::declare(declaration))?;
                Ok(Self {
                    one_in: OneIn::new(family.declaration.one_in),
                    family: Some(family),
                    types: PhantomData,
                })
            }

            fn noop() -> Self {
                Self {
                    one_in: OneIn::new(u32::MAX),
                    family: None,
                    types: PhantomData,
                }
            }
        }
    };
}

sampled!(SampledCounter, Kind::Counter, Repr::U64);
sampled!(SampledHistogram, Kind::Histogram, Repr::F64);

impl<L: LabelSet> SampledCounter<L> {
    #[inline(always)]
    fn add(&self, labels: L::In<'_>, n: u64) {
        if self.one_in.is_chosen() {
            self.record(&labels, n);
        }
    }

    #[inline(never)]
    fn record(&self, labels: &L::In<'_>, n: u64) {
        if let Some(family) = &self.family {
            let n = n.saturating_mul(self.one_in.weight());
            family.add(family.target::<L>(labels), 0, n);
        }
    }
}

impl SampledCounter<()> {
    /// Adds one, or rather, one time in `n`, `n`.
    #[inline]
    pub fn inc(&self) {
        self.add((), 1);
    }

    /// Adds `amount`, one time in `n` and then `n`-fold.
    #[inline]
    pub fn inc_by(&self, amount: u64) {
        self.add((), amount);
    }
}

impl<L: Labels> SampledCounter<L> {
    /// Adds one, or rather, one time in `n`, `n`.
    #[inline]
    pub fn inc(&self, labels: L::In<'_>) {
        self.add(labels, 1);
    }

    /// Adds `amount`, one time in `n` and then `n`-fold.
    #[inline]
    pub fn inc_by(&self, labels: L::In<'_>, amount: u64) {
        self.add(labels, amount);
    }
}

fn observe_weighted(family: &Family, series: u32, value: f64, weight: u64) {
    if value.is_nan() {
        return;
    }
    let bucket = family.bounds.partition_point(|bound| value > *bound);
    family.add(series, bucket, weight);
    family.add(series, family.bounds.len() + 1, value * weight as f64);
    if family.exemplars_on() {
        family.maybe_exemplar(series, bucket, value);
    }
}

impl<L: LabelSet> SampledHistogram<L> {
    #[inline(never)]
    fn record(&self, labels: &L::In<'_>, value: f64) {
        if let Some(family) = &self.family {
            let series = family.target::<L>(labels);
            observe_weighted(family, series, value, self.one_in.weight());
        }
    }

    #[inline(always)]
    fn timer(&self, labels: L::In<'_>) -> SampledTimer<'_> {
        match &self.family {
            Some(family) if self.one_in.is_chosen() => SampledTimer(Some(Running {
                ticket: family.ticket::<L>(&labels),
                start: family.shared.clock.now(),
                weight: self.one_in.weight(),
                family,
            })),
            _ => SampledTimer(None),
        }
    }
}

impl SampledHistogram<()> {
    /// Observes a value, one time in `n`.
    #[inline]
    pub fn observe(&self, value: impl ToValue<f64>) {
        if self.one_in.is_chosen() {
            self.record(&(), value.to_value());
        }
    }

    /// Starts to time something, one time in `n`.
    #[inline]
    pub fn start(&self) -> SampledTimer<'_> {
        self.timer(())
    }
}

impl<L: Labels> SampledHistogram<L> {
    /// Observes a value, one time in `n`.
    #[inline]
    pub fn observe(&self, labels: L::In<'_>, value: impl ToValue<f64>) {
        if self.one_in.is_chosen() {
            self.record(&labels, value.to_value());
        }
    }

    /// Starts to time something, one time in `n`.
    #[inline]
    pub fn start(&self, labels: L::In<'_>) -> SampledTimer<'_> {
        self.timer(labels)
    }
}

/// Times something for a [`SampledHistogram`] of seconds. Dropping it observes; [`SampledTimer::discard`] does not.
#[must_use = "the time ends when the timer is observed or dropped"]
pub struct SampledTimer<'a>(Option<Running<'a>>);

struct Running<'a> {
    family: &'a Family,
    ticket: Ticket,
    start: Moment,
    weight: u64,
}

impl SampledTimer<'_> {
    /// Observes the time since the start, and gives it if this one is recorded.
    pub fn observe(mut self) -> Option<Duration> {
        self.finish()
    }

    /// Observes nothing.
    pub fn discard(mut self) {
        self.0 = None;
    }

    fn finish(&mut self) -> Option<Duration> {
        let Running {
            family,
            ticket,
            start,
            weight,
        } = self.0.take()?;
        let elapsed = family.shared.clock.now().since(start);
        if let Some(series) = family.redeem(ticket) {
            observe_weighted(family, series, elapsed.as_secs_f64(), weight);
        }
        Some(elapsed)
    }
}

impl Drop for SampledTimer<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

impl fmt::Debug for SampledTimer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_ref().map(|running| running.family.declaration.name());
        f.debug_tuple("SampledTimer")
            .field(&name.unwrap_or("none"))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_n_is_chosen() {
        let n_chosen = (0..1_000_000).filter(|_| OneIn::new(50).is_chosen()).count();
        assert!((19_900..20_100).contains(&n_chosen), "{n_chosen}");
        assert!((0..1_000).all(|_| OneIn::new(1).is_chosen() && OneIn::new(0).is_chosen()));
    }

    #[test]
    fn no_rhythm_of_the_caller_hides_from_it() {
        for period in [2, 3, 7, 16, 64, 100, 1_000] {
            let mut n_chosen = 0;
            for i in 0..20_000 * period {
                let chosen = OneIn::new(64).is_chosen();
                n_chosen += u32::from(chosen && i % period == 0);
            }
            // One in 64 of 20 000 is 312.
            assert!((250..375).contains(&n_chosen), "{n_chosen} of period {period}");
        }
    }

    #[test]
    fn threads_of_a_single_call_are_met_alike() {
        let n_chosen: u32 = (0..400)
            .map(|_| {
                std::thread::spawn(|| u32::from(OneIn::new(4).is_chosen()))
                    .join()
                    .unwrap()
            })
            .sum();
        // A hundred, and a deviation of 9: seven of them either way.
        assert!((40..160).contains(&n_chosen), "{n_chosen}");
    }
}
