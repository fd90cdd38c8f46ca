//! A server with a directory of its own, and small clients.

use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use watchroom_server::{Addresses, Config, Running, start};

/// Time after which what should happen is taken not to happen.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Server {
    pub(crate) running: Running,
    pub(crate) dir: TempDir,
    pub(crate) addrs: Addresses,
}

/// Settings on free ports.
pub(crate) fn config(dir: &TempDir) -> Config {
    let mut config = Config::new(dir.path().join("data"));
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    (config.listen, config.otlp_grpc, config.otlp_http) = (free, free, free);
    config.self_scrape = false;
    config
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_, _| ()).await
    }

    /// A server whose settings `change` has had a hand in; files may be put into the directory.
    pub(crate) async fn with(change: impl FnOnce(&mut Config, &TempDir)) -> Self {
        Self::again(tempfile::tempdir().unwrap(), change).await
    }

    /// A server over a directory of an earlier one.
    pub(crate) async fn again(dir: TempDir, change: impl FnOnce(&mut Config, &TempDir)) -> Self {
        let mut config = config(&dir);
        change(&mut config, &dir);
        let running = start(config).await.unwrap();
        let addrs = running.addrs();
        Self { running, dir, addrs }
    }

    /// Stops it and gives its directory back.
    pub(crate) async fn stop(self) -> TempDir {
        self.running.shutdown(PATIENCE).await.unwrap();
        self.dir
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        request(
            self.addrs.http,
            &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n"),
            b"",
        )
        .await
    }

    /// Asks a server, this one or a peer: by GET, or by POST with a form.
    pub(crate) async fn ask(&self, addr: SocketAddr, path: &str, form: Option<&str>) -> Answer {
        let headers = "content-type: application/x-www-form-urlencoded\r\n";
        match form {
            Some(form) => self.post(addr, path, headers, form.as_bytes()).await,
            None => request(addr, &format!("GET {path} HTTP/1.1\r\nhost: localhost\r\n"), b"").await,
        }
    }

    /// The JSON of a good answer.
    pub(crate) async fn json(&self, path: &str) -> Value {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// The result of an instant query.
    pub(crate) async fn query(&self, expr: &str) -> Vec<(Value, String)> {
        let answer = self.json(&format!("/api/v1/query?query={}", encode(expr))).await;
        let result = answer["data"]["result"].as_array().unwrap();
        result
            .iter()
            .map(|item| {
                (
                    item["metric"].clone(),
                    item["value"][1].as_str().unwrap().to_owned(),
                )
            })
            .collect()
    }

    /// The value of a query that gives one series, or nothing.
    pub(crate) async fn value(&self, expr: &str) -> Option<String> {
        let mut result = self.query(expr).await;
        assert!(result.len() <= 1, "{expr}: {result:?}");
        result.pop().map(|(_, value)| value)
    }

    /// Waits until a query gives one series with this value.
    pub(crate) async fn eventually(&self, expr: &str, expect: Option<&str>) {
        let waiting = async {
            while self.value(expr).await.as_deref() != expect {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, waiting).await.is_err() {
            panic!("{expr} is {:?}, not {expect:?}", self.value(expr).await);
        }
    }

    pub(crate) async fn post(&self, addr: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n{headers}",
            body.len()
        );
        request(addr, &head, body).await
    }

    /// Sends OTLP as JSON.
    pub(crate) async fn send(&self, signal: &str, body: &Value) -> Answer {
        let path = format!("/v1/{signal}");
        let body = body.to_string();
        let headers = "content-type: application/json\r\n";
        self.post(self.addrs.otlp_http, &path, headers, body.as_bytes())
            .await
    }
}

/// Waits until `check` gives something.
pub(crate) async fn eventually<T, F: Future<Output = Option<T>>>(
    what: &str,
    mut check: impl FnMut() -> F,
) -> T {
    let waiting = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    match tokio::time::timeout(PATIENCE, waiting).await {
        Ok(found) => found,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// An HTTP answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Sends one request on a connection of its own. `head` ends with a line's end.
pub(crate) async fn request(addr: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    let head = format!("{head}connection: close\r\n\r\n");
    // A server that has made up its mind may close before it has read everything.
    let _ = stream.write_all(head.as_bytes()).await;
    let _ = stream.write_all(body).await;
    read_answer(&mut stream).await
}

/// Reads an answer to the end of the connection.
pub(crate) async fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await;
    assert!(read.is_ok(), "the server neither answers nor closes");
    parse_answer(&bytes).unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(&bytes)))
}

pub(crate) fn parse_answer(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let mut body = bytes[end + 4..].to_vec();
    if head.to_ascii_lowercase().contains("transfer-encoding: chunked") {
        body = unchunk(&body);
    }
    Some(Answer { status, head, body })
}

fn unchunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        rest = &rest[end + 2..];
        if size == 0 {
            break;
        }
        body.extend_from_slice(&rest[..size]);
        rest = &rest[size + 2..];
    }
    body
}

/// Percent-encodes a parameter.
pub(crate) fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut out).unwrap();
    out
}

/// Nanoseconds since the epoch.
pub(crate) fn now_ns() -> u64 {
    #[expect(
        clippy::disallowed_methods,
        reason = "the server under test reads the same clock"
    )]
    let now = std::time::SystemTime::now();
    u64::try_from(now.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

/// Seconds since the epoch, as a parameter.
pub(crate) fn now_s() -> f64 {
    now_ns() as f64 / 1e9
}
