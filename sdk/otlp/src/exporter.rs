//! The exporter as a service holds it.
//!
//! Invariant: no call waits longer than it is told, on whatever runtime or thread it is made; dropping waits for nothing.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing_core::Metadata;
use watchroom_capture::{Sink, SpanAttributes, SpanExporter};
use watchroom_core::{Clock, Ledger, Resource, Signal};

use crate::config::{OtlpConfig, SignalConfig, SpoolConfig};
use crate::error::StartError;
use crate::report::{FlushReport, Problem, ProblemKind, SignalReport};
use crate::sinks::{Encoded, LogSink, SpanIntake, Store, WaitingSpan};
use crate::spool::{Home, Limits, Spool, SpoolError};
use crate::transport::{Client, Target};
use crate::wire;
use crate::worker::metrics::{self, MetricsReader};
use crate::worker::{
    AnyIntake, Backlog, Control, Courier, Intake, Lane, Problems, Progress, Tasks, drain, spawn,
};

/// Exports spans, log records and metrics to OTLP receivers, on a thread of its own.
///
/// In the child of a `fork` there is no thread: what is taken there is dropped and counted once the queue is full, and a flush or a
/// shutdown ends at its timeout.
///
/// Dropped without [`shutdown`](Self::shutdown) it takes nothing more; its thread delivers what it can within a second and ends.
pub struct OtlpExporter {
    ledger: Arc<Ledger>,
    progress: Arc<Progress>,
    control: Arc<Control>,
    thread: Mutex<Option<JoinHandle<()>>>,
    spans: Option<Arc<SpanIntake>>,
    logs: Option<LogPart>,
    metrics: Option<Arc<Lane>>,
    attributes: SpanAttributes,
    max_request_bytes: usize,
}

struct LogPart {
    intake: Arc<Intake<Encoded>>,
    store: Arc<Store>,
}

/// Time in which a dropped exporter's thread delivers what is left.
const GRACE_AFTER_DROP: Duration = Duration::from_secs(1);

/// Part of a shutdown's time in which what could not be delivered is counted: a quarter, but not more than this.
const MAX_COUNTING_TIME: Duration = Duration::from_millis(100);

/// Problems that may wait for the hook.
const PROBLEM_QUEUE: usize = 16;

impl OtlpExporter {
    /// Starts the thread. The collectors need not be there yet. `metrics` is read if metrics are exported.
    ///
    /// # Errors
    /// [`StartError`] if a setting is invalid or the thread cannot be made.
    pub fn start(
        config: OtlpConfig,
        resource: &Resource,
        ledger: Arc<Ledger>,
        clock: Clock,
        metrics: Option<Arc<dyn MetricsReader>>,
    ) -> Result<Self, StartError> {
        config.check()?;
        let (sender, receiver) = mpsc::channel(PROBLEM_QUEUE);
        let mut start = Start {
            resource: wire::encode_resource(resource).into(),
            service: service_name(resource),
            progress: Arc::default(),
            problems: config.on_problem.is_some().then_some(sender),
            tasks: Tasks::default(),
            config: &config,
            ledger,
            clock,
        };
        let spans = start.spans()?;
        let logs = start.logs()?;
        let metrics = start.metrics(metrics)?;
        let Start {
            ledger,
            progress,
            mut tasks,
            ..
        } = start;
        tasks.hook = config.on_problem.clone().map(|hook| (hook, receiver));
        let control = Arc::<Control>::default();
        let thread = spawn(tasks, Arc::clone(&control), Arc::clone(&progress)).map_err(StartError::Thread)?;
        Ok(Self {
            ledger,
            progress,
            control,
            thread: Mutex::new(Some(thread)),
            spans,
            logs,
            metrics,
            attributes: config.span_attributes,
            max_request_bytes: config.max_request_bytes,
        })
    }

    /// The taker of closed spans, for capture; `None` if no spans are exported.
    #[must_use]
    pub fn span_exporter(&self) -> Option<Arc<dyn SpanExporter>> {
        let spans = Arc::clone(self.spans.as_ref()?);
        Some(spans)
    }

    /// A sink that makes log records of the events that `filter` lets pass, for capture; `None` if no logs are exported.
    #[must_use]
    pub fn log_sink<F>(&self, filter: F) -> Option<Arc<dyn Sink>>
    where
        F: Fn(&Metadata<'_>) -> bool + Send + Sync + 'static,
    {
        let LogPart { intake, store } = self.logs.as_ref()?;
        Some(Arc::new(LogSink {
            intake: Arc::clone(intake),
            store: Arc::clone(store),
            attributes: self.attributes,
            max_bytes: self.max_request_bytes,
            filter,
        }))
    }

    /// Delivers what waits now, and the present values of all instruments; waits for that at most `timeout`.
    pub fn flush(&self, timeout: Duration) -> FlushReport {
        let before = self.counts();
        let spans = self
            .spans
            .as_ref()
            .map(|spans| (spans.intake.lane(), spans.intake.ask()));
        let logs = self
            .logs
            .as_ref()
            .map(|logs| (logs.intake.lane(), logs.intake.ask()));
        let metrics = self.metrics.as_ref().map(|lane| (lane, lane.ask_once_more()));
        let waits_for =
            [spans, logs, metrics].map(|lane| lane.map(|(lane, count)| (lane, count, lane.ask_round())));
        let done = self.progress.wait(timeout, || {
            waits_for
                .iter()
                .flatten()
                .all(|(lane, count, round)| lane.has_reached(*count) && lane.has_done(*round))
        });
        self.report(before, !done)
    }

    /// Takes nothing more, delivers what waits and the last values of all instruments, and ends the thread; all that within
    /// `timeout`. What is left then is dropped. A second call waits for the first one's end.
    pub fn shutdown(&self, timeout: Duration) -> FlushReport {
        let before = self.counts();
        self.stop(timeout.saturating_sub(MAX_COUNTING_TIME.min(timeout / 4)));
        let done = self.progress.wait(timeout, || false);
        let thread = self
            .thread
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take_if(|_| done);
        // It has said that it ends, so this does not wait; unless it is the thread itself that calls, from the hook.
        if let Some(thread) = thread.filter(|thread| thread.thread().id() != std::thread::current().id()) {
            // A panic in there has been counted as what it lost.
            let _ = thread.join();
        }
        self.report(before, !done)
    }

    fn stop(&self, grace: Duration) {
        if let Some(spans) = &self.spans {
            spans.intake.close();
        }
        if let Some(logs) = &self.logs {
            logs.intake.close();
        }
        self.control.stop(grace);
    }

    fn counts(&self) -> [SignalReport; 3] {
        [Signal::Spans, Signal::Logs, Signal::Metrics].map(|signal| SignalReport {
            delivered: self.ledger.delivered(signal),
            dropped: self.ledger.dropped_total(signal),
            remaining: self.ledger.queued(signal),
            spooled: self.ledger.spooled(signal),
        })
    }

    fn report(&self, before: [SignalReport; 3], timed_out: bool) -> FlushReport {
        let [spans, logs, metrics] = self.counts();
        let since = |now: SignalReport, before: SignalReport| SignalReport {
            delivered: now.delivered.saturating_sub(before.delivered),
            dropped: now.dropped.saturating_sub(before.dropped),
            remaining: now.remaining,
            spooled: now.spooled,
        };
        FlushReport {
            spans: since(spans, before[0]),
            logs: since(logs, before[1]),
            metrics: since(metrics, before[2]),
            timed_out,
        }
    }
}

impl Drop for OtlpExporter {
    fn drop(&mut self) {
        if !self.progress.is_finished() {
            self.stop(GRACE_AFTER_DROP);
        }
    }
}

impl fmt::Debug for OtlpExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpExporter")
            .field("spans", &self.spans.is_some())
            .field("logs", &self.logs.is_some())
            .field("metrics", &self.metrics.is_some())
            .finish_non_exhaustive()
    }
}

fn service_name(resource: &Resource) -> String {
    let mut attributes = resource.iter();
    let name = attributes.find(|(key, _)| *key == "service.name");
    name.map(|(_, name)| name.to_owned()).unwrap_or_default()
}

/// What is shared while the parts are put together.
struct Start<'a> {
    config: &'a OtlpConfig,
    /// The service's name, whose spool it is.
    service: String,
    resource: Arc<[u8]>,
    ledger: Arc<Ledger>,
    clock: Clock,
    progress: Arc<Progress>,
    problems: Option<mpsc::Sender<Problem>>,
    tasks: Tasks,
}

impl Start<'_> {
    fn spans(&mut self) -> Result<Option<Arc<SpanIntake>>, StartError> {
        let Some(signal) = &self.config.traces else {
            return Ok(None);
        };
        let (lane, courier) = self.lane(Signal::Spans, signal)?;
        let config = self.config;
        let intake = Arc::new(Intake::new(lane, config.trace_queue, config.trace_batch));
        let attributes = config.span_attributes;
        // The number of spans bounds it.
        let store = Arc::new(Store::new(usize::MAX));
        let shared = Arc::clone(&store);
        let encode =
            move |span: WaitingSpan, batch: &mut wire::Batch| span.encode(batch, &shared, attributes);
        self.add(&intake, courier, config.trace_delay, true, encode);
        Ok(Some(Arc::new(SpanIntake {
            intake,
            store,
            attributes,
        })))
    }

    fn logs(&mut self) -> Result<Option<LogPart>, StartError> {
        let Some(signal) = &self.config.logs else {
            return Ok(None);
        };
        let (lane, courier) = self.lane(Signal::Logs, signal)?;
        let config = self.config;
        let intake = Arc::new(Intake::new(lane, config.log_queue, config.log_batch));
        let store = Arc::new(Store::new(config.log_queue_bytes));
        let shared = Arc::clone(&store);
        let encode = move |log: Encoded, batch: &mut wire::Batch| log.encode(batch, &shared);
        self.add(&intake, courier, config.log_delay, false, encode);
        Ok(Some(LogPart { intake, store }))
    }

    fn metrics(&mut self, reader: Option<Arc<dyn MetricsReader>>) -> Result<Option<Arc<Lane>>, StartError> {
        let Some(signal) = &self.config.metrics else {
            return Ok(None);
        };
        let reader = reader.ok_or(StartError::NoMetricsReader)?;
        let (lane, courier) = self.lane(Signal::Metrics, signal)?;
        let (interval, max_bytes) = (self.config.metric_interval, self.config.max_request_bytes);
        let resource = Arc::clone(&self.resource);
        let task = metrics::read(Arc::clone(&lane), reader, courier, resource, interval, max_bytes);
        self.tasks.futures.push(Box::pin(task));
        Ok(Some(lane))
    }

    fn lane(&mut self, signal: Signal, config: &SignalConfig) -> Result<(Arc<Lane>, Courier), StartError> {
        let target = Target::new(signal, config)?;
        let mut problems = Problems::new(
            signal,
            target.shown(),
            self.clock.clone(),
            self.config.problem_interval,
            self.problems.clone(),
        );
        if target.has_unused_tls_files() {
            problems.raise(ProblemKind::TlsUnused, 0, String::new);
        }
        let spool = match &self.config.spool {
            Some(settings) => Some(self.spool(signal, settings)?),
            None => None,
        };
        let lane = Arc::new(Lane::new(
            signal,
            Arc::clone(&self.ledger),
            self.clock.clone(),
            Arc::clone(&self.progress),
            spool.is_some(),
        ));
        self.tasks.lanes.push(Arc::clone(&lane));
        let backlog = Backlog::new(Arc::clone(&lane), spool, problems);
        let courier = Courier::new(backlog, Client::new(target), self.config.retry.clone());
        Ok((lane, courier))
    }

    fn spool(&self, signal: Signal, settings: &SpoolConfig) -> Result<Spool, StartError> {
        let home = Home::make(&settings.dir, &self.service, signal)
            .map_err(|SpoolError { path, source }| StartError::Spool { path, source })?;
        let limits = Limits {
            max_bytes: settings.max_bytes,
            max_age: settings.max_age,
            sync: settings.sync,
        };
        Ok(Spool::new(home, limits, self.clock.clone()))
    }

    fn add<T: Send + 'static>(
        &mut self,
        intake: &Arc<Intake<T>>,
        courier: Courier,
        delay: Duration,
        encodes_early: bool,
        encode: impl Fn(T, &mut wire::Batch) + Send + 'static,
    ) {
        let (resource, max_bytes) = (Arc::clone(&self.resource), self.config.max_request_bytes);
        let task = drain(
            Arc::clone(intake),
            courier,
            resource,
            delay,
            max_bytes,
            encodes_early,
            encode,
        );
        self.tasks.futures.push(Box::pin(task));
        self.tasks.intakes.push(Arc::clone(intake) as Arc<dyn AnyIntake>);
    }
}
