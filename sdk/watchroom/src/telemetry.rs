//! The guard: what a running service holds of its telemetry, and the orderly end of it.
//!
//! Invariant: the end goes from the source to the sinks (capture, then OTLP, then log lines, then the admin endpoint), once, within
//! one timeout.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use watchroom_admin::AdminHandle;
use watchroom_capture::{CaptureHandle, Filter, FilterError, ReloadableFilter};
use watchroom_core::{Clock, Ledger, Moment, Resource};
use watchroom_health::HealthBoard;
use watchroom_log::{LogSampler, Writer};
use watchroom_metrics::Registry;
use watchroom_otlp::OtlpExporter;
use watchroom_redact::{HashedId, Redactor};
use watchroom_spanmetrics::SpanMetrics;

use crate::shutdown::ShutdownReport;
use crate::signals::{Stop, Stopped};

/// The telemetry of this process. Dropping it flushes every signal and ends it.
///
/// ```no_run
/// # use std::time::Duration;
/// let telemetry = watchroom::init(watchroom::Config::for_service("shop"))?;
/// tracing::info!("open");
/// let report = telemetry.shutdown(Duration::from_secs(5));
/// assert_eq!(report.dropped(), 0, "{report}");
/// # Ok::<(), watchroom::InitError>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping the guard ends telemetry"]
pub struct Telemetry {
    pub(crate) inner: Arc<Inner>,
}

/// The parts that are running; those that a setting turned off are absent.
pub(crate) struct Inner {
    pub(crate) clock: Clock,
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) resource: Arc<Resource>,
    pub(crate) registry: Registry,
    pub(crate) redactor: Redactor,
    pub(crate) span_metrics: Option<Arc<SpanMetrics>>,
    pub(crate) board: HealthBoard,
    pub(crate) capture: Option<CaptureHandle>,
    pub(crate) exporter: Option<OtlpExporter>,
    pub(crate) writers: Vec<Writer>,
    pub(crate) log_filter: Option<ReloadableFilter>,
    pub(crate) log_sampler: Option<Arc<LogSampler>>,
    pub(crate) admin: Mutex<Option<AdminHandle>>,
    pub(crate) admin_addr: Option<SocketAddr>,
    pub(crate) stop: Arc<Stop>,
    pub(crate) shutdown_timeout: Duration,
    /// Set when the end begins: from then on the parts that speak by themselves keep still.
    pub(crate) ended: Arc<AtomicBool>,
    /// How the end went, once it has come; held while it comes.
    pub(crate) end: Mutex<Option<ShutdownReport>>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("resource", &self.resource)
            .field("admin", &self.admin_addr)
            .finish_non_exhaustive()
    }
}

impl Telemetry {
    /// Where metrics are declared.
    #[must_use]
    pub fn metrics(&self) -> &Registry {
        &self.inner.registry
    }

    /// Where health checks are registered.
    #[must_use]
    pub fn health(&self) -> &HealthBoard {
        &self.inner.board
    }

    /// Who this service says it is, on every signal.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.inner.resource
    }

    /// Address of the admin endpoint, if it is served.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.inner.admin_addr
    }

    /// What captures spans and events, for bridges from other APIs; absent if telemetry is disabled.
    #[must_use]
    pub fn capture(&self) -> Option<&CaptureHandle> {
        self.inner.capture.as_ref()
    }

    /// A pseudonym for a user's id, fit for a label or a line: the same for the same id under the same key (setting `redact.hash_key`,
    /// WATCHROOM_HASH_KEY), and nothing that the id could be found from without it. Without a key, pseudonyms agree in this process only.
    #[must_use]
    pub fn hash_id(&self, id: &str) -> HashedId {
        self.inner.redactor.hash_id(id)
    }

    /// Changes the log levels, in the syntax of `RUST_LOG`.
    ///
    /// # Errors
    /// [`FilterError`] says what is wrong and where.
    pub fn set_log_filter(&self, filter: &str) -> Result<(), FilterError> {
        let filter = Filter::parse(filter)?;
        if let Some(log_filter) = &self.inner.log_filter {
            log_filter.set(filter);
        }
        Ok(())
    }

    /// Ends when SIGTERM or SIGINT has come. A program that waits for it ends by itself, as it sees fit; for one that never does, the
    /// signal flushes and ends the process. Works on any async runtime.
    pub fn stopped(&self) -> impl Future<Output = ()> + Send + Sync + Unpin + use<> {
        Stopped(Arc::clone(&self.inner.stop))
    }

    /// Delivers what waits, within `timeout`.
    pub fn flush(&self, timeout: Duration) -> ShutdownReport {
        self.inner.flush(timeout)
    }

    /// Delivers what waits and ends telemetry, within `timeout`. Says what became of every signal.
    pub fn shutdown(self, timeout: Duration) -> ShutdownReport {
        self.inner.shutdown(timeout)
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.inner.shutdown(self.inner.shutdown_timeout);
        self.inner.stop.end();
    }
}

impl Inner {
    /// Time left until `deadline`.
    fn left(&self, deadline: Moment) -> Duration {
        deadline.since(self.clock.now())
    }

    pub(crate) fn flush(&self, timeout: Duration) -> ShutdownReport {
        let deadline = self.clock.now().after(timeout);
        // Neither a blocked output nor a dead collector may use up the other's time; and what the exporter had to say is written too.
        for writer in &self.writers {
            let _ = writer.flush(timeout / 4);
        }
        let exporter = self.exporter.as_ref();
        let mut complete = exporter.is_none_or(|exporter| {
            let left = self.left(deadline);
            !exporter.flush(left.saturating_sub(timeout / 8)).timed_out
        });
        for writer in &self.writers {
            complete &= writer.flush(self.left(deadline));
        }
        ShutdownReport::of(&self.ledger, complete)
    }

    pub(crate) fn shutdown(&self, timeout: Duration) -> ShutdownReport {
        let deadline = self.clock.now().after(timeout);
        // Whoever comes second, such as `main` after a signal, waits for the end that is under way: the process may end next.
        let mut end = self.end.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = &*end {
            return ShutdownReport::of(&self.ledger, report.complete);
        }
        self.ended.store(true, SeqCst);
        let mut complete = true;
        if let Some(sampler) = &self.log_sampler {
            sampler.report();
        }
        if let Some(capture) = &self.capture {
            capture.shutdown();
        }
        if let Some(exporter) = &self.exporter {
            complete &= !exporter.shutdown(self.left(deadline)).timed_out;
        }
        // Log lines last of the signals, so that what the exporter had to say is still written.
        for writer in &self.writers {
            complete &= writer.shutdown(self.left(deadline)).dropped == 0;
        }
        let admin = self.admin.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(admin) = admin {
            admin.shutdown(self.left(deadline).max(Duration::from_millis(100)));
        }
        *end.insert(ShutdownReport::of(&self.ledger, complete))
    }
}
