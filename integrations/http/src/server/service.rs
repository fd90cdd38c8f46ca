//! The service that the layer puts around a server.

use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;
use tracing::{Span, field, info_span};
use watchroom::prelude::Label as _;

use super::future::ResponseFuture;
use super::route::{RpcMethods, http_route};
use crate::body::{CountedBody, ObservedBody};
use crate::context::RequestContext;
use crate::labels::MethodLabel;
use crate::observe::{Instruments, Observation};
use crate::path::shown;
use crate::request_id::RequestId;

/// A server with its light.
#[derive(Debug, Clone)]
pub struct ServerService<S> {
    pub(super) inner: S,
    pub(super) instruments: Instruments,
    pub(super) with_span: bool,
    pub(super) methods: Arc<RpcMethods>,
}

impl<S, ReqBody, ResBody> Service<Request<ReqBody>> for ServerService<S>
where
    S: Service<Request<CountedBody<ReqBody>>, Response = Response<ResBody>>,
    ResBody: Body,
{
    type Response = Response<ObservedBody<ResBody>>;
    type Error = S::Error;
    type Future = ResponseFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<ReqBody>) -> Self::Future {
        let request_id = RequestId::of(request.headers());
        let context = RequestContext {
            request_id: request_id.clone(),
            parent: watchroom::extract(request.headers()),
        };
        let route = if self.instruments.is_rpc() {
            self.methods.get(request.uri().path())
        } else {
            http_route(&request)
        };
        let method = MethodLabel::from(request.method());
        let span = if self.with_span {
            self.span(&request, &context, method, &route)
        } else {
            Span::none()
        };
        let mut observation = Observation::begin(self.instruments.clone(), method, route, span);
        request.extensions_mut().insert(context);
        let request = request.map(|body| observation.count_request(body));
        let inner = observation.span().in_scope(|| self.inner.call(request));
        ResponseFuture::new(inner, observation, Some(request_id))
    }
}

impl<S> ServerService<S> {
    fn span<B>(
        &self,
        request: &Request<B>,
        context: &RequestContext,
        method: MethodLabel,
        route: &str,
    ) -> Span {
        // `user_id` and `tenant_id` are for the handler to record once it knows them: every line from then on bears them (COM-12).
        context.make_span(|request_id| {
            if self.instruments.is_rpc() {
                let (service, method) = route.split_once('/').unwrap_or(("", route));
                info_span!(
                    "rpc_request",
                    otel.name = route,
                    otel.kind = "server",
                    otel.status_code = field::Empty,
                    request_id,
                    user_id = field::Empty,
                    tenant_id = field::Empty,
                    rpc.system = "grpc",
                    rpc.service = service,
                    rpc.method = method,
                    rpc.grpc.status_code = field::Empty,
                )
            } else {
                info_span!(
                    "http_request",
                    otel.name = format_args!("{} {route}", method.span_name()),
                    otel.kind = "server",
                    otel.status_code = field::Empty,
                    request_id,
                    user_id = field::Empty,
                    tenant_id = field::Empty,
                    http.request.method = MethodLabel::text(&method),
                    http.route = route,
                    url.path = &*shown(request.uri().path()),
                    http.response.status_code = field::Empty,
                )
            }
        })
    }
}
