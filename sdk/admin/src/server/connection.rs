//! One connection.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, watch};

use super::patience::Patient;
use super::race::{Either, race};
use super::tls::Tls;
use crate::access::{Access, Caller, Rules};
use crate::config::{AdminConfig, Parts};
use crate::route::{self, Answer, Ask, TEXT};

/// Bytes of a request's head.
const MAX_HEAD_BYTES: usize = 16 << 10;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: AdminConfig,
    pub(super) rules: Rules,
    pub(super) parts: Parts,
    pub(super) tls: Option<Tls>,
}

pub(super) async fn serve(
    stream: TcpStream,
    _permit: OwnedSemaphorePermit,
    shared: Arc<Shared>,
    stopped: watch::Receiver<bool>,
) {
    // A small answer must not wait for the acknowledgement of the one before it; a socket that cannot do that works all the same.
    let _ = stream.set_nodelay(true);
    let stream = Patient::new(stream, shared.config.read_timeout, shared.config.answer_timeout);
    let Some(tls) = &shared.tls else {
        return speak(stream, false, Arc::clone(&shared), stopped).await;
    };
    // Who does not get through gets no answer; that is what there is to say without a common language.
    let met = tokio::time::timeout(shared.config.read_timeout, tls.accept(stream)).await;
    if let Ok(Ok((stream, certified))) = met {
        speak(stream, certified, Arc::clone(&shared), stopped).await;
    }
}

/// Speaks HTTP until the peer, a timeout or the end of the endpoint ends it.
async fn speak<S>(stream: S, certified: bool, shared: Arc<Shared>, mut stopped: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let timeout = shared.config.read_timeout;
    let service = service_fn(move |request| {
        let shared = Arc::clone(&shared);
        async move { Ok::<_, Infallible>(respond(&shared, certified, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    // What the peer does to its connection is its own affair.
    let told = matches!(
        race(connection.as_mut(), stopped.wait_for(|stop| *stop)).await,
        Either::Second(_)
    );
    if told {
        connection.as_mut().graceful_shutdown();
        let _ = tokio::time::timeout(timeout, connection).await;
    }
}

/// Tells a peer beyond the limit of connections so, if its socket takes the few bytes at once.
pub(super) fn refuse(stream: &TcpStream) {
    let answer = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 21\r\nretry-after: 1\r\nconnection: close\r\n\r\ntoo many connections\n";
    let _ = stream.try_write(answer);
}

async fn respond(shared: &Shared, certified: bool, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let path = head.uri.path();
    let caller = Caller {
        method: &head.method,
        path,
        headers: &head.headers,
        certified,
    };
    let answer = match shared.rules.check(&caller) {
        Access::Granted => match read(&shared.config, body).await {
            Err(answer) => answer,
            Ok(body) => {
                let query = head.uri.query().unwrap_or("");
                let ask = Ask {
                    method: &head.method,
                    path,
                    query,
                    headers: &head.headers,
                    body: &body,
                };
                // A collector or a hook of the service's may panic; that is one answer's trouble.
                std::panic::catch_unwind(AssertUnwindSafe(|| route::answer(&shared.parts, &ask)))
                    .unwrap_or_else(|_| Answer::new(500, TEXT, "the answer could not be made; see the log\n"))
            }
        },
        Access::Unauthorized => {
            let ways = shared.rules.lock.ways();
            let answer = Answer::new(401, TEXT, format!("{ways} is needed\n"));
            return challenge(to_http(answer, head.method == Method::HEAD), &shared.rules);
        }
        Access::Forbidden => Answer::new(
            403,
            TEXT,
            "changes need a way in beyond loopback: set `admin.token` (WATCHROOM_ADMIN_TOKEN), `admin.basic` or client certificates\n",
        ),
        Access::Misled => Answer::new(
            403,
            TEXT,
            "changes without a token are taken under the names localhost and 127.0.0.1 only\n",
        ),
    };
    to_http(answer, head.method == Method::HEAD)
}

/// Says which ways in there are, where HTTP has words for them.
fn challenge(mut response: Response<Full<Bytes>>, rules: &Rules) -> Response<Full<Bytes>> {
    for way in rules.lock.challenges() {
        response
            .headers_mut()
            .append(WWW_AUTHENTICATE, HeaderValue::from_static(way));
    }
    response
}

async fn read(config: &AdminConfig, body: Incoming) -> Result<Bytes, Answer> {
    let max = config.max_body_bytes;
    match tokio::time::timeout(config.read_timeout, Limited::new(body, max).collect()).await {
        Err(_) => Err(Answer::new(408, TEXT, "the body did not arrive in time\n")),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Answer::new(
            413,
            TEXT,
            format!("a body has at most {max} bytes\n"),
        )),
        Ok(Err(_)) => Err(Answer::new(400, TEXT, "the body could not be read\n")),
        Ok(Ok(body)) => Ok(body.to_bytes()),
    }
}

fn to_http(answer: Answer, head_only: bool) -> Response<Full<Bytes>> {
    let n_bytes = answer.body.len();
    let body = if head_only {
        Bytes::new()
    } else {
        Bytes::from(answer.body)
    };
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(n_bytes));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Some(allow) = answer.allow {
        headers.insert(ALLOW, HeaderValue::from_static(allow));
    }
    response
}
