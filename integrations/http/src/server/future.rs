//! The answer to come.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use http::{HeaderValue, Response};
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::ObservedBody;
use crate::observe::Observation;
use crate::request_id::{REQUEST_ID, RequestId};

pin_project! {
    /// Waits for the head of the answer and hands the observation on to its body.
    #[derive(Debug)]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: F,
        observation: Option<Observation>,
        request_id: Option<RequestId>,
    }
}

impl<F> ResponseFuture<F> {
    /// `request_id` goes back to the caller, if there is one.
    pub(crate) const fn new(inner: F, observation: Observation, request_id: Option<RequestId>) -> Self {
        Self {
            inner,
            observation: Some(observation),
            request_id,
        }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body,
{
    type Output = Result<Response<ObservedBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let outcome = {
            let _entered = this
                .observation
                .as_ref()
                .map(|observation| observation.span().enter());
            ready!(this.inner.poll(cx))
        };
        let observation = this.observation.take();
        Poll::Ready(outcome.map(|mut response| {
            if let Some(id) = this.request_id.take()
                && let Ok(value) = HeaderValue::from_str(id.as_str())
            {
                response.headers_mut().insert(REQUEST_ID, value);
            }
            let (head, body) = response.into_parts();
            let body = match observation {
                Some(mut observation) => {
                    observation.head(head.status, &head.headers);
                    ObservedBody::new(body, observation)
                }
                None => ObservedBody::unobserved(body),
            };
            Response::from_parts(head, body)
        }))
    }
}
