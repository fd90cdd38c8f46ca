//! Labels of requests.

use http::{Method, StatusCode};
use watchroom::prelude::*;

/// Request method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "method")]
pub(crate) enum MethodLabel {
    #[label(value = "GET")]
    Get,
    #[label(value = "HEAD")]
    Head,
    #[label(value = "POST")]
    Post,
    #[label(value = "PUT")]
    Put,
    #[label(value = "DELETE")]
    Delete,
    #[label(value = "CONNECT")]
    Connect,
    #[label(value = "OPTIONS")]
    Options,
    #[label(value = "TRACE")]
    Trace,
    #[label(value = "PATCH")]
    Patch,
    /// Whatever else a caller invents.
    #[label(value = "_OTHER")]
    Other,
}

impl From<&Method> for MethodLabel {
    fn from(method: &Method) -> Self {
        match method.as_str() {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "DELETE" => Self::Delete,
            "CONNECT" => Self::Connect,
            "OPTIONS" => Self::Options,
            "TRACE" => Self::Trace,
            "PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }
}

impl MethodLabel {
    /// How spans are named after it: whoever calls must not be able to make up names of operations.
    ///
    /// Source: OpenTelemetry semantic conventions for HTTP spans, "Name".
    pub(crate) const fn span_name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::Connect => "CONNECT",
            Self::Options => "OPTIONS",
            Self::Trace => "TRACE",
            Self::Patch => "PATCH",
            Self::Other => "HTTP",
        }
    }
}

/// Group of status codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "status_group")]
pub(crate) enum StatusGroup {
    #[label(value = "1xx")]
    Informational,
    #[label(value = "2xx")]
    Success,
    #[label(value = "3xx")]
    Redirect,
    #[label(value = "4xx")]
    ClientError,
    #[label(value = "5xx")]
    ServerError,
    /// No status: the caller went away, or the connection failed.
    #[label(value = "none")]
    None,
}

impl From<StatusCode> for StatusGroup {
    fn from(status: StatusCode) -> Self {
        match status.as_u16() / 100 {
            1 => Self::Informational,
            2 => Self::Success,
            3 => Self::Redirect,
            4 => Self::ClientError,
            _ => Self::ServerError,
        }
    }
}

/// Route template of an HTTP request.
#[derive(Label)]
#[label(name = "endpoint", limit = 200)]
pub(crate) struct Endpoint;

/// `package.Service/Method` of an RPC.
#[derive(Label)]
#[label(name = "method", limit = 200)]
pub(crate) struct RpcMethod;

/// gRPC status code.
///
/// Source: gRPC "Status codes and their use in gRPC".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Label)]
#[label(name = "status")]
pub(crate) enum RpcStatus {
    Ok,
    Cancelled,
    Unknown,
    InvalidArgument,
    DeadlineExceeded,
    NotFound,
    AlreadyExists,
    PermissionDenied,
    ResourceExhausted,
    FailedPrecondition,
    Aborted,
    OutOfRange,
    Unimplemented,
    Internal,
    Unavailable,
    DataLoss,
    Unauthenticated,
}

impl RpcStatus {
    const ALL: [Self; 17] = [
        Self::Ok,
        Self::Cancelled,
        Self::Unknown,
        Self::InvalidArgument,
        Self::DeadlineExceeded,
        Self::NotFound,
        Self::AlreadyExists,
        Self::PermissionDenied,
        Self::ResourceExhausted,
        Self::FailedPrecondition,
        Self::Aborted,
        Self::OutOfRange,
        Self::Unimplemented,
        Self::Internal,
        Self::Unavailable,
        Self::DataLoss,
        Self::Unauthenticated,
    ];

    /// Reads the value of `grpc-status`.
    pub(crate) fn parse(text: &str) -> Self {
        text.parse()
            .ok()
            .and_then(|code: usize| Self::ALL.get(code).copied())
            .unwrap_or(Self::Unknown)
    }

    /// The number of the code.
    pub(crate) const fn code(self) -> i64 {
        self as i64
    }

    /// Whether a server is to blame.
    ///
    /// Source: OpenTelemetry semantic conventions for gRPC, "Status" of server spans.
    pub(crate) const fn is_server_error(self) -> bool {
        matches!(
            self,
            Self::Unknown
                | Self::DeadlineExceeded
                | Self::Unimplemented
                | Self::Internal
                | Self::Unavailable
                | Self::DataLoss
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_codes_by_number_and_knows_whose_fault_it_was() {
        assert_eq!(RpcStatus::parse("5"), RpcStatus::NotFound);
        assert_eq!(RpcStatus::parse("99"), RpcStatus::Unknown);
        assert_eq!(RpcStatus::parse("x"), RpcStatus::Unknown);
        assert!(RpcStatus::Internal.is_server_error() && !RpcStatus::NotFound.is_server_error());
        assert!(
            RpcStatus::ALL
                .iter()
                .enumerate()
                .all(|(i, status)| *status as usize == i)
        );
    }

    #[test]
    fn an_invented_method_is_one_value() {
        let invented = Method::from_bytes(b"BREW").unwrap();
        assert_eq!(MethodLabel::from(&invented), MethodLabel::Other);
    }
}
