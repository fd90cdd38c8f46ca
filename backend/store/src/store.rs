//! The store: appends and reads of the three signals.
//!
//! Not here: any of the work, which the modules of the signals do.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use watchroom_model::{
    HistogramSample, Labels, LogLine, Matcher, MetricMetadata, Sample, SeriesData, Span, SpanKind, TraceId,
};

use crate::engine::Engine;
use crate::live::LiveLogs;
use crate::lock::DirLock;
use crate::logs::{LogSelect, Logs};
use crate::metrics::Metrics;
use crate::report::Report;
use crate::retention::Going;
use crate::snapshot;
use crate::traces::{Scanned, Traces};
use crate::upkeep::{Bell, Upkeep, drop_old};
use crate::{
    AppendError, AppendOutcome, Direction, FlushError, LogSubscription, OpenError, Problem, ReadError,
    SampleBatch, SelectLimit, SnapshotError, SpanFilter, SpanScan, StoreConfig, StoreStats, SyncError,
};

/// The store of one data directory. Cloning shares it; it closes when the last clone is dropped.
#[derive(Debug, Clone)]
pub struct Store(Arc<Open>);

/// An open store. Fields are dropped in order: threads end first, the lock goes last.
#[derive(Debug)]
struct Open {
    _upkeep: Upkeep,
    shared: Arc<Shared>,
    _lock: DirLock,
}

/// What the store's own threads work on.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: StoreConfig,
    pub(crate) report: Arc<Report>,
    pub(crate) metrics: Metrics,
    pub(crate) traces: Traces,
    pub(crate) logs: Logs,
    pub(crate) engine: Arc<Engine>,
    pub(crate) bell: Arc<Bell>,
    live: LiveLogs,
    refused_batches: AtomicU64,
    /// Folders of dropped partitions that are still there. Held while partitions are dropped.
    pub(crate) going: Mutex<Going>,
    /// Held while a snapshot is made.
    pub(crate) snapshotting: Mutex<()>,
}

impl Store {
    /// Opens a data directory, making it if it is missing.
    ///
    /// # Errors
    /// [`OpenError`] if the directory cannot be used, is in use, or has a format that this program does not read. Damaged data is no
    /// error: it is set aside and told by [`Store::problems`].
    pub fn open(config: StoreConfig) -> Result<Self, OpenError> {
        let config = config.workable();
        let lock = DirLock::acquire(&config.dir, Engine::exists(&config.dir))?;
        snapshot::remove_unfinished(&config.dir);
        let report = Arc::new(Report::new(config.clock.clone(), config.on_event.clone()));
        let engine = Arc::new(Engine::open(&config.dir, config.max_memory_bytes, &report)?);
        let failed = |source: fjall::Error| OpenError::Engine {
            dir: config.dir.clone(),
            source: Box::new(source),
        };
        let metrics = Metrics::open(&config, engine.clone(), report.clone()).map_err(failed)?;
        let age = config.retention;
        let traces = Traces::open(&config, age.traces, engine.clone(), report.clone()).map_err(failed)?;
        let logs = Logs::open(&config, age.logs, engine.clone(), report.clone()).map_err(failed)?;
        let in_use = [metrics.keyspaces(), traces.keyspaces(), logs.keyspaces()].concat();
        engine.delete_others(&in_use).map_err(failed)?;
        let dir = config.dir.clone();
        let shared = Arc::new(Shared {
            config,
            report,
            metrics,
            traces,
            logs,
            engine,
            bell: Arc::default(),
            live: LiveLogs::default(),
            refused_batches: AtomicU64::new(0),
            going: Mutex::default(),
            snapshotting: Mutex::default(),
        });
        let upkeep = Upkeep::start(&shared).map_err(|source| OpenError::Directory { dir, source })?;
        Ok(Self(Arc::new(Open {
            _upkeep: upkeep,
            shared,
            _lock: lock,
        })))
    }

    /// Appends samples; those of one series in order of time. What is refused is counted in the outcome, the rest is kept.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_samples(&self, batch: &[(Labels, Sample)]) -> Result<AppendOutcome, AppendError> {
        self.admit()?;
        self.appended(self.shared().metrics.append(batch))
    }

    /// Appends samples as [`Store::append_samples`] does, without a label set for each series that is known.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_batch(&self, batch: &SampleBatch<'_>) -> Result<AppendOutcome, AppendError> {
        self.admit()?;
        self.appended(self.shared().metrics.append_batch(batch))
    }

    /// Appends native histograms, on the terms of [`Store::append_samples`]. A series may hold numbers and histograms, at different times.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_histograms(
        &self,
        batch: &[(Labels, HistogramSample)],
    ) -> Result<AppendOutcome, AppendError> {
        self.admit()?;
        self.appended(self.shared().metrics.append_histograms(batch))
    }

    /// Keeps what is known of metrics; the newest word on a metric replaces the older.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_metadata(&self, batch: &[MetricMetadata]) -> Result<(), AppendError> {
        self.admit()?;
        self.appended(self.shared().metrics.append_metadata(batch))
    }

    /// Appends spans in any order and returns how many were kept.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_spans(&self, spans: Vec<Span>) -> Result<usize, AppendError> {
        self.admit()?;
        self.appended(self.shared().traces.append(spans))
    }

    /// Appends log lines in any order and returns how many were kept.
    ///
    /// # Errors
    /// [`AppendError`] if nothing could be kept.
    pub fn append_logs(&self, lines: Vec<LogLine>) -> Result<usize, AppendError> {
        self.admit()?;
        let shared = self.shared();
        let live = shared.live.is_listened_to().then(|| lines.clone());
        let n = self.appended(shared.logs.append(lines))?;
        if let Some(lines) = live {
            shared.live.publish(&lines);
        }
        Ok(n)
    }

    /// Makes durable what was appended before the call.
    ///
    /// # Errors
    /// [`SyncError`] if the engine cannot.
    pub fn sync(&self) -> Result<(), SyncError> {
        self.shared().engine.sync()
    }

    /// Writes everything in memory into chunks and blocks. The store does so by itself when there is a reason; nobody has to.
    ///
    /// # Errors
    /// [`FlushError`] if the engine cannot write.
    pub fn flush(&self) -> Result<(), FlushError> {
        let shared = self.shared();
        shared
            .metrics
            .flush()
            .and_then(|()| shared.traces.flush())
            .and_then(|()| shared.logs.flush())
            .map_err(|error| FlushError(Box::new(error)))
    }

    /// Copies the store as it is at one moment into `snapshots/` of its directory, and returns where; appends and reads go on meanwhile. The
    /// copy is a data directory: move it, or copy it elsewhere, and open it. With `skip_journal` it lacks what is not yet in chunks and
    /// blocks. Snapshots are never removed by the store, nor held to its limit of disk.
    ///
    /// # Errors
    /// [`SnapshotError`] if there is no room, or it cannot be written; nothing is left of it then.
    pub fn snapshot(&self, skip_journal: bool) -> Result<PathBuf, SnapshotError> {
        snapshot::make(self.shared(), skip_journal)
    }

    /// Does now what the store does from time to time: writes out what is due, drops what is too old or too much.
    ///
    /// # Errors
    /// [`FlushError`] if the engine cannot write.
    pub fn maintain(&self) -> Result<(), FlushError> {
        let shared = self.shared();
        shared
            .metrics
            .maintain()
            .and_then(|()| shared.traces.maintain())
            .and_then(|()| shared.logs.maintain())
            .and_then(|()| drop_old(shared))
            .map_err(|error| FlushError(Box::new(error)))
    }

    /// Series that match all matchers, sorted by labels, with their samples from `start_ms` to `end_ms`, both inclusive; a series
    /// without such a sample is left out.
    ///
    /// # Errors
    /// [`ReadError::TooManySeries`] and [`ReadError::TooManySamples`] beyond `limit`.
    pub fn select(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
        limit: SelectLimit,
    ) -> Result<Vec<SeriesData>, ReadError> {
        self.shared().metrics.select(matchers, start_ms, end_ms, limit)
    }

    /// Label sets that match all matchers and have samples around the time range, sorted. The range is held to coarsely.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn series(&self, matchers: &[Matcher], start_ms: i64, end_ms: i64) -> Result<Vec<Labels>, ReadError> {
        Ok(self.shared().metrics.series(matchers, start_ms, end_ms))
    }

    /// Names of the labels of [`Store::series`], sorted.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn label_names(
        &self,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<String>, ReadError> {
        Ok(self.shared().metrics.label_names(matchers, start_ms, end_ms))
    }

    /// Values of one label of [`Store::series`], sorted.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        start_ms: i64,
        end_ms: i64,
    ) -> Result<Vec<String>, ReadError> {
        Ok(self
            .shared()
            .metrics
            .label_values(name, matchers, start_ms, end_ms))
    }

    /// What is known of one metric or of all, sorted by name.
    #[must_use]
    pub fn metadata(&self, metric: Option<&str>) -> Vec<MetricMetadata> {
        self.shared().metrics.metadata(metric)
    }

    /// Every span of a trace, by start.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn trace(&self, id: TraceId) -> Result<Vec<Span>, ReadError> {
        Ok(self.shared().traces.trace(id))
    }

    /// Traces with a span that satisfies the filter, the one with the newest such span first.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn find_traces(&self, filter: &SpanFilter) -> Result<Vec<TraceId>, ReadError> {
        Ok(self.shared().traces.find(filter))
    }

    /// Shows spans one after another, roughly from the newest, until `visit` breaks. A span that came twice may be shown twice.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn scan_spans(
        &self,
        scan: &SpanScan,
        visit: &mut dyn FnMut(Scanned<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        self.shared().traces.scan(scan, visit);
        Ok(())
    }

    /// Names of the services that sent spans, sorted.
    #[must_use]
    pub fn services(&self) -> Vec<String> {
        self.shared().traces.services()
    }

    /// Names and kinds of a service's spans, sorted by name.
    #[must_use]
    pub fn operations(&self, service: &str) -> Vec<(String, SpanKind)> {
        self.shared().traces.operations(service)
    }

    /// Shows the log lines whose stream matches all matchers, from `start_ns` (inclusive) to `end_ns` (exclusive), in order of time,
    /// until `visit` breaks.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn logs(
        &self,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
        direction: Direction,
        visit: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let select = LogSelect {
            matchers,
            trace: None,
            start_ns,
            end_ns,
        };
        self.shared().logs.visit(select, direction, visit)
    }

    /// Shows the log lines written during a trace, as [`Store::logs`] does; blocks without any are passed over quickly.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn logs_of_trace(
        &self,
        trace: TraceId,
        start_ns: u64,
        end_ns: u64,
        direction: Direction,
        visit: &mut dyn FnMut(&LogLine) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let select = LogSelect {
            matchers: &[],
            trace: Some(trace),
            start_ns,
            end_ns,
        };
        self.shared().logs.visit(select, direction, visit)
    }

    /// Label sets of the streams that match all matchers and have lines around the time range, sorted. The range is held to coarsely.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn log_series(
        &self,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
    ) -> Result<Vec<Labels>, ReadError> {
        Ok(self.shared().logs.streams(matchers, start_ns, end_ns))
    }

    /// Names of the labels of [`Store::log_series`], sorted.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn log_labels(
        &self,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
    ) -> Result<Vec<String>, ReadError> {
        let streams = self.shared().logs.streams(matchers, start_ns, end_ns);
        let names: BTreeSet<&str> = streams
            .iter()
            .flat_map(|labels| labels.iter().map(|(name, _)| name))
            .collect();
        Ok(names.into_iter().map(str::to_owned).collect())
    }

    /// Values of one label of [`Store::log_series`], sorted.
    ///
    /// # Errors
    /// [`ReadError`] beyond a limit. Damaged data is no error: it is left out and told by [`Store::problems`].
    pub fn log_label_values(
        &self,
        name: &str,
        matchers: &[Matcher],
        start_ns: u64,
        end_ns: u64,
    ) -> Result<Vec<String>, ReadError> {
        let streams = self.shared().logs.streams(matchers, start_ns, end_ns);
        let values: BTreeSet<&str> = streams.iter().filter_map(|labels| labels.get(name)).collect();
        Ok(values.into_iter().map(str::to_owned).collect())
    }

    /// Listens to the log lines appended from now on.
    #[must_use]
    pub fn subscribe_logs(&self) -> LogSubscription {
        self.shared().live.subscribe()
    }

    /// Figures of the store.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        let shared = self.shared();
        let mut stats = StoreStats {
            spans: shared.traces.accepted(),
            log_lines: shared.logs.accepted(),
            disk_bytes: shared.engine.disk_bytes(),
            memory_bytes: shared.engine.memory_bytes()
                + shared.metrics.memory_bytes()
                + shared.traces.memory_bytes()
                + shared.logs.memory_bytes(),
            oldest_span_ns: shared.traces.oldest_ns(),
            oldest_log_ns: shared.logs.oldest_ns(),
            refused_batches: shared.refused_batches.load(Ordering::Relaxed),
            live_missed: shared.live.missed(),
            dropped_partitions: shared.report.n_dropped(),
            problems: shared.report.n_problems(),
            ..StoreStats::default()
        };
        shared.metrics.add_stats(&mut stats);
        stats
    }

    /// The newest problems found in stored data, oldest first; at most 1 000.
    #[must_use]
    pub fn problems(&self) -> Vec<Problem> {
        self.shared().report.problems()
    }

    fn shared(&self) -> &Shared {
        &self.0.shared
    }

    /// Refuses while the engine is behind, and while the file system is nearly full: a failed write would end the engine for good.
    fn admit(&self) -> Result<(), AppendError> {
        let shared = self.shared();
        let memory_bytes = shared.engine.buffered_bytes();
        let limit_bytes = shared.config.max_memory_bytes / 8;
        if memory_bytes > limit_bytes {
            return self.appended(Err(AppendError::Overloaded {
                memory_bytes,
                limit_bytes,
            }));
        }
        let free_bytes = shared.engine.free_bytes();
        if free_bytes >= shared.config.min_free_bytes {
            return Ok(());
        }
        self.appended(Err(AppendError::DiskFull {
            dir: shared.config.dir.clone(),
            free_bytes,
            min_free_bytes: shared.config.min_free_bytes,
        }))
    }

    /// Counts a refusal, and calls for upkeep if there is something to do.
    fn appended<T>(&self, result: Result<T, AppendError>) -> Result<T, AppendError> {
        let shared = self.shared();
        if result.is_err() {
            shared.refused_batches.fetch_add(1, Ordering::Relaxed);
        }
        if shared.metrics.is_due() || shared.traces.is_due() || shared.logs.is_due() {
            shared.bell.ring();
        }
        result
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.shared.live.close();
        // What cannot be made durable now has been reported by the thread that tries it all the time.
        let _ = self.shared.engine.sync();
    }
}
