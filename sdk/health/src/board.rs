//! The board: components, and what is to be done when one changes.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use watchroom_core::{Clock, Moment};

use crate::component::{Component, Reporter, State};
use crate::detail::Detail;
use crate::register::{Check, Registration};
use crate::report::{ComponentReport, Probe, Report};
use crate::runner::Runner;

/// A component that has become healthy or unhealthy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The component.
    pub component: String,
    /// State before.
    pub from: State,
    /// State now.
    pub to: State,
    /// What the check said, if it failed.
    pub error: Option<String>,
}

type Hook = Box<dyn Fn(&Change) + Send + Sync>;
type Redact = Box<dyn Fn(&str) -> String + Send + Sync>;
type Extra = Arc<dyn Fn() -> Vec<(&'static str, Detail)> + Send + Sync>;

/// All components of a service. Cloning is cheap; all clones are the same board.
#[derive(Clone)]
pub struct HealthBoard(Arc<Inner>);

struct Inner {
    clock: Clock,
    started: Moment,
    components: RwLock<Vec<Arc<Component>>>,
    extras: RwLock<Vec<Extra>>,
    on_change: OnceLock<Hook>,
    redact: OnceLock<Redact>,
    /// Counts changes, for those who wait for one.
    changes: watch::Sender<u64>,
    runner: Runner,
}

impl fmt::Debug for HealthBoard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HealthBoard")
            .field("components", &self.0.components)
            .finish_non_exhaustive()
    }
}

impl Default for HealthBoard {
    fn default() -> Self {
        Self::new()
    }
}

impl HealthBoard {
    /// An empty board.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Clock::system())
    }

    /// An empty board that reads time from a clock.
    #[must_use]
    pub fn with_clock(clock: Clock) -> Self {
        let started = clock.now();
        Self(Arc::new(Inner {
            clock,
            started,
            components: RwLock::default(),
            extras: RwLock::default(),
            on_change: OnceLock::new(),
            redact: OnceLock::new(),
            changes: watch::Sender::new(0),
            runner: Runner::default(),
        }))
    }

    /// Registers a check. It runs at once and then every 5 s with a timeout of 2 s unless told otherwise, on the ambient tokio
    /// runtime if there is one, else on a thread of the board's. A component of the same name is replaced. Errors are kept as
    /// their alternate form (`{:#}`) shows them: with their causes, where the type knows how.
    pub fn register<F, Fut, E>(&self, name: impl Into<String>, check: F) -> Registration
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let check = Check::Async(Arc::new(move || {
            let answer = check();
            Box::pin(async move { answer.await.map_err(|error| format!("{error:#}")) })
        }));
        Registration::new(self.clone(), self.add(name.into()), check)
    }

    /// Registers a check that blocks: it runs on a thread of its own in each round, and never twice at a time. Otherwise as
    /// [`register`](Self::register).
    pub fn register_blocking<F, E>(&self, name: impl Into<String>, check: F) -> Registration
    where
        F: Fn() -> Result<(), E> + Send + Sync + 'static,
        E: fmt::Display,
    {
        let check = Check::Blocking(Arc::new(move || check().map_err(|error| format!("{error:#}"))));
        Registration::new(self.clone(), self.add(name.into()), check)
    }

    /// Registers a component whose state is told instead of checked.
    pub fn component(&self, name: impl Into<String>) -> Reporter {
        Reporter {
            board: self.clone(),
            component: self.add(name.into()),
        }
    }

    /// Takes a component off the board; its check ends after the round it is in.
    pub fn unregister(&self, name: &str) {
        self.write_components(|components| {
            components.retain(|component| {
                let is_it = component.name == name;
                if is_it {
                    component.remove();
                }
                !is_it
            });
        });
    }

    /// Adds fields to the answer of [`Probe::Health`], made anew for each. Must be quick: it runs while someone waits.
    pub fn extra(&self, fields: impl Fn() -> Vec<(&'static str, Detail)> + Send + Sync + 'static) {
        self.0
            .extras
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::new(fields));
    }

    /// Calls `hook` when a component changes. One hook; a second is not taken. Whether it was.
    pub fn on_change(&self, hook: impl Fn(&Change) + Send + Sync + 'static) -> bool {
        self.0.on_change.set(Box::new(hook)).is_ok()
    }

    /// Has every text that is not a name go through `redact`: errors and details before they are kept, the service's own fields before
    /// they are shown. One redactor, set before there are components; a second is not taken. Whether it was.
    pub fn redact_errors(&self, redact: impl Fn(&str) -> String + Send + Sync + 'static) -> bool {
        self.0.redact.set(Box::new(redact)).is_ok()
    }

    /// Lets someone wait for changes, as the reporter of a gRPC health service does.
    #[must_use]
    pub fn subscribe(&self) -> Changes {
        Changes(self.0.changes.subscribe())
    }

    /// What is known now. Waits for no check.
    #[must_use]
    pub fn report(&self, probe: Probe) -> Report {
        let now = self.0.clock.now();
        let components = self
            .read_components()
            .iter()
            .map(|component| ComponentReport::of(component, now))
            .collect();
        let extras = match probe {
            Probe::Health => self
                .0
                .extras
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
            Probe::Live | Probe::Ready | Probe::Startup => Vec::new(),
        };
        let details = extras
            .iter()
            .flat_map(|fields| std::panic::catch_unwind(AssertUnwindSafe(|| fields())).unwrap_or_default())
            .map(|(name, value)| match value {
                Detail::Text(text) => (name, Detail::Text(self.redacted(text))),
                other => (name, other),
            })
            .collect();
        Report::new(probe, components, details, now.since(self.0.started))
    }

    /// Whether every critical component is healthy.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.report(Probe::Ready).is_good()
    }

    /// Each component with whether it is healthy, for a metric.
    #[must_use]
    pub fn snapshot(&self) -> Vec<(String, bool)> {
        let now = self.0.clock.now();
        let components = self.read_components();
        components
            .iter()
            .map(|c| (c.name.clone(), c.outcome(now).state == State::Healthy))
            .collect()
    }

    fn add(&self, name: String) -> Arc<Component> {
        let component = Arc::new(Component::new(name, self.0.clock.now()));
        self.write_components(|components| {
            if let Some(old) = components.iter_mut().find(|old| old.name == component.name) {
                old.remove();
                *old = Arc::clone(&component);
            } else {
                components.push(Arc::clone(&component));
            }
        });
        component
    }

    /// Enters a result and tells the hook if it is a change. The hook runs outside every lock.
    pub(crate) fn enter(&self, component: &Component, result: Result<(), String>, latency: Duration) {
        let result = result.map_err(|error| self.redacted(error));
        let to = if result.is_ok() {
            State::Healthy
        } else {
            State::Unhealthy
        };
        let error = result.as_ref().err().cloned();
        let from = component.enter(result, self.0.clock.now(), latency);
        if from == to || component.is_removed() {
            return;
        }
        if let Some(hook) = self.0.on_change.get() {
            let change = Change {
                component: component.name.clone(),
                from,
                to,
                error,
            };
            // A hook that panics has been told all the same; the panic hook has shown what was wrong with it.
            let _ = std::panic::catch_unwind(AssertUnwindSafe(|| hook(&change)));
        }
        self.0.changes.send_modify(|n| *n += 1);
    }

    /// A redactor that panics leaves nothing of the text.
    pub(crate) fn redacted(&self, text: String) -> String {
        let Some(redact) = self.0.redact.get() else {
            return text;
        };
        std::panic::catch_unwind(AssertUnwindSafe(|| redact(&text)))
            .unwrap_or_else(|_| "the text could not be redacted".to_owned())
    }

    pub(crate) fn runner(&self) -> &Runner {
        &self.0.runner
    }

    pub(crate) fn now(&self) -> Moment {
        self.0.clock.now()
    }

    /// A board that does not keep the real one alive, for the tasks of its checks.
    pub(crate) fn downgrade(&self) -> WeakBoard {
        WeakBoard(Arc::downgrade(&self.0))
    }

    fn read_components(&self) -> Vec<Arc<Component>> {
        self.0
            .components
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn write_components(&self, change: impl FnOnce(&mut Vec<Arc<Component>>)) {
        change(&mut self.0.components.write().unwrap_or_else(PoisonError::into_inner));
    }
}

/// Waits for changes of a board.
///
/// ```
/// # use watchroom_health::HealthBoard;
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let board = HealthBoard::new();
/// let mut changes = board.subscribe();
/// board.component("queue").critical().unhealthy("full");
/// assert!(changes.changed().await);
/// assert!(!board.is_ready());
/// # });
/// ```
#[derive(Debug, Clone)]
pub struct Changes(watch::Receiver<u64>);

impl Changes {
    /// Waits until a component has changed since the last call. False once the board is gone.
    pub async fn changed(&mut self) -> bool {
        self.0.changed().await.is_ok()
    }
}

pub(crate) struct WeakBoard(std::sync::Weak<Inner>);

impl WeakBoard {
    pub(crate) fn upgrade(&self) -> Option<HealthBoard> {
        self.0.upgrade().map(HealthBoard)
    }
}

impl Component {
    pub(crate) fn is_critical(&self) -> bool {
        self.critical.load(Relaxed)
    }
}

#[cfg(test)]
mod tests;
