//! A stream whose peer must take what is sent to it within a time.
//!
//! Invariant: a write that makes no progress for the time of a part fails, and so does an answer that has not gone out whole within the
//! time of an answer; a peer who does not read, or reads a byte now and then, cannot hold its connection for ever.
//! Not here: reading, which the protocol's own timeouts bound.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

pub(super) struct Patient<S> {
    stream: S,
    for_a_part: Duration,
    for_all: Duration,
    /// Runs while a write waits.
    part: Option<Pin<Box<Sleep>>>,
    /// Runs from the first write that had to wait until all has gone out.
    all: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) const fn new(stream: S, for_a_part: Duration, for_all: Duration) -> Self {
        Self {
            stream,
            for_a_part,
            for_all,
            part: None,
            all: None,
        }
    }

    /// Lets a write wait no longer than the patience lasts.
    fn bound<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.part = None;
        }
        if let Some(all) = &mut self.all
            && all.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        if written.is_ready() {
            return written;
        }
        let (for_a_part, for_all) = (self.for_a_part, self.for_all);
        if self.all.is_none() {
            let mut all = Box::pin(sleep(for_all));
            // Asked once, so that it wakes.
            let _ = all.as_mut().poll(cx);
            self.all = Some(all);
        }
        let part = self.part.get_or_insert_with(|| Box::pin(sleep(for_a_part)));
        ready!(part.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.bound(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, parts);
        self.bound(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if flushed.is_ready() {
            self.all = None;
        }
        self.bound(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.bound(cx, shut)
    }
}
