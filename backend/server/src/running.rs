//! Assembly: starts the parts of a server and stops them in order.
//!
//! Invariant: when [`start`] returns, every listener accepts; when [`Running::shutdown`] returns, nothing runs and what was acknowledged
//! is durable.

mod background;
mod reload;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use axum::middleware::from_fn_with_state;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use watchroom_query::promql;
use watchroom_store::{Store, StoreConfig, StoreEvent};

use crate::access::{self, Clients, Gate, Guard};
use crate::ingest::otlp;
use crate::ingest::scrape::{Target, Targets, work_out};
use crate::net::{Budget, Listener, Secure, bind, serve};
use crate::prometheus_yml::{self, Loaded, PrometheusYml};
use crate::remote::{Remotes, Stores};
use crate::rules::{self, Rules};
use crate::state::{Counters, Shared, State};
use crate::{Config, ShutdownError, StartError, api, clock};

pub(crate) use reload::reload;

/// Where a server listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addresses {
    /// The page and every HTTP API.
    pub http: SocketAddr,
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
}

/// A server that runs until it is shut down. Dropping it stops it without waiting.
#[derive(Debug)]
pub struct Running {
    state: Shared,
    addresses: Addresses,
    data_dir: PathBuf,
    stop: watch::Sender<bool>,
    listeners: JoinSet<()>,
    background: JoinSet<()>,
}

/// Starts a server. Has to be called within a tokio runtime of more than one thread.
///
/// # Errors
/// [`StartError`] if a file cannot be read or is not valid, the data directory cannot be opened, or an address cannot be listened on.
pub async fn start(config: Config) -> Result<Running, StartError> {
    let mut specs = rules::load("--rules", &config.rules)?;
    let (mut file, shown) = config
        .config
        .as_deref()
        .map(prometheus_yml)
        .transpose()?
        .unwrap_or_default();
    specs.extend(rules::load("--config", &file.rule_files)?);
    let targets = Targets::default();
    for target in &config.scrape {
        targets.add(Arc::new(Target::of_url(target)));
    }
    let gate = {
        let security = config.security.clone();
        let opened = tokio::task::spawn_blocking(move || Gate::open(&security)).await;
        let opened = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        Arc::new(opened.map_err(StartError::Security)?)
    };
    let http = bind("--listen", config.listen).await?;
    let grpc = bind("--otlp-grpc", config.otlp_grpc).await?;
    let otlp_http = bind("--otlp-http", config.otlp_http).await?;
    let store_config = store_config(&config);
    let store = tokio::task::spawn_blocking(move || Store::open(store_config))
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
    let remotes = {
        let (remotes, dir) = (config.remotes.clone(), config.data_dir.clone());
        let opened = tokio::task::spawn_blocking(move || Remotes::open(&remotes, &dir)).await;
        let opened = opened.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
        opened.map_err(StartError::Remote)?
    };

    let rules = {
        let address = http.local_addr().unwrap_or(config.listen);
        let alerting = std::mem::take(&mut file.alerting);
        let notifier = rules::Notifier::new(&config, address, alerting).map_err(StartError::Alerting)?;
        let defaults = rules::Defaults::new(&file, &notifier);
        Rules::new(specs, &defaults, notifier, &config)
    };
    rules::restore(&rules, &config.data_dir, clock::now_ms());
    let (stop, stopped) = watch::channel(false);
    let state = Arc::new(State {
        store: Stores::new(store, remotes),
        limits: config.limits,
        query_windows: config.query_windows,
        retention: config.retention,
        admin_api: config.admin_api,
        clients: Arc::new(Clients::new(config.client_limits)),
        budget: Budget::new(on_its_way(&config)),
        counters: Counters::default(),
        delta: Mutex::new(otlp::DeltaAccumulator::new(config.exponential_histograms)),
        span_metrics: Mutex::default(),
        exemplars: Mutex::default(),
        query_slots: Arc::new(Semaphore::new(config.limits.max_concurrent_queries.max(1))),
        tail_slots: Arc::new(Semaphore::new(config.limits.max_tails)),
        targets,
        config_file: config.config.clone(),
        loaded: Mutex::new(loaded(&file, shown, clock::now_ms())),
        jobs: watch::Sender::new(file.jobs),
        flags: flags(&config),
        cors_origins: Arc::clone(&config.cors_origins.0),
        rules,
        addresses: OnceLock::new(),
        started: clock::instant(),
        stop: stopped.clone(),
    });

    let local = |socket: &tokio::net::TcpListener, asked: SocketAddr| socket.local_addr().unwrap_or(asked);
    let addresses = Addresses {
        http: local(&http, config.listen),
        otlp_grpc: local(&grpc, config.otlp_grpc),
        otlp_http: local(&otlp_http, config.otlp_http),
    };
    let _ = state.addresses.set(addresses);
    warn_unguarded(&gate, addresses);
    let guard = Guard {
        gate: Arc::clone(&gate),
        clients: Arc::clone(&state.clients),
    };
    let mut listeners = JoinSet::new();
    for (socket, router, secure) in [
        (
            http,
            api::router(&state, addresses.http.ip().is_loopback()),
            Secure::Http,
        ),
        (grpc, otlp::grpc::router(Arc::clone(&state)), Secure::Grpc),
        (otlp_http, otlp::http::alone(Arc::clone(&state)), Secure::Http),
    ] {
        let listener = Listener {
            socket,
            router: router.layer(from_fn_with_state(guard.clone(), access::guard)),
            limits: config.limits,
            http2: secure == Secure::Grpc,
            gate: Arc::clone(&gate),
            secure,
        };
        listeners.spawn(serve(listener, stopped.clone()));
    }
    let mut background = background::start(&state, &config);
    background.spawn(gate.watch(stopped.clone()));
    state.store.remotes.start(&mut background, &stopped);
    Ok(Running {
        state,
        addresses,
        data_dir: config.data_dir,
        stop,
        listeners,
        background,
    })
}

/// Tells of what anyone on the network can reach and read.
fn warn_unguarded(gate: &Gate, addresses: Addresses) {
    let guarded = gate.current();
    let all = [
        ("--listen", addresses.http),
        ("--otlp-grpc", addresses.otlp_grpc),
        ("--otlp-http", addresses.otlp_http),
    ];
    for (flag, address) in all {
        if address.ip().is_loopback() {
            continue;
        }
        if !guarded.is_guarded() {
            tracing::warn!(
                "{flag} {address} is open to everyone who can reach it; ask for credentials with --auth-token-file, --web-config or \
                 --tls-client-ca"
            );
        }
        if guarded.tls.is_none() {
            tracing::warn!(
                "{flag} {address} speaks without TLS, so that data and credentials can be read on the way; give --tls-cert and --tls-key"
            );
        }
    }
}

/// Reads `--config`: what it says, and how it is shown.
fn prometheus_yml(path: &Path) -> Result<(PrometheusYml, String), StartError> {
    let text = std::fs::read_to_string(path).map_err(|source| StartError::Read {
        flag: "--config",
        path: path.to_owned(),
        source,
    })?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let wrong = |reason| StartError::Config {
        path: path.to_owned(),
        reason,
    };
    let file = prometheus_yml::read(&text, folder).map_err(wrong)?;
    for job in &file.jobs {
        // What stands in the file itself has to be right; what is discovered is told of and left out.
        if let Some(reason) = work_out(job, &job.static_groups).wrong.pop() {
            return Err(wrong(reason));
        }
    }
    for unused in &file.unused {
        let line = unused.line.map_or_else(String::new, |line| format!(":{line}"));
        tracing::warn!(
            "{}{line}: {} is not supported and has no effect",
            path.display(),
            unused.key
        );
    }
    Ok((file, prometheus_yml::shown(&text)))
}

/// What is shown of a file that was read.
fn loaded(file: &PrometheusYml, shown: String, at_ms: i64) -> Loaded {
    Loaded {
        shown,
        unused: file.unused.clone(),
        external_labels: file.external_labels.clone(),
        at_ms,
        failed: false,
    }
}

/// How the server was started, by the names of the command's flags.
fn flags(config: &Config) -> BTreeMap<&'static str, String> {
    let path = |path: &Path| path.display().to_string();
    let age = promql::format_duration;
    BTreeMap::from([
        ("listen", config.listen.to_string()),
        ("otlp-grpc", config.otlp_grpc.to_string()),
        ("otlp-http", config.otlp_http.to_string()),
        ("data-dir", path(&config.data_dir)),
        ("config", config.config.as_deref().map(path).unwrap_or_default()),
        ("retention-metrics", age(config.retention.metrics)),
        ("retention-traces", age(config.retention.traces)),
        ("retention-logs", age(config.retention.logs)),
        ("max-disk", config.max_disk_bytes.to_string()),
        ("max-memory", config.max_memory_bytes.to_string()),
        ("query-timeout", age(config.limits.query_timeout)),
        ("query-max-samples", config.limits.max_query_samples.to_string()),
        (
            "query-max-concurrency",
            config.limits.max_concurrent_queries.to_string(),
        ),
    ])
}

/// Memory for what is on its way into the store: a quarter of all, but enough for one body at its limits. With less, a body that is too
/// large would be told to try again, for ever.
fn on_its_way(config: &Config) -> u64 {
    let largest = 2 * (config.limits.max_body_bytes + config.limits.max_decompressed_bytes);
    (config.max_memory_bytes / 4).max(largest as u64)
}

fn store_config(config: &Config) -> StoreConfig {
    let mut store = StoreConfig::new(&config.data_dir);
    store.retention = config.retention;
    store.max_disk_bytes = config.max_disk_bytes;
    store.max_memory_bytes = config.max_memory_bytes.saturating_sub(on_its_way(config));
    store.on_event = Some(watchroom_store::EventSink::new(|event| match event {
        StoreEvent::Damaged(problem) => {
            tracing::error!(place = %problem.place, what = %problem.what, "damaged data was set aside");
        }
        StoreEvent::Dropped {
            signal,
            bytes,
            reason,
        } => tracing::info!(signal, bytes, reason, "old data was dropped"),
        StoreEvent::WriteFailed { error } => {
            tracing::error!(%error, "the store cannot write; it will try again")
        }
        other => tracing::debug!(?other, "store"),
    }));
    store
}

impl Running {
    /// Where the server listens, with the ports that were chosen.
    #[must_use]
    pub fn addrs(&self) -> Addresses {
        self.addresses
    }

    /// Reads the configuration file and the rule files again, as `POST /-/reload` does.
    ///
    /// # Errors
    /// What is wrong with them; all goes on as before then, and the log says so.
    pub async fn reload(&self) -> Result<(), String> {
        let state = Arc::clone(&self.state);
        let read = tokio::task::spawn_blocking(move || reload(&state));
        read.await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))
    }

    /// Stops: accepts nothing more, answers what is open, writes what is held back, and makes everything durable.
    ///
    /// # Errors
    /// [`ShutdownError`] if connections had to be cut off or the last data could not be written. The server is stopped in any case.
    pub async fn shutdown(mut self, timeout: Duration) -> Result<(), ShutdownError> {
        let _ = self.stop.send(true);
        let all = async {
            while self.listeners.join_next().await.is_some() {}
            while self.background.join_next().await.is_some() {}
        };
        let in_time = tokio::time::timeout(timeout, all).await.is_ok();
        let left = self.listeners.len();
        self.listeners.shutdown().await;
        self.background.shutdown().await;
        let (state, dir) = (Arc::clone(&self.state), self.data_dir.clone());
        let synced = tokio::task::spawn_blocking(move || {
            background::flush(&state);
            rules::save(&state, &dir);
            state.store.sync()
        });
        synced
            .await
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()))?;
        match in_time {
            true => Ok(()),
            false => Err(ShutdownError::TimedOut { listeners: left }),
        }
    }
}
