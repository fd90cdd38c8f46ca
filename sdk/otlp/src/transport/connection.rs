//! A connection to a collector: HTTP/2 for gRPC, HTTP/1.1 for protobuf over HTTP, over TLS if the target wants it.
//!
//! Invariant: one request at a time; an answer's body is read up to a limit.

use std::future::poll_fn;
use std::pin::Pin;

use hyper::body::{Body as _, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::answer::{Answer, Failure};
use super::suppress::{Executor, suppressed};
use super::{Payload, Target};
use crate::config::Protocol;

/// Most bytes of an answer that are read: a message and a few details.
const MAX_ANSWER_BYTES: usize = 64 * 1_024;

/// Buffer for an answer's head.
const MAX_HEAD_BYTES: usize = 32 * 1_024;

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    sender: Sender,
    /// Ends with the connection; holds why.
    task: JoinHandle<Result<(), hyper::Error>>,
}

#[derive(Debug)]
enum Sender {
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
        match &target.tls {
            None => Self::over(stream, target.protocol).await,
            Some(tls) => Self::over(tls.connect(stream).await.map_err(Failure::Tls)?, target.protocol).await,
        }
    }

    async fn over<S>(stream: S, protocol: Protocol) -> Result<Self, Failure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let io = TokioIo::new(stream);
        Ok(match protocol {
            Protocol::HttpProtobuf => {
                let mut builder = http1::Builder::new();
                let handshake = builder.max_buf_size(MAX_HEAD_BYTES).handshake(io);
                let (sender, connection) = handshake.await.map_err(Failure::Broken)?;
                Self {
                    sender: Sender::Http1(sender),
                    task: tokio::spawn(suppressed(connection)),
                }
            }
            Protocol::Grpc => {
                let mut builder = http2::Builder::new(Executor);
                let handshake = builder.max_header_list_size(MAX_HEAD_BYTES as u32).handshake(io);
                let (sender, connection) = handshake.await.map_err(Failure::Broken)?;
                Self {
                    sender: Sender::Http2(sender),
                    task: tokio::spawn(suppressed(connection)),
                }
            }
        })
    }

    pub(super) fn is_open(&self) -> bool {
        match &self.sender {
            Sender::Http1(sender) => !sender.is_closed(),
            Sender::Http2(sender) => !sender.is_closed(),
        }
    }

    /// Sends a request and reads the answer; what comes back besides is the connection, if it can be used again.
    pub(super) async fn exchange(
        mut self,
        request: Request<Payload>,
    ) -> Result<(Answer, Option<Self>), Failure> {
        let error = match self.send(request).await {
            Ok(response) => {
                let (answer, is_read_whole) = read(response).await?;
                return Ok((answer, (is_read_whole && self.is_open()).then_some(self)));
            }
            Err(error) => error,
        };
        if error.is_canceled() || error.is_closed() {
            // The sender knows only that the connection has ended; why, the connection itself knows.
            drop(self.sender);
            if let Ok(Err(why)) = self.task.await {
                return Err(Failure::Broken(why));
            }
        }
        Err(Failure::Broken(error))
    }

    async fn send(&mut self, request: Request<Payload>) -> Result<Response<Incoming>, hyper::Error> {
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
        }
    }
}

/// Reads an answer up to the limit; whether that was all of it.
async fn read(response: Response<Incoming>) -> Result<(Answer, bool), Failure> {
    let (parts, mut incoming) = response.into_parts();
    let mut answer = Answer {
        status: parts.status.as_u16(),
        headers: parts.headers,
        body: Vec::new(),
        trailers: None,
    };
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut incoming).poll_frame(cx)).await {
        match frame.map_err(Failure::Broken)?.into_data() {
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
