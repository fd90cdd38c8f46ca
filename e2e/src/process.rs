//! Real programs in processes of their own.

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::http::{self, encode, get};
use crate::wait::eventually;

/// A process that is killed when dropped. Its output goes to a file.
#[derive(Debug)]
pub struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a program.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(command: &mut Command, log: PathBuf) -> Self {
        let out = File::create(&log).expect("the log file of a fixture can be made");
        let err = out.try_clone().expect("the log file can be opened twice");
        let child = command.stdin(Stdio::null()).stdout(out).stderr(err).spawn();
        let child = child.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { child, log }
    }

    /// What it has said.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Most resident memory that it has had at any moment.
    ///
    /// # Panics
    /// If the kernel does not tell, because it has ended.
    #[must_use]
    pub fn peak_memory_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok());
        kib.expect("a process that runs has a peak of resident memory") << 10
    }

    /// Sends a signal by its name.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill")
            .arg(format!("-{name}"))
            .arg(self.id().to_string())
            .status();
        assert!(status.is_ok_and(|status| status.success()), "kill -{name}");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// If it does not end.
    pub fn ended(&mut self) -> ExitStatus {
        eventually("the process ends", || {
            self.child.try_wait().expect("a child can be waited for")
        })
    }

    /// Whether it runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The `watchroom` command of this build, for `env!("CARGO_BIN_EXE_watchroom-e2e")`.
pub type Exe<'a> = &'a str;

/// `watchroom up` on ports of its own, with data of its own.
#[derive(Debug)]
pub struct Backend {
    /// The process.
    pub process: Process,
    /// Page and APIs.
    pub http: SocketAddr,
    /// OTLP over gRPC.
    pub otlp_grpc: SocketAddr,
    /// OTLP over HTTP.
    pub otlp_http: SocketAddr,
    dir: TempDir,
}

impl Backend {
    /// Starts it, with further arguments, and waits until it serves.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start(exe: Exe<'_>, args: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        Self::start_in(exe, args, dir)
    }

    /// Starts it over what `make` puts at the path of its data directory, which is not there before.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start_over(exe: Exe<'_>, args: &[&str], make: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        make(&dir.path().join("data"));
        Self::start_in(exe, args, dir)
    }

    fn start_in(exe: Exe<'_>, args: &[&str], dir: TempDir) -> Self {
        let mut command = Command::new(exe);
        command
            .args([
                "up",
                "--listen",
                "127.0.0.1:0",
                "--otlp-grpc",
                "127.0.0.1:0",
                "--otlp-http",
                "127.0.0.1:0",
                "--data-dir",
            ])
            .arg(dir.path().join("data"))
            .args(args)
            .env("NO_COLOR", "1");
        let mut process = Process::start(&mut command, dir.path().join("log"));
        let (http, otlp_grpc, otlp_http) = eventually("watchroom up tells its addresses", || {
            assert!(process.is_running(), "watchroom up ended: {}", process.log());
            let log = process.log();
            Some((
                address_after(&log, "page and APIs")?,
                address_after(&log, "OTLP over gRPC")?,
                address_after(&log, "OTLP over HTTP")?,
            ))
        });
        eventually("watchroom up is ready", || {
            (get(http, "/-/ready").status == 200).then_some(())
        });
        Self {
            process,
            http,
            otlp_grpc,
            otlp_http,
            dir,
        }
    }

    /// Ends it by a signal and starts it again over the same data.
    ///
    /// # Panics
    /// If it does not end or come up.
    #[must_use]
    pub fn restart(self, exe: Exe<'_>, signal: &str, args: &[&str]) -> Self {
        let Self { mut process, dir, .. } = self;
        process.signal(signal);
        process.ended();
        Self::start_in(exe, args, dir)
    }

    /// Starts it again over the same data once it has ended by a signal that was sent before.
    ///
    /// # Panics
    /// If it does not end or come up.
    #[must_use]
    pub fn restart_killed(self, exe: Exe<'_>, args: &[&str]) -> Self {
        let Self { mut process, dir, .. } = self;
        process.ended();
        Self::start_in(exe, args, dir)
    }

    /// Its folder.
    #[must_use]
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// GET of a path, as JSON.
    ///
    /// # Panics
    /// If the answer is not 200.
    #[must_use]
    #[track_caller]
    pub fn json(&self, path: &str) -> Value {
        let answer = get(self.http, path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Result of an instant query.
    ///
    /// # Panics
    /// If the query is refused.
    #[must_use]
    #[track_caller]
    pub fn query(&self, promql: &str) -> Vec<Value> {
        let answer = self.json(&format!("/api/v1/query?query={}", encode(promql)));
        answer["data"]["result"].as_array().cloned().unwrap_or_default()
    }
}

/// The socket address after a word in the log.
fn address_after(log: &str, word: &str) -> Option<SocketAddr> {
    let rest = log.split_once(word)?.1.lines().next()?;
    rest.split_once("http://")?.1.trim().parse().ok()
}

/// A free port on loopback.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    listener
        .local_addr()
        .expect("a bound socket has an address")
        .port()
}

/// `deriva-server` in a process of its own.
#[derive(Debug)]
pub struct Deriva {
    /// The process.
    pub process: Process,
    /// gRPC.
    pub grpc: SocketAddr,
    /// `/metrics` and `/health`.
    pub admin: SocketAddr,
    _dir: TempDir,
}

impl Deriva {
    /// Starts it, with further arguments and variables, and waits until it is ready.
    ///
    /// # Panics
    /// If it does not come up.
    #[must_use]
    pub fn start(exe: Exe<'_>, args: &[&str], env: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let grpc = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let admin = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let mut command = Command::new(exe);
        command
            .args(["system", "deriva-server", "--listen", &grpc.to_string()])
            .args([
                "--metrics-port",
                &admin.port().to_string(),
                "--log-format",
                "json",
                "--data-dir",
            ])
            .arg(dir.path().join("data"))
            .args(args)
            .envs(env.iter().copied());
        let mut process = Process::start(&mut command, dir.path().join("log"));
        eventually("deriva-server is ready", || {
            assert!(process.is_running(), "deriva-server ended: {}", process.log());
            http::send(admin, "GET", "/health/ready", &[], b"")
                .is_ok_and(|answer| answer.status == 200)
                .then_some(())
        });
        Self {
            process,
            grpc,
            admin,
            _dir: dir,
        }
    }
}
