//! The one call that starts all.
//!
//! Invariant: it either starts everything that the settings ask for, or fails with one error and leaves nothing running.

mod identity;
mod logs;
mod metrics;
mod otlp;
mod redaction;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_admin::{AdminError, AdminHandle, Parts};
use watchroom_capture::propagation::Propagators;
use watchroom_capture::{
    Capture, CaptureHandle, Filter, FilterError, ReloadableFilter, Sampler, SamplerError,
};
use watchroom_core::{Clock, Resource};
use watchroom_health::HealthBoard;
use watchroom_log::{FileError, SamplingError};
use watchroom_metrics::{RegisterError, Registry};
use watchroom_otlp::{OtlpExporter, StartError};
use watchroom_redact::{Redactor, RedactorError};

use crate::config::{Config, chain};
use crate::propagate::{ledger, set_propagators};
use crate::signals::{self, Stop};
use crate::telemetry::{Inner, Telemetry};
use crate::{bridge, keeper, panics};

/// Why telemetry did not start. Its `Debug` is what it says, with its sources.
#[derive(thiserror::Error)]
pub enum InitError {
    /// It has been started before in this process.
    #[error("telemetry has been started already; there is one for a process")]
    AlreadyStarted,
    /// Another library has installed a subscriber for `tracing`.
    #[error("another subscriber is installed for `tracing`; start watchroom before it, or leave it out")]
    SubscriberTaken,
    /// The log filter is malformed.
    #[error("setting `log.filter` (RUST_LOG)")]
    LogFilter(#[source] FilterError),
    /// A rule of log sampling is malformed.
    #[error("setting `log.sampling` (WATCHROOM_LOG_SAMPLING)")]
    LogSampling(#[source] SamplingError),
    /// The filter of exported spans is malformed.
    #[error("setting `traces.filter` (WATCHROOM_TRACES_FILTER)")]
    TracesFilter(#[source] FilterError),
    /// The sampler is malformed.
    #[error("setting `traces.sampler` (OTEL_TRACES_SAMPLER, OTEL_TRACES_SAMPLER_ARG)")]
    Sampler(#[from] SamplerError),
    /// A name, pattern or value of the redactor is malformed.
    #[error("settings `redact.*` (WATCHROOM_REDACT_NAMES, _ALLOW, _ALLOW_VALUES, _PATTERNS)")]
    Redactor(#[from] RedactorError),
    /// The filter of spans that become metrics is malformed.
    #[error("setting `metrics.spans` (WATCHROOM_METRICS_SPANS)")]
    SpanMetricsFilter(#[source] FilterError),
    /// The metrics made of spans cannot be declared.
    #[error("metrics made of spans")]
    SpanMetrics(#[from] RegisterError),
    /// A setting says nothing without another one.
    #[error(
        "setting `{needs}` ({variable}) is not set; the other settings of its group say nothing without it"
    )]
    Incomplete {
        /// The setting that is missing.
        needs: &'static str,
        /// Its variable.
        variable: &'static str,
    },
    /// The OTLP settings are wrong, or the exporter's thread cannot be made.
    #[error("OTLP export")]
    Otlp(#[from] StartError),
    /// The log files cannot be written.
    #[error("log files")]
    LogFile(#[from] FileError),
    /// The log's thread cannot be made.
    #[error("the log writer's thread cannot be started")]
    LogThread(#[source] io::Error),
    /// The admin endpoint cannot be started.
    #[error(transparent)]
    Admin(#[from] AdminError),
    /// The handlers of SIGTERM and SIGINT cannot be installed.
    #[error("SIGTERM and SIGINT cannot be handled")]
    Signals(#[source] io::Error),
    /// The thread that warns of metrics at their limit cannot be made.
    #[error("the keeper's thread cannot be started")]
    Keeper(#[source] io::Error),
}

impl fmt::Debug for InitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        chain(self, f)
    }
}

static STARTED: AtomicBool = AtomicBool::new(false);

/// Starts logs, traces, metrics, health and the admin endpoint. Dropping what it returns flushes and ends them.
///
/// # Errors
/// [`InitError`] says which setting is wrong, which port is taken, or that telemetry has been started before.
pub fn init(config: Config) -> Result<Telemetry, InitError> {
    if STARTED.swap(true, SeqCst) {
        return Err(InitError::AlreadyStarted);
    }
    // A start that failed may be tried again with better settings.
    start(config).inspect_err(|_| STARTED.store(false, SeqCst))
}

fn start(config: Config) -> Result<Telemetry, InitError> {
    check(&config)?;
    let redactor = redaction::redactor(&config.redact, ledger())?;
    set_propagators(match config.disabled {
        true => Propagators::NONE,
        false => config.traces.propagators,
    });
    let mut inner = quiet(&config, &redactor);
    if !config.disabled {
        run(&mut inner, &config, &redactor)?;
    }
    let inner = Arc::new(inner);
    if config.handle_panics && !config.disabled {
        panics::install(Arc::downgrade(&inner), redactor);
    }
    if !config.disabled {
        keeper::start(Arc::downgrade(&inner)).map_err(InitError::Keeper)?;
    }
    if config.handle_signals {
        let (stop, at_end) = (Arc::clone(&inner.stop), Arc::downgrade(&inner));
        // An end and no flush: whatever comes after it is counted, so that the losses can be told.
        let end = move || {
            if let Some(inner) = at_end.upgrade() {
                signals::tell_losses(&inner.shutdown(inner.shutdown_timeout));
            }
        };
        signals::listen(stop, end).map_err(InitError::Signals)?;
    }
    Ok(Telemetry { inner })
}

/// Settings that only make sense together.
fn check(config: &Config) -> Result<(), InitError> {
    let spool = config.otlp_spool.as_ref().map(|spool| &spool.dir);
    let tls = config.admin.endpoint.tls.as_ref();
    let groups = [
        (spool, "otlp.spool.dir", "WATCHROOM_OTLP_SPOOL_DIR"),
        (
            tls.map(|tls| &tls.certificate),
            "admin.tls_certificate",
            "WATCHROOM_ADMIN_TLS_CERTIFICATE",
        ),
        (
            tls.map(|tls| &tls.key),
            "admin.tls_key",
            "WATCHROOM_ADMIN_TLS_KEY",
        ),
    ];
    for (path, needs, variable) in groups {
        if path.is_some_and(|path| path.as_os_str().is_empty()) {
            return Err(InitError::Incomplete { needs, variable });
        }
    }
    Ok(())
}

/// What there is without anything running, as with `OTEL_SDK_DISABLED`: instruments and checks can be declared, nothing is captured,
/// sent or served.
fn quiet(config: &Config, redactor: &Redactor) -> Inner {
    let ended = Arc::default();
    Inner {
        clock: Clock::system(),
        ledger: Arc::clone(ledger()),
        resource: Arc::new(identity::resource(config, redactor)),
        registry: metrics::registry(config, redactor),
        redactor: redactor.clone(),
        span_metrics: None,
        board: board(redactor, &ended),
        capture: None,
        exporter: None,
        writers: Vec::new(),
        log_filter: None,
        log_sampler: None,
        admin_addr: None,
        admin: Mutex::new(None),
        stop: Arc::new(Stop::default()),
        shutdown_timeout: config.shutdown_timeout,
        ended,
        end: Mutex::default(),
    }
}

/// Starts what the settings ask for, in the order of the data's way.
fn run(inner: &mut Inner, config: &Config, redactor: &Redactor) -> Result<(), InitError> {
    let traces_filter = Filter::parse(&config.traces.filter).map_err(InitError::TracesFilter)?;
    let log_filter = Filter::parse(&config.log.filter).map_err(InitError::LogFilter)?;
    let sampler = Sampler::from_names(&config.traces.sampler, config.traces.sampler_arg.as_deref())?;
    let (clock, ledger, registry) = (inner.clock.clone(), Arc::clone(&inner.ledger), &inner.registry);
    metrics::collect_surroundings(registry);
    let span_metrics = metrics::span_metrics(config, registry, &clock)?;

    let reader = Arc::new(registry.clone());
    let exporter = OtlpExporter::start(
        otlp::config(config),
        &inner.resource,
        Arc::clone(&ledger),
        clock.clone(),
        Some(reader),
    )?;
    let log_filter = ReloadableFilter::new(log_filter, clock.clone());
    let sinks = logs::sinks(config, &ledger, &clock, &log_filter)?;
    let log_sampler = logs::sampler(config, &ledger, &clock)?;
    let mut capture = Capture::builder()
        .clock(clock)
        .redactor(redactor.clone())
        .ledger(Arc::clone(&ledger))
        .sampler(sampler)
        .limits(config.traces.limits)
        .export_filter(traces_filter)
        .baggage_fields(&config.traces.baggage_fields)
        .keep_context();
    if let Some(sampler) = &log_sampler {
        capture = capture.event_sampler(Arc::clone(sampler) as _);
    }
    for sink in &sinks {
        capture = capture.sink(Arc::clone(sink) as _);
    }
    let same_filter = log_filter.clone();
    if let Some(sink) = exporter.log_sink(move |metadata| same_filter.enabled(metadata)) {
        capture = capture.sink(sink);
    }
    if let Some(spans) = exporter.span_exporter() {
        capture = capture.exporter(spans);
    }
    if let Some(span_metrics) = &span_metrics {
        capture = capture.sink(Arc::clone(span_metrics) as _);
    }
    let (layer, capture) = capture.build();
    let shown = bridge::Parts {
        ledger,
        board: inner.board.clone(),
        resource: Arc::clone(&inner.resource),
        redactor: redactor.clone(),
        capture: capture.clone(),
        sampler: log_sampler.clone(),
    };
    bridge::register(registry, shown);
    let admin = match config.admin.enabled {
        true => Some(admin(
            config,
            registry,
            &inner.board,
            &log_filter,
            &capture,
            &inner.resource,
        )?),
        false => None,
    };
    let subscriber = capture.subscriber(tracing_subscriber::registry().with(layer));
    tracing::subscriber::set_global_default(subscriber).map_err(|_| InitError::SubscriberTaken)?;
    inner.capture = Some(capture);
    inner.exporter = Some(exporter);
    inner.writers = sinks.iter().map(|sink| sink.writer().clone()).collect();
    inner.log_filter = Some(log_filter);
    inner.log_sampler = log_sampler;
    inner.span_metrics = span_metrics;
    inner.admin_addr = admin.as_ref().map(AdminHandle::local_addr);
    inner.admin = Mutex::new(admin);
    Ok(())
}

fn board(redactor: &Redactor, ended: &Arc<AtomicBool>) -> HealthBoard {
    let board = HealthBoard::new();
    let redactor = redactor.clone();
    board.redact_errors(move |error| redactor.value(error).into_owned());
    let ended = Arc::clone(ended);
    board.on_change(move |change| {
        if ended.load(SeqCst) {
            return;
        }
        let (component, from, to) = (
            change.component.as_str(),
            change.from.as_str(),
            change.to.as_str(),
        );
        match &change.error {
            Some(reason) => {
                tracing::warn!(target: "watchroom::health", component, from, to, reason, "health changed")
            }
            None => tracing::info!(target: "watchroom::health", component, from, to, "health changed"),
        }
    });
    board
}

fn admin(
    config: &Config,
    registry: &Registry,
    board: &HealthBoard,
    log_filter: &ReloadableFilter,
    capture: &CaptureHandle,
    resource: &Resource,
) -> Result<AdminHandle, AdminError> {
    let parts = Parts {
        registry: registry.clone(),
        board: board.clone(),
        log_filter: Some(log_filter.clone()),
        capture: Some(capture.clone()),
        build: resource
            .iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
    };
    AdminHandle::start(config.admin.endpoint.clone(), parts)
}
