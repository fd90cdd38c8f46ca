//! The registry: where metrics are registered and collected.
//!
//! Invariant: one name is one metric; registering the same declaration again gives the same instrument, a different one is an error.
//! Not here: the global registry (the façade's), threads that collect.

mod catalogue;
mod collect;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use watchroom_core::{Clock, Moment, SpanId, TraceId};

pub use catalogue::{CatalogueEntry, OverflowWarning};
pub use collect::Collector;

use crate::declaration::{Declaration, Kind};
use crate::error::RegisterError;
use crate::family::Family;
use crate::instrument::ReservoirCore;
use crate::name;
use crate::shared::{Shared, lock};

/// How many series there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In one metric.
    pub per_metric: usize,
    /// In all metrics together.
    pub total: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            per_metric: 1_000,
            total: 10_000,
        }
    }
}

/// A struct of instruments that are declared together. Derive it.
pub trait Metrics: Sized {
    /// Registers every instrument.
    ///
    /// # Errors
    /// [`RegisterError`] for the first that cannot be registered.
    fn register(registry: &Registry) -> Result<Self, RegisterError>;

    /// Instruments that record nothing.
    fn noop() -> Self;

    /// What is declared, for catalogues and dashboards.
    fn declarations() -> Vec<Declaration>;
}

/// A set of metrics with one budget. Cloning is cheap and gives the same registry.
#[derive(Debug, Clone)]
pub struct Registry(Arc<Core>);

#[derive(Debug)]
struct Core {
    shared: Arc<Shared>,
    state: Mutex<State>,
    /// After what time series of open labels end whose metric does not say so itself.
    idle_after: Mutex<Option<Duration>>,
    n_expired: AtomicU64,
    warned: Mutex<Warned>,
}

#[derive(Default)]
struct State {
    families: BTreeMap<String, Source>,
    /// Which metric's samples have a name.
    sample_names: HashMap<String, String>,
    collectors: Vec<Arc<dyn Collector>>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("families", &self.families.keys())
            .field("n_collectors", &self.collectors.len())
            .finish()
    }
}

#[derive(Debug, Clone)]
enum Source {
    Family(Arc<Family>),
    Info(Arc<InfoFacts>),
    Reservoir(Arc<ReservoirCore>),
}

/// The facts of an info.
#[derive(Debug)]
pub(crate) struct InfoFacts {
    pub(crate) declaration: Declaration,
    pub(crate) shared: Arc<Shared>,
    pub(crate) labels: Mutex<Vec<(String, String)>>,
}

/// What has been warned of.
#[derive(Debug, Default)]
struct Warned {
    at: Option<Moment>,
    overflowed: HashMap<String, u64>,
}

impl Source {
    fn declaration(&self) -> &Declaration {
        match self {
            Self::Family(family) => &family.declaration,
            Self::Info(info) => &info.declaration,
            Self::Reservoir(reservoir) => &reservoir.declaration,
        }
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::new(Limits::default())
    }
}

impl Registry {
    /// An empty registry.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self::with_clock(limits, Clock::system())
    }

    /// An empty registry that reads this clock.
    #[must_use]
    pub fn with_clock(limits: Limits, clock: Clock) -> Self {
        Self(Arc::new(Core {
            shared: Arc::new(Shared::new(limits, clock)),
            state: Mutex::new(State::default()),
            idle_after: Mutex::new(None),
            n_expired: AtomicU64::new(0),
            warned: Mutex::new(Warned::default()),
        }))
    }

    /// The clock that it reads.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.shared.clock
    }

    /// Sets what redacts the values of open labels. It holds for series made from now on.
    pub fn set_label_redactor(
        &self,
        redactor: impl for<'a> Fn(&str, &'a str) -> Cow<'a, str> + Send + Sync + 'static,
    ) {
        *lock(&self.0.shared.redactor) = Some(Arc::new(redactor));
    }

    /// Sets where exemplars come from: the span that the calling thread is in, if its trace is sampled. Whether this is the first
    /// source; a further one is not taken.
    pub fn set_exemplar_source(&self, source: fn() -> Option<(TraceId, SpanId)>) -> bool {
        let first = self.0.shared.exemplar_source.set(source).is_ok();
        if first {
            self.0.shared.allocator().switch_exemplars_on();
        }
        first
    }

    /// Sets after what time without a recording series of open labels end whose metric does not declare a time of its own. Without it
    /// they stay.
    pub fn set_idle_after(&self, idle: Option<Duration>) {
        *lock(&self.0.idle_after) = idle;
    }

    /// Ends series of open labels in which nothing was recorded for the time that their metric declares, or else for the registry's own;
    /// their budget is free again. How many.
    ///
    /// For whoever keeps the registry to call every second or so: a metric is looked through only every eighth of its time. Nothing
    /// that is recorded meanwhile is lost, and a series that comes back begins anew, from zero and with a start of its own.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use watchroom_metrics::Registry;
    /// let registry = Registry::default();
    /// registry.set_idle_after(Some(Duration::from_secs(3_600)));
    /// assert_eq!(registry.expire(), 0);
    /// ```
    pub fn expire(&self) -> usize {
        let now = self.0.shared.clock.now();
        let idle = *lock(&self.0.idle_after);
        self.expire_each(|family| family.expire_when_due(now, idle))
    }

    /// As [`Self::expire`], at once and for one time, whatever metrics declare.
    pub fn expire_idle(&self, idle: Duration) -> usize {
        let now = self.0.shared.clock.now();
        self.expire_each(|family| family.expire(now, idle))
    }

    fn expire_each(&self, expire: impl Fn(&Family) -> usize) -> usize {
        let families: Vec<_> = lock(&self.0.state).families.values().cloned().collect();
        let expire = |source: &Source| match source {
            Source::Family(family) => expire(family),
            Source::Info(_) | Source::Reservoir(_) => 0,
        };
        let n_expired = families.iter().map(expire).sum();
        self.0.n_expired.fetch_add(n_expired as u64, Relaxed);
        n_expired
    }

    pub(crate) fn family(&self, declaration: Declaration) -> Result<Arc<Family>, RegisterError> {
        let make = |declaration, shared| Source::Family(Arc::new(Family::new(declaration, shared)));
        match self.entry(declaration, make)? {
            Source::Family(family) => Ok(family),
            other => Err(of_other_kind(&other)),
        }
    }

    pub(crate) fn info(&self, declaration: Declaration) -> Result<Arc<InfoFacts>, RegisterError> {
        let make = |declaration, shared| {
            Source::Info(Arc::new(InfoFacts {
                declaration,
                shared,
                labels: Mutex::new(Vec::new()),
            }))
        };
        match self.entry(declaration, make)? {
            Source::Info(info) => Ok(info),
            other => Err(of_other_kind(&other)),
        }
    }

    pub(crate) fn reservoir(&self, declaration: Declaration) -> Result<Arc<ReservoirCore>, RegisterError> {
        let make = |declaration, shared| Source::Reservoir(Arc::new(ReservoirCore::new(declaration, shared)));
        match self.entry(declaration, make)? {
            Source::Reservoir(reservoir) => Ok(reservoir),
            other => Err(of_other_kind(&other)),
        }
    }

    fn entry(
        &self,
        declaration: Declaration,
        make: impl FnOnce(Declaration, Arc<Shared>) -> Source,
    ) -> Result<Source, RegisterError> {
        check(&declaration)?;
        let mut state = lock(&self.0.state);
        if let Some(source) = state.families.get(declaration.name()) {
            return match source.declaration().difference(&declaration) {
                None => Ok(source.clone()),
                Some(difference) => Err(differs(&declaration, source.declaration(), difference)),
            };
        }
        let names = name::sample_names(&declaration);
        for sample in &names {
            if let Some(other) = state.sample_names.get(sample) {
                let first = state
                    .families
                    .get(other)
                    .map_or("", |source| source.declaration().location);
                return Err(RegisterError::SampleName {
                    metric: declaration.name.to_string(),
                    sample: sample.clone(),
                    other: other.clone(),
                    location: declaration.location,
                    first,
                });
            }
        }
        let name = declaration.name.to_string();
        for sample in names {
            state.sample_names.insert(sample, name.clone());
        }
        let source = make(declaration, Arc::clone(&self.0.shared));
        state.families.insert(name, source.clone());
        Ok(source)
    }
}

/// Cannot happen, since the kind is part of the declaration; but it is no reason to panic.
fn of_other_kind(source: &Source) -> RegisterError {
    differs(source.declaration(), source.declaration(), "kind".to_owned())
}

fn differs(declaration: &Declaration, first: &Declaration, difference: String) -> RegisterError {
    RegisterError::Differs {
        metric: declaration.name.to_string(),
        difference,
        location: declaration.location,
        first: first.location,
    }
}

fn check(declaration: &Declaration) -> Result<(), RegisterError> {
    if let Some(problem) = name::problem(declaration) {
        return Err(RegisterError::Name {
            metric: declaration.name.to_string(),
            problem,
            location: declaration.location,
        });
    }
    let bounds = declaration.buckets();
    let increase = bounds.windows(2).all(|pair| pair[0] < pair[1]);
    let finite = bounds.iter().all(|bound| bound.is_finite());
    if declaration.kind == Kind::Histogram && (bounds.is_empty() || !increase || !finite) {
        return Err(RegisterError::Buckets {
            metric: declaration.name.to_string(),
            bounds: format!("{bounds:?}"),
            location: declaration.location,
        });
    }
    let quantiles = declaration.quantiles();
    let increase = quantiles.windows(2).all(|pair| pair[0] < pair[1]);
    let within = quantiles.iter().all(|q| (0.0..=1.0).contains(q));
    if declaration.kind == Kind::Summary && (quantiles.is_empty() || !increase || !within) {
        return Err(RegisterError::Quantiles {
            metric: declaration.name.to_string(),
            quantiles: format!("{quantiles:?}"),
            location: declaration.location,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::instrument::{Counter, Instrument as _};

    #[test]
    fn what_a_registry_holds_goes_with_its_last_handle() {
        let registry = Registry::default();
        let counter: Counter = Counter::register(&registry, Declaration::new("a_total", "A.")).unwrap();
        counter.inc();
        let shared = Arc::downgrade(&registry.0.shared);
        let fast = Arc::downgrade(
            &registry
                .family(Counter::<()>::declare(Declaration::new("a_total", "A.")))
                .unwrap()
                .fast(),
        );
        drop(registry);
        counter.inc();
        assert!(shared.upgrade().is_some(), "an instrument keeps its own metric");
        drop(counter);
        assert!(shared.upgrade().is_none() && fast.upgrade().is_none());
    }
}
