//! A connection to a collector: HTTP/2 for gRPC, HTTP/1.1 for protobuf over HTTP.
//!
//! Invariant: one request at a time; an answer's body is read up to a limit.

use std::future::poll_fn;
use std::pin::Pin;

use hyper::body::{Body as _, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::answer::{Answer, Failure};
use super::suppress::{Executor, suppressed};
use super::{Payload, Target};
use crate::config::Protocol;

/// Most bytes of an answer that are read: a message and a few details.
const MAX_ANSWER_BYTES: usize = 64 * 1_024;

/// Buffer for an answer's head.
const MAX_HEAD_BYTES: usize = 32 * 1_024;

#[derive(Debug)]
pub(super) enum Connection {
    Http1(http1::SendRequest<Payload>),
    Http2(http2::SendRequest<Payload>),
}

impl Connection {
    pub(super) async fn open(target: &Target) -> Result<Self, Failure> {
        let stream = TcpStream::connect((target.host.as_str(), target.port))
            .await
            .map_err(Failure::Connect)?;
        // Without it a small request could wait for an acknowledgement; if it cannot be set, that is all that happens.
        let _ = stream.set_nodelay(true);
        let io = TokioIo::new(stream);
        match target.protocol {
            Protocol::HttpProtobuf => {
                let (sender, connection) = http1::Builder::new()
                    .max_buf_size(MAX_HEAD_BYTES)
                    .handshake(io)
                    .await
                    .map_err(Failure::broken)?;
                // How it ended is told to whoever sends on it.
                tokio::spawn(suppressed(async move { connection.await.is_ok() }));
                Ok(Self::Http1(sender))
            }
            Protocol::Grpc => {
                let (sender, connection) = http2::Builder::new(Executor)
                    .max_header_list_size(MAX_HEAD_BYTES as u32)
                    .handshake(io)
                    .await
                    .map_err(Failure::broken)?;
                tokio::spawn(suppressed(async move { connection.await.is_ok() }));
                Ok(Self::Http2(sender))
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        match self {
            Self::Http1(sender) => !sender.is_closed(),
            Self::Http2(sender) => !sender.is_closed(),
        }
    }

    /// Sends a request and reads the answer; the second value tells whether the connection can be used again.
    pub(super) async fn exchange(&mut self, request: Request<Payload>) -> Result<(Answer, bool), Failure> {
        let response = match self {
            Self::Http1(sender) => {
                sender.ready().await.map_err(Failure::broken)?;
                sender.send_request(request).await
            }
            Self::Http2(sender) => {
                sender.ready().await.map_err(Failure::broken)?;
                sender.send_request(request).await
            }
        };
        read(response.map_err(Failure::broken)?).await
    }
}

async fn read(response: Response<Incoming>) -> Result<(Answer, bool), Failure> {
    let (parts, mut incoming) = response.into_parts();
    let mut answer = Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: Vec::new(),
        trailers: None,
    };
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
        match frame.map_err(Failure::broken)?.into_data() {
            Ok(data) => {
                let room = MAX_ANSWER_BYTES.saturating_sub(answer.body.len());
                answer.body.extend_from_slice(data.get(..room).unwrap_or(&data));
                if data.len() > room {
                    return Ok((answer, false));
                }
            }
            Err(frame) => answer.trailers = frame.into_trailers().ok(),
        }
    }
    Ok((answer, true))
}
