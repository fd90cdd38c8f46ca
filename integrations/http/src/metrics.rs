//! Instruments of servers and clients, declared once (COM-45).

use watchroom::prelude::*;

use crate::labels::{Endpoint, MethodLabel, RpcMethod, RpcStatus, StatusGroup};

/// HTTP requests that are served.
#[derive(Debug, Metrics)]
#[metrics(prefix = "http")]
pub(crate) struct HttpServerMetrics {
    /// HTTP requests served, by method, route template and status group.
    pub(crate) requests_total: Counter<(MethodLabel, Endpoint, StatusGroup)>,
    /// Time from the request's head to the end of the response's body.
    #[metric(unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])]
    pub(crate) request_duration: Histogram<(MethodLabel, Endpoint, StatusGroup)>,
    /// HTTP requests being served.
    pub(crate) requests_in_flight: UpDownCounter<MethodLabel>,
    /// Bytes of request bodies, as read.
    #[metric(unit = "bytes", buckets = [256.0, 4096.0, 65536.0, 1048576.0, 16777216.0])]
    pub(crate) request_body: Histogram<MethodLabel>,
    /// Bytes of response bodies, as sent.
    #[metric(unit = "bytes", buckets = [256.0, 4096.0, 65536.0, 1048576.0, 16777216.0])]
    pub(crate) response_body: Histogram<MethodLabel>,
}

/// HTTP requests that are made.
#[derive(Debug, Metrics)]
#[metrics(prefix = "http_client")]
pub(crate) struct HttpClientMetrics {
    /// HTTP requests made, by method and status group.
    pub(crate) requests_total: Counter<(MethodLabel, StatusGroup)>,
    /// Time from the request's head to the end of the response's body.
    #[metric(unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])]
    pub(crate) request_duration: Histogram<(MethodLabel, StatusGroup)>,
    /// HTTP requests under way.
    pub(crate) requests_in_flight: UpDownCounter<MethodLabel>,
    /// Bytes of request bodies: as sent where they are counted, else as announced.
    #[metric(unit = "bytes", buckets = [256.0, 4096.0, 65536.0, 1048576.0, 16777216.0])]
    pub(crate) request_body: Histogram<MethodLabel>,
    /// Bytes of response bodies, as received.
    #[metric(unit = "bytes", buckets = [256.0, 4096.0, 65536.0, 1048576.0, 16777216.0])]
    pub(crate) response_body: Histogram<MethodLabel>,
}

/// RPCs that are served.
#[derive(Debug, Metrics)]
#[metrics(prefix = "rpc_server")]
pub(crate) struct RpcServerMetrics {
    /// RPCs served, by method and gRPC status.
    pub(crate) requests_total: Counter<(RpcMethod, RpcStatus)>,
    /// Time from the request's head to the end of the answer.
    #[metric(unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])]
    pub(crate) request_duration: Histogram<(RpcMethod, RpcStatus)>,
    /// RPCs being served.
    pub(crate) requests_in_flight: UpDownCounter,
    /// Bytes of requests, as read.
    #[metric(unit = "bytes", buckets = [256.0, 4096.0, 65536.0, 1048576.0, 16777216.0])]
    pub(crate) request_body: Histogram,
    /// Bytes of answers, as sent.
    #[metric(unit = "bytes", buckets = [256.0, 4096.0, 65536.0, 1048576.0, 16777216.0])]
    pub(crate) response_body: Histogram,
}

/// RPCs that are made.
#[derive(Debug, Metrics)]
#[metrics(prefix = "rpc_client")]
pub(crate) struct RpcClientMetrics {
    /// RPCs made, by method and gRPC status.
    pub(crate) requests_total: Counter<(RpcMethod, RpcStatus)>,
    /// Time from the request's head to the end of the answer.
    #[metric(unit = "seconds", buckets = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0])]
    pub(crate) request_duration: Histogram<(RpcMethod, RpcStatus)>,
    /// RPCs under way.
    pub(crate) requests_in_flight: UpDownCounter,
    /// Bytes of requests, as sent; of clients that count them.
    #[metric(unit = "bytes", buckets = [256.0, 4096.0, 65536.0, 1048576.0, 16777216.0])]
    pub(crate) request_body: Histogram,
    /// Bytes of answers, as received.
    #[metric(unit = "bytes", buckets = [256.0, 4096.0, 65536.0, 1048576.0, 16777216.0])]
    pub(crate) response_body: Histogram,
}
