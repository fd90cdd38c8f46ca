//! Any request through the server's layer: its answer bears an id that can forge no line, and what is counted of it can be scraped and
//! is bounded.

#![no_main]

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use http::{HeaderName, HeaderValue, Method, Request, Response, Uri};
use http_body::Body as _;
use http_body_util::Full;
use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use tower_layer::Layer as _;
use tower_service::Service;
use watchroom_http::{CountedBody, REQUEST_ID_HEADER, RequestContext, RequestId, ServerLayer};
use watchroom_metrics::{Registry, expose};
use watchroom_server::exposition::{Format, ParseLimits, parse};

/// What a peer sends, as far as `http` takes it.
#[derive(Debug, Arbitrary)]
struct Sent<'a> {
    rpc: bool,
    requests: Vec<(&'a [u8], &'a [u8], Vec<(&'a [u8], &'a [u8])>, &'a [u8])>,
    status: u16,
    rpc_status: &'a [u8],
}

/// Answers with what it is given.
struct Handler {
    status: u16,
    rpc_status: Option<HeaderValue>,
}

impl Service<Request<CountedBody<Full<&'static [u8]>>>> for Handler {
    type Response = Response<Full<&'static [u8]>>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<CountedBody<Full<&'static [u8]>>>) -> Self::Future {
        let id = RequestContext::of(request.extensions()).request_id;
        assert!(RequestId::parse(id.as_str()).is_some(), "{id}");
        let mut answer = Response::new(Full::new(&b"answer"[..]));
        if let Ok(status) = self.status.try_into() {
            *answer.status_mut() = status;
        }
        if let Some(status) = &self.rpc_status {
            answer.headers_mut().insert("grpc-status", status.clone());
        }
        ready(Ok(answer))
    }
}

fn request(method: &[u8], uri: &[u8], headers: &[(&[u8], &[u8])]) -> Option<Request<Full<&'static [u8]>>> {
    let mut request = Request::new(Full::new(&b"asked"[..]));
    *request.method_mut() = Method::from_bytes(method).ok()?;
    *request.uri_mut() = Uri::try_from(uri).ok()?;
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
    }
    Some(request)
}

fuzz_target!(|sent: Sent<'_>| {
    let registry = Registry::default();
    let layer = if sent.rpc {
        ServerLayer::rpc(&registry)
    } else {
        ServerLayer::http(&registry)
    };
    let mut service = layer.expect("an empty registry takes every name").layer(Handler {
        status: sent.status,
        rpc_status: HeaderValue::from_bytes(sent.rpc_status).ok(),
    });
    let mut cx = Context::from_waker(Waker::noop());
    for (method, uri, headers, _) in &sent.requests {
        let Some(request) = request(method, uri, headers) else { continue };
        let Poll::Ready(Ok(answer)) = pin!(service.call(request)).poll(&mut cx) else {
            panic!("a handler that is ready was waited for");
        };
        let id = answer.headers().get(REQUEST_ID_HEADER).and_then(|id| id.to_str().ok());
        assert!(id.is_some_and(|id| RequestId::parse(id).is_some()), "{id:?}");
        let mut body = pin!(answer.into_body());
        while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut cx) {}
    }
    let mut text = String::new();
    expose::text(&registry.collect(), &mut text);
    let limits = ParseLimits {
        samples: 100_000,
        labels: 8,
        name_bytes: 128,
        value_bytes: 256,
    };
    let scraped = parse(&text, Format::Text, &limits);
    assert!(scraped.is_ok(), "{:?}\n{text}", scraped.err());
});
