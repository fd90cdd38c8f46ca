//! The layer of clients: the current trace and request id go along, the call has a span and metrics.

mod passing;

use std::sync::Arc;
use std::task::{Context, Poll};

use http::header;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Body;
use tower_layer::Layer;
use tower_service::Service;
use tracing::{Span, field, info_span};
use watchroom::capture::context::current_field;
use watchroom::metrics::{RegisterError, Registry};
use watchroom::prelude::Label as _;

pub use passing::{AsItIs, Counted, Passing};

use crate::body::ObservedBody;
use crate::labels::MethodLabel;
use crate::metrics::{HttpClientMetrics, RpcClientMetrics};
use crate::observe::{Instruments, Observation};
use crate::path::shown;
use crate::request_id::REQUEST_ID;
use crate::server::{ResponseFuture, RpcMethods};

/// Gives a client its light.
///
/// Many clients take their requests with one type of body only. So [`wrap`](Self::wrap) hands the body on as it is, and its size is
/// known only if the body itself or `content-length` tells it; a request of unknown length is left out of the histogram of sizes, and
/// a gRPC call never tells its length. [`wrap_counted`](Self::wrap_counted) counts what is sent and is told how the client's own type
/// of body is made. For tonic, hand what it returns to the generated client:
///
/// ```
/// # fn example(channel: tonic::transport::Channel) -> Result<(), watchroom::metrics::RegisterError> {
/// # let registry = watchroom::metrics::Registry::default();
/// use tonic_health::pb::health_client::HealthClient;
///
/// let layer = watchroom_http::ClientLayer::rpc(&registry)?;
/// let client = HealthClient::new(layer.wrap_counted(channel, tonic::body::Body::new));
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct ClientLayer {
    instruments: Instruments,
    methods: Arc<RpcMethods>,
}

impl ClientLayer {
    /// For HTTP. Metrics: `http_client_requests_total` and `http_client_request_duration_seconds` by `method`, `status_group`,
    /// `http_client_requests_in_flight`, `http_client_request_body_bytes`, `http_client_response_body_bytes`. Span: `http_call`.
    ///
    /// # Errors
    /// [`RegisterError`] if another declaration has taken one of the names.
    pub fn http(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Self {
            instruments: Instruments::HttpClient(Arc::new(HttpClientMetrics::register(registry)?)),
            methods: Arc::default(),
        })
    }

    /// For gRPC. Metrics: `rpc_client_requests_total` and `rpc_client_request_duration_seconds` by `method`, `status`,
    /// `rpc_client_requests_in_flight`, `rpc_client_request_body_bytes`, `rpc_client_response_body_bytes`. Span: `rpc_call`.
    ///
    /// # Errors
    /// [`RegisterError`] if another declaration has taken one of the names.
    pub fn rpc(registry: &Registry) -> Result<Self, RegisterError> {
        Ok(Self {
            instruments: Instruments::RpcClient(Arc::new(RpcClientMetrics::register(registry)?)),
            methods: Arc::default(),
        })
    }

    /// Puts the layer around a service that takes the body as it is.
    pub fn wrap<S>(&self, inner: S) -> ClientService<S> {
        self.around(inner, AsItIs)
    }

    /// Puts the layer around a service and counts what is sent to it. `rebuild` makes the body that the service takes, such as
    /// `tonic::body::Body::new` or `axum::body::Body::new`.
    pub fn wrap_counted<S, F>(&self, inner: S, rebuild: F) -> ClientService<S, Counted<F>> {
        self.around(inner, Counted(rebuild))
    }

    fn around<S, P>(&self, inner: S, passing: P) -> ClientService<S, P> {
        ClientService {
            inner,
            instruments: self.instruments.clone(),
            methods: Arc::clone(&self.methods),
            passing,
        }
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> ClientService<S> {
        self.wrap(inner)
    }
}

/// A client with its light. `P` is how the request's body is handed on: [`AsItIs`] or [`Counted`].
#[derive(Debug, Clone)]
pub struct ClientService<S, P = AsItIs> {
    inner: S,
    instruments: Instruments,
    methods: Arc<RpcMethods>,
    passing: P,
}

impl<S, P, ReqBody, ResBody> Service<Request<ReqBody>> for ClientService<S, P>
where
    S: Service<Request<P::Body>, Response = Response<ResBody>>,
    P: Passing<ReqBody>,
    ReqBody: Body,
    ResBody: Body,
{
    type Response = Response<ObservedBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let is_rpc = self.instruments.is_rpc();
        let route = if is_rpc {
            self.methods.get(request.uri().path())
        } else {
            Arc::from("")
        };
        let method = MethodLabel::from(request.method());
        let span = if is_rpc {
            rpc_span(&route)
        } else {
            http_span(&request, method)
        };
        span.in_scope(|| inject_headers(request.headers_mut()));
        let mut observation = Observation::begin(self.instruments.clone(), method, route, span);
        observation.announced(request_len(&request));
        let request = request.map(|body| self.passing.pass(body, |body| observation.count_request(body)));
        let inner = observation.span().in_scope(|| self.inner.call(request));
        ResponseFuture::new(inner, observation, None)
    }
}

/// Length of a request's body, if it is known before it is sent.
fn request_len<B: Body>(request: &Request<B>) -> Option<u64> {
    let announced = || {
        let value = request.headers().get(header::CONTENT_LENGTH)?;
        value.to_str().ok()?.parse().ok()
    };
    request.body().size_hint().exact().or_else(announced)
}

fn rpc_span(route: &str) -> Span {
    let (service, method) = route.split_once('/').unwrap_or(("", route));
    info_span!(
        "rpc_call",
        otel.name = route,
        otel.kind = "client",
        otel.status_code = field::Empty,
        rpc.system = "grpc",
        rpc.service = service,
        rpc.method = method,
        rpc.grpc.status_code = field::Empty,
    )
}

fn http_span<B>(request: &Request<B>, method: MethodLabel) -> Span {
    info_span!(
        "http_call",
        otel.name = method.span_name(),
        otel.kind = "client",
        otel.status_code = field::Empty,
        http.request.method = MethodLabel::text(&method),
        server.address = request.uri().host(),
        server.port = request.uri().port_u16(),
        url.path = &*shown(request.uri().path()),
        http.response.status_code = field::Empty,
    )
}

/// Puts the current span's context and the current request id into headers, for clients that are no tower service.
pub fn inject_headers(headers: &mut HeaderMap) {
    watchroom::inject(headers);
    if let Some(id) = current_field("request_id").and_then(|id| HeaderValue::try_from(id).ok()) {
        headers.entry(REQUEST_ID).or_insert(id);
    }
}
