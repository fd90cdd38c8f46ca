//! Connections as they come in: so many at a time, and each has to say soon that it speaks HTTP/2.
//!
//! Invariant: no more than are allowed are ever open; whoever comes then waits in the kernel's queue until another has ended.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::stream::unfold;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tokio_stream::Stream;
use tonic::transport::server::{Connected, TcpConnectInfo};
use tracing::warn;

/// Bytes with which a connection of HTTP/2 begins. Whoever has sent them is asked by pings whether it is still there.
const PREFACE_BYTES: usize = 24;
/// Time for them to come.
const PREFACE_WITHIN: Duration = Duration::from_secs(10);
/// Pause after a connection could not be accepted, because there are no file descriptors left, say.
const PAUSE: Duration = Duration::from_millis(100);

/// The connections of a listener, at most `max` at a time.
pub(super) fn connections(listener: TcpListener, max: usize) -> impl Stream<Item = io::Result<Connection>> {
    let places = Arc::new(Semaphore::new(max));
    unfold((listener, places), |(listener, places)| async {
        // The semaphore is never closed; if it were, there would be no more connections.
        let place = Arc::clone(&places).acquire_owned().await.ok()?;
        let stream = accept(&listener).await;
        Some((Ok(Connection::new(stream, place)), (listener, places)))
    })
}

async fn accept(listener: &TcpListener) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Without this, a small answer waits up to 40 ms for the acknowledgement of the one before it.
                if let Err(error) = stream.set_nodelay(true) {
                    warn!(
                        error = &error as &dyn std::error::Error,
                        "a connection waits for acknowledgements"
                    );
                }
                return stream;
            }
            Err(error) => {
                warn!(
                    error = &error as &dyn std::error::Error,
                    "a connection cannot be accepted"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// A connection with its place among the others.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// Runs until the preface has come.
    deadline: Option<Pin<Box<Sleep>>>,
    n_read: usize,
    _place: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, place: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            deadline: Some(Box::pin(tokio::time::sleep(PREFACE_WITHIN))),
            n_read: 0,
            _place: place,
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(outcome) => {
                self.n_read = self.n_read.saturating_add(buf.filled().len() - before);
                if self.n_read >= PREFACE_BYTES {
                    self.deadline = None;
                }
                Poll::Ready(outcome)
            }
            Poll::Pending => match &mut self.deadline {
                Some(deadline) => {
                    ready!(deadline.as_mut().poll(cx));
                    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
                }
                None => Poll::Pending,
            },
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio_stream::StreamExt as _;

    use super::*;

    #[tokio::test]
    async fn whoever_does_not_say_what_it_speaks_is_cut_off_and_its_place_is_free_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = std::pin::pin!(connections(listener, 3));
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(b"PRI * HT").await.unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        let mut begin = [0; 8];
        connection.read_exact(&mut begin).await.unwrap();
        tokio::time::pause();
        let error = connection.read_u8().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_that_has_begun_may_be_silent() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = std::pin::pin!(connections(listener, 3));
        let mut client = TcpStream::connect(address).await.unwrap();
        client
            .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
            .await
            .unwrap();
        let mut connection = incoming.next().await.unwrap().unwrap();
        let mut preface = [0; PREFACE_BYTES];
        connection.read_exact(&mut preface).await.unwrap();
        assert!(connection.deadline.is_none());
    }

    #[tokio::test]
    async fn whoever_comes_when_all_places_are_taken_waits_for_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut incoming = std::pin::pin!(connections(listener, 3));
        let mut open = Vec::new();
        for _ in 0..3 {
            let client = TcpStream::connect(address).await.unwrap();
            open.push((client, incoming.next().await.unwrap().unwrap()));
        }
        let _waiting = TcpStream::connect(address).await.unwrap();
        tokio::select! {
            biased;
            _ = incoming.next() => panic!("one more than there are places"),
            () = tokio::task::yield_now() => {}
        }
        open.pop();
        assert!(incoming.next().await.unwrap().is_ok());
    }
}
