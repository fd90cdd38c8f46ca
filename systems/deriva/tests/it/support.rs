//! A server in a process of its own, and what it says on its ports and on stdout.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use deriva::proto::deriva_client::DerivaClient;
use deriva::proto::{GetRequest, PutLeafRequest, PutRecipeRequest};
use serde_json::Value;
use tempfile::TempDir;
use tonic::transport::Channel;

use crate::metrics::Scrape;

pub(crate) type Client = DerivaClient<Channel>;

/// Asks until there is an answer. The bound is one that only a broken server meets.
#[track_caller]
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Result<T, String>) -> T {
    let mut last = String::new();
    for _ in 0..600 {
        match ask() {
            Ok(answer) => return answer,
            Err(why) => last = why,
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("waited in vain for: {what}\n{last}");
}

const SERVER: &str = env!("CARGO_BIN_EXE_deriva-server");

/// `deriva-server`, killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) grpc: SocketAddr,
    pub(crate) admin: SocketAddr,
    log: PathBuf,
    dir: TempDir,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(&[], &[])
    }

    pub(crate) fn with(args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), args, env)
    }

    /// One that outlives a limit on the size of its files: what is ignored stays so in the program that takes the shell's place.
    pub(crate) fn start_for_limits() -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$@\"", "sh", SERVER]);
        Self::spawn(shell, tempfile::tempdir().unwrap(), &[], &[])
    }

    fn start_in(dir: TempDir, args: &[&str], env: &[(&str, &str)]) -> Self {
        Self::spawn(Command::new(SERVER), dir, args, env)
    }

    fn spawn(mut program: Command, dir: TempDir, args: &[&str], env: &[(&str, &str)]) -> Self {
        let log = dir.path().join("log");
        let out = File::create(&log).unwrap();
        let mut child = program
            .args([
                "--listen",
                "127.0.0.1:0",
                "--metrics-port",
                "0",
                "--log-format",
                "json",
            ])
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .args(args)
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .spawn()
            .unwrap();
        let (grpc, admin) = eventually("deriva-server is ready", || {
            let text = std::fs::read_to_string(&log).unwrap();
            assert!(child.try_wait().unwrap().is_none(), "deriva-server ended: {text}");
            let ready = lines(&text)
                .into_iter()
                .find(|line| line["message"] == "deriva-server is ready");
            let address = |line: &Value, name: &str| line["fields"][name].as_str().unwrap().parse().unwrap();
            ready
                .map(|line| (address(&line, "grpc"), address(&line, "admin")))
                .ok_or(text)
        });
        Self {
            child,
            grpc,
            admin,
            log,
            dir,
        }
    }

    pub(crate) async fn client(&self) -> Client {
        deriva::client::connect(&self.url()).await.unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.grpc)
    }

    /// Its log lines so far.
    pub(crate) fn log(&self) -> Vec<Value> {
        lines(&std::fs::read_to_string(&self.log).unwrap())
    }

    /// Status and body of a GET on the metrics port.
    #[track_caller]
    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.admin).unwrap();
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.admin
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    #[track_caller]
    pub(crate) fn scrape(&self) -> Scrape {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200);
        Scrape::parse(&text)
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args([&format!("-{name}"), &pid])
                .status()
                .unwrap()
                .success()
        );
    }

    /// Lets it write its files up to so many bytes, from now on: with 0, no write to a file succeeds.
    pub(crate) fn limit_file_size(&self, bytes: Option<u64>) {
        let pid = rustix::process::Pid::from_child(&self.child);
        let old = rustix::process::getrlimit(rustix::process::Resource::Fsize);
        let new = rustix::process::Rlimit {
            current: bytes,
            maximum: old.maximum,
        };
        rustix::process::prlimit(Some(pid), rustix::process::Resource::Fsize, new).unwrap();
    }

    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually("deriva-server ends", || {
            self.child.try_wait().unwrap().ok_or_else(String::new)
        })
    }

    /// Ends it by a signal and starts it again over the same data.
    pub(crate) fn restart(mut self, signal: &str) -> Self {
        self.signal(signal);
        self.ended();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        Self::start_in(dir, &[], &[])
    }

    pub(crate) fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that are JSON objects; a line that is being written is left out.
fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

pub(crate) async fn leaf(client: &mut Client, data: &[u8]) -> String {
    let answer = client.put_leaf(PutLeafRequest { data: data.to_vec() }).await;
    answer.unwrap().into_inner().address
}

pub(crate) fn recipe_of(function: &str, inputs: &[&String], params: &[(&str, &str)]) -> PutRecipeRequest {
    PutRecipeRequest {
        function: function.to_owned(),
        inputs: inputs.iter().map(|input| (*input).clone()).collect(),
        params: params
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
    }
}

pub(crate) async fn recipe(
    client: &mut Client,
    function: &str,
    inputs: &[&String],
    params: &[(&str, &str)],
) -> String {
    let answer = client.put_recipe(recipe_of(function, inputs, params)).await;
    answer.unwrap().into_inner().address
}

/// The chunks of a result.
pub(crate) async fn chunks(client: &mut Client, address: &str) -> Result<Vec<Vec<u8>>, tonic::Status> {
    let address = address.to_owned();
    let mut stream = client.get(GetRequest { address }).await?.into_inner();
    let mut chunks = Vec::new();
    while let Some(message) = stream.message().await? {
        chunks.push(message.chunk);
    }
    Ok(chunks)
}

pub(crate) async fn bytes(client: &mut Client, address: &str) -> Result<Vec<u8>, tonic::Status> {
    chunks(client, address).await.map(|chunks| chunks.concat())
}

/// A program of the monitoring world. `None` means: skip; the reason has been told.
pub(crate) fn promtool() -> Option<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let file = std::env::split_paths(&path)
        .map(|folder| folder.join("promtool"))
        .find(|file| file.is_file());
    if file.is_none() {
        let required = std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_some_and(|value| value == "1");
        assert!(
            !required,
            "promtool is not installed, and WATCHROOM_REQUIRE_PEERS=1 forbids to skip"
        );
        skipped();
    }
    file.map(Command::new)
}

#[expect(clippy::print_stderr, reason = "a skipped test says so")]
fn skipped() {
    eprintln!("skipped: needs promtool, which is not installed");
}

/// A map out of pairs, for comparisons.
pub(crate) fn map<V: Clone>(pairs: &[(&str, V)]) -> BTreeMap<String, V> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), value.clone()))
        .collect()
}
