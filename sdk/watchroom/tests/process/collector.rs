//! A collector that counts: HTTP/1.1 over a socket, spans counted by decoding what was sent.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message as _;

pub(crate) struct Collector {
    addr: SocketAddr,
    n_spans: Arc<AtomicUsize>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = listener.local_addr().unwrap();
        let n_spans = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&n_spans);
        // Ends with the test's process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let counted = Arc::clone(&counted);
                std::thread::spawn(move || serve(stream, &counted));
            }
        });
        Self { addr, n_spans }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub(crate) fn n_spans(&self) -> usize {
        self.n_spans.load(SeqCst)
    }
}

fn serve(mut stream: TcpStream, n_spans: &AtomicUsize) {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        while let Some((body_at, len)) = head(&bytes) {
            if bytes.len() < body_at + len {
                break;
            }
            let request = ExportTraceServiceRequest::decode(&bytes[body_at..body_at + len]).unwrap();
            let scopes = request.resource_spans.iter().flat_map(|spans| &spans.scope_spans);
            n_spans.fetch_add(scopes.map(|scope| scope.spans.len()).sum(), SeqCst);
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

/// Where the body begins and how long it is, once the head is there.
fn head(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
    let len = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?
        .trim()
        .parse()
        .ok()?;
    Some((end + 4, len))
}
