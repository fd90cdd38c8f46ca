//! Receivers on port 0 of the loopback, on a thread and a runtime of their own: gRPC by tonic, HTTP by axum, and one that
//! answers with given bytes. They play a script, one entry a request; past its end they take everything.

use std::collections::{BTreeSet, VecDeque};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;

use axum::body::Bytes;
use axum::extract::{ConnectInfo, Path, State as Shared};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{LogsService, LogsServiceServer};
use opentelemetry_proto::tonic::collector::logs::v1::{ExportLogsServiceRequest, ExportLogsServiceResponse};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use tokio::sync::watch;
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;

use super::LONG;

/// What a receiver does with a request.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Take,
    Partial(i64, &'static str),
    Grpc(tonic::Code, &'static str, Option<Vec<u8>>),
    Http(u16, Vec<(&'static str, String)>, Vec<u8>),
    /// Takes it, but answers only after [`Collector::open_gate`].
    AfterGate,
}

#[derive(Debug, Default)]
pub(crate) struct Received {
    pub(crate) traces: Vec<ExportTraceServiceRequest>,
    pub(crate) logs: Vec<ExportLogsServiceRequest>,
    pub(crate) metrics: Vec<ExportMetricsServiceRequest>,
    pub(crate) headers: Vec<HeaderMap>,
    pub(crate) paths: Vec<String>,
    /// Ends of connections from which requests came.
    pub(crate) peers: BTreeSet<SocketAddr>,
    pub(crate) n_requests: usize,
    script: VecDeque<Reply>,
}

#[derive(Debug)]
struct Inner {
    received: Mutex<Received>,
    changed: Condvar,
    gate: watch::Sender<bool>,
}

#[derive(Debug)]
pub(crate) struct Collector {
    inner: Arc<Inner>,
    address: SocketAddr,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) const ANYWHERE: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

impl Collector {
    pub(crate) fn grpc(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::at(ANYWHERE, true, script)
    }

    pub(crate) fn http(script: impl IntoIterator<Item = Reply>) -> Self {
        Self::at(ANYWHERE, false, script)
    }

    pub(crate) fn at(address: SocketAddr, grpc: bool, script: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let received = Received {
            script: script.into_iter().collect(),
            ..Received::default()
        };
        let inner = Arc::new(Inner {
            received: Mutex::new(received),
            changed: Condvar::new(),
            gate: watch::Sender::new(false),
        });
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = Arc::clone(&inner);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let serve = async {
                    if grpc {
                        serve_grpc(listener, serving).await;
                    } else {
                        serve_http(listener, serving).await;
                    }
                };
                tokio::select! { () = serve => {}, _ = stopped => {} }
            });
        });
        Self {
            inner,
            address,
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn received(&self) -> MutexGuard<'_, Received> {
        self.inner.received.lock().unwrap()
    }

    /// Waits until what has been received meets a condition.
    #[track_caller]
    pub(crate) fn wait(&self, done: impl Fn(&Received) -> bool) {
        let (_received, waited) = self
            .inner
            .changed
            .wait_timeout_while(self.received(), LONG, |received| !done(received))
            .unwrap();
        assert!(!waited.timed_out(), "the receiver waited in vain");
    }

    pub(crate) fn open_gate(&self) {
        self.inner.gate.send_replace(true);
    }

    /// Closes all connections and frees the port.
    pub(crate) fn kill(mut self) -> SocketAddr {
        self.end();
        self.address
    }

    fn end(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.end();
    }
}

impl Received {
    pub(crate) fn n_spans(&self) -> usize {
        self.traces
            .iter()
            .flat_map(|request| &request.resource_spans)
            .flat_map(|resource| &resource.scope_spans)
            .map(|scope| scope.spans.len())
            .sum()
    }

    /// The numbers of the spans, in the order in which they came.
    pub(crate) fn span_numbers(&self) -> Vec<Vec<u64>> {
        let numbers = |request: &ExportTraceServiceRequest| {
            let mut numbers: Vec<u64> = request
                .resource_spans
                .iter()
                .flat_map(|resource| &resource.scope_spans)
                .flat_map(|scope| &scope.spans)
                .map(|span| span.start_time_unix_nano - 1_700_000_000_000_000_000)
                .collect();
            numbers.sort_unstable();
            numbers
        };
        self.traces.iter().map(numbers).collect()
    }

    pub(crate) fn n_logs(&self) -> usize {
        self.logs
            .iter()
            .flat_map(|request| &request.resource_logs)
            .flat_map(|resource| &resource.scope_logs)
            .map(|scope| scope.log_records.len())
            .sum()
    }
}

impl Inner {
    /// Notes a request and tells what to do with it. What is refused is not kept.
    fn note(
        &self,
        headers: HeaderMap,
        peer: SocketAddr,
        path: &str,
        keep: impl FnOnce(&mut Received),
    ) -> Reply {
        let mut received = self.received.lock().unwrap();
        received.n_requests += 1;
        received.headers.push(headers);
        received.peers.insert(peer);
        received.paths.push(path.to_owned());
        let reply = received.script.pop_front().unwrap_or(Reply::Take);
        if matches!(reply, Reply::Take | Reply::Partial(..) | Reply::AfterGate) {
            keep(&mut received);
        }
        drop(received);
        self.changed.notify_all();
        reply
    }

    async fn pass_gate(&self) {
        self.gate.subscribe().wait_for(|open| *open).await.unwrap();
    }

    async fn answer_grpc(&self, reply: Reply) -> Result<Option<(i64, String)>, tonic::Status> {
        match reply {
            Reply::Take => Ok(None),
            Reply::Partial(n, message) => Ok(Some((n, message.to_owned()))),
            Reply::Grpc(code, message, None) => Err(tonic::Status::new(code, message)),
            Reply::Grpc(code, message, Some(details)) => {
                Err(tonic::Status::with_details(code, message, details.into()))
            }
            Reply::AfterGate => {
                self.pass_gate().await;
                Ok(None)
            }
            Reply::Http(..) => Err(tonic::Status::internal("the script is for HTTP")),
        }
    }
}

#[derive(Debug, Clone)]
struct Grpc(Arc<Inner>);

fn headers<T>(request: &tonic::Request<T>) -> HeaderMap {
    request.metadata().clone().into_headers()
}

#[tonic::async_trait]
impl TraceService for Grpc {
    async fn export(
        &self,
        request: tonic::Request<ExportTraceServiceRequest>,
    ) -> Result<tonic::Response<ExportTraceServiceResponse>, tonic::Status> {
        let (headers, peer) = (headers(&request), request.remote_addr().unwrap());
        let reply = self.0.note(headers, peer, "grpc", |received| {
            received.traces.push(request.into_inner())
        });
        let partial = self.0.answer_grpc(reply).await?;
        let partial_success = partial.map(|(rejected_spans, error_message)| ExportTracePartialSuccess {
            rejected_spans,
            error_message,
        });
        Ok(tonic::Response::new(ExportTraceServiceResponse {
            partial_success,
        }))
    }
}

#[tonic::async_trait]
impl LogsService for Grpc {
    async fn export(
        &self,
        request: tonic::Request<ExportLogsServiceRequest>,
    ) -> Result<tonic::Response<ExportLogsServiceResponse>, tonic::Status> {
        let (headers, peer) = (headers(&request), request.remote_addr().unwrap());
        let reply = self.0.note(headers, peer, "grpc", |received| {
            received.logs.push(request.into_inner())
        });
        self.0.answer_grpc(reply).await?;
        Ok(tonic::Response::new(ExportLogsServiceResponse::default()))
    }
}

#[tonic::async_trait]
impl MetricsService for Grpc {
    async fn export(
        &self,
        request: tonic::Request<ExportMetricsServiceRequest>,
    ) -> Result<tonic::Response<ExportMetricsServiceResponse>, tonic::Status> {
        let (headers, peer) = (headers(&request), request.remote_addr().unwrap());
        let reply = self.0.note(headers, peer, "grpc", |received| {
            received.metrics.push(request.into_inner())
        });
        self.0.answer_grpc(reply).await?;
        Ok(tonic::Response::new(ExportMetricsServiceResponse::default()))
    }
}

async fn serve_grpc(listener: tokio::net::TcpListener, inner: Arc<Inner>) {
    let grpc = Grpc(inner);
    let (gzip, zstd) = (CompressionEncoding::Gzip, CompressionEncoding::Zstd);
    let traces = TraceServiceServer::new(grpc.clone()).accept_compressed(gzip);
    let logs = LogsServiceServer::new(grpc.clone()).accept_compressed(gzip);
    let metrics = MetricsServiceServer::new(grpc).accept_compressed(gzip);
    tonic::transport::Server::builder()
        .add_service(traces.accept_compressed(zstd))
        .add_service(logs.accept_compressed(zstd))
        .add_service(metrics.accept_compressed(zstd))
        .serve_with_incoming(TcpIncoming::from(listener))
        .await
        .unwrap();
}

async fn serve_http(listener: tokio::net::TcpListener, inner: Arc<Inner>) {
    let app = axum::Router::new()
        .route("/v1/{signal}", axum::routing::post(take_http))
        .with_state(inner);
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).await.unwrap();
}

async fn take_http(
    Path(signal): Path<String>,
    Shared(inner): Shared<Arc<Inner>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    assert_eq!(headers["content-type"], "application/x-protobuf");
    let mut plain = Vec::new();
    let body = match headers
        .get("content-encoding")
        .map(|encoding| encoding.as_bytes())
    {
        None => body,
        Some(b"gzip") => {
            flate2::read::GzDecoder::new(body.as_ref())
                .read_to_end(&mut plain)
                .unwrap();
            Bytes::from(plain)
        }
        Some(b"zstd") => {
            zstd::stream::copy_decode(body.as_ref(), &mut plain).unwrap();
            Bytes::from(plain)
        }
        Some(other) => panic!("unknown encoding {other:?}"),
    };
    let reply = inner.note(headers, peer, &format!("/v1/{signal}"), |received| {
        match signal.as_str() {
            "traces" => received
                .traces
                .push(ExportTraceServiceRequest::decode(body).unwrap()),
            "logs" => received
                .logs
                .push(ExportLogsServiceRequest::decode(body).unwrap()),
            "metrics" => received
                .metrics
                .push(ExportMetricsServiceRequest::decode(body).unwrap()),
            other => panic!("unknown signal {other}"),
        }
    });
    match reply {
        Reply::Take => StatusCode::OK.into_response(),
        Reply::Partial(rejected_spans, message) => {
            let partial = ExportTracePartialSuccess {
                rejected_spans,
                error_message: message.to_owned(),
            };
            ExportTraceServiceResponse {
                partial_success: Some(partial),
            }
            .encode_to_vec()
            .into_response()
        }
        Reply::Http(status, headers, body) => {
            let mut response = body.into_response();
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            for (name, value) in headers {
                response.headers_mut().insert(name, value.parse().unwrap());
            }
            response
        }
        Reply::AfterGate => {
            inner.pass_gate().await;
            StatusCode::OK.into_response()
        }
        Reply::Grpc(..) => StatusCode::NOT_IMPLEMENTED.into_response(),
    }
}

/// A receiver that reads a little and answers each connection with the next of some byte strings; past their end it answers
/// nothing and keeps the connection.
#[derive(Debug)]
pub(crate) struct RawReceiver {
    address: SocketAddr,
    ending: Arc<std::sync::atomic::AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RawReceiver {
    /// Closes each connection after its answer; what it left unread makes the close a reset.
    pub(crate) fn new(answers: Vec<&'static [u8]>) -> Self {
        Self::with(answers, true)
    }

    /// Keeps each connection open after its answer.
    pub(crate) fn keeping(answers: Vec<&'static [u8]>) -> Self {
        Self::with(answers, false)
    }

    fn with(answers: Vec<&'static [u8]>, closes: bool) -> Self {
        let listener = TcpListener::bind(ANYWHERE).unwrap();
        let address = listener.local_addr().unwrap();
        let ending = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let end = Arc::clone(&ending);
        let thread = std::thread::spawn(move || {
            let mut answers = answers.into_iter();
            let mut kept = Vec::new();
            while let Ok((mut stream, _)) = listener.accept() {
                if end.load(std::sync::atomic::Ordering::SeqCst) {
                    break;
                }
                let Some(answer) = answers.next() else {
                    kept.push(stream);
                    continue;
                };
                // The request need not have come whole.
                let _ = stream.read(&mut [0; 16]);
                let _ = stream.write_all(answer);
                if !closes {
                    kept.push(stream);
                }
            }
        });
        Self {
            address,
            ending,
            thread: Some(thread),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for RawReceiver {
    fn drop(&mut self) {
        self.ending.store(true, std::sync::atomic::Ordering::SeqCst);
        let _ = std::net::TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

/// An address at which nobody listens, and that nobody else gets: its port is taken, by a socket that does not listen. A receiver of
/// the same test may.
pub(crate) fn dead_address() -> SocketAddr {
    static TAKEN: Mutex<Vec<tokio::net::TcpSocket>> = Mutex::new(Vec::new());
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(ANYWHERE).unwrap();
    let address = socket.local_addr().unwrap();
    TAKEN.lock().unwrap().push(socket);
    address
}
