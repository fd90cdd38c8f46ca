//! The programs under attack, and how to tell that they are well.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use watchroom_e2e::http::{self, post};
use watchroom_e2e::{Backend, Deriva, eventually};

pub(crate) const EXE: &str = env!("CARGO_BIN_EXE_watchroom-e2e");
pub(crate) const PROTOBUF: &str = "application/x-protobuf";
pub(crate) const JSON: &str = "application/json";

/// What the backend is told that it may take for the store and what is on its way into it.
const MAX_MEMORY: &str = "128MiB";
/// Most resident memory that the backend has had at any moment: what it was told, and half as much again for the program, the allocator, the
/// query under way and the page.
pub(crate) const BACKEND_PEAK_BYTES: u64 = 192 << 20;
/// Most resident memory that Deriva has had: 128 MiB of requests that come in, in buffers that double as they grow, and the program.
pub(crate) const DERIVA_PEAK_BYTES: u64 = 320 << 20;

pub(crate) fn backend() -> Backend {
    backend_with(&[])
}

pub(crate) fn backend_with(args: &[&str]) -> Backend {
    let all: Vec<&str> = ["--max-memory", MAX_MEMORY].iter().chain(args).copied().collect();
    Backend::start(EXE, &all)
}

pub(crate) fn deriva() -> Deriva {
    Deriva::start(EXE, &["--cache-bytes", "8388608"], &[("RUST_LOG", "warn")])
}

/// The backend answers queries, takes data, and has kept within its bound.
#[track_caller]
pub(crate) fn backend_is_well(backend: &mut Backend) {
    assert!(backend.process.is_running(), "{}", backend.process.log());
    let answer = backend.json("/api/v1/query?query=1%2B1");
    assert_eq!(answer["data"]["result"][1], "2");
    let answer = post(backend.otlp_http, "/v1/traces", PROTOBUF, b"");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let stream = TcpStream::connect(backend.otlp_grpc).unwrap();
    assert!(stream.peer_addr().is_ok());
    let peak = backend.process.peak_memory_bytes();
    assert!(peak <= BACKEND_PEAK_BYTES, "{} MiB at the peak", peak >> 20);
    assert!(
        !backend.process.log().contains("panicked"),
        "{}",
        backend.process.log()
    );
}

/// Deriva answers on both ports and has kept within its bound.
#[track_caller]
pub(crate) fn deriva_is_well(deriva: &mut Deriva) {
    assert!(deriva.process.is_running(), "{}", deriva.process.log());
    eventually("deriva serves its metrics", || {
        let answer = http::send(deriva.admin, "GET", "/metrics", &[], b"").ok()?;
        (answer.status == 200 && answer.text().contains("deriva_rpc_total")).then_some(())
    });
    eventually("deriva is healthy", || {
        let health = http::send(deriva.admin, "GET", "/health", &[], b"").ok()?;
        (health.status == 200).then_some(())
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (code, _) = runtime.block_on(crate::grpc::call(
        deriva.grpc,
        "/deriva.v1.Deriva/Status",
        &[],
        crate::grpc::frame(b""),
    ));
    assert_eq!(code, tonic::Code::Ok);
    let peak = deriva.process.peak_memory_bytes();
    assert!(peak <= DERIVA_PEAK_BYTES, "{} MiB at the peak", peak >> 20);
    assert!(
        !deriva.process.log().contains("panicked"),
        "{}",
        deriva.process.log()
    );
}

/// Every port of both, with a name for messages.
pub(crate) fn ports(backend: &Backend, deriva: &Deriva) -> [(&'static str, SocketAddr); 5] {
    [
        ("page and APIs", backend.http),
        ("OTLP over HTTP", backend.otlp_http),
        ("OTLP over gRPC", backend.otlp_grpc),
        ("Deriva's metrics", deriva.admin),
        ("Deriva's gRPC", deriva.grpc),
    ]
}

pub(crate) fn connect(at: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.set_write_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Bytes that are the same each time and look like nothing.
pub(crate) fn noise(n: usize) -> Vec<u8> {
    let mut seed = 1_u64;
    let next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as u8
    };
    std::iter::repeat_with(next).take(n).collect()
}
