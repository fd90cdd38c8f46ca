//! A started endpoint and its callers.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use watchroom_admin::{AdminConfig, AdminHandle, Parts};
use watchroom_capture::{Filter, ReloadableFilter};
use watchroom_health::HealthBoard;
use watchroom_metrics::Registry;

/// Long enough for any machine; only a broken endpoint is waited for that long.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn config() -> AdminConfig {
    AdminConfig {
        listen: ([127, 0, 0, 1], 0).into(),
        ..AdminConfig::default()
    }
}

pub(crate) fn parts() -> Parts {
    Parts {
        registry: Registry::default(),
        board: HealthBoard::new(),
        log_filter: Some(ReloadableFilter::from(Filter::parse("info").unwrap())),
        capture: None,
        build: Vec::new(),
    }
}

pub(crate) fn start(config: AdminConfig) -> AdminHandle {
    AdminHandle::start(config, parts()).unwrap()
}

pub(crate) fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Sends a request and reads to the end. `None` if the peer ends without an answer.
pub(crate) fn ask(mut stream: impl Read + Write, method: &str, path: &str, headers: &str) -> Option<Answer> {
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{headers}content-length: 4\r\n\r\ninfo"
    );
    // The peer may hang up before it has read all.
    let _ = stream.write_all(request.as_bytes());
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let (head, body) = text.split_once("\r\n\r\n")?;
    Some(Answer {
        status: head.split(' ').nth(1)?.parse().ok()?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

#[track_caller]
pub(crate) fn status(admin: &AdminHandle, method: &str, path: &str, headers: &str) -> u16 {
    ask(connect(admin.local_addr()), method, path, headers)
        .unwrap()
        .status
}
