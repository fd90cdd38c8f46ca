//! Guards: what is in flight, and how long it takes.
//!
//! Invariant: a guard writes to the series that it was made for, or, if that has expired meanwhile, to none.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use watchroom_core::Moment;

use super::{gauge, histogram, native, up_down};
use crate::declaration::Kind;
use crate::family::{Family, Ticket};
use crate::label::LabelSet;
use crate::number::{Number, Repr};

/// A family that a guard writes to.
#[derive(Clone)]
pub(super) enum Held<'a> {
    Borrowed(&'a Arc<Family>),
    Owned(Arc<Family>),
}

impl Held<'_> {
    fn family(&self) -> &Family {
        match self {
            Self::Borrowed(family) => family,
            Self::Owned(family) => family,
        }
    }
}

/// Counts one as long as it lives.
#[must_use = "what is in flight is counted as long as the guard lives"]
pub struct InFlight<'a>(Option<(Held<'a>, Ticket)>);

impl<'a> InFlight<'a> {
    pub(super) fn new<L: LabelSet>(held: Option<Held<'a>>, labels: &L::In<'_>) -> Self {
        Self(held.map(|held| {
            let ticket = held.family().ticket::<L>(labels);
            step(held.family(), ticket, true);
            (held, ticket)
        }))
    }
}

fn step(family: &Family, ticket: Ticket, up: bool) {
    fn of<V: Number>(family: &Family, series: u32, up: bool) {
        let n = if up { V::ONE } else { V::ONE.negated() };
        match family.declaration.kind {
            Kind::UpDownCounter => up_down::add_to(family, series, n),
            _ => gauge::add_to(family, series, n),
        }
    }
    let Some(series) = family.redeem(ticket) else {
        return;
    };
    match family.repr() {
        Repr::F64 => of::<f64>(family, series, up),
        // The bits of a wrapping sum are the same with and without sign; the sign of the step decides its slot.
        Repr::I64 | Repr::U64 => of::<i64>(family, series, up),
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if let Some((held, ticket)) = self.0.take() {
            step(held.family(), ticket, false);
        }
    }
}

impl fmt::Debug for InFlight<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .0
            .as_ref()
            .map_or("no-op", |(held, _)| held.family().declaration.name());
        f.debug_tuple("InFlight").field(&name).finish()
    }
}

/// Times something for a histogram of seconds.
///
/// Dropping it observes, so that an early return and a panic are timed too; [`Timer::discard`] does not.
#[must_use = "the time ends when the timer is observed or dropped"]
pub struct Timer<'a>(Option<Running<'a>>);

struct Running<'a> {
    held: Held<'a>,
    ticket: Ticket,
    start: Moment,
}

impl<'a> Timer<'a> {
    pub(super) fn new<L: LabelSet>(held: Option<Held<'a>>, labels: &L::In<'_>) -> Self {
        Self(held.map(|held| {
            let ticket = held.family().ticket::<L>(labels);
            let start = held.family().shared.clock.now();
            Running { held, ticket, start }
        }))
    }

    /// Observes the time since the start, and gives it; zero if the histogram records nothing.
    pub fn observe(mut self) -> Duration {
        self.finish()
    }

    /// Observes nothing.
    pub fn discard(mut self) {
        self.0 = None;
    }

    fn finish(&mut self) -> Duration {
        let Some(Running { held, ticket, start }) = self.0.take() else {
            return Duration::ZERO;
        };
        let family = held.family();
        let elapsed = family.shared.clock.now().since(start);
        if let Some(series) = family.redeem(ticket) {
            match family.declaration.kind {
                Kind::NativeHistogram => native::observe_in(family, series, elapsed.as_secs_f64()),
                _ => histogram::observe_in(family, series, elapsed.as_secs_f64()),
            }
        }
        elapsed
    }
}

impl Drop for Timer<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

impl fmt::Debug for Timer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self
            .0
            .as_ref()
            .map_or("no-op", |running| running.held.family().declaration.name());
        f.debug_tuple("Timer").field(&name).finish()
    }
}
