//! The client of one signal: keeps a connection, opens a new one when needed.
//!
//! Invariant: after a failure no connection is kept.

use std::sync::Arc;

use super::answer::{Answer, Failure, Outcome};
use super::connection::Connection;
use super::suppress::{silently, suppressed};
use super::tls::Tls;
use super::{Payload, Target, grpc, http};
use crate::config::Protocol;

/// Sends requests of one signal, one at a time.
#[derive(Debug)]
pub(crate) struct Client {
    target: Arc<Target>,
    connection: Option<Connection>,
}

impl Client {
    pub(crate) fn new(target: Target) -> Self {
        Self {
            target: Arc::new(target),
            connection: None,
        }
    }

    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// Makes one attempt. `unix_s` is the date, for answers that name one.
    pub(crate) async fn send(&mut self, payload: Payload, unix_s: u64) -> Outcome {
        let connection = self.connection.take();
        let attempt = attempt(Arc::clone(&self.target), connection, payload);
        match tokio::time::timeout(self.target.timeout, suppressed(attempt)).await {
            Ok(Ok((answer, connection))) => {
                self.connection = connection;
                match self.target.protocol {
                    Protocol::Grpc => grpc::judge(&answer),
                    Protocol::HttpProtobuf => http::judge(&answer, unix_s),
                }
            }
            Ok(Err(failure)) => Outcome::Retry { failure, after: None },
            Err(_) => Outcome::Retry {
                failure: Failure::Timeout(self.target.timeout),
                after: None,
            },
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        silently(|| self.connection = None);
    }
}

/// A collector closes connections that were idle, at times just when a request is on its way: then a fresh one is tried at once.
async fn attempt(
    target: Arc<Target>,
    kept: Option<Connection>,
    payload: Payload,
) -> Result<(Answer, Option<Connection>), Failure> {
    if let Some(kept) = kept.filter(Connection::is_open)
        && let Ok(done) = kept.exchange(target.request(payload.clone())).await
    {
        return Ok(done);
    }
    let exchange = async {
        let fresh = Connection::open(&target).await?;
        fresh.exchange(target.request(payload)).await
    };
    exchange.await.map_err(|failure| match failure {
        Failure::Broken(error) if target.tls.as_ref().is_some_and(Tls::is_anonymous) => {
            Failure::Unwelcome(error)
        }
        failure => failure,
    })
}
