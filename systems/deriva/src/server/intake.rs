//! What requests may hold together while they come in.
//!
//! Invariant: the bytes of all requests that are not yet whole never exceed the budget; one that would exceed it is refused with
//! RESOURCE_EXHAUSTED, and what it held is free again. Not here: messages that are whole; each is bounded by the size of a message, and
//! handled at once.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::{Service, StdError, http};
use tower_layer::Layer;

/// Unit of account.
const UNIT_BYTES: usize = 1 << 10;

/// Gives the requests of a server a common budget.
#[derive(Debug, Clone)]
pub(super) struct IntakeLayer {
    units: Arc<Semaphore>,
}

impl IntakeLayer {
    pub(super) fn new(bytes: usize) -> Self {
        Self {
            units: Arc::new(Semaphore::new(bytes / UNIT_BYTES)),
        }
    }
}

impl<S> Layer<S> for IntakeLayer {
    type Service = Intake<S>;

    fn layer(&self, inner: S) -> Intake<S> {
        Intake {
            inner,
            units: Arc::clone(&self.units),
        }
    }
}

/// A service whose requests share a budget.
#[derive(Debug, Clone)]
pub(super) struct Intake<S> {
    inner: S,
    units: Arc<Semaphore>,
}

impl<S, B> Service<http::Request<B>> for Intake<S>
where
    S: Service<http::Request<Body>>,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<StdError>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<B>) -> S::Future {
        let units = Arc::clone(&self.units);
        self.inner.call(request.map(|inner| {
            Body::new(Accounted {
                inner: Body::new(inner),
                units,
                held: None,
            })
        }))
    }
}

pin_project! {
    /// A body that holds of the budget what has come of it.
    struct Accounted {
        #[pin]
        inner: Body,
        units: Arc<Semaphore>,
        held: Option<OwnedSemaphorePermit>,
    }
}

impl http_body::Body for Accounted {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        let frame = ready!(this.inner.poll_frame(cx));
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            let n = u32::try_from(data.len().div_ceil(UNIT_BYTES)).unwrap_or(u32::MAX);
            match (
                Arc::clone(this.units).try_acquire_many_owned(n),
                this.held.as_mut(),
            ) {
                (Ok(more), Some(held)) => held.merge(more),
                (Ok(more), None) => *this.held = Some(more),
                (Err(_), _) => {
                    *this.held = None;
                    let status =
                        Status::resource_exhausted("too much is being taken in at the moment; try again");
                    return Poll::Ready(Some(Err(status)));
                }
            }
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

#[cfg(test)]
mod tests {
    use http_body::Body as _;

    use super::*;

    fn body(units: &Arc<Semaphore>, data: &'static [u8]) -> Pin<Box<Accounted>> {
        Box::pin(Accounted {
            inner: Body::new(http_body_util::Full::new(Bytes::from_static(data))),
            units: Arc::clone(units),
            held: None,
        })
    }

    async fn next(body: &mut Pin<Box<Accounted>>) -> Option<Result<Frame<Bytes>, Status>> {
        std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await
    }

    #[tokio::test]
    async fn what_exceeds_the_budget_is_refused_and_what_ends_gives_back() {
        let units = IntakeLayer::new(5 << 10).units;
        let mut first = body(&units, &[1; 3_000]);
        assert!(next(&mut first).await.unwrap().is_ok());
        assert_eq!(units.available_permits(), 2);
        let mut second = body(&units, &[2; 3_000]);
        let status = next(&mut second).await.unwrap().unwrap_err();
        assert_eq!(status.code(), tonic::Code::ResourceExhausted);
        drop(first);
        assert_eq!(units.available_permits(), 5);
        let mut third = body(&units, &[3; 3_000]);
        assert!(next(&mut third).await.unwrap().is_ok());
    }
}
