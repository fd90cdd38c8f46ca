//! A process that plays a scene: this very binary, started again.
//!
//! Not here: what the scenes are.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;

use crate::scenes;

/// Plays a scene with further variables; its standard output is read to the end.
pub(crate) struct Scene {
    pub(crate) child: Child,
}

impl Scene {
    pub(crate) fn start(name: &str, env: &[(&str, &str)]) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "scenes::play", "--nocapture", "--test-threads=1"])
            .env(scenes::VARIABLE, name)
            .env("OTEL_TRACES_EXPORTER", "none")
            .env("OTEL_METRICS_EXPORTER", "none")
            .env("OTEL_LOGS_EXPORTER", "none")
            .env("WATCHROOM_ADMIN_LISTEN", "127.0.0.1:0")
            .env("WATCHROOM_LOG_FORMAT", "json")
            .env("RUST_LOG", "info")
            .envs(env.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self {
            child: command.spawn().unwrap(),
        }
    }

    /// The next line of standard output that is a JSON object with this message.
    pub(crate) fn line(&mut self, message: &str) -> Value {
        let out = self.child.stdout.as_mut().unwrap();
        let mut line = Vec::new();
        let mut byte = [0];
        while out.read(&mut byte).unwrap() == 1 {
            if byte[0] != b'\n' {
                line.push(byte[0]);
                continue;
            }
            // The test harness writes to the same pipe without ending its line.
            let text = String::from_utf8_lossy(&line).into_owned();
            let json = text
                .find('{')
                .and_then(|at| serde_json::from_str::<Value>(&text[at..]).ok());
            if let Some(json) = json.filter(|json| json["message"] == message) {
                return json;
            }
            line.clear();
        }
        panic!("the scene ended without the line {message:?}: {}", self.stderr());
    }

    pub(crate) fn stderr(&mut self) -> String {
        let mut text = String::new();
        self.child
            .stderr
            .take()
            .map(|mut err| err.read_to_string(&mut text));
        text
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(
            Command::new("kill")
                .arg(format!("-{name}"))
                .arg(self.child.id().to_string())
                .status()
                .unwrap()
                .success()
        );
    }

    /// Everything that standard output still says, and how the process ended.
    pub(crate) fn end(mut self) -> (String, ExitStatus) {
        let mut out = String::new();
        self.child
            .stdout
            .take()
            .unwrap()
            .read_to_string(&mut out)
            .unwrap();
        (out, self.child.wait().unwrap())
    }

    /// Has both outputs read from now on, so that the scene is never held up by them.
    pub(crate) fn drained(mut self) -> Drained {
        fn all(mut from: impl std::io::Read + Send + 'static) -> JoinHandle<String> {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                from.read_to_end(&mut bytes).unwrap();
                String::from_utf8_lossy(&bytes).into_owned()
            })
        }
        let out = all(self.child.stdout.take().unwrap());
        let err = all(self.child.stderr.take().unwrap());
        Drained {
            scene: self,
            out,
            err,
        }
    }
}

/// A scene whose outputs are being read.
pub(crate) struct Drained {
    pub(crate) scene: Scene,
    out: JoinHandle<String>,
    err: JoinHandle<String>,
}

impl Drained {
    /// Waits for the end of the process; gives what it said, and how it ended.
    pub(crate) fn end(mut self) -> Ended {
        let status = self.scene.child.wait().unwrap();
        Ended {
            out: self.out.join().unwrap(),
            err: self.err.join().unwrap(),
            status,
        }
    }
}

/// A scene that is over.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) status: ExitStatus,
}

impl Ended {
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// What the scene told of itself with [`scenes::tell`].
    #[track_caller]
    pub(crate) fn told(&self) -> Value {
        let at = self.out.find(scenes::TOLD).unwrap_or_else(|| panic!("{self:?}"));
        let text = &self.out[at + scenes::TOLD.len()..];
        serde_json::from_str(text.lines().next().unwrap()).unwrap()
    }
}

pub(crate) fn http(at: &Value, request: &str) -> String {
    let at: SocketAddr = at.as_str().unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

pub(crate) fn get(at: &Value, path: &str) -> String {
    http(
        at,
        &format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"),
    )
}
