//! The servers under comparison, as processes of their own.
//!
//! Invariant: a process is killed, by its id, and its data directory removed, when its [`Server`] is dropped.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Answer, Connection};
use crate::Stopwatch;

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `watchroom up`.
    Watchroom,
    /// Debian's Prometheus.
    Prometheus,
    /// Debian's VictoriaMetrics.
    Victoria,
}

/// A server that runs.
#[derive(Debug)]
pub struct Server {
    /// Which.
    pub kind: Kind,
    /// Where its HTTP API is.
    pub http: SocketAddr,
    /// Where OTLP over HTTP is taken, if it is.
    pub otlp: SocketAddr,
    /// Time from its being started to its being ready.
    pub ready_after: Duration,
    dir: tempfile::TempDir,
    flags: Vec<String>,
    child: Child,
}

/// What a process has used.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usage {
    /// Time on the processor, in the program and in the kernel for it, seconds.
    pub cpu_s: f64,
    /// Resident memory, bytes.
    pub resident: u64,
    /// Most resident memory at any moment, bytes.
    pub peak: u64,
}

impl Kind {
    /// All of them, ours first.
    pub const ALL: [Self; 3] = [Self::Watchroom, Self::Prometheus, Self::Victoria];

    /// The name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Watchroom => "watchroom",
            Self::Prometheus => "Prometheus 2.42",
            Self::Victoria => "VictoriaMetrics 1.79",
        }
    }

    /// Path of remote write.
    #[must_use]
    pub fn write_path(self) -> &'static str {
        "/api/v1/write"
    }

    /// The servers that are installed; those that are not are named on standard error. With `--ours` on the command line ours alone.
    #[must_use]
    pub fn installed() -> Vec<Self> {
        if std::env::args().any(|arg| arg == "--ours") {
            return vec![Self::Watchroom];
        }
        Self::ALL
            .into_iter()
            .filter(|kind| {
                let program = match kind {
                    Self::Watchroom => return true,
                    Self::Prometheus => "prometheus",
                    Self::Victoria => "victoria-metrics",
                };
                let found = Command::new(program).arg("--version").output().is_ok();
                if !found {
                    say(&format!("{program} is not installed and left out"));
                }
                found
            })
            .collect()
    }
}

impl Server {
    /// Starts a server with an empty data directory and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(kind: Kind, flags: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a data directory can be made");
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let started = launch(kind, dir.path(), &flags);
        Self {
            kind,
            http: started.http,
            otlp: started.otlp,
            ready_after: started.ready_after,
            dir,
            flags,
            child: started.child,
        }
    }

    /// Stops it, by a signal's name, and starts it again on the same data; returns the time until it is ready.
    ///
    /// # Panics
    /// If it does not stop or start.
    pub fn restart(&mut self, signal: &str) -> Duration {
        self.stop(signal);
        let started = launch(self.kind, self.dir.path(), &self.flags);
        (self.http, self.otlp, self.child) = (started.http, started.otlp, started.child);
        self.ready_after = started.ready_after;
        started.ready_after
    }

    /// Stops it, by a signal's name, and waits for its end.
    ///
    /// # Panics
    /// If it cannot be stopped.
    pub fn stop(&mut self, signal: &str) {
        let status = Command::new("kill")
            .args([&format!("-{signal}"), &self.child.id().to_string()])
            .status();
        assert!(
            status.is_ok_and(|status| status.success()),
            "a child can be signalled"
        );
        self.child.wait().expect("a child can be waited for");
    }

    /// A new connection to its HTTP API.
    ///
    /// # Panics
    /// If it does not accept.
    #[must_use]
    pub fn connect(&self) -> Connection {
        Connection::open(self.http).expect("a server accepts")
    }

    /// Asks once.
    ///
    /// # Panics
    /// If it does not answer.
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.connect().get(path).expect("a server answers")
    }

    /// Its data directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it has used since it was started.
    ///
    /// # Panics
    /// If it has ended.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let id = self.child.id();
        let read = |file: &str| std::fs::read_to_string(format!("/proc/{id}/{file}")).expect("it runs");
        let status = read("status");
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<u64>().ok())
                .unwrap_or(0)
                << 10
        };
        let stat = read("stat");
        // After the name, which may hold anything: state is the first field, user and system time the 12th and 13th.
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .split_whitespace()
            .collect();
        let ticks = |at: usize| fields.get(at).and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
        Usage {
            // The kernel reports in hundredths of a second, whatever its own tick is.
            cpu_s: (ticks(11) + ticks(12)) / 100.0,
            resident: kib("VmRSS:"),
            peak: kib("VmHWM:"),
        }
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

struct Started {
    http: SocketAddr,
    otlp: SocketAddr,
    ready_after: Duration,
    child: Child,
}

fn launch(kind: Kind, dir: &Path, flags: &[String]) -> Started {
    let [http, otlp, grpc] = free_addresses();
    let data = dir.join("data");
    let mut command = match kind {
        Kind::Watchroom => {
            let mut command = Command::new(binary());
            command.args(["up", "--listen", &http.to_string()]);
            command.args(["--otlp-http", &otlp.to_string(), "--otlp-grpc", &grpc.to_string()]);
            // The peers' windows, so that values can be compared.
            command
                .args(["--query-windows", "closed", "--data-dir"])
                .arg(&data);
            command
        }
        Kind::Prometheus => {
            let config = dir.join("prometheus.yml");
            std::fs::write(&config, "").expect("a file can be written");
            let mut command = Command::new("prometheus");
            command.arg(format!("--config.file={}", config.display()));
            command.arg(format!("--storage.tsdb.path={}", data.display()));
            command.arg(format!("--web.listen-address={http}"));
            command.args(["--web.enable-remote-write-receiver", "--web.enable-admin-api"]);
            command
        }
        Kind::Victoria => {
            let mut command = Command::new("victoria-metrics");
            command.arg(format!("-storageDataPath={}", data.display()));
            command.arg(format!("-httpListenAddr={http}"));
            command.args(["-search.latencyOffset=0s", "-search.disableCache"]);
            command
        }
    };
    command.args(flags);
    let log = std::fs::File::create(dir.join("log")).expect("a log can be made");
    let err = log.try_clone().expect("a log can be opened twice");
    command.stdin(Stdio::null()).stdout(log).stderr(err);
    let watch = Stopwatch::start();
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let ready = if kind == Kind::Victoria {
        "/health"
    } else {
        "/-/ready"
    };
    loop {
        let answer = Connection::open(http).and_then(|mut connection| connection.get(ready));
        if answer.is_ok_and(|answer| answer.is_success()) {
            break;
        }
        let ended = child.try_wait().ok().flatten();
        if ended.is_some() || watch.elapsed() > Duration::from_secs(300) {
            let log = std::fs::read_to_string(dir.join("log")).unwrap_or_default();
            panic!("{} does not start ({ended:?}): {log}", kind.name());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Started {
        http,
        otlp,
        ready_after: watch.elapsed(),
        child,
    }
}

/// The program under measurement: `$WATCHROOM_BIN`, or what `cargo build --release` has made, which is done here once.
///
/// # Panics
/// If it cannot be built.
#[must_use]
pub fn binary() -> PathBuf {
    static BUILT: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    BUILT
        .get_or_init(|| {
            if let Some(path) = std::env::var_os("WATCHROOM_BIN") {
                return path.into();
            }
            let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
            let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
                .args(["build", "--release", "--package", "watchroom-cli"])
                .current_dir(&root)
                .status();
            assert!(
                status.is_ok_and(|status| status.success()),
                "the program can be built"
            );
            let target =
                std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
            target.join("release/watchroom")
        })
        .clone()
}

/// Bytes that the files below a folder occupy on disk; what is linked twice counts once.
#[must_use]
pub fn occupied(dir: &Path) -> u64 {
    fn add(dir: &Path, seen: &mut std::collections::BTreeSet<u64>) -> u64 {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries
            .map(|entry| match entry.metadata() {
                Ok(metadata) if metadata.is_dir() => add(&entry.path(), seen),
                Ok(metadata) if seen.insert(metadata.ino()) => metadata.blocks() * 512,
                _ => 0,
            })
            .sum()
    }
    add(dir, &mut std::collections::BTreeSet::new())
}

fn free_addresses() -> [SocketAddr; 3] {
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port is free"));
    listeners.map(|listener| listener.local_addr().expect("a listener has an address"))
}

#[expect(clippy::print_stderr, reason = "a program of the command line")]
fn say(what: &str) {
    eprintln!("{what}");
}
