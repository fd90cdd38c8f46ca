//! tower layers that give an HTTP or gRPC server, or a client, its light: the caller's trace context, a request id, a span, and
//! count, duration, in-flight and body sizes by route template.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let telemetry = watchroom::init(watchroom::Config::for_service("orders"))?;
//! // axum: `Router::layer`, so that the route is known when a request comes in; with the feature `axum`, without which every
//! // route is `unmatched`.
//! let layer = watchroom_http::ServerLayer::http(telemetry.metrics())?;
//! // tonic: `Server::builder().layer(…)`.
//! let layer = watchroom_http::ServerLayer::rpc(telemetry.metrics())?;
//! # Ok(()) }
//! ```
//!
//! A handler that knows who asks says so with `Span::current().record("user_id", …)` and `"tenant_id"`: every line of the request bears
//! them from then on.
//!
//! Invariant: a path never becomes a label; what has no route template is the one value `unmatched`. The caller's headers are never
//! trusted to be well-formed.
//! Not here: frameworks' own types, but for axum's route template behind the feature `axum`. tonic needs no feature: it speaks `http`.

mod body;
mod client;
mod context;
mod labels;
mod metrics;
mod observe;
mod path;
mod request_id;
mod server;

pub use body::{CountedBody, ObservedBody};
pub use client::{AsItIs, ClientLayer, ClientService, Counted, Passing, inject_headers};
pub use context::RequestContext;
pub use request_id::{REQUEST_ID_HEADER, RequestId};
pub use server::{ResponseFuture, ServerLayer, ServerService};

/// Its examples are compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/migration.md")]
struct MigrationGuide;
