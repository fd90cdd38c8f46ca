//! An OTLP receiver for spans, gRPC and HTTP, built on the stock crates.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message as _;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::{Request, Response, Status};

type Received = Arc<Mutex<Vec<ResourceSpans>>>;

/// The receiver; its runtime, and with it both servers, ends when it is dropped.
pub(crate) struct Receiver {
    received: Received,
    grpc: SocketAddr,
    http: SocketAddr,
    _runtime: tokio::runtime::Runtime,
}

struct Traces(Received);

#[tonic::async_trait]
impl TraceService for Traces {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        self.0.lock().unwrap().extend(request.into_inner().resource_spans);
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

async fn traces(State(received): State<Received>, body: Bytes) -> Result<Vec<u8>, StatusCode> {
    let request = ExportTraceServiceRequest::decode(body).map_err(|_| StatusCode::BAD_REQUEST)?;
    received.lock().unwrap().extend(request.resource_spans);
    Ok(ExportTraceServiceResponse::default().encode_to_vec())
}

impl Receiver {
    pub(crate) fn start() -> Self {
        let received = Received::default();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (grpc, http) = runtime.block_on(async {
            let grpc = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let addresses = (grpc.local_addr().unwrap(), http.local_addr().unwrap());
            let service = TraceServiceServer::new(Traces(Arc::clone(&received)));
            tokio::spawn(
                tonic::transport::Server::builder()
                    .add_service(service)
                    .serve_with_incoming(TcpListenerStream::new(grpc)),
            );
            let router = axum::Router::new()
                .route("/v1/traces", post(traces))
                .with_state(Arc::clone(&received));
            tokio::spawn(async move { axum::serve(http, router).await });
            addresses
        });
        Self {
            received,
            grpc,
            http,
            _runtime: runtime,
        }
    }

    pub(crate) fn grpc_url(&self) -> String {
        format!("http://{}", self.grpc)
    }

    pub(crate) fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Spans of one service.
    pub(crate) fn spans_of(&self, service: &str) -> Vec<Span> {
        let is_it = |spans: &&ResourceSpans| {
            spans
                .resource
                .iter()
                .flat_map(|resource| &resource.attributes)
                .any(|pair| {
                    let value = pair.value.as_ref().and_then(|value| value.value.as_ref());
                    pair.key == "service.name" && value == Some(&Value::StringValue(service.to_owned()))
                })
        };
        let received = self.received.lock().unwrap();
        let scopes = received.iter().filter(is_it).flat_map(|spans| &spans.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }
}
