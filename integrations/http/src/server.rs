//! The layer of servers.

mod future;
mod route;
mod service;

use std::sync::Arc;

use tower_layer::Layer;
use watchroom::metrics::{RegisterError, Registry};

pub use future::ResponseFuture;
pub(crate) use route::RpcMethods;
pub use service::ServerService;

use crate::metrics::{HttpServerMetrics, RpcServerMetrics};
use crate::observe::Instruments;

/// Gives every request its context, its id, its span and its metrics.
///
/// The id is the caller's `x-request-id` or a new UUID v4, and goes back in the response. Handlers find both in
/// [`RequestContext`](crate::RequestContext).
///
/// Body sizes are what passed by the end of the answer: of a request, what the handler read, whether or not its length was announced.
/// For that the inner service takes its request with a [`CountedBody`](crate::CountedBody), as axum's and tonic's routers do.
#[derive(Debug, Clone)]
pub struct ServerLayer {
    instruments: Instruments,
    with_span: bool,
    methods: Arc<RpcMethods>,
}

impl ServerLayer {
    /// For HTTP. Metrics: `http_requests_total` and `http_request_duration_seconds` by `method`, `endpoint`, `status_group`,
    /// `http_requests_in_flight`, `http_request_body_bytes`, `http_response_body_bytes`. Span: `http_request`.
    ///
    /// # Errors
    /// [`RegisterError`] if another declaration has taken one of the names.
    pub fn http(registry: &Registry) -> Result<Self, RegisterError> {
        let metrics = Arc::new(HttpServerMetrics::register(registry)?);
        Ok(Self {
            instruments: Instruments::HttpServer(metrics),
            with_span: true,
            methods: Arc::default(),
        })
    }

    /// For gRPC. Metrics: `rpc_server_requests_total` and `rpc_server_request_duration_seconds` by `method`, `status`,
    /// `rpc_server_requests_in_flight`, `rpc_server_request_body_bytes`, `rpc_server_response_body_bytes`. Span: `rpc_request`.
    ///
    /// # Errors
    /// [`RegisterError`] if another declaration has taken one of the names.
    pub fn rpc(registry: &Registry) -> Result<Self, RegisterError> {
        let metrics = Arc::new(RpcServerMetrics::register(registry)?);
        Ok(Self {
            instruments: Instruments::RpcServer(metrics),
            with_span: true,
            methods: Arc::default(),
        })
    }

    /// Leaves the span to the handler, which makes its own with [`RequestContext::make_span`](crate::RequestContext::make_span).
    #[must_use]
    pub const fn without_span(mut self) -> Self {
        self.with_span = false;
        self
    }
}

impl<S> Layer<S> for ServerLayer {
    type Service = ServerService<S>;

    fn layer(&self, inner: S) -> ServerService<S> {
        ServerService {
            inner,
            instruments: self.instruments.clone(),
            with_span: self.with_span,
            methods: Arc::clone(&self.methods),
        }
    }
}
