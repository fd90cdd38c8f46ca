//! Bodies that tell their observation what passes through them: the request's its bytes, the response's its bytes and its end.
//!
//! Invariant: frames, the end of the stream and the size hint pass unchanged.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Buf as _;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::observe::Observation;

/// Bytes that a body has let through: the body adds, the observation reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct ByteCount(Arc<AtomicU64>);

impl ByteCount {
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn add(&self, n: usize) {
        self.0.fetch_add(n as u64, Ordering::Relaxed);
    }
}

pin_project! {
    /// The body of a request. It counts what the handler reads, or the client sends, announced or not.
    #[derive(Debug)]
    pub struct CountedBody<B> {
        #[pin]
        inner: B,
        read: ByteCount,
    }
}

impl<B> CountedBody<B> {
    pub(crate) const fn new(inner: B, read: ByteCount) -> Self {
        Self { inner, read }
    }
}

impl<B: Body> Body for CountedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            this.read.add(data.remaining());
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

pin_project! {
    /// The body of an observed response. When it ends, or is dropped, the request is observed.
    #[derive(Debug)]
    pub struct ObservedBody<B> {
        #[pin]
        inner: B,
        observation: Option<Observation>,
    }
}

impl<B> ObservedBody<B> {
    pub(crate) const fn new(inner: B, observation: Observation) -> Self {
        Self {
            inner,
            observation: Some(observation),
        }
    }

    pub(crate) const fn unobserved(inner: B) -> Self {
        Self {
            inner,
            observation: None,
        }
    }
}

impl<B: Body> Body for ObservedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let frame = {
            let _entered = this
                .observation
                .as_ref()
                .map(|observation| observation.span().enter());
            ready!(this.inner.poll_frame(cx))
        };
        match (&frame, this.observation.as_mut()) {
            (Some(Ok(frame)), Some(observation)) => {
                if let Some(data) = frame.data_ref() {
                    observation.passed(data.remaining());
                }
                if let Some(trailers) = frame.trailers_ref() {
                    observation.trailers(trailers);
                    *this.observation = None;
                }
            }
            (None | Some(Err(_)), _) => *this.observation = None,
            (Some(Ok(_)), None) => {}
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<B: Default> Default for ObservedBody<B> {
    fn default() -> Self {
        Self {
            inner: B::default(),
            observation: None,
        }
    }
}
