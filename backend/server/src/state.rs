//! What the parts of a running server share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use tokio::sync::{Semaphore, watch};
use watchroom_query::promql::WindowBounds;
use watchroom_store::Retention;

use crate::access::Clients;
use crate::exemplars::Exemplars;
use crate::ingest::otlp::{DeltaAccumulator, Signal};
use crate::ingest::scrape::Targets;
use crate::ingest::spanmetrics::SpanMetrics;
use crate::net::{Budget, Origins};
use crate::prometheus_yml::{Job, Loaded};
use crate::remote::Stores;
use crate::rules::Rules;
use crate::{Addresses, Limits};

/// Shared by reference count.
pub(crate) type Shared = Arc<State>;

/// What the parts of a running server share.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) store: Stores,
    pub(crate) limits: Limits,
    pub(crate) query_windows: WindowBounds,
    pub(crate) retention: Retention,
    /// Whether snapshots may be asked for.
    pub(crate) admin_api: bool,
    /// What each client has used.
    pub(crate) clients: Arc<Clients>,
    /// Memory for what is on its way into the store.
    pub(crate) budget: Budget,
    pub(crate) counters: Counters,
    pub(crate) delta: Mutex<DeltaAccumulator>,
    pub(crate) span_metrics: Mutex<SpanMetrics>,
    pub(crate) exemplars: Mutex<Exemplars>,
    /// One permit for each query that may run.
    pub(crate) query_slots: Arc<Semaphore>,
    /// One permit for each live tail.
    pub(crate) tail_slots: Arc<Semaphore>,
    pub(crate) targets: Targets,
    /// What the configuration file says is scraped.
    pub(crate) jobs: watch::Sender<Vec<Arc<Job>>>,
    pub(crate) config_file: Option<PathBuf>,
    pub(crate) loaded: Mutex<Loaded>,
    /// How the server was started, to be shown.
    pub(crate) flags: BTreeMap<&'static str, String>,
    pub(crate) cors_origins: Origins,
    pub(crate) rules: Rules,
    pub(crate) addresses: OnceLock<Addresses>,
    pub(crate) started: Instant,
    /// Becomes true when the server stops.
    pub(crate) stop: watch::Receiver<bool>,
}

/// Locks, whatever happened to a thread that held the lock before: what is behind these locks is never left half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ready once the server stops.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// Totals since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) traces: SignalCounters,
    pub(crate) metrics: SignalCounters,
    pub(crate) logs: SignalCounters,
    pub(crate) remote_write: SignalCounters,
    pub(crate) loki_push: SignalCounters,
    pub(crate) scrapes: Counter,
    pub(crate) scrapes_failed: Counter,
    pub(crate) scraped_samples: Counter,
    pub(crate) queries: Counter,
    pub(crate) queries_failed: Counter,
    pub(crate) rule_evaluations: Counter,
    pub(crate) rule_failures: Counter,
}

/// Totals of one signal over OTLP, or of another protocol.
#[derive(Debug, Default)]
pub(crate) struct SignalCounters {
    /// Items kept.
    pub(crate) received: Counter,
    /// Items of accepted requests that were not kept.
    pub(crate) rejected: Counter,
    /// Requests of which nothing was kept.
    pub(crate) refused: Counter,
}

impl Counters {
    pub(crate) fn of(&self, signal: Signal) -> &SignalCounters {
        match signal {
            Signal::Traces => &self.traces,
            Signal::Metrics => &self.metrics,
            Signal::Logs => &self.logs,
        }
    }
}

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
