//! One request from its head to the end of its answer: counted, timed, its span closed.
//!
//! Invariant: whichever way a request ends — answered, failed, or dropped by the caller — it is observed once.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, StatusCode};
use tracing::Span;
use watchroom::{Clock, Moment};

use crate::body::{ByteCount, CountedBody};
use crate::labels::{MethodLabel, RpcStatus, StatusGroup};
use crate::metrics::{HttpClientMetrics, HttpServerMetrics, RpcClientMetrics, RpcServerMetrics};
use crate::request_id::find;

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Which instruments a request moves.
#[derive(Debug, Clone)]
pub(crate) enum Instruments {
    HttpServer(Arc<HttpServerMetrics>),
    HttpClient(Arc<HttpClientMetrics>),
    RpcServer(Arc<RpcServerMetrics>),
    RpcClient(Arc<RpcClientMetrics>),
}

impl Instruments {
    pub(crate) const fn is_rpc(&self) -> bool {
        matches!(self, Self::RpcServer(_) | Self::RpcClient(_))
    }
}

/// What is known of the length of a request's body.
#[derive(Debug)]
enum RequestSize {
    Unknown,
    Announced(u64),
    Counted(ByteCount),
}

impl RequestSize {
    fn bytes(&self) -> Option<f64> {
        match self {
            Self::Unknown => None,
            Self::Announced(len) => Some(bytes_f64(*len)),
            Self::Counted(count) => Some(bytes_f64(count.get())),
        }
    }
}

/// A request under way; observed when dropped.
#[derive(Debug)]
pub(crate) struct Observation {
    instruments: Instruments,
    method: MethodLabel,
    /// Route template, or the RPC's method.
    route: Arc<str>,
    span: Span,
    clock: Clock,
    began: Moment,
    status: Option<StatusCode>,
    rpc_status: Option<RpcStatus>,
    request_size: RequestSize,
    passed_bytes: u64,
}

impl Observation {
    pub(crate) fn begin(instruments: Instruments, method: MethodLabel, route: Arc<str>, span: Span) -> Self {
        match &instruments {
            Instruments::HttpServer(m) => m.requests_in_flight.inc(method),
            Instruments::HttpClient(m) => m.requests_in_flight.inc(method),
            Instruments::RpcServer(m) => m.requests_in_flight.inc(),
            Instruments::RpcClient(m) => m.requests_in_flight.inc(),
        }
        let clock = Clock::system();
        let began = clock.now();
        Self {
            instruments,
            method,
            route,
            span,
            clock,
            began,
            status: None,
            rpc_status: None,
            request_size: RequestSize::Unknown,
            passed_bytes: 0,
        }
    }

    pub(crate) const fn span(&self) -> &Span {
        &self.span
    }

    /// Counts what is read of the request's body until the observation ends.
    pub(crate) fn count_request<B>(&mut self, body: B) -> CountedBody<B> {
        let count = ByteCount::default();
        self.request_size = RequestSize::Counted(count.clone());
        CountedBody::new(body, count)
    }

    /// What the request says of its length; it is believed if nothing is counted.
    pub(crate) fn announced(&mut self, len: Option<u64>) {
        self.request_size = len.map_or(RequestSize::Unknown, RequestSize::Announced);
    }

    /// The head of the answer. A gRPC answer that consists of a head alone has its status there.
    pub(crate) fn head(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = Some(status);
        self.trailers(headers);
    }

    /// The trailers of a gRPC answer.
    pub(crate) fn trailers(&mut self, headers: &HeaderMap) {
        if self.instruments.is_rpc()
            && let Some(status) = find(headers, &GRPC_STATUS).and_then(|value| value.to_str().ok())
        {
            self.rpc_status = Some(RpcStatus::parse(status));
        }
    }

    /// Bytes of the answer that have passed through.
    pub(crate) fn passed(&mut self, n: usize) {
        self.passed_bytes += n as u64;
    }

    fn close_span(&self, group: StatusGroup, rpc: RpcStatus) {
        let failed = match &self.instruments {
            Instruments::HttpServer(_) => group == StatusGroup::ServerError,
            Instruments::HttpClient(_) => group != StatusGroup::Success && group != StatusGroup::Redirect,
            Instruments::RpcServer(_) => rpc.is_server_error(),
            Instruments::RpcClient(_) => rpc != RpcStatus::Ok,
        };
        if self.instruments.is_rpc() {
            self.span.record("rpc.grpc.status_code", rpc.code());
        } else if let Some(status) = self.status {
            self.span
                .record("http.response.status_code", i64::from(status.as_u16()));
        }
        if failed {
            self.span.record("otel.status_code", "ERROR");
        }
    }
}

impl Drop for Observation {
    fn drop(&mut self) {
        let group = self.status.map_or(StatusGroup::None, StatusGroup::from);
        // An answer that was cut off before its status came is the caller's doing, or the connection's.
        let rpc = self.rpc_status.unwrap_or(RpcStatus::Cancelled);
        self.close_span(group, rpc);
        let took = self.clock.now().since(self.began);
        let route = &*self.route;
        let request_bytes = self.request_size.bytes();
        match &self.instruments {
            Instruments::HttpServer(m) => {
                m.requests_in_flight.dec(self.method);
                m.requests_total.inc((self.method, route, group));
                m.request_duration
                    .observe_duration((self.method, route, group), took);
                if let Some(n) = request_bytes {
                    m.request_body.observe(self.method, n);
                }
                m.response_body.observe(self.method, bytes_f64(self.passed_bytes));
            }
            Instruments::HttpClient(m) => {
                m.requests_in_flight.dec(self.method);
                m.requests_total.inc((self.method, group));
                m.request_duration.observe_duration((self.method, group), took);
                if let Some(n) = request_bytes {
                    m.request_body.observe(self.method, n);
                }
                m.response_body.observe(self.method, bytes_f64(self.passed_bytes));
            }
            Instruments::RpcServer(m) => {
                m.requests_in_flight.dec();
                m.requests_total.inc((route, rpc));
                m.request_duration.observe_duration((route, rpc), took);
                if let Some(n) = request_bytes {
                    m.request_body.observe(n);
                }
                m.response_body.observe(bytes_f64(self.passed_bytes));
            }
            Instruments::RpcClient(m) => {
                m.requests_in_flight.dec();
                m.requests_total.inc((route, rpc));
                m.request_duration.observe_duration((route, rpc), took);
                if let Some(n) = request_bytes {
                    m.request_body.observe(n);
                }
                m.response_body.observe(bytes_f64(self.passed_bytes));
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "bodies are far below 2⁵² bytes")]
const fn bytes_f64(n: u64) -> f64 {
    n as f64
}
