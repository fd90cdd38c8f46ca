//! Tells HTTP/2 from HTTP/1 by a connection's first bytes, and gives up on a peer that takes nothing.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

use super::stream::Stream;

/// What an HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Time during which a peer may take nothing of an answer.
const STALL: Duration = Duration::from_secs(60);

/// Version of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    Http1,
    Http2,
}

/// A connection whose first bytes have been looked at and are read again.
#[derive(Debug)]
pub(crate) struct Prefaced {
    first: Vec<u8>,
    read: usize,
    stream: Stream,
    /// Runs while a write waits for the peer.
    stalled: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Prefaced {
    /// Passes a write's outcome on, unless it has waited for too long.
    fn in_time<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        let timer = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(STALL)));
        match timer.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

/// Reads until the version is plain. `None` if the client closed before.
pub(crate) async fn look(mut stream: Stream) -> io::Result<Option<(Version, Prefaced)>> {
    let mut first = [0; PREFACE.len()];
    let mut n = 0;
    let version = loop {
        let got = stream.read(&mut first[n..]).await?;
        if got == 0 {
            return Ok(None);
        }
        n += got;
        if first[..n] != PREFACE[..n] {
            break Version::Http1;
        }
        if n == PREFACE.len() {
            break Version::Http2;
        }
    };
    let prefaced = Prefaced {
        first: first[..n].to_vec(),
        read: 0,
        stream,
        stalled: None,
    };
    Ok(Some((version, prefaced)))
}

impl AsyncRead for Prefaced {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.read < self.first.len() {
            let n = buf.remaining().min(self.first.len() - self.read);
            buf.put_slice(&self.first[self.read..self.read + n]);
            self.read += n;
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Prefaced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.in_time(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let written = Pin::new(&mut self.stream).poll_flush(cx);
        self.in_time(cx, written)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.in_time(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
