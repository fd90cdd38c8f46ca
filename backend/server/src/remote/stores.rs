//! Where each signal is kept: in the built-in store, or in a remote one.
//!
//! Invariant: a signal that has a remote store is not written to the built-in one, but for what is known of metrics, which both have.

use std::collections::HashMap;
use std::ops::Deref;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use watchroom_model::{HistogramSample, Labels, LogLine, MetricMetadata, Sample, Span};
use watchroom_store::{AppendError, AppendOutcome, SampleBatch, Store, SyncError};

use super::client::{Client, tls};
use super::encode::{self, Symbols};
use super::health::{self, Health};
use super::queue::{Item, Queue};
use super::send::{Form, Writer};
use super::spool::Spool;
use super::{auth, worker};
use crate::config::{RemoteStore, RemoteStores, RemoteUrl, RemoteWriteVersion};
use crate::exemplars::Exemplar;
use crate::ingest::otlp::Signal;
use crate::state::{Counter, lock};

/// Metrics whose metadata is remembered.
const MAX_METADATA: usize = 20_000;
/// Queries of one remote store at a time.
const MAX_QUERIES: usize = 64;

/// The built-in store, and remote ones in its place. Reads are the built-in store's.
#[derive(Debug, Clone)]
pub(crate) struct Stores {
    local: Store,
    pub(crate) remotes: Arc<Remotes>,
}

/// The remote stores.
#[derive(Debug, Default)]
pub(crate) struct Remotes {
    pub(crate) metrics: Option<Arc<Remote>>,
    pub(crate) traces: Option<Arc<Remote>>,
    pub(crate) logs: Option<Arc<Remote>>,
    metadata: Mutex<HashMap<String, MetricMetadata>>,
}

/// A remote store of one signal.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(super) signal: Signal,
    pub(super) queries: Client,
    pub(super) writer: Writer,
    pub(super) queue: Queue,
    pub(super) spool: Spool,
    pub(super) health: Health,
    pub(super) counters: RemoteCounters,
    pub(super) slots: Arc<Semaphore>,
}

/// Totals since the start.
#[derive(Debug, Default)]
pub(super) struct RemoteCounters {
    /// Samples, spans and lines that came, whatever became of them.
    pub(super) offered: Counter,
    /// Of these, those for which there was no room in the queue.
    pub(super) turned_away: Counter,
    /// Those that the store took.
    pub(super) sent: Counter,
    /// Those that it refused.
    pub(super) refused: Counter,
    /// Requests with data.
    pub(super) requests: Counter,
    /// Those among them that have to be sent again.
    pub(super) retries: Counter,
    /// Queries passed on.
    pub(super) queries: Counter,
    /// Those without an answer.
    pub(super) queries_failed: Counter,
}

impl Deref for Stores {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.local
    }
}

impl Remotes {
    /// Makes ready what the settings name; nothing is sent yet.
    ///
    /// # Errors
    /// The flag, and what is wrong.
    pub(crate) fn open(settings: &RemoteStores, dir: &Path) -> Result<Self, String> {
        let all = [&settings.metrics, &settings.traces, &settings.logs];
        if all.iter().all(|store| store.is_none()) {
            return Ok(Self::default());
        }
        let tls = tls(settings.ca.as_deref()).map_err(|reason| format!("--remote-ca: {reason}"))?;
        let open = |signal, store: &Option<RemoteStore>| -> Result<Option<Arc<Remote>>, String> {
            let Some(store) = store else { return Ok(None) };
            let name = name(signal);
            if store.url.grpc {
                return Err(format!("--{name}-url: queries go over http or https"));
            }
            let headers = match &store.auth_file {
                None => auth::Headers::new(),
                Some(path) => auth::load(path).map_err(|reason| format!("--{name}-auth-file {reason}"))?,
            };
            let form = match (signal, settings.remote_write, &store.write_url) {
                (Signal::Metrics, RemoteWriteVersion::V1, _) => Form::RemoteWrite1,
                (Signal::Metrics, RemoteWriteVersion::V2, _) => Form::RemoteWrite2,
                (Signal::Traces, _, Some(url)) if url.grpc => Form::OtlpGrpc,
                (Signal::Traces, ..) => Form::OtlpHttp,
                (Signal::Logs, ..) => Form::LokiPush,
            };
            let (url, path) = target(form, store)?;
            let queue = Queue::new(usize::try_from(settings.queue_bytes).unwrap_or(usize::MAX));
            let spool = Spool::new(dir, name);
            let counters = RemoteCounters::default();
            let lost = spool.load(&queue);
            counters.offered.add((queue.level().n + lost) as u64);
            counters.turned_away.add(lost as u64);
            Ok(Some(Arc::new(Remote {
                signal,
                queries: Client::new(store.url.clone(), headers.clone(), Some(Arc::clone(&tls))),
                writer: Writer {
                    client: Client::new(url, headers, Some(Arc::clone(&tls))),
                    path,
                    form,
                },
                queue,
                spool,
                health: Health::default(),
                counters,
                slots: Arc::new(Semaphore::new(MAX_QUERIES)),
            })))
        };
        Ok(Self {
            metrics: open(Signal::Metrics, &settings.metrics)?,
            traces: open(Signal::Traces, &settings.traces)?,
            logs: open(Signal::Logs, &settings.logs)?,
            metadata: Mutex::default(),
        })
    }

    /// Every remote store there is.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Arc<Remote>> {
        [&self.metrics, &self.traces, &self.logs].into_iter().flatten()
    }

    /// Begins to send and to look after the stores.
    pub(crate) fn start(&self, tasks: &mut JoinSet<()>, stop: &watch::Receiver<bool>) {
        for remote in self.all() {
            tasks.spawn(worker::run(Arc::clone(remote), stop.clone()));
            tasks.spawn(health::watch(Arc::clone(remote), stop.clone()));
        }
    }

    /// Keeps what is left for the next start.
    pub(crate) fn save(&self) {
        for remote in self.all() {
            match remote.spool.save(&remote.queue) {
                Ok(0) => {}
                Ok(n) => tracing::warn!(
                    store = remote.name(),
                    items = n,
                    "remote store did not take everything in time; the rest is kept for the next start"
                ),
                Err(error) => tracing::error!(
                    store = remote.name(),
                    items = remote.queue.level().n,
                    %error,
                    "what the remote store has not taken cannot be kept and is lost"
                ),
            }
        }
    }

    /// What is known of the metric of a series.
    fn known(&self, metric: &str) -> Option<MetricMetadata> {
        let known = lock(&self.metadata);
        let stripped = ["_bucket", "_sum", "_count"]
            .iter()
            .find_map(|suffix| metric.strip_suffix(suffix));
        known.get(metric).or_else(|| known.get(stripped?)).cloned()
    }
}

/// Where data goes, and the path there.
fn target(form: Form, store: &RemoteStore) -> Result<(RemoteUrl, String), String> {
    let path = match form {
        Form::RemoteWrite1 | Form::RemoteWrite2 => "/api/v1/write",
        Form::OtlpHttp => "/v1/traces",
        Form::OtlpGrpc => "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
        Form::LokiPush => "/loki/api/v1/push",
    };
    match &store.write_url {
        Some(url) if url.grpc && form != Form::OtlpGrpc => {
            Err(format!("{url}: gRPC is for traces only; use http or https"))
        }
        // A path that was given is the whole path: every product has another one.
        Some(url) if form != Form::OtlpGrpc && !url.prefix.is_empty() => {
            let mut url = url.clone();
            let path = std::mem::take(&mut url.prefix);
            Ok((url, path))
        }
        Some(url) => Ok((url.clone(), path.to_owned())),
        None => Ok((store.url.clone(), path.to_owned())),
    }
}

fn name(signal: Signal) -> &'static str {
    match signal {
        Signal::Metrics => "metrics",
        Signal::Traces => "traces",
        Signal::Logs => "logs",
    }
}

impl Remote {
    /// Its signal, as flags and metrics name it.
    pub(super) fn name(&self) -> &'static str {
        name(self.signal)
    }

    /// Puts a request into the queue, and says which number it has there.
    pub(super) fn offer(&self, bytes: Vec<u8>, n: usize) -> Result<u64, AppendError> {
        self.counters.offered.add(n as u64);
        let item = Item {
            bytes: bytes.into(),
            n,
        };
        self.queue.push(item).map_err(|full| {
            self.counters.turned_away.add(n as u64);
            AppendError::Overloaded {
                memory_bytes: full.bytes as u64,
                limit_bytes: full.limit as u64,
            }
        })
    }
}

impl Stores {
    pub(crate) fn new(local: Store, remotes: Remotes) -> Self {
        Self {
            local,
            remotes: Arc::new(remotes),
        }
    }

    /// As [`Store::append_samples`].
    pub(crate) fn append_samples(&self, batch: &[(Labels, Sample)]) -> Result<AppendOutcome, AppendError> {
        let Some(remote) = &self.remotes.metrics else {
            return self.local.append_samples(batch);
        };
        remote.offer(self.samples(remote, batch), batch.len())?;
        Ok(all_of(batch.len()))
    }

    /// As [`Store::append_batch`].
    pub(crate) fn append_batch(&self, batch: &SampleBatch<'_>) -> Result<AppendOutcome, AppendError> {
        let Some(remote) = &self.remotes.metrics else {
            return self.local.append_batch(batch);
        };
        let mut request = Vec::new();
        if remote.writer.form == Form::RemoteWrite2 {
            let mut symbols = Symbols::default();
            for (pairs, samples) in batch.series() {
                symbols.samples(pairs.iter().copied(), samples, |metric| {
                    self.remotes.known(metric)
                });
            }
            request = symbols.finish();
        } else {
            for (pairs, samples) in batch.series() {
                encode::series(&mut request, pairs.iter().copied(), samples);
            }
        }
        remote.offer(request, batch.len())?;
        Ok(all_of(batch.len()))
    }

    /// As [`Store::append_histograms`].
    pub(crate) fn append_histograms(
        &self,
        batch: &[(Labels, HistogramSample)],
    ) -> Result<AppendOutcome, AppendError> {
        let Some(remote) = &self.remotes.metrics else {
            return self.local.append_histograms(batch);
        };
        let request = match remote.writer.form {
            Form::RemoteWrite2 => {
                let mut symbols = Symbols::default();
                for (labels, one) in batch {
                    symbols.histogram(labels.iter(), one, |metric| self.remotes.known(metric));
                }
                symbols.finish()
            }
            _ => encode::histograms(batch),
        };
        remote.offer(request, batch.len())?;
        Ok(all_of(batch.len()))
    }

    /// A request of samples in the form that the store takes.
    pub(super) fn samples(&self, remote: &Remote, batch: &[(Labels, Sample)]) -> Vec<u8> {
        if remote.writer.form != Form::RemoteWrite2 {
            return encode::samples(batch);
        }
        let mut symbols = Symbols::default();
        for run in batch.chunk_by(|a, b| a.0 == b.0) {
            let samples: Vec<Sample> = run.iter().map(|(_, sample)| *sample).collect();
            symbols.samples(run[0].0.iter(), &samples, |metric| self.remotes.known(metric));
        }
        symbols.finish()
    }

    /// Passes exemplars on; tells whether they have a remote store to go to.
    pub(crate) fn forward_exemplars(&self, batch: &[(Labels, Exemplar)]) -> bool {
        let Some(remote) = &self.remotes.metrics else {
            return false;
        };
        if remote.writer.form == Form::RemoteWrite2 {
            // It has no form for exemplars that come apart from their samples.
            return true;
        }
        let request = encode::exemplars(batch);
        // They are no samples, and losing them is no reason to refuse any.
        let _ = remote.offer(request, 0);
        true
    }

    /// As [`Store::append_metadata`]. It is kept here as well, since few remote stores keep it; these are sent what is new.
    pub(crate) fn append_metadata(&self, batch: &[MetricMetadata]) -> Result<(), AppendError> {
        if let Some(remote) = &self.remotes.metrics {
            let mut known = lock(&self.remotes.metadata);
            let new: Vec<&MetricMetadata> = batch
                .iter()
                .filter(|metric| known.get(&metric.name) != Some(*metric))
                .filter(|metric| known.len() < MAX_METADATA || known.contains_key(&metric.name))
                .collect();
            if !new.is_empty() {
                if remote.writer.form != Form::RemoteWrite2 {
                    remote.offer(encode::metadata(new.iter().copied()), 0)?;
                }
                for metric in new {
                    if known.len() < MAX_METADATA || known.contains_key(&metric.name) {
                        known.insert(metric.name.clone(), metric.clone());
                    }
                }
            }
        }
        self.local.append_metadata(batch)
    }

    /// As [`Store::append_spans`].
    pub(crate) fn append_spans(&self, spans: Vec<Span>) -> Result<usize, AppendError> {
        match &self.remotes.traces {
            None => self.local.append_spans(spans),
            Some(remote) => remote
                .offer(encode::spans(&spans), spans.len())
                .map(|_| spans.len()),
        }
    }

    /// As [`Store::append_logs`].
    pub(crate) fn append_logs(&self, lines: Vec<LogLine>) -> Result<usize, AppendError> {
        match &self.remotes.logs {
            None => self.local.append_logs(lines),
            Some(remote) => remote
                .offer(encode::logs(&lines), lines.len())
                .map(|_| lines.len()),
        }
    }

    /// As [`Store::sync`]; and what remote stores have not taken is kept for the next start.
    pub(crate) fn sync(&self) -> Result<(), SyncError> {
        self.remotes.save();
        self.local.sync()
    }
}

fn all_of(n: usize) -> AppendOutcome {
    AppendOutcome {
        accepted: n,
        ..AppendOutcome::default()
    }
}
