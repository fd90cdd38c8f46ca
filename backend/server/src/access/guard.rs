//! What every request passes through before it reaches its handler.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::clients::{Client, Clients, Offered, Running};
use super::credentials::Credentials;
use super::gate::{Denied, Gate};
use super::refuse::Speaks;
use super::rights::{Need, is_query};
use crate::ingest::otlp::Refusal;
use crate::net::Peer;

/// What requests are held to.
#[derive(Debug, Clone)]
pub(crate) struct Guard {
    pub(crate) gate: Arc<Gate>,
    pub(crate) clients: Arc<Clients>,
}

/// Lets a request through, or refuses it in the words of its protocol.
pub(crate) async fn guard(State(guard): State<Guard>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let need = Need::of(request.method(), path);
    let offered = Offered {
        is_write: need == Need::Write,
        is_query: is_query(path),
    };
    let mut response = if need == Need::Nothing {
        next.run(request).await
    } else {
        let speaks = Speaks::of(path, request.headers());
        let peer = request.extensions().get::<Peer>().cloned();
        let credentials = Credentials::of(request.headers());
        match guard.admit(peer, credentials, need, offered).await {
            Err(refusal) => speaks.refuse(&refusal),
            Ok((client, running)) => {
                if client.is_limited() {
                    if offered.is_write {
                        let charged = client.clone();
                        request = request.map(|body| {
                            Body::new(Counted {
                                body,
                                client: charged,
                            })
                        });
                    }
                    request.extensions_mut().insert(client);
                }
                let response = next.run(request).await;
                match running {
                    Some(running) => response.map(|body| {
                        Body::new(Held {
                            body,
                            _running: running,
                        })
                    }),
                    None => response,
                }
            }
        }
    };
    for (name, value) in &guard.gate.current().headers {
        response.headers_mut().insert(name.clone(), value.clone());
    }
    response
}

impl Guard {
    async fn admit(
        &self,
        peer: Option<Peer>,
        credentials: Credentials,
        need: Need,
        offered: Offered,
    ) -> Result<(Client, Option<Running>), Refusal> {
        let Some(peer) = peer else {
            return Err(Refusal::Internal("the connection is not known".to_owned()));
        };
        let refused = &self.clients.refused;
        let admitted = self.gate.admit(&peer, credentials).await;
        let (name, rights) = admitted.map_err(|denied| match denied {
            Denied::Unauthenticated => {
                refused.unauthenticated.add(1);
                Refusal::Unauthenticated("credentials are missing or wrong".to_owned())
            }
            Denied::Later { retry_after } => {
                refused.unauthenticated.add(1);
                Refusal::Limited {
                    reason: "too many wrong credentials; try again later".to_owned(),
                    retry_after,
                }
            }
        })?;
        if !rights.allow(need) {
            refused.forbidden.add(1);
            return Err(Refusal::Forbidden(format!(
                "{} does not have the right to this, which is {}",
                name.as_deref().unwrap_or("this client"),
                need.as_str()
            )));
        }
        self.clients
            .admit(name.as_ref(), peer.address, offered)
            .map_err(|over| Refusal::Limited {
                reason: over.reason,
                retry_after: over.retry_after,
            })
    }
}

/// A request's body whose bytes are charged as they come.
struct Counted {
    body: Body,
    client: Client,
}

impl http_body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &frame
            && let Some(data) = frame.data_ref()
        {
            self.client.sent(data.len());
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body; the query runs until it is sent.
struct Held {
    body: Body,
    _running: Running,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
