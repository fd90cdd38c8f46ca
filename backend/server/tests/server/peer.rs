//! A Prometheus of Debian's on a port of 127.0.0.1, with a configuration of ours.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::{eventually, request};

pub(crate) struct Peer {
    process: Child,
    pub(crate) addr: std::net::SocketAddr,
    _dir: TempDir,
}

impl Peer {
    /// Starts it with the configuration for its port; `None`, said aloud, if there is none to start.
    pub(crate) async fn start(config: impl FnOnce(u16) -> String) -> Option<Self> {
        Self::start_with(&[], config).await
    }

    /// Starts it with more arguments.
    #[expect(clippy::print_stdout, reason = "what was not compared is to be seen")]
    pub(crate) async fn start_with(args: &[&str], config: impl FnOnce(u16) -> String) -> Option<Self> {
        let version = Command::new("prometheus")
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        if let Err(error) = version {
            assert!(
                std::env::var_os("WATCHROOM_REQUIRE_PEERS").is_none(),
                "prometheus is required: {error}"
            );
            println!("not compared with Prometheus: prometheus: {error}");
            return None;
        }
        let dir = tempfile::tempdir().unwrap();
        // A port that was free a moment ago: Prometheus does not tell which one it got.
        let addr = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let file = dir.path().join("prometheus.yml");
        std::fs::write(&file, config(addr.port())).unwrap();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                dir.path().join("data").display()
            ))
            .arg(format!("--web.listen-address={addr}"))
            .args(["--enable-feature=exemplar-storage", "--log.level=error"])
            .args(args)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let peer = Self {
            process,
            addr,
            _dir: dir,
        };
        eventually("a Prometheus that listens", async || {
            tokio::net::TcpStream::connect(addr).await.ok()
        })
        .await;
        eventually("a Prometheus that is ready", async || {
            (peer.get("/-/ready").await.0 == 200).then_some(())
        })
        .await;
        Some(peer)
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let answer = request(
            self.addr,
            &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n"),
            b"",
        )
        .await;
        (answer.status, answer.text())
    }

    /// The JSON of a good answer.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let (status, text) = self.get(path).await;
        assert_eq!(status, 200, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Ends it.
    pub(crate) fn stop(self) {}
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
