//! The one call that starts all.
//!
//! Invariant: it either starts everything that the settings ask for, or fails with one error and leaves nothing running.

mod identity;
mod logs;
mod otlp;

use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use tracing_subscriber::layer::SubscriberExt as _;
use watchroom_admin::{AdminConfig, AdminError, AdminHandle, Parts};
use watchroom_capture::propagation::Propagators;
use watchroom_capture::{
    Capture, CaptureHandle, Filter, FilterError, ReloadableFilter, Sampler, SamplerError, current_context,
};
use watchroom_core::{Clock, Ledger, Resource, SpanId, TraceId};
use watchroom_health::HealthBoard;
use watchroom_log::{FileError, SamplingError};
use watchroom_metrics::{Limits, Registry, process::ProcessCollector};
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
    /// The redactor's names are malformed.
    #[error("setting `redact.names` (WATCHROOM_REDACT_NAMES) or `redact.allow` (WATCHROOM_REDACT_ALLOW)")]
    Redactor(#[from] RedactorError),
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
    let redactor = redactor(&config, ledger())?;
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
        let flush = move || {
            if let Some(inner) = at_end.upgrade() {
                inner.flush(inner.shutdown_timeout);
            }
        };
        signals::listen(stop, flush).map_err(InitError::Signals)?;
    }
    Ok(Telemetry { inner })
}

/// What there is without anything running, as with `OTEL_SDK_DISABLED`: instruments and checks can be declared, nothing is captured,
/// sent or served.
fn quiet(config: &Config, redactor: &Redactor) -> Inner {
    let ended = Arc::default();
    Inner {
        clock: Clock::system(),
        ledger: Arc::clone(ledger()),
        resource: Arc::new(identity::resource(config, redactor)),
        registry: registry(config, redactor),
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
    }
}

/// Starts what the settings ask for, in the order of the data's way.
fn run(inner: &mut Inner, config: &Config, redactor: &Redactor) -> Result<(), InitError> {
    let traces_filter = Filter::parse(&config.traces.filter).map_err(InitError::TracesFilter)?;
    let log_filter = Filter::parse(&config.log.filter).map_err(InitError::LogFilter)?;
    let sampler = Sampler::from_names(&config.traces.sampler, config.traces.sampler_arg.as_deref())?;
    let (clock, ledger, registry) = (inner.clock.clone(), Arc::clone(&inner.ledger), &inner.registry);
    registry.register_collector(ProcessCollector::new());

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
        .keep_context();
    if let Some(sampler) = &log_sampler {
        capture = capture.event_sampler(Arc::clone(sampler) as _);
    }
    bridge::register(
        registry,
        &ledger,
        &inner.board,
        &inner.resource,
        log_sampler.clone(),
    );
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
    let (layer, capture) = capture.build();
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
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(layer))
        .map_err(|_| InitError::SubscriberTaken)?;
    inner.capture = Some(capture);
    inner.exporter = Some(exporter);
    inner.writers = sinks.iter().map(|sink| sink.writer().clone()).collect();
    inner.log_filter = Some(log_filter);
    inner.log_sampler = log_sampler;
    inner.admin_addr = admin.as_ref().map(AdminHandle::local_addr);
    inner.admin = Mutex::new(admin);
    Ok(())
}

fn redactor(config: &Config, ledger: &Arc<Ledger>) -> Result<Redactor, RedactorError> {
    let mut builder = Redactor::builder().ledger(Arc::clone(ledger));
    for name in &config.redact_names {
        builder = builder.name(name);
    }
    for name in &config.redact_allow {
        builder = builder.allow_name(name);
    }
    for (kind, mode) in &config.redact_kinds {
        builder = builder.mode(*kind, *mode);
    }
    builder.build()
}

fn registry(config: &Config, redactor: &Redactor) -> Registry {
    let limits = Limits {
        per_metric: config.metrics.max_series_per_metric,
        total: config.metrics.max_series,
    };
    let registry = Registry::new(limits);
    let redactor = redactor.clone();
    registry.set_label_redactor(move |label, value| redactor.field(label, value));
    registry.set_exemplar_source(sampled_span);
    registry
}

/// The current span, if its trace is sampled: exemplars lead to traces that exist.
fn sampled_span() -> Option<(TraceId, SpanId)> {
    current_context()
        .filter(|context| context.is_sampled())
        .map(|context| (context.trace_id, context.span_id))
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
    let settings = AdminConfig {
        listen: config.admin.listen,
        token: config.admin.token.clone(),
        ..AdminConfig::default()
    };
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
    AdminHandle::start(settings, parts)
}
