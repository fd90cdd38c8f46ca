//! Targets that answer by what they are asked, with TLS or without.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::support::now_ns;

pub(super) const PROTOBUF: &str = "content-type: application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited\r\n";

/// From the head of a request to an answer.
type Answer = Box<dyn Fn(&str) -> Vec<u8> + Send + Sync>;

pub(super) struct Site {
    pub(super) addr: String,
    answer: Arc<Mutex<Arc<Answer>>>,
}

impl Site {
    pub(super) async fn start(
        tls: Option<(PathBuf, PathBuf)>,
        answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let acceptor = tls.map(|(certificate, key)| {
            let certificate = CertificateDer::from_pem_file(certificate).unwrap();
            let provider = Arc::new(rustls::crypto::ring::default_provider());
            let config = ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![certificate], PrivateKeyDer::from_pem_file(key).unwrap())
                .unwrap();
            TlsAcceptor::from(Arc::new(config))
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap().to_string();
        let answer: Answer = Box::new(answer);
        let answer = Arc::new(Mutex::new(Arc::new(answer)));
        let shared = Arc::clone(&answer);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (answer, acceptor) = (Arc::clone(&shared), acceptor.clone());
                tokio::spawn(async move {
                    match acceptor {
                        None => serve(stream, &answer).await,
                        Some(acceptor) => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                serve(stream, &answer).await;
                            }
                        }
                    }
                });
            }
        });
        Self { addr, answer }
    }

    /// From now on it answers otherwise.
    pub(super) fn says(&self, answer: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) {
        *self.answer.lock().unwrap() = Arc::new(Box::new(answer));
    }
}

async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, answer: &Mutex<Arc<Answer>>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let answer = Arc::clone(&answer.lock().unwrap());
    let _ = stream.write_all(&answer(&String::from_utf8_lossy(&head))).await;
    let _ = stream.shutdown().await;
}

/// An answer.
pub(super) fn page(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n{headers}\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

/// The beginning of this minute, which stays the same for some scrapes.
pub(super) fn minute_ms() -> u64 {
    now_ns() / 60_000_000_000 * 60_000
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
    out
}

fn number(tag: u64, value: u64) -> Vec<u8> {
    [varint(tag << 3), varint(value)].concat()
}

fn double(tag: u64, value: f64) -> Vec<u8> {
    [varint(tag << 3 | 1), value.to_le_bytes().to_vec()].concat()
}

fn bytes(tag: u64, value: impl AsRef<[u8]>) -> Vec<u8> {
    let value = value.as_ref();
    [varint(tag << 3 | 2), varint(value.len() as u64), value.to_vec()].concat()
}

fn family(name: &str, kind: u64, metric: &[u8]) -> Vec<u8> {
    let message = [
        bytes(1, name),
        bytes(2, "Help."),
        number(3, kind),
        bytes(4, metric),
    ]
    .concat();
    [varint(message.len() as u64), message].concat()
}

/// Families in protobuf: a counter, a gauge, a summary, a classic and a native histogram.
pub(super) fn families() -> Vec<u8> {
    let label = bytes(1, [bytes(1, "a"), bytes(2, "x")].concat());
    let counter = [label, bytes(3, double(1, 3.0))].concat();
    let quantile = bytes(3, [double(1, 0.99), double(2, 9.0)].concat());
    let summary = bytes(4, [number(1, 2), double(2, 5.0), quantile].concat());
    let bucket = |below, bound| bytes(3, [number(1, below), double(2, bound)].concat());
    let classic = [
        number(1, 4),
        double(2, 6.0),
        bucket(1, 0.25),
        bucket(2, 1.0),
        bucket(3, 2_500_000.0),
    ]
    .concat();
    let span = [number(1, 0), number(2, 2)].concat();
    let native = [
        number(1, 6),
        double(2, 9.5),
        number(5, 0),
        double(6, 0.001),
        number(7, 1),
        bytes(12, span),
        number(13, 4),
        number(13, 2),
    ]
    .concat();
    [
        family("p_total", 0, &counter),
        family("p_gauge", 1, &bytes(2, double(1, -2.0))),
        family("p_summary", 2, &summary),
        family("p_classic", 4, &bytes(7, classic)),
        family("p_native", 4, &bytes(7, native)),
    ]
    .concat()
}
