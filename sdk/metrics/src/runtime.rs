//! Metrics of a tokio runtime, of the part of its interface that is stable.
//!
//! Invariant: collecting reads counters that tokio keeps anyway; the runtime is not disturbed, and a runtime that has ended shows its last
//! numbers. Not here: poll counts and times, which tokio shows only when built with `tokio_unstable`.

use std::sync::Mutex;
use std::time::Duration;

use tokio::runtime::{Handle, RuntimeMetrics, TryCurrentError};
use watchroom_core::{Clock, Moment};

use crate::declaration::Kind;
use crate::registry::Collector;
use crate::shared::lock;
use crate::snapshot::{Family, Value};

/// Shortest time over which the busy ratio is measured, so that two readers do not spoil each other's.
const RATIO_OVER: Duration = Duration::from_secs(1);

/// Collects workers, tasks, queue and busy time of a tokio runtime.
///
/// ```
/// # use watchroom_metrics::Registry;
/// use watchroom_metrics::runtime::RuntimeCollector;
///
/// # let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
/// # runtime.block_on(async {
/// let registry = Registry::default();
/// registry.register_collector(RuntimeCollector::current("main")?);
/// assert!(registry.collect().get("tokio_workers").is_some());
/// # Ok::<(), tokio::runtime::TryCurrentError>(())
/// # }).unwrap();
/// ```
#[derive(Debug)]
pub struct RuntimeCollector {
    name: String,
    metrics: RuntimeMetrics,
    clock: Clock,
    busy: Mutex<Busy>,
}

#[derive(Debug)]
struct Busy {
    at: Moment,
    total: Duration,
    ratio: f64,
}

impl RuntimeCollector {
    /// A collector for a runtime; `name` tells it from others, in the label `runtime`.
    #[must_use]
    pub fn new(name: impl Into<String>, handle: &Handle) -> Self {
        Self::with_clock(name, handle, Clock::system())
    }

    /// A collector for the runtime of the calling task.
    ///
    /// # Errors
    /// If there is none.
    pub fn current(name: impl Into<String>) -> Result<Self, TryCurrentError> {
        Ok(Self::new(name, &Handle::try_current()?))
    }

    fn with_clock(name: impl Into<String>, handle: &Handle, clock: Clock) -> Self {
        let metrics = handle.metrics();
        let busy = Busy {
            at: clock.now(),
            total: busy(&metrics),
            ratio: 0.0,
        };
        Self {
            name: name.into(),
            metrics,
            clock,
            busy: Mutex::new(busy),
        }
    }

    /// What part of their time the workers were busy, since about the collection before.
    fn ratio(&self) -> f64 {
        let now = self.clock.now();
        let total = busy(&self.metrics);
        let mut before = lock(&self.busy);
        let elapsed = now.since(before.at);
        if elapsed >= RATIO_OVER {
            let workers = self.metrics.num_workers().max(1) as f64;
            let busy = total.saturating_sub(before.total).as_secs_f64();
            let ratio = (busy / elapsed.as_secs_f64() / workers).clamp(0.0, 1.0);
            *before = Busy {
                at: now,
                total,
                ratio,
            };
        }
        before.ratio
    }
}

fn busy(metrics: &RuntimeMetrics) -> Duration {
    (0..metrics.num_workers())
        .map(|worker| metrics.worker_total_busy_duration(worker))
        .sum()
}

impl Collector for RuntimeCollector {
    fn collect(&self, out: &mut Vec<Family>) {
        let own = [("runtime", self.name.as_str())];
        let gauge = |name, help, value: usize| {
            Family::new(name, Kind::Gauge, help).with(&own, Value::U64(value as u64))
        };
        out.push(gauge(
            "tokio_workers",
            "Worker threads.",
            self.metrics.num_workers(),
        ));
        out.push(gauge(
            "tokio_alive_tasks",
            "Tasks that are not finished.",
            self.metrics.num_alive_tasks(),
        ));
        out.push(gauge(
            "tokio_global_queue_depth",
            "Tasks that wait in the queue of all workers.",
            self.metrics.global_queue_depth(),
        ));
        out.push(
            Family::new(
                "tokio_busy_ratio",
                Kind::Gauge,
                "What part of their time the workers were busy, since the collection before.",
            )
            .with(&own, Value::F64(self.ratio())),
        );
        let mut busy_s = Family::new(
            "tokio_worker_busy_seconds_total",
            Kind::Counter,
            "Time for which a worker was busy.",
        )
        .with_unit("seconds");
        let mut parks = Family::new(
            "tokio_worker_parks_total",
            Kind::Counter,
            "How often a worker went to sleep for want of work.",
        );
        for worker in 0..self.metrics.num_workers() {
            let number = worker.to_string();
            let labels = [("runtime", self.name.as_str()), ("worker", number.as_str())];
            let busy = self.metrics.worker_total_busy_duration(worker).as_secs_f64();
            busy_s.push(&labels, Value::F64(busy), 0);
            parks.push(&labels, Value::U64(self.metrics.worker_park_count(worker)), 0);
        }
        out.push(busy_s);
        out.push(parks);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(collector: &RuntimeCollector, name: &str) -> f64 {
        let mut out = Vec::new();
        collector.collect(&mut out);
        let family = out.iter().find(|family| family.name == name).unwrap();
        family.iter().map(|series| series.value().as_f64()).sum()
    }

    #[test]
    fn a_runtime_shows_its_workers_tasks_and_busy_time() {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .build()
            .unwrap();
        let (clock, hand) = Clock::manual(0);
        let collector = RuntimeCollector::with_clock("main", runtime.handle(), clock);
        assert_eq!(value(&collector, "tokio_workers"), 2.0);
        assert_eq!(value(&collector, "tokio_alive_tasks"), 0.0);
        let (send, receive) = std::sync::mpsc::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let task = runtime.spawn(async move {
            ready.send(()).unwrap();
            receive.recv().unwrap();
        });
        is_ready.recv().unwrap();
        assert_eq!(value(&collector, "tokio_alive_tasks"), 1.0);
        send.send(()).unwrap();
        runtime.block_on(task).unwrap();
        hand.advance(Duration::from_millis(999));
        assert_eq!(value(&collector, "tokio_busy_ratio"), 0.0, "too short to say");
        hand.advance(Duration::from_millis(1));
        let ratio = value(&collector, "tokio_busy_ratio");
        assert!((0.0..=1.0).contains(&ratio), "{ratio}");
        drop(runtime);
        assert!(value(&collector, "tokio_worker_busy_seconds_total") >= 0.0);
        assert!(
            value(&collector, "tokio_worker_parks_total") >= 1.0,
            "the workers slept when there was nothing to do"
        );
    }
}
