//! The demonstration: backend, Deriva and traffic as processes of their own, until told to stop.

mod files;
mod probe;
mod progress;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tempfile::TempDir;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::child::{Running, Spec};
use crate::ports::{free, free_or};
use progress::Progress;

const READY_WITHIN: Duration = Duration::from_secs(30);
/// How often ports are picked before it is given up.
const MAX_TRIES: u32 = 4;

/// What the demonstration is to do.
#[derive(Debug, Clone)]
pub struct Options {
    /// Address of the page and of every HTTP API; a port that is taken gives way to a free one.
    pub listen: SocketAddr,
    /// Where data goes; a temporary folder, removed at the end, if not given.
    pub data_dir: Option<PathBuf>,
    /// How long to run; until told to stop if not given.
    pub run_for: Option<Duration>,
    /// Whether to print one line of JSON on stdout once all is ready.
    pub json: bool,
    /// Requests per second of the traffic.
    pub rate: f64,
}

/// Runs the demonstration. Blocks the thread until it is over; every child is tied to this thread.
///
/// # Errors
/// What did not start, with the end of its log, or what ended by itself afterwards.
pub fn run(options: &Options) -> Result<(), Failure> {
    // One thread, the caller's: the kernel ends the children when the thread that made them ends.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")
        .map_err(Failure::Start)?;
    runtime.block_on(demo(options))
}

/// A demonstration that failed. The error tells all; the variant, whether there was anything to see before.
#[derive(Debug)]
pub enum Failure {
    /// It was never ready.
    Start(anyhow::Error),
    /// It was ready, and lost a part.
    Run(anyhow::Error),
}

struct Addresses {
    http: SocketAddr,
    otlp_grpc: SocketAddr,
    otlp_http: SocketAddr,
    deriva: SocketAddr,
    deriva_admin: SocketAddr,
}

impl Addresses {
    fn pick(listen: SocketAddr) -> anyhow::Result<Self> {
        let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Ok(Self {
            http: free_or(listen)?,
            otlp_grpc: free_or(local(4317))?,
            otlp_http: free_or(local(4318))?,
            deriva: free_or(local(50051))?,
            deriva_admin: free()?,
        })
    }
}

/// The folder of a demonstration: the given one, made absolute because the children's files refer to each other by path, or a temporary
/// one, which is removed when the second value is dropped.
fn folder(given: Option<&Path>) -> anyhow::Result<(PathBuf, Option<TempDir>)> {
    if let Some(given) = given {
        let dir = std::path::absolute(given).with_context(|| format!("finding {}", given.display()))?;
        return Ok((dir, None));
    }
    let temporary = tempfile::Builder::new()
        .prefix("watchroom-demo-")
        .tempdir()
        .context("making a temporary folder")?;
    Ok((temporary.path().to_path_buf(), Some(temporary)))
}

fn signals() -> anyhow::Result<(Signal, Signal)> {
    Ok((
        signal(SignalKind::interrupt()).context("listening for SIGINT")?,
        signal(SignalKind::terminate()).context("listening for SIGTERM")?,
    ))
}

async fn demo(options: &Options) -> Result<(), Failure> {
    let (mut interrupt, mut terminate) = signals().map_err(Failure::Start)?;
    let mut progress = Progress::new(!options.json);
    // `temporary` is held to the end.
    let (dir, temporary) = folder(options.data_dir.as_deref()).map_err(Failure::Start)?;
    let mut fleet = Vec::new();
    let begun = tokio::select! {
        begun = begin(options, &dir, temporary.is_some(), &mut fleet, &mut progress) => Some(begun),
        _ = interrupt.recv() => None,
        _ = terminate.recv() => None,
    };
    let outcome = match begun {
        None => Ok(()),
        Some(Err(error)) => Err(Failure::Start(error)),
        Some(Ok(addresses)) => {
            announce(options, &dir, &addresses, &fleet, &progress);
            tokio::select! {
                _ = interrupt.recv() => Ok(()),
                _ = terminate.recv() => Ok(()),
                () = pause(options.run_for) => Ok(()),
                ended = first_end(&mut fleet) => ended.map_err(Failure::Run),
            }
        }
    };
    progress.note("stopping");
    stop(&mut fleet, &progress).await;
    outcome
}

/// Starts the fleet on ports that are free. Between the look and the child's bind another process may take one: then again, on others.
async fn begin(
    options: &Options,
    dir: &Path,
    ephemeral: bool,
    fleet: &mut Vec<Running>,
    progress: &mut Progress,
) -> anyhow::Result<Addresses> {
    let mut n_tries = 0;
    loop {
        let addresses = Addresses::pick(options.listen)?;
        n_tries += 1;
        match start(options, dir, ephemeral, &addresses, fleet, progress).await {
            Ok(()) => return Ok(addresses),
            Err(error) if n_tries < MAX_TRIES && format!("{error:#}").contains("in use") => {
                progress.done("a port was taken in between: trying others");
                stop(fleet, progress).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// The last to start stops first, so that nothing sends to what is gone.
async fn stop(fleet: &mut Vec<Running>, progress: &Progress) {
    while let Some(child) = fleet.pop() {
        let name = child.name;
        match child.stop().await {
            Ok(true) => progress.note(&format!("{name} has stopped")),
            Ok(false) => progress.note(&format!("{name} had to be killed, or had ended")),
            Err(error) => progress.note(&format!("{error:#}")),
        }
    }
}

async fn pause(run_for: Option<Duration>) {
    match run_for {
        Some(duration) => tokio::time::sleep(duration).await,
        None => std::future::pending().await,
    }
}

/// Ends when any child does: a demonstration that has lost a part is over.
async fn first_end(fleet: &mut [Running]) -> anyhow::Result<()> {
    let mut tick = tokio::time::interval(Duration::from_millis(200));
    loop {
        tick.tick().await;
        for child in fleet.iter_mut() {
            if let Ok(status) = tokio::time::timeout(Duration::ZERO, child.ended()).await {
                anyhow::bail!(
                    "{} ended by itself with {}\n{}",
                    child.name,
                    status?,
                    child.log_tail()
                );
            }
        }
    }
}

async fn start(
    options: &Options,
    dir: &Path,
    ephemeral: bool,
    at: &Addresses,
    fleet: &mut Vec<Running>,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let files = files::write(dir, at.deriva_admin)?;
    let own = |name: &str| dir.join(name);
    let removed = |folder: &'static str| ephemeral.then(|| own(folder));

    progress.begin("backend");
    let folder = removed("backend");
    let mut backend = Running::start(Spec {
        name: "watchroom",
        args: args(&[
            ("up", None),
            ("--listen", Some(&at.http.to_string())),
            ("--otlp-grpc", Some(&at.otlp_grpc.to_string())),
            ("--otlp-http", Some(&at.otlp_http.to_string())),
            ("--data-dir", Some(&own("backend").to_string_lossy())),
            ("--config", Some(&files.config.to_string_lossy())),
        ]),
        env: Vec::new(),
        log_dir: &files.logs,
        ephemeral: folder.as_deref(),
    })?;
    let ready = backend
        .until_ready(READY_WITHIN, || probe::answers(at.http, "/-/ready"))
        .await;
    fleet.push(backend);
    ready?;
    progress.done(&format!("backend ready at http://{}", at.http));

    progress.begin("deriva-server");
    let folder = removed("deriva");
    let mut deriva = Running::start(Spec {
        name: "deriva-server",
        args: args(&[
            ("system", None),
            ("deriva-server", None),
            ("--listen", Some(&at.deriva.to_string())),
            ("--data-dir", Some(&own("deriva").to_string_lossy())),
            ("--metrics-port", Some(&at.deriva_admin.port().to_string())),
            ("--log-format", Some("json")),
            ("--verify", Some("always")),
            ("--cache-bytes", Some("262144")),
            ("--demo-functions", None),
        ]),
        env: telemetry_env(at),
        log_dir: &files.logs,
        ephemeral: folder.as_deref(),
    })?;
    let ready = deriva
        .until_ready(READY_WITHIN, || probe::answers(at.deriva_admin, "/health/ready"))
        .await;
    fleet.push(deriva);
    ready?;
    progress.done(&format!(
        "deriva-server ready at {} (metrics at http://{}/metrics)",
        at.deriva, at.deriva_admin
    ));

    progress.begin("traffic");
    let mut traffic = Running::start(Spec {
        name: "deriva-traffic",
        args: args(&[
            ("system", None),
            ("deriva-traffic", None),
            ("--server", Some(&format!("http://{}", at.deriva))),
            ("--rate", Some(&options.rate.to_string())),
        ]),
        env: telemetry_env(at),
        log_dir: &files.logs,
        ephemeral: None,
    })?;
    // The first spans that the backend knows of show that the whole way is open.
    let ready = traffic
        .until_ready(READY_WITHIN, || probe::knows_service(at.http, "deriva-server"))
        .await;
    fleet.push(traffic);
    ready?;
    progress.done("traffic flows, the first traces have arrived");
    Ok(())
}

/// Spans and logs go to the backend by OTLP; metrics are scraped, so that they are not counted twice.
fn telemetry_env(at: &Addresses) -> Vec<(&'static str, String)> {
    vec![
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", at.otlp_grpc)),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc".to_owned()),
        ("OTEL_METRICS_EXPORTER", "none".to_owned()),
        ("OTEL_BSP_SCHEDULE_DELAY", "1000".to_owned()),
        ("DEPLOYMENT_ENV", "demo".to_owned()),
        ("RUST_LOG", "info,deriva=debug".to_owned()),
    ]
}

fn args(parts: &[(&str, Option<&str>)]) -> Vec<String> {
    parts
        .iter()
        .flat_map(|(name, value)| std::iter::once(*name).chain(*value))
        .map(str::to_owned)
        .collect()
}

#[expect(clippy::print_stdout, reason = "the URL is what the command is asked for")]
fn announce(options: &Options, dir: &Path, at: &Addresses, fleet: &[Running], progress: &Progress) {
    let url = format!("http://{}", at.http);
    if options.json {
        let logs: serde_json::Map<String, serde_json::Value> = fleet
            .iter()
            .map(|child| (child.name.to_owned(), json!(child.log)))
            .collect();
        let line = json!({
            "url": url,
            "data_dir": dir,
            "processes": {
                "watchroom": {
                    "http": at.http, "otlp_grpc": at.otlp_grpc, "otlp_http": at.otlp_http,
                },
                "deriva-server": { "grpc": at.deriva, "admin": at.deriva_admin },
                "deriva-traffic": {},
            },
            "logs": logs,
        });
        println!("{line}");
    } else {
        progress.note(&format!("logs of the processes: {}", dir.join("logs").display()));
        println!("\n  The watch room is open: {url}\n  Ctrl-C stops everything.\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_given_folder_is_kept_and_made_absolute() {
        let (dir, temporary) = folder(Some(Path::new("some/where"))).unwrap();
        assert_eq!(dir, std::env::current_dir().unwrap().join("some/where"));
        assert!(temporary.is_none());
    }

    #[test]
    fn a_temporary_folder_goes_when_it_is_let_go() {
        let (dir, temporary) = folder(None).unwrap();
        assert!(dir.is_absolute() && dir.exists());
        drop(temporary);
        assert!(!dir.exists());
    }
}
