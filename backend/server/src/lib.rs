//! Ingest, APIs, UI assets and the assembly of `watchroom up`.
//!
//! [`start`] opens the store, binds three listeners (one for the page and every HTTP API, one for OTLP over gRPC, one for OTLP over
//! HTTP), starts scraping and rule evaluation, and returns a [`Running`] that is shut down with a time limit.

mod access;
mod api;
mod clock;
mod config;
mod error;
mod exemplars;
mod fetch;
mod ingest;
mod net;
mod prometheus_yml;
mod remote;
mod rules;
mod running;
mod state;
mod ui;

pub use access::check_web_config;
pub use api::RemoteRead;
pub use config::{
    ClientLimit, ClientLimits, Config, CorsOrigins, ExponentialHistograms, Limits, ParseClientLimitError,
    ParseCorsOriginsError, ParseRemoteUrlError, ParseScrapeTargetError, RemoteStore, RemoteStores, RemoteUrl,
    RemoteWriteVersion, ScrapeTarget, Security,
};
pub use error::{ShutdownError, StartError};
pub use fetch::fetch;
pub use ingest::loki::LokiPush;
pub use ingest::otlp::{Decoded, Encoding, Signal};
pub use ingest::remote_write::RemoteWrite;
pub use ingest::scrape::{exposition, rules as relabel};
pub use prometheus_yml::check as check_prometheus_yml;
pub use prometheus_yml::{ConfigReport, check_config};
pub use rules::{Alerting, ParseReceiverError, ReceiverUrl};
pub use running::{Addresses, Running, start};
pub use watchroom_query::promql::WindowBounds;
pub use watchroom_store::{RestoreError, Retention, restore};
