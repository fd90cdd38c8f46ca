//! A body that tells its observation what passes through it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf as _;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::observe::Observation;

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
