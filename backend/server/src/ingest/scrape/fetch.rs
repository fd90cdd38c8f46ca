//! Asks a target for its metrics over HTTP, within a size.
//!
//! Not here: the time limit, which the caller sets by dropping the future.

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_ENCODING, CONTENT_TYPE, HOST, USER_AGENT,
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::TargetSpec;
use super::exposition::Format;

/// What a target is asked for: OpenMetrics rather than text.
const ACCEPTED: &str =
    "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";

/// Why a target gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error("cannot connect to {address}")]
    Connect {
        address: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the request is not valid")]
    Request(#[from] http::Error),
    #[error("the target broke the conversation off")]
    Broken(#[from] hyper::Error),
    #[error("server returned HTTP status {0}")]
    Status(StatusCode),
    #[error("content encoding {0:?} was not asked for")]
    Encoding(String),
    #[error("body is larger than {limit} bytes; raise body_size_limit if that is right")]
    TooLarge { limit: usize },
    #[error("body is not valid gzip: {0}")]
    Gzip(String),
    #[error("body is not valid UTF-8")]
    Utf8,
}

/// The body of a target's answer, and its format.
pub(super) async fn fetch(target: &TargetSpec) -> Result<(String, Format), FetchError> {
    let stream = TcpStream::connect(&target.address)
        .await
        .map_err(|source| FetchError::Connect {
            address: target.address.clone(),
            source,
        })?;
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(64 << 10)
        .handshake(TokioIo::new(stream))
        .await?;
    // Ends with the answer, or with this future.
    let mut connection = std::pin::pin!(connection);
    let exchange = async {
        let mut request = Request::get(&target.path)
            .header(HOST, &target.address)
            .header(USER_AGENT, concat!("watchroom/", env!("CARGO_PKG_VERSION")))
            .header(ACCEPT, ACCEPTED)
            .header(ACCEPT_ENCODING, "gzip")
            .header(CONNECTION, "close")
            .header(
                "x-prometheus-scrape-timeout-seconds",
                target.timeout.as_secs_f64().to_string(),
            );
        if let Some(authorization) = &target.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        if response.status() != StatusCode::OK {
            return Err(FetchError::Status(response.status()));
        }
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or("")
        };
        let format = match header(CONTENT_TYPE).starts_with("application/openmetrics-text") {
            true => Format::OpenMetrics,
            false => Format::Text,
        };
        let gzip = match header(CONTENT_ENCODING) {
            "" | "identity" => false,
            "gzip" => true,
            other => return Err(FetchError::Encoding(other.chars().take(40).collect())),
        };
        let body = collect(response.into_body(), target.body_limit).await?;
        Ok((body, gzip, format))
    };
    let mut exchange = std::pin::pin!(exchange);
    let (body, gzip, format) = tokio::select! {
        biased;
        answer = exchange.as_mut() => answer?,
        ended = connection.as_mut() => {
            ended?;
            exchange.await?
        }
    };
    let body = match gzip {
        true => gunzip(&body, target.body_limit)?,
        false => body,
    };
    Ok((String::from_utf8(body).map_err(|_| FetchError::Utf8)?, format))
}

async fn collect(mut body: hyper::body::Incoming, limit: usize) -> Result<Vec<u8>, FetchError> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        if bytes.len() + data.len() > limit {
            return Err(FetchError::TooLarge { limit });
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

fn gunzip(compressed: &[u8], limit: usize) -> Result<Vec<u8>, FetchError> {
    use std::io::Read as _;
    let mut bytes = Vec::new();
    flate2::read::MultiGzDecoder::new(compressed)
        .take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| FetchError::Gzip(error.to_string()))?;
    match bytes.len() > limit {
        true => Err(FetchError::TooLarge { limit }),
        false => Ok(bytes),
    }
}
