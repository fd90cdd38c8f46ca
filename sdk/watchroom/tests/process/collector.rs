//! A collector that counts: HTTP/1.1 over a socket. Spans are counted by decoding what was sent with the stock types, or, where speed
//! counts, by walking through the bytes.
//!
//! Invariant: what has been answered has been counted. Not here: gRPC, compression.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

pub(crate) struct Collector {
    addr: SocketAddr,
    received: Arc<Received>,
}

#[derive(Default)]
struct Received {
    n_spans: AtomicUsize,
    n_logs: AtomicUsize,
    n_metric_requests: AtomicUsize,
    /// Only walks through what comes, and keeps nothing.
    is_quick: bool,
    bodies: Mutex<Vec<u8>>,
}

impl Collector {
    /// One that decodes every span, and keeps all bodies.
    pub(crate) fn start() -> Self {
        Self::with(Received::default())
    }

    /// One that can take a million spans a second.
    pub(crate) fn quick() -> Self {
        Self::with(Received {
            is_quick: true,
            ..Received::default()
        })
    }

    fn with(received: Received) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let received = Arc::new(received);
        let counted = Arc::clone(&received);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || serve(stream, &counted));
            }
        });
        Self { addr, received }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn n_spans(&self) -> usize {
        self.received.n_spans.load(SeqCst)
    }

    pub(crate) fn n_logs(&self) -> usize {
        self.received.n_logs.load(SeqCst)
    }

    pub(crate) fn n_metric_requests(&self) -> usize {
        self.received.n_metric_requests.load(SeqCst)
    }

    /// All bodies, one after the other.
    pub(crate) fn bodies(&self) -> Vec<u8> {
        self.received.bodies.lock().unwrap().clone()
    }
}

impl Received {
    fn take(&self, path: &str, body: &[u8]) {
        match path {
            "/v1/traces" if self.is_quick => {
                self.n_spans.fetch_add(count(body), SeqCst);
            }
            "/v1/traces" => {
                let request = ExportTraceServiceRequest::decode(body).unwrap();
                let scopes = request.resource_spans.iter().flat_map(|spans| &spans.scope_spans);
                let n = scopes.map(|scope| scope.spans.len()).sum();
                assert_eq!(n, count(body), "both ways of counting are one");
                self.n_spans.fetch_add(n, SeqCst);
            }
            "/v1/logs" => {
                self.n_logs.fetch_add(count(body), SeqCst);
            }
            "/v1/metrics" => {
                self.n_metric_requests.fetch_add(1, SeqCst);
            }
            other => panic!("nothing is sent to {other}"),
        }
        if !self.is_quick {
            self.bodies.lock().unwrap().extend_from_slice(body);
        }
    }
}

fn serve(mut stream: TcpStream, received: &Received) {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        while let Some((path, body_at, len)) = head(&bytes) {
            if bytes.len() < body_at + len {
                break;
            }
            received.take(&path, &bytes[body_at..body_at + len]);
            bytes.drain(..body_at + len);
            let answer =
                b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
            if stream.write_all(answer).is_err() {
                return;
            }
        }
        match stream.read(&mut chunk) {
            Ok(n) if n > 0 => bytes.extend_from_slice(&chunk[..n]),
            _ => return,
        }
    }
}

/// The path, where the body begins and how long it is, once the head is there.
fn head(bytes: &[u8]) -> Option<(String, usize, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let path = head.split(' ').nth(1)?.to_owned();
    let len = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?
        .trim()
        .parse()
        .ok()?;
    Some((path, end + 4, len))
}

/// Spans or log records of a request: resource (1), scope (2), record (2).
fn count(body: &[u8]) -> usize {
    let mut n = 0;
    each(body, 1, |resource| {
        each(resource, 2, |scope| each(scope, 2, |_| n += 1))
    });
    n
}

/// Calls `f` with each part of a message that has this number.
///
/// Source: Protocol Buffers, "Encoding".
fn each(mut bytes: &[u8], number: u64, mut f: impl FnMut(&[u8])) {
    while !bytes.is_empty() {
        let key = varint(&mut bytes);
        let len = match key & 7 {
            0 => {
                varint(&mut bytes);
                0
            }
            1 => 8,
            5 => 4,
            2 => usize::try_from(varint(&mut bytes)).unwrap(),
            other => panic!("no wire type {other}"),
        };
        let (part, rest) = bytes.split_at(len);
        bytes = rest;
        if key == number << 3 | 2 {
            f(part);
        }
    }
}

fn varint(bytes: &mut &[u8]) -> u64 {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().unwrap();
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            break;
        }
    }
    value
}
