//! The read side: the HTTP APIs of Prometheus, Jaeger and Loki, and what is the server's own.
//!
//! Invariant: work that takes more than a lookup runs on the blocking pool, one of a bounded number at a time, ends at its deadline, and
//! ends when its client goes away.
//! Not here: evaluation, which is the query crate's.

mod jaeger;
mod json;
mod loki;
mod prometheus;
mod source;
mod time;
mod watchroom;
mod work;

pub use prometheus::RemoteRead;
pub(crate) use source::StoreSource;
pub(crate) use time::{parse_ms, rfc3339};
pub(crate) use watchroom::exposition;
pub(crate) use work::quick;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};

use crate::state::Shared;
use crate::{ingest, net, remote, ui};

/// Everything that is served on the main address.
pub(crate) fn router(state: &Shared, loopback_only: bool) -> Router {
    let router = Router::new()
        .merge(prometheus::router(state))
        .merge(jaeger::router(state))
        .merge(loki::router(state))
        .merge(watchroom::router(state))
        .merge(crate::rules::router(state))
        .merge(ingest::otlp::http::router(Shared::clone(state)))
        .merge(ingest::loki::http::router(Shared::clone(state)))
        .merge(ingest::remote_write::http::router(Shared::clone(state)))
        .fallback(ui::serve)
        .layer(from_fn_with_state(Shared::clone(state), remote::proxy));
    if loopback_only {
        router.layer(from_fn(net::check_host))
    } else {
        router
    }
}
